"""Many pictures end to end in one command, as somebody with a catalogue does it.

    python -m evaluation.many COUNT [WORD...]

Makes COUNT pictures, no two alike (the samples at other sizes, turned in colour, mirrored), converts them with
`slipcast convert --json-lines` and the words given, and prints wall time, pictures a minute, failures, and the memory
of all processes together along the run: its most in each tenth, which must not grow.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from evaluation.against import family_of, memory_mb

ROOT = Path(__file__).parents[1]


def make_pictures(place: Path, count: int) -> list[Path]:
    """Write `count` pictures of 192 to 512 px, each of its own size, colour and side."""
    sources = [Image.open(path).convert("RGB") for path in sorted((ROOT / "samples").glob("*/front.png"))]
    rng = np.random.default_rng(7)
    paths = []
    for number in range(count):
        picture = sources[number % len(sources)]
        side = int(rng.integers(192, 513))
        picture = ImageEnhance.Color(picture.resize((side, side))).enhance(float(rng.uniform(0.4, 1.6)))
        picture = ImageOps.mirror(picture) if rng.random() < 0.5 else picture
        path = place / f"{number:05}.jpg"
        picture.save(path, quality=int(rng.integers(70, 96)))
        paths.append(path)
    return paths


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.many", description=__doc__)
    parser.add_argument("count", type=int)
    asked, words = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "pictures")
        folder.mkdir()
        make_pictures(folder, asked.count)
        start = "import sys; from slipcast.cli.main import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", start, "convert", str(folder), "--out", str(Path(place, "out"))]
        begun = time.monotonic()
        process = subprocess.Popen(
            [*command, "--json-lines", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        tenths = [0.0] * 10
        done = [0]
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(0.2):
                tenth = min(9, 10 * done[0] // asked.count)
                tenths[tenth] = max(tenths[tenth], sum(memory_mb(pid) for pid in family_of(process.pid)))

        watcher = threading.Thread(target=look)
        watcher.start()
        failed = 0
        assert process.stdout is not None
        for line in process.stdout:
            done[0] += 1
            failed += not json.loads(line)["ok"]
        code = process.wait()
        ended.set()
        watcher.join()
        wall_s = time.monotonic() - begun
    print(
        f"{asked.count} pictures, {' '.join(words)}: {wall_s:.0f} s, {60 * done[0] / wall_s:.1f} a minute, code {code}"
    )
    print(
        f"entries {done[0]}, failures {failed}; most MB of all processes in each tenth: "
        + " ".join(f"{mb:.0f}" for mb in tenths)
    )
    return 0 if done[0] == asked.count else 1


if __name__ == "__main__":
    sys.exit(main())
