"""Figurine -> what its destination needs: parts that print, stand and come out of the printer.

Every step works on `Body` values in the print frame: millimetres, +X the figurine's own left as the viewer's right, +Y
away from the viewer, +Z up, the bed at z = 0. `print_figurine` (print.py) is the list of steps.
"""
