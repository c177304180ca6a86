"""Write GLBs of ours as USDZ, each beside it, where usd-core is installed: write_usdz.py GLB..."""

import sys
from pathlib import Path

from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.formats.table import EXPORTERS, ExportOptions

for place in map(Path, sys.argv[1:]):
    made = EXPORTERS["usdz"].export(read_figurine(place), ExportOptions())
    for name, content in made.files.items():
        (place.parent / name).write_bytes(content)
