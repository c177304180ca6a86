"""The bundled weights -> their paths, looked for beside the package and checked before they are read.

A model's folder holds config.json (the network's shape, and the sha256 of each ONNX file beside it) and those files.
model.safetensors, which they are made of, is for training. Reading pickles is not an option: they run code.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from slipcast.core.errors import MissingWeights
from slipcast.core.paths import models_dir, sha256_of

_MEND = "reinstall slipcast, or in a checkout run: git checkout -- models"


@dataclass(frozen=True, kw_only=True)
class Bundled:
    """One bundled model's files, their sums already compared."""

    folder: Path
    """Holds config.json and the files."""
    sha256: str
    """Of the weights that the files were made of, hexadecimal; it names the model."""
    sums: dict[str, str]
    """ONNX file -> sha256."""

    def file(self, name: str) -> Path:
        """Return the path of one of `sums`."""
        return self.folder / name


def find_bundled(name: str, folder: Path | None = None) -> Bundled:
    """Find the files of the bundled model `name`, or of the same kind of model in `folder`.

    Raises MissingWeights, which names the path and the expected sha256, when one is absent or damaged.
    """
    home = folder or models_dir() / name
    try:
        config = json.loads((home / "config.json").read_text(encoding="utf-8"))
        sha256 = str(config["sha256"])
        sums = {str(file): str(entry["sha256"]) for file, entry in config["onnx"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise MissingWeights(
            f"{home / 'config.json'} is missing or damaged, so the model {name} cannot be used; {_MEND}"
        ) from None
    for file, expected in sums.items():
        place = home / file
        if not place.is_file():
            raise MissingWeights(f"{place} is missing (expected sha256 {expected}); {_MEND}")
        found = sha256_of(place)
        if found != expected:
            raise MissingWeights(f"{place} is damaged: sha256 {found}, expected {expected}; {_MEND}")
    return Bundled(folder=home, sha256=sha256, sums=sums)
