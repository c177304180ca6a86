"""Mesh and several cutouts -> Figurine."""
