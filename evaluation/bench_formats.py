"""scripts/bench-formats: how long does each format take to write and to read, and how large is it?

    scripts/bench-formats [ASSET.glb]      without one: samples/knight, 50,000 faces, default depth

CPU seconds, the median of five; a size is that of all files of the format together. usdz needs the extra `usd`,
meshopt and Draco the extra `compress`.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from slipcast.core.errors import BadInput
from slipcast.core.values import Figurine
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.formats.inspect import READERS, describe
from slipcast.formats.table import EXPORTERS, ExportOptions

ROOT = Path(__file__).parents[1]
REPEAT = 5
ROWS = {
    **{name: (name, ExportOptions()) for name in EXPORTERS},
    "glb, quantized": ("glb", ExportOptions(quantize=True)),
    "glb, JPEG": ("glb", ExportOptions(texture_type="jpeg")),
    "glb, WebP": ("glb", ExportOptions(texture_type="webp")),
    "glb, meshopt, WebP": ("glb", ExportOptions(compress="meshopt", texture_type="webp")),
    "glb, Draco, WebP": ("glb", ExportOptions(compress="draco", texture_type="webp")),
}


def _cpu_s() -> float:
    """CPU seconds so far, those of ended children too: Draco and USD are unpacked in one."""
    return sum(os.times()[:4])


def measured(figurine: Figurine, key: str, options: ExportOptions, folder: Path) -> tuple[float, float, int]:
    """Median CPU seconds to write and to inspect, and the size of all files in bytes."""
    writes, reads, size = [], [], 0
    for _ in range(REPEAT):
        begun = _cpu_s()
        files = EXPORTERS[key].export(figurine, options).files
        writes.append(_cpu_s() - begun)
        size = sum(len(content) for content in files.values())
        for name, content in files.items():
            (folder / name).write_bytes(content)
        path = folder / next(iter(files))
        if path.suffix in READERS:
            begun = _cpu_s()
            describe(path)
            reads.append(_cpu_s() - begun)
    return statistics.median(writes), statistics.median(reads), size


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("asset", nargs="?", type=Path)
    asked = parser.parse_args()
    if asked.asset:
        figurine = read_figurine(asked.asset)
    else:
        from slipcast import convert

        figurine = convert(ROOT / "samples" / "knight" / "front.png", name="knight").figurine
    pixels = figurine.texture.pixels.shape
    print(f"{len(figurine.mesh.faces)} faces, texture {pixels[1]} x {pixels[0]} px\n")
    print("| | write, CPU s | inspect, CPU s | KB |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        for name, (key, options) in ROWS.items():
            try:
                write_s, read_s, size = measured(figurine, key, options, Path(place))
            except BadInput as error:
                print(f"| {name} | {error} | | |")
                continue
            print(f"| {name} | {write_s:.2f} | {read_s:.2f} | {size / 1000:.0f} |", flush=True)


if __name__ == "__main__":
    main()
