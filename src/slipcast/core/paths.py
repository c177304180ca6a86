"""Where bundled files lie, whether they are what they should be, and where what outlives a run is kept."""

import hashlib
import os
from pathlib import Path

import platformdirs

HOME = "SLIPCAST_HOME"
"""Environment variable: one folder for all that outlives a run, instead of the system's usual places."""

_BLOCK = 1 << 20


def models_dir() -> Path:
    """The folder with the bundled weights and the manifest: in the package, or at the root of a checkout."""
    package = Path(__file__).resolve().parents[1]
    bundled = package / "models"
    return bundled if bundled.is_dir() else package.parent.parent / "models"


def state_folder() -> Path:
    """Where ledger and limits live."""
    return Path(os.environ.get(HOME) or platformdirs.user_state_dir("slipcast", appauthor=False))


def pictures_folder() -> Path:
    """Where bought pictures live."""
    return Path(os.environ.get(HOME) or platformdirs.user_data_dir("slipcast", appauthor=False)) / "pictures"


def cache_folder() -> Path:
    """Where fetched models live: what can be fetched again."""
    return Path(os.environ.get(HOME) or platformdirs.user_cache_dir("slipcast", appauthor=False))


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
