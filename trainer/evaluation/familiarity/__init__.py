"""How many good knees are marked or refused as unfamiliar, and how many of a planted set are."""
