"""A research archive to a cohort: CT and MR-BFFE of the same knee paired, the rest left out with reasons.

walk -> read -> grouping -> patients -> judge (kind, sequence, geometry, side) -> pairing -> folds ->
manifest.
"""
