"""Figurine <-> bytes: one folder a format, one row in table.py."""
