"""Triangles and nothing else; one algorithm a file."""
