"""Slipcast inside other programs: an agent's tools, a watched folder. Thin: the work is that of the command."""
