"""What a conversion gives: everything in memory, or the light part that a worker process can send home."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from slipcast.checks.gates import Passage
from slipcast.checks.mesh import Judged
from slipcast.checks.verdict import Check, Verdict, verdict
from slipcast.core.errors import BadInput
from slipcast.core.files import folder_of, tell_writing, write_files
from slipcast.core.values import Cutout, Export, Figurine, Mesh, Picture, PointCloud, Shells
from slipcast.mesh.deviation import Deviation
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.several_views import Gathered, SeenView

NAMELESS = "figurine"
"""What the asset of a picture without a file is called."""


def write_asset(
    folder: Path, name: str, files: Mapping[str, bytes], *, spare: Collection[Path] = ()
) -> tuple[Path, ...]:
    """Write an asset's files as `write_files` does, then remove the report of an earlier asset called `name`.

    It would speak of an asset that is no more. One among `files` is the new asset's, one in `spare` stays.

    Raises BadInput where two pictures without a file, which are both called `figurine`, would share a folder: nobody
    chose that name, so nobody expects the first one to be overwritten.
    """
    if name.startswith(NAMELESS):
        _spare_another(folder / f"{name}.json", files.get(f"{name}.json", b""))
    paths = write_files(folder, files, spare=spare)
    old = folder / f"{name}.report.html"
    if old.name not in files and old.is_file() and old.resolve() not in {path.resolve() for path in spare}:
        with tell_writing(old):
            old.unlink()
    return paths


def _spare_another(place: Path, document: bytes) -> None:
    """Refuse to replace the asset whose JSON is at `place` by that of another picture without a file."""
    try:
        there, new = (json.loads(text)["picture"] for text in (place.read_bytes(), document))
        same = there["sha256"] == new["sha256"] or "file" in new
    except (OSError, ValueError, KeyError, TypeError):
        return  # nothing is there, or it is not ours
    if not same:
        raise BadInput(
            f"{place} is of another picture, and neither came from a file; give each a name, for instance "
            "name='owl', or a folder of its own",
            field="name",
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class Result:
    """Everything that one conversion made, in memory.

    >>> result = slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000)
    >>> result
    Result(knight: 75.0 mm tall, ... faces, ..., glb)
    >>> result.exports["glb"].main[:4]
    b'glTF'
    >>> [path.name for path in result.save("out")]
    ['knight.glb', 'knight.json', 'knight.preview.png']
    """

    figurine: Figurine
    original: Picture
    """The picture as it came; a very large one reduced to what a texture can show."""
    picture: Cutout
    """The cutout: the picture with its alpha. Outside the figurine its colours go on, so composite it to show it."""
    depth: Shells
    """Front and back in metres, with the camera in the world that the figurine stands in."""
    cloud: PointCloud
    """The samples that the surface was made of."""
    checks: tuple[Check, ...]
    """What picture, depth and mesh were judged by."""
    judged: Judged
    """What the checks of the mesh measured on the way."""
    deviation: Deviation
    """How far the mesh lies from the surface before it was simplified to its budget."""
    passages: tuple[Passage, ...]
    """How each gate of the recipe went."""
    exports: Mapping[str, Export]
    """Format -> files."""
    preview: bytes
    """PNG: the picture with the cutout's outline, and four views."""
    gathered: Gathered | None = None
    """What several pictures said together; None for one."""
    metadata: Mapping[str, object]
    """What goes into the JSON beside the asset, without its `run` block."""
    recipe: Recipe = field(default_factory=Recipe)
    """How it was made."""
    seconds: Mapping[str, float]
    """Wall seconds per stage: the `run` block's content. Preview, deviation and model loading run in the background;
    their stages' times are what was left to wait for."""

    @property
    def name(self) -> str:
        """The asset's name: what its files are called before the dot.

        >>> slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).name
        'knight'
        """
        return self.figurine.name

    @property
    def views(self) -> tuple[SeenView, ...]:
        """The pictures that were used where there were several, front first; empty for one.

        >>> slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).views
        ()
        """
        return self.gathered.views if self.gathered else ()

    @property
    def verdict(self) -> Verdict:
        """What the checks say together: `approve`, `review` or `reject`; `checks` has each one's part.

        >>> result = slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000)
        >>> result.verdict.value in ("approve", "review")
        True
        """
        return verdict(self.checks)

    @property
    def mesh(self) -> Mesh:
        """The figurine's mesh: metres, +Y up, facing +Z, feet at y = 0; vertices (V,3), faces (F,3).

        >>> mesh = slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).mesh
        >>> float(mesh.vertices[:, 1].min()), round(float(mesh.vertices[:, 1].max()), 3)
        (0.0, 0.075)
        """
        return self.figurine.mesh

    def files(self, *, run: Mapping[str, object] | None = None) -> dict[str, bytes]:
        """Name -> content of the asset's files, main file first, with NAME.json and NAME.preview.png.

        `run` becomes the JSON's `run` block, the only part that may differ between two equal runs; without it the block
        holds the seconds per stage. Raises BadInput where two formats want to write the same file.

        >>> list(slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).files())
        ['knight.glb', 'knight.json', 'knight.preview.png']
        """
        name = self.figurine.name
        files: dict[str, bytes] = {}
        for key, export in self.exports.items():
            for file, content in export.files.items():
                if files.setdefault(file, content) != content:
                    raise BadInput(
                        f"two formats of this run both want to write {file}; ask for {key} in a run of its own"
                    )
        block = dict(run) if run is not None else {"seconds": dict(self.seconds)}
        document = dict(self.metadata) | {"run": block}
        files[f"{name}.json"] = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
        files[f"{name}.preview.png"] = self.preview
        return files

    def save(self, folder: Path | str) -> tuple[Path, ...]:
        """Write the asset's files into `folder` (made when absent), all or none; returns their paths, main file first.

        `slipcast.write` writes the values between the stages and a report too. Files that exist are replaced, and the
        report of an earlier asset of that name is removed. Raises BadInput when the folder cannot be written to,
        DiskFull when the disk has no room; then nothing has changed.

        >>> result = slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000)
        >>> [path.name for path in result.save("out")]
        ['knight.glb', 'knight.json', 'knight.preview.png']
        """
        return write_asset(folder_of(folder), self.name, self.files())

    def light(self) -> "LightResult":
        """The files and what is known about them: small enough to be sent from a worker process.

        Raises BadInput where two formats want to write the same file.

        >>> list(slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).light().files)
        ['knight.glb', 'knight.json', 'knight.preview.png']
        """
        return LightResult(
            name=self.name, files=self.files(), metadata=self.metadata, verdict=self.verdict.value
        )

    def _repr_html_(self) -> str | None:
        """What a notebook shows: the preview, and a viewer; None, by which it shows `repr`, where nothing draws it."""
        return _html_of(self) if _html_of else None

    def __repr__(self) -> str:
        height = float(np.ptp(self.mesh.vertices[:, 1])) * 1000
        told = f"{height:.1f} mm tall, {len(self.mesh.faces)} faces, {self.verdict.value}"
        return f"Result({self.name}: {told}, {', '.join(self.exports)})"


_html_of: Callable[[Result], str] | None = None


def show_with(draw: Callable[[Result], str]) -> None:
    """Let notebooks show a result as the HTML that `draw` makes of it: pages are drawn by a room above this one."""
    global _html_of
    _html_of = draw


@dataclass(frozen=True, kw_only=True, repr=False)
class LightResult:
    """An asset as its files, and what is known about it.

    >>> light = slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).light()
    >>> light
    LightResult(knight: ..., 3 files, ... KB)
    >>> light.main[:4]
    b'glTF'
    """

    name: str
    files: Mapping[str, bytes]
    """Name -> content, main file first, with NAME.json and NAME.preview.png."""
    metadata: Mapping[str, object]
    """What is in NAME.json, without its `run` block."""
    verdict: str
    """`approve`, `review` or `reject`."""

    @property
    def main(self) -> bytes:
        """The content of the first format's main file.

        >>> slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).light().main[:4]
        b'glTF'
        """
        return next(iter(self.files.values()))

    def save(self, folder: Path | str) -> tuple[Path, ...]:
        """Write the files into `folder`, all or none, and return their paths; raises what `Result.save` raises.

        >>> light = slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).light()
        >>> light.save("light")[0].name
        'knight.glb'
        """
        return write_asset(folder_of(folder), self.name, self.files)

    def __repr__(self) -> str:
        size = sum(map(len, self.files.values())) / 1024
        return f"LightResult({self.name}: {self.verdict}, {len(self.files)} files, {size:.0f} KB)"
