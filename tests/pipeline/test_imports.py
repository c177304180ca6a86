"""What a conversion of one picture does not need is not imported for it."""

import subprocess
import sys

_SAY = """
import sys
import slipcast.cli.convert, slipcast.jobs.convert, slipcast.pipeline.run
from slipcast.core import scientific
scientific.load()
print(*sys.modules)
"""
_UNUSED = (
    "scipy.optimize",
    "slipcast.reconstruct.views.solid",
    "slipcast.texture.views.paint_views",
    "urllib.request",
    "torch",
)


def test_one_picture_imports_no_views_no_optimizer_and_no_http() -> None:
    done = subprocess.run([sys.executable, "-c", _SAY], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "scipy.ndimage" in imported
    assert not imported & set(_UNUSED)
