"""MR to CT registration: a global start, then femur and tibia apart (paper, section 3.1), and a verdict."""
