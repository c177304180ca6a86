"""The command line: wiring only. main.py holds the table of commands, each command is a file of its own."""

import os

# Read when numpy is imported. No matrix here is large: threads that wait for each other cost 0.3 s of CPU a picture.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
