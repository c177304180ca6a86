"""Cutouts of several sides -> one solid, and the camera of every view."""
