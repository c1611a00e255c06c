"""The one mover of state: takes over what arrived, claims a case, runs its next step, moves it, delivers."""
