"""Words -> picture -> asset, in one folder that goes on where it was stopped.

`OUT/NAME.picture.png` and `OUT/NAME.picture.json` are the bought picture and its story, the rest is what `convert`
writes. A picture that is paid for is never paid for again; an asset that was made from it with the same options is not
made again.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from slipcast.core.findings import Finding
from slipcast.generate.ask import Asked
from slipcast.generate.cascade import CascadeOptions, cascade
from slipcast.generate.request import Reference
from slipcast.generate.results import Bought, GenerateOptions, Plan
from slipcast.generate.studio import Studio
from slipcast.generate.turnaround import Side, SidesOptions, buy_sides, plan_sides
from slipcast.jobs.convert import Done, Place, make_files, missed_gates
from slipcast.jobs.events import Cost, EntryDone, Found, Tell, ignore, watch_buying
from slipcast.jobs.generate import plan_pictures, sidecar
from slipcast.workspace.resume import files_of, find_made, mark_of

if TYPE_CHECKING:
    from slipcast.core.values import Picture
    from slipcast.generate.request import Provider
    from slipcast.pipeline.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class MakeJob:
    """What is bought, and what is made of it."""

    asked: Asked
    """The picture; its request's name is the asset's."""
    recipe: "Recipe"
    out: Path
    options: GenerateOptions = field(default_factory=GenerateOptions)
    drafts: CascadeOptions | None = None
    """Buy cheap drafts and redraw the best."""
    sides: SidesOptions | None = None
    """Sides that are bought beside the front."""
    keep: bool = False
    report: bool = False


@dataclass(frozen=True, kw_only=True)
class Made:
    """The asset on disk, and what its pictures cost."""

    done: Done
    bought: Bought
    """The front picture."""
    usd: float
    """What all pictures cost now."""
    unfit: tuple[str, ...] = ()
    """A sentence for each side that does not fit after all tries."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The pictures of an asset, bought."""

    front: Bought
    sides: tuple[Side, ...]
    usd: float
    """What all of them cost now, drafts and further tries included."""
    findings: tuple[Finding, ...]
    """Of the prompt."""

    def decoded(self) -> "tuple[Picture, tuple[Picture, ...]]":
        """The front, and the sides that differ from it and from each other."""
        front = self.front.picture()
        front = replace(front, findings=(*self.findings, *front.findings))
        distinct = {str(side.facts["sha256"]): side.picture() for side in reversed(self.sides)}
        distinct.pop(str(self.front.facts["sha256"]), None)
        return front, tuple(distinct.values())


def plan_asset(job: MakeJob, provider: "Provider") -> Plan:
    """What the pictures of `job` would cost; nothing is bought."""
    with Studio(provider, job.options) as studio:
        plan = plan_pictures(studio, [job.asked], job.drafts)
        return plan.plus(studio.plan(plan_sides(job.sides))) if job.sides else plan


def buy_pictures(job: MakeJob, studio: Studio, tell: Tell) -> Pictures:
    """Buy the front and the sides of `job`."""
    watch = watch_buying(tell)
    request = job.asked.request
    if job.drafts:
        made = cascade(studio, request, job.drafts, watch)
        bought, usd = made.final, made.cost_usd
    else:
        bought = studio.buy(request, watch)
        usd = bought.cost_usd
    sides: tuple[Side, ...] = ()
    if job.sides:
        front = Reference(data=bought.data, mime=bought.mime)
        sides = buy_sides(studio, front, bought.picture(), job.sides, name=request.name, watch=watch)
        usd += sum(side.cost_usd for side in sides)
    if usd:
        tell(Cost(entry=request.name, usd=usd, model=str(bought.facts.get("model", ""))))
    return Pictures(front=bought, sides=sides, usd=usd, findings=job.asked.findings)


def make_asset(job: MakeJob, provider: "Provider", tell: Tell | None = None) -> Made:
    """Buy the pictures of `job`, write them with their story, and make the asset, unless it is there already.

    Raises what buying and converting raise.
    """
    from slipcast.core.files import check_folder, write_files

    tell = tell or ignore
    name = job.asked.request.name
    with Studio(provider, job.options) as studio:
        check_folder(job.out)
        pictures = buy_pictures(job, studio, tell)
    bought, sides = pictures.front, pictures.sides
    write_files(job.out, _story(job, pictures))
    mark = mark_of(str(bought.facts["sha256"]), job.recipe, *(str(side.facts["key"]) for side in sides))
    done = None if job.options.refresh else _found(job, mark)
    unfit: tuple[str, ...] = ()
    if done is None:
        unfit = tuple(_say_unfit(side) for side in sides if not side.fits)
        front, others = pictures.decoded()
        done = make_files(
            front,
            job.recipe,
            name=name,
            others=others,
            place=Place(
                out=job.out,
                keep=job.keep,
                report=job.report,
                spare=(job.out / f"{name}.picture{bought.suffix}",),
            ),
            run={"mark": mark, "cost_usd": pictures.usd},
            tell=tell,
        )
    made = Made(done=done, bought=bought, usd=pictures.usd, unfit=unfit)
    for finding in done.findings:
        tell(Found(entry=name, finding=finding))
    tell(EntryDone(entry=name, outcome=made))
    return made


def _story(job: MakeJob, pictures: Pictures) -> dict[str, bytes]:
    """The pictures as they came, each with its JSON."""
    name, bought = job.asked.request.name, pictures.front
    story = {f"{name}.picture{bought.suffix}": bought.data}
    story[f"{name}.picture.json"] = sidecar(bought.facts, (*job.asked.findings, *bought.findings))
    for side in pictures.sides:
        story[f"{name}.picture.{side.view}{side.suffix}"] = side.data
        facts = {**side.facts, "fits": side.fits, "tries": side.tries}
        story[f"{name}.picture.{side.view}.json"] = sidecar(facts, side.findings)
    return story


def _found(job: MakeJob, mark: str) -> Done | None:
    """The asset when it was made before, of these pictures and with these options."""
    place = job.out / f"{job.asked.request.name}.json"
    if job.report and not place.with_suffix(".report.html").is_file():
        return None
    if find_made(place, mark) is None:
        return None
    asset = json.loads(place.read_text("utf-8"))
    return Done(
        files=files_of(place, asset),
        asset=asset,
        missed=missed_gates(asset.get("gates", []), place),
        resumed=True,
    )


def _say_unfit(side: Side) -> str:
    why = "; ".join(found.message for found in side.findings) or "no figurine can be made out"
    return f"the {side.view} picture does not fit after {side.tries} tries: {why}"
