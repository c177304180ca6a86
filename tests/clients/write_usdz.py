"""Write a GLB of ours as USDZ where usd-core is installed: write_usdz.py IN.glb OUT_FOLDER."""

import sys
from pathlib import Path

from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.formats.table import EXPORTERS, ExportOptions

made = EXPORTERS["usdz"].export(read_figurine(Path(sys.argv[1])), ExportOptions())
for name, content in made.files.items():
    (Path(sys.argv[2]) / name).write_bytes(content)
