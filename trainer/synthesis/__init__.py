"""MR to CT synthesis (paper, section 3.1.2): SPSNet, and CycleGAN and MUNIT beside it (Table 4)."""
