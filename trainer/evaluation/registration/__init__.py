"""Registration against known landmarks: the paper's Table 4, and pairs that must not be registered."""
