"""`python -m standin [--port N] [--sample PICTURE]`: serve until stopped; prints the address."""

import argparse
import sys
import threading
from pathlib import Path

from standin import Standin

parser = argparse.ArgumentParser(prog="standin", description="A stand-in for the Gemini API on this machine.")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--sample", type=Path, help="the picture that every answer holds")
words = parser.parse_args()
sample = words.sample.read_bytes() if words.sample else b""
with Standin(port=words.port, sample=sample) as server:
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    threading.Event().wait()
