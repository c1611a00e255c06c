"""Paired patches: the same place of the same bone in CT and in MR, with the MR's measurements as labels."""
