"""Write a GLB of ours as USDZ where usd-core is installed: write_usdz.py IN.glb OUT_FOLDER."""

import sys
from pathlib import Path

from slipcast.formats import EXPORTERS, ExportOptions
from slipcast.formats.read_figurine import read_figurine

made = EXPORTERS["usdz"].export(read_figurine(Path(sys.argv[1])), ExportOptions())
for name, content in made.files.items():
    (Path(sys.argv[2]) / name).write_bytes(content)
