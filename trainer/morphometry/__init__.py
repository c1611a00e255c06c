"""Trabecular morphometry: BV/TV, Tb.Th, Tb.Sp and Tb.N of masks and of MR patches.

Arrays are [k, j, i]; `voxel` is the distance of neighbouring voxel centres along k, j and i, in mm.
"""
