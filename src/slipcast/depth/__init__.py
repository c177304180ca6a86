"""Cutout -> DepthMap, placed in the world."""
