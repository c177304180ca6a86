#!/usr/bin/env bash
# numpy.unique takes many times as long as a sort where most whole numbers differ.
#
# Expected: numpy.unique looks values up in a hash table since numpy 2.3, to be faster, so the different values of an
#   array of whole numbers come at least as fast as by sorting it and dropping equal neighbours.
# So is: where most values differ it takes 75 times as long: 1,000,000 different numbers 0.9 s of CPU, a sort 0.012 s;
#   where a hundred differ four times. sorted=False does not help: it is the hashing. With return_counts, which gives more,
#   numpy sorts, and is as fast as a sort.
# Versions: numpy 2.4.6 (x86-64, AVX-512). Seen: 2026-11-29. Source: running it; release notes of numpy 2.3.0.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env" && "$work/env/bin/pip" install -q --disable-pip-version-check numpy==2.4.6 2>/dev/null
cd "$work" && env/bin/python - <<'PY'
import sys
import time

import numpy as np

print("numpy", np.__version__)
values = np.random.default_rng(0).integers(0, 1 << 40, 1_000_000)


def by_sort(values):
    ordered = np.sort(values)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]


def cpu_s(run):
    best = np.inf
    for _ in range(3):
        begun = time.process_time()
        run()
        best = min(best, time.process_time() - begun)
    return best


assert np.array_equal(np.unique(values), by_sort(values))
hashed, loose = cpu_s(lambda: np.unique(values)), cpu_s(lambda: np.unique(values, sorted=False))
ordered, more = cpu_s(lambda: by_sort(values)), cpu_s(lambda: np.unique(values, return_counts=True))
few = values % 100
print(f"1,000,000 numbers, nearly all different: unique {hashed:.3f} s, unordered {loose:.3f} s, a sort {ordered:.3f} s")
print(f"unique with return_counts, which sorts: {more:.3f} s")
print(f"100 different ones: unique {cpu_s(lambda: np.unique(few)):.3f} s, a sort {cpu_s(lambda: by_sort(few)):.3f} s")
sys.exit(0 if hashed > 5 * ordered and hashed > more else 1)
PY
