"""The bundled weights -> their path, looked for beside the package and checked before they are read.

A model's folder holds config.json (the network's shape, and the sha256 of the file beside it) and
model.safetensors. Reading pickles is not an option: they run code.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipcast.depth.pull import models_dir, sha256_of
from slipcast.errors import MissingWeights

_MEND = "reinstall slipcast, or in a checkout run: git checkout -- models"


@dataclass(frozen=True, kw_only=True)
class Bundled:
    """One bundled model's files, their sum already compared."""

    file: Path
    """model.safetensors."""
    sha256: str
    """Of that file, hexadecimal."""
    config: dict[str, Any]
    """The rest of config.json."""


def bundled(name: str, folder: Path | None = None) -> Bundled:
    """Find the files of the bundled model `name`, or of the same kind of model in `folder`.

    Raises MissingWeights, which names the path and the expected sha256, when one is absent or damaged.
    """
    home = folder or models_dir() / name
    try:
        config = json.loads((home / "config.json").read_text(encoding="utf-8"))
        sha256 = str(config["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        raise MissingWeights(
            f"{home / 'config.json'} is missing or damaged, so the model {name} cannot be used; {_MEND}"
        ) from None
    file = home / "model.safetensors"
    if not file.is_file():
        raise MissingWeights(f"{file} is missing (expected sha256 {sha256}); {_MEND}")
    found = sha256_of(file)
    if found != sha256:
        raise MissingWeights(f"{file} is damaged: sha256 {found}, expected {sha256}; {_MEND}")
    return Bundled(file=file, sha256=sha256, config=config)
