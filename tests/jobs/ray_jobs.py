"""Jobs for the tests of on_ray.py, in a module that the nodes can import."""

import os
import signal
import time


def misbehave(word: str) -> str:
    if word == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "hang":
        time.sleep(600)
    return word


def fail(number: int) -> int:
    raise ValueError(f"no {number}")
