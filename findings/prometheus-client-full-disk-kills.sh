#!/usr/bin/env bash
# prometheus_client in multiprocess mode: on a full disk the next new label ends the process by SIGBUS.
#
# Expected: a metric that cannot be written raises an error that a program can catch, as every other write does
#   (OSError: No space left on device), or is lost.
# So is: each process's file is made by truncate(65536) and mapped into memory, so that it is one hole; a page is taken
#   from the disk when it is first written. Where there is none left, the kernel sends SIGBUS: no exception, no message,
#   the process is gone (exit 135). A web service dies of its own request counter, and so does its restart.
# Versions: prometheus_client 0.26.0. Seen: 2026-12-01. Source: running it; prometheus_client/mmap_dict.py.
# Cure: write the files in full before prometheus_client opens them (it takes a file's size as it is).
set -euo pipefail
if [ "${1:-}" != inside ]; then exec unshare --user --map-root-user --mount "$0" inside; fi
work=$(mktemp -d); trap 'umount "$work/small" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/env" && "$work/env/bin/pip" install -q --disable-pip-version-check prometheus_client==0.26.0 2>/dev/null
mkdir "$work/small"; mount -t tmpfs -o size=1m tmpfs "$work/small"
cat > "$work/count.py" <<'PY'
import os, sys
folder = os.environ["PROMETHEUS_MULTIPROC_DIR"]
if sys.argv[1] == "whole":
    with open(f"{folder}/counter_{os.getpid()}.db", "wb") as file:
        file.write(bytes(128 * 1024))
from prometheus_client import Counter
counter = Counter("requests", "Requests.", ("route",))
counter.labels("/").inc()
try:
    with open(f"{folder}/fill", "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
except OSError as error:
    print(f"the disk is full: {error.strerror}", flush=True)
for number in range(200):  # the first page is there already; these need the next ones
    counter.labels(f"/{number:0100d}").inc()
print("counted on", flush=True)
PY
run() { rm -f "$work"/small/*; PROMETHEUS_MULTIPROC_DIR="$work/small" "$work/env/bin/python" "$work/count.py" "$1"; }
code=0; (run hole) || code=$?
echo "with a hole: exit $code"
run whole
[ "$code" = 135 ] || { echo "it is no longer ended by SIGBUS"; exit 1; }
echo "as described: ended by SIGBUS with a hole, counts on where the file was written in full"
