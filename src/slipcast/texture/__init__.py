"""Mesh and picture -> Figurine."""
