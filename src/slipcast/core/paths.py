"""Where bundled files lie, and whether they are what they should be."""

import hashlib
from pathlib import Path

_BLOCK = 1 << 20


def models_dir() -> Path:
    """The folder with the bundled weights and the manifest: in the package, or at the root of a checkout."""
    package = Path(__file__).resolve().parents[1]
    bundled = package / "models"
    return bundled if bundled.is_dir() else package.parent.parent / "models"


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
