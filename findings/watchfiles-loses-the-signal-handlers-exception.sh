#!/usr/bin/env bash
# watchfiles loses the exception that your own signal handler raises.
#
# Expected: a handler of SIGTERM that raises an exception ends `for changes in watch(folder)` with that exception, as it
#   ends time.sleep() or any other waiting call of Python.
# So is: the waiting is done in Rust, which asks Python to run its handlers, drops the error that comes back and says
#   «signal». `watch` then raises KeyboardInterrupt, for SIGTERM too, so a service that is stopped by its manager looks
#   as if somebody had pressed Ctrl-C (and click makes Abort of it: exit code 1). With raise_interrupt=False the loop just
#   ends, as if there were nothing more to watch: the exception is gone and the program goes on.
#   Cure: let the handler also write down which signal came, and look there after the loop and at KeyboardInterrupt.
# Versions: watchfiles 1.3.0, Python 3.11. Seen: 2026-11-30. Source: running it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check watchfiles==1.3.0 2>/dev/null
mkdir "$work/watched" && cd "$work" && env/bin/python - <<'PY'
import os
import signal
import sys
import threading
import time
from importlib.metadata import version

from watchfiles import watch

print("watchfiles", version("watchfiles"))


class Stopped(BaseException):
    """What the handler raises."""


def stop(number, frame):
    raise Stopped(number)


signal.signal(signal.SIGTERM, stop)


def ends_with(wait):
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
    try:
        wait()
    except BaseException as error:
        return type(error).__name__
    return "nothing: it went on"


def look(**options):
    for _ in watch("watched", yield_on_timeout=True, rust_timeout=200, **options):
        pass


seen = {
    "time.sleep": ends_with(lambda: time.sleep(10)),
    "watch": ends_with(look),
    "watch, raise_interrupt=False": ends_with(lambda: look(raise_interrupt=False)),
}
for what, how in seen.items():
    print(f"SIGTERM during {what}: {how}")
as_told = {"time.sleep": "Stopped", "watch": "KeyboardInterrupt", "watch, raise_interrupt=False": "nothing: it went on"}
sys.exit(seen != as_told)
PY
