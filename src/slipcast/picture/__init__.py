"""Bytes -> Picture -> Cutout: what is figurine in a picture, and what is not."""
