"""The end of the vocabulary (values.py): a figurine in one format, as files ready to be written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slipcast.core.arrays import ShowsSizes
from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding
from slipcast.core.options import show


@dataclass(frozen=True, kw_only=True, repr=False)
class Export(ShowsSizes):
    """A figurine in one format: files ready to be written.

    >>> Export(files={"a.glb": b"glTF"})
    Export(files=<1 entries>, findings=())
    >>> Export(files={"a.glb": b"glTF"}).main
    b'glTF'
    """

    files: Mapping[str, bytes]
    """Name -> content; the main file comes first."""
    findings: tuple[Finding, ...] = ()
    """What this format could not carry."""

    def __post_init__(self) -> None:
        if not isinstance(self.files, Mapping) or not self.files:
            raise BadInput(
                f"files is {show(self.files)}; give each file's content by its name, for instance {{'a.glb': data}}",
                field="files",
            )

    @property
    def main(self) -> bytes:
        """The main file's content: the first of `files`.

        >>> Export(files={"a.stl": b"solid"}).main
        b'solid'
        """
        return next(iter(self.files.values()))

    def save(self, folder: Path | str) -> tuple[Path, ...]:
        """Write the files into `folder` (made when absent), all or none; returns their paths, main file first.

        Files that exist are replaced. Raises BadInput when `folder` is empty or cannot be written to, DiskFull when
        the disk has no room; then nothing has changed.

        >>> [path.name for path in Export(files={"a.glb": b"glTF"}).save("out")]
        ['a.glb']
        >>> Export(files={"a.glb": b"glTF"}).save("")
        Traceback (most recent call last):
        slipcast.core.errors.BadInput: folder is empty; give a path, or . for the current folder
        """
        from slipcast.core.files import folder_of, write_files

        return write_files(folder_of(folder), self.files)
