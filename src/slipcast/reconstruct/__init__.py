"""Depth -> closed Mesh."""
