"""How a cohort of drawn knees compares with published knees: figures, expectations, pictures."""
