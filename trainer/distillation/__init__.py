"""The student: its patches and its training."""
