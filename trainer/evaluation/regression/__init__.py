"""How well methods regress trabecular parameters from patches: Table 5 of the paper."""
