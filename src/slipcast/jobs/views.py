"""A front picture -> a folder with pictures of the figurine's other sides, bought one after the other."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from slipcast.core.errors import BadInput
from slipcast.generate.ask import read_reference
from slipcast.generate.results import GenerateOptions, Plan
from slipcast.generate.studio import Studio
from slipcast.generate.turnaround import Side, SidesOptions, buy_sides, plan_sides
from slipcast.jobs.events import Cost, EntryDone, Found, Tell, ignore, watch_buying
from slipcast.jobs.generate import sidecar

if TYPE_CHECKING:
    from slipcast.generate.request import Provider


@dataclass(frozen=True, kw_only=True)
class ViewsJob:
    """Which sides of which picture."""

    front: Path
    out: Path
    sides: SidesOptions
    name: str = ""
    """Of the figurine; the picture's by default."""
    options: GenerateOptions = field(default_factory=GenerateOptions)

    def __post_init__(self) -> None:
        if set(self.name) & set("/\\\0") or self.name in (".", ".."):
            raise BadInput(
                f"name is {self.name!r}; give plain letters, since a folder is called so", field="name"
            )

    @property
    def folder(self) -> Path:
        """Where the pictures go: OUT/NAME."""
        own = self.front.absolute().parent.name if self.front.stem == "front" else self.front.stem
        return self.out / (self.name or own)


def plan_views(job: ViewsJob, provider: "Provider") -> Plan:
    """What the sides would cost; nothing is bought."""
    with Studio(provider, job.options) as studio:
        return studio.plan(plan_sides(job.sides))


def buy_views(job: ViewsJob, provider: "Provider", tell: Tell | None = None) -> tuple[Side, ...]:
    """Buy the sides and write them with the front into `job.folder`; each is told as `EntryDone` when it is there."""
    from slipcast.core.files import check_folder, write_files
    from slipcast.picture.decode import read_picture

    tell = tell or ignore
    reference = read_reference(job.front)
    folder = job.folder
    check_folder(folder)

    def tell_side(side: Side) -> None:
        if side.cost_usd:
            tell(Cost(entry=side.view, usd=side.cost_usd, model=job.sides.model))
        for found in side.findings:
            tell(Found(entry=side.view, finding=found))
        tell(EntryDone(entry=side.view, outcome=side))

    with Studio(provider, job.options) as studio:
        sides = buy_sides(
            studio,
            reference,
            read_picture(job.front),
            job.sides,
            name=folder.name,
            tell=tell_side,
            watch=watch_buying(tell),
        )
    files = {f"front{job.front.suffix.lower()}": reference.data}
    for side in sides:
        files[f"{side.view}{side.suffix}"] = side.data
        facts = {**side.facts, "fits": side.fits, "tries": side.tries}
        files[f"{side.view}.json"] = sidecar(facts, side.findings)
    write_files(folder, files, spare=(job.front,))
    return sides
