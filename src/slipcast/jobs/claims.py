"""Which source each result belongs to: two sources of one run never overwrite each other's results, nor themselves."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from slipcast.core.errors import BadInput


@dataclass(frozen=True)
class Claims:
    """What a run has written, and for which source."""

    verb: str
    """What the run does with a source, for the advice: `export`."""
    _owners: dict[Path, Path] = field(default_factory=dict)

    def take(self, folder: Path, names: Iterable[str], source: Path) -> None:
        """Note that `names` in `folder` are of `source`; BadInput where one is `source` or another one's result.

        >>> claims = Claims("export")
        >>> claims.take(Path(), ["owl.stl"], Path("owl.glb"))
        >>> claims.take(Path(), ["owl.stl"], Path("owl.obj"))
        Traceback (most recent call last):
        slipcast.core.errors.BadInput: owl.stl was just written for owl.glb and would be overwritten by owl.obj; \
export one of the two to another folder
        """
        for name in names:
            place = (folder / name).resolve()
            if place == source.resolve():
                raise BadInput(
                    f"{folder / name} is the asset itself and would be overwritten; choose another folder"
                )
            owner = self._owners.setdefault(place, source)
            if owner != source:
                raise BadInput(
                    f"{folder / name} was just written for {owner} and would be overwritten by {source}; "
                    f"{self.verb} one of the two to another folder"
                )
