"""One recipe, many pictures from Python: here, in worker processes, on a cluster."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from slipcast.core.errors import BadInput, StageFailed
from slipcast.core.values import Picture, View
from slipcast.depth.models import DepthModels
from slipcast.formats.common.naming import make_safe
from slipcast.jobs.convert import models_of_worker
from slipcast.jobs.failure import Failure, attempt
from slipcast.jobs.on_ray import run_on_ray
from slipcast.jobs.places import is_address, read_address, read_json, write_addresses
from slipcast.jobs.runners import Lost, count_workers, run_jobs
from slipcast.picture.decode import PictureSource, read_picture
from slipcast.pipeline import run as pipeline
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.result import NAMELESS, LightResult, write_asset
from slipcast.workspace.resume import find_made, mark_of


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What came of one of many pictures.

    >>> with Workshop(depth="dome") as shop:
    ...     [done] = shop.convert_many(["missing.png"])
    >>> done.failure.kind
    'BadInput'
    """

    source: PictureSource
    """The picture as it was given."""
    result: LightResult | None = None
    """The files, and what is known about them; the files are not here where they were written to `out`."""
    places: tuple[str, ...] = ()
    """Where the files were written, main file first; empty without `out`."""
    resumed: bool = False
    """Whether an earlier run had made it."""
    failure: Failure | None = None
    """Why there is no result."""

    @property
    def ok(self) -> bool:
        """Whether there is a result; without one, `failure` says why.

        >>> Converted(source="owl.png").ok
        False
        """
        return self.result is not None

    def save(self, folder: Path | str) -> tuple[Path, ...]:
        """Write the result's files into `folder`, all or none, and return their paths (`Result.save`).

        Raises BadInput where there is no result to save; with `out` the files are where `places` says.

        >>> Converted(source="owl.png", failure=Failure.of(BadInput("owl.png does not exist"))).save("out")
        Traceback (most recent call last):
        slipcast.core.errors.BadInput: there is nothing to save: owl.png does not exist
        """
        if self.result is None:
            raise BadInput(
                f"there is nothing to save: {self.failure.message if self.failure else 'no result'}"
            )
        return self.result.save(folder)


def name_of(source: PictureSource) -> str:
    """What the asset of a picture is called: the file's stem, `figurine` where there is no file."""
    if isinstance(source, Picture):
        return Path(str(source.source.get("file", ""))).stem or NAMELESS
    if isinstance(source, str | Path):
        return Path(source).stem
    named = getattr(source, "name", "") or getattr(source, "filename", "")
    return (Path(named).stem if isinstance(named, str) else "") or NAMELESS


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a worker is given."""

    source: PictureSource
    recipe: Recipe
    name: str = "figurine"
    """Of the asset."""
    out: str = ""
    """A folder or an address where the files go; empty: they come back."""
    resume: bool = False
    is_twin: bool = False
    """Whether one before has the same name, and would be overwritten."""


def order_each(pictures: Iterable[PictureSource], recipe: Recipe, out: str, resume: bool) -> Iterator[Order]:
    """An order for each picture, as they are asked for.

    Pictures without a file are called `figurine`, `figurine-2`, `figurine-3`: saved to one folder they shall not
    overwrite each other.
    """
    names: set[str] = set()
    nameless = 0
    for source in pictures:
        name = make_safe(name_of(source))
        if name == NAMELESS:
            nameless += 1
            name += f"-{nameless}" if nameless > 1 else ""
        twin = bool(out) and name in names
        yield Order(source=source, recipe=recipe, name=name, out=out, resume=resume, is_twin=twin)
        names |= {name} if out else set()


def do_order(order: Order, models: DepthModels) -> Converted:
    """Work on one order; what goes wrong is in the answer."""
    done = attempt(lambda: _convert_one(order, models))
    if isinstance(done, Failure):
        return Converted(source=order.source, failure=done)
    return done


def _convert_one(order: Order, models: DepthModels) -> Converted:
    source, name = order.source, order.name
    if order.is_twin:
        raise BadInput(
            f"{name} is the name of two pictures; rename one, or give them another out", field="name"
        )
    content: PictureSource = source
    view = source.view if isinstance(source, Picture) else View.FRONT
    if is_address(source):
        assert isinstance(source, str)
        content = read_address(source)
    picture = read_picture(content, view=view)
    if is_address(source):
        named = {"file": str(source).rpartition("/")[2]}  # first, as a path's: the bytes are to be the same
        picture = replace(picture, source={**named, **picture.source, **named})
    digest = str(picture.source.get("sha256", ""))
    mark = mark_of(digest, order.recipe, view, False) if order.out and digest else ""
    if order.resume and (known := _made_before(order.out, name, mark)):
        return replace(known, source=source)
    result = pipeline.run(picture, order.recipe, name=name, models=models)
    if not order.out:
        return Converted(source=source, result=result.light())
    files = result.files(run={"mark": mark, "seconds": dict(result.seconds)})
    if is_address(order.out):
        places = write_addresses(order.out, files, last=f"{name}.json")
    else:
        places = tuple(str(path) for path in write_asset(Path(order.out), name, files))
    return Converted(source=source, result=replace(result.light(), files={}), places=places)


def _made_before(out: str, name: str, mark: str) -> Converted | None:
    """What an earlier run made of the same picture; in a store its JSON was written last."""
    if is_address(out):
        facts: dict[str, Any] | None = read_json(f"{out.rstrip('/')}/{name}.json")
    else:
        facts = find_made(Path(out) / f"{name}.json", mark)
    if not facts or not mark or not isinstance(facts.get("files"), dict):
        return None
    if dict(facts.get("run") or {}).get("mark") != mark:
        return None
    names = [*facts["files"], f"{name}.json", f"{name}.preview.png"]
    facts = {key: value for key, value in facts.items() if key != "run"}
    light = LightResult(name=name, files={}, metadata=facts, verdict=str(facts.get("verdict", "")))
    return Converted(
        source="",
        result=light,
        places=tuple(f"{out.rstrip('/')}/{each}" for each in names),
        resumed=True,
    )


def _work(order: Order) -> Converted:
    done = do_order(order, models_of_worker())
    return replace(done, source="")  # the caller has it; it may be large


def convert_apart(orders: Iterator[Order], runner: str, workers: int, limit_s: float) -> Iterator[Converted]:
    """Let others work on the orders; what came of each, in order."""
    if runner == "local":
        done_by = run_jobs(_work, orders, workers=workers or count_workers(), limit_s=limit_s)
    else:
        done_by = run_on_ray(_work, orders, address=runner, workers=workers, limit_s=limit_s)
    for order, done in done_by:
        if isinstance(done, Lost):
            error = StageFailed(f"{order.name} was tried twice and given up: {done.reason}")
            yield Converted(source=order.source, failure=Failure.of(error))
        else:
            yield replace(done, source=order.source)
