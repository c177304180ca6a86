"""Who makes pictures: one row each in table.py."""
