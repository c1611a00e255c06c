"""A synthetic knee, exactly known, and the CT that a scanner would make of it."""
