"""Requests -> pictures on disk, each with the JSON of its story beside it; and what they would cost."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding
from slipcast.generate.ask import Asked, read_reference
from slipcast.generate.cascade import CascadeOptions, cascade, draft_requests
from slipcast.generate.prompt_checks import PromptLimits, injection
from slipcast.generate.refine import refine_request
from slipcast.generate.request import PictureRequest, Reference
from slipcast.generate.results import Bought, GenerateOptions, Plan
from slipcast.generate.studio import Studio
from slipcast.jobs.events import Cost, EntryDone, Found, Tell, ignore, watch_buying
from slipcast.jobs.failure import Failure, attempt

if TYPE_CHECKING:
    from slipcast.generate.request import Provider


@dataclass(frozen=True, kw_only=True)
class GenerateJob:
    """Where pictures go and how they are bought."""

    out: Path
    options: GenerateOptions = field(default_factory=GenerateOptions)
    cascade: CascadeOptions | None = None
    """Buy cheap drafts and redraw the best; None: buy the picture itself."""


@dataclass(frozen=True, kw_only=True)
class Generated:
    """One picture on disk."""

    name: str
    file: Path | None
    """None where it was there already."""
    bought: Bought | None = None
    findings: tuple[Finding, ...] = ()
    """Of its prompt and of the picture."""
    usd: float = 0.0
    """What it cost now, its drafts included."""

    @property
    def kept(self) -> bool:
        """Whether it was there already, so that nothing was bought."""
        return self.bought is None

    def as_dict(self) -> dict[str, object]:
        """JSON-ready data."""
        if self.bought is None:
            return {"name": self.name, "ok": True, "kept": True}
        facts = {**self.bought.facts, "findings": [note.as_dict() for note in self.findings]}
        return {
            "name": self.name,
            "ok": True,
            "file": str(self.file),
            "cached": self.bought.cached,
            "facts": facts,
        }


def generate_pictures(
    asked: Iterable[Asked], provider: "Provider", job: GenerateJob, tell: Tell | None = None
) -> Iterator[tuple[str, Generated | Failure]]:
    """Buy a picture for each of `asked`, which is read as there is room; yield name and result as they come.

    A picture that is there already, whole and of the same request, is not bought again. Raises BadInput for a folder
    that cannot be written to.
    """
    from slipcast.core.files import check_folder

    tell = tell or ignore
    check_folder(job.out)
    notes: dict[str, tuple[Finding, ...]] = {}
    there: list[str] = []
    anew = job.options.refresh or not job.options.cached

    with Studio(provider, job.options) as studio:

        def wanted() -> Iterator[PictureRequest]:
            for one in asked:
                if not anew and is_there(job.out, one.request, provider.endpoint):
                    there.append(one.request.name)
                    continue
                notes[one.request.name] = one.findings
                yield one.request

        for name, result, usd in _results(studio, wanted(), job, tell):
            while there:
                kept = there.pop(0)
                yield kept, Generated(name=kept, file=None)
            if isinstance(result, Failure):
                notes.pop(name, None)
                tell(EntryDone(entry=name, outcome=result))
                yield name, result
            else:
                yield name, deliver(job.out, name, result, notes.pop(name, ()), usd=usd, tell=tell)
        for kept in there:
            yield kept, Generated(name=kept, file=None)


def _results(
    studio: Studio, requests: Iterable[PictureRequest], job: GenerateJob, tell: Tell
) -> Iterator[tuple[str, Bought | Failure, float]]:
    """Name and result of each request, in order of completion, and what it cost, its drafts included."""
    watch = watch_buying(tell)
    if job.cascade:
        for request in requests:
            made = attempt(partial(cascade, studio, request, job.cascade, watch))
            if isinstance(made, Failure):
                yield request.name, made, 0.0
            else:
                yield request.name, made.final, made.cost_usd
        return
    for outcome in studio.buy_many(requests, watch):
        if outcome.bought:
            yield outcome.request.name, outcome.bought, outcome.bought.cost_usd
        elif outcome.error:
            yield outcome.request.name, Failure.of(outcome.error), 0.0


def deliver(
    out: Path,
    name: str,
    bought: Bought,
    findings: tuple[Finding, ...],
    *,
    usd: float | None = None,
    tell: Tell = ignore,
) -> Generated:
    """Write picture and JSON; `usd` is what all of it cost, where that is more than the picture's own."""
    from slipcast.core.files import write_files

    notes = (*findings, *bought.findings)
    files = {f"{name}{bought.suffix}": bought.data, f"{name}.json": sidecar(bought.facts, notes)}
    spent = bought.cost_usd if usd is None else usd
    done = Generated(name=name, file=write_files(out, files)[0], bought=bought, findings=notes, usd=spent)
    if spent:
        tell(Cost(entry=name, usd=spent, model=str(bought.facts.get("model", ""))))
    for note in notes:
        tell(Found(entry=name, finding=note))
    tell(EntryDone(entry=name, outcome=done))
    return done


def plan_pictures(
    studio: Studio, asked: Iterable[Asked], drafts: CascadeOptions | None = None, *, batch: bool = False
) -> Plan:
    """What `asked` would cost, the drafts of a cascade included; nothing is bought."""
    if drafts is None:
        return studio.plan((one.request for one in asked), batch=batch)
    stand_in = Reference(data=b"", mime="image/png")

    def both() -> Iterator[PictureRequest]:
        for one in asked:
            yield from draft_requests(one.request, drafts)
            references = (*one.request.references, stand_in)
            yield replace(one.request, model=drafts.final, references=references)

    return studio.plan(both())


@dataclass(frozen=True, kw_only=True)
class RefineJob:
    """A picture and the wishes that change it, one after the other."""

    picture: Path
    wishes: tuple[str, ...]
    out: Path
    model: str
    size: str = "1K"
    take: int = 0
    """Another number gives another picture for the same wish."""
    limits: PromptLimits = field(default_factory=lambda: PromptLimits(shortest=3))
    options: GenerateOptions = field(default_factory=GenerateOptions)


def refine_picture(job: RefineJob, provider: "Provider", tell: Tell | None = None) -> Iterator[Generated]:
    """Change the picture by each wish in turn and yield each step; its JSON holds the history."""
    from slipcast.core.files import check_folder

    tell = tell or ignore
    steps = _refine_steps(job)
    first = steps(0, *read_story(job.picture))  # what cannot be sent is refused before anything is opened
    check_folder(job.out)
    with Studio(provider, job.options) as studio:
        request = first
        for number, wish in enumerate(job.wishes):
            bought = studio.buy(request, watch_buying(tell))
            yield deliver(job.out, request.name, bought, injection(wish), tell=tell)
            if number + 1 < len(job.wishes):
                request = steps(number + 1, bought.data, bought.mime, bought.facts)


def plan_refinement(job: RefineJob, provider: "Provider") -> Plan:
    """What the first step would cost; nothing is bought."""
    with Studio(provider, job.options) as studio:
        return studio.plan([_refine_steps(job)(0, *read_story(job.picture))])


def _refine_steps(job: RefineJob) -> Callable[[int, bytes, str, Mapping[str, object]], PictureRequest]:
    def request(number: int, data: bytes, mime: str, facts: Mapping[str, object]) -> PictureRequest:
        name = f"{job.picture.stem}-edit{number + 1}" + (f"-take{job.take}" if job.take else "")
        return refine_request(
            data,
            mime,
            facts,
            job.wishes[number],
            model=job.model,
            size=job.size,
            take=job.take,
            name=name,
            limits=job.limits,
        )

    return request


def read_story(picture: Path) -> tuple[bytes, str, Mapping[str, object]]:
    """A picture to refine: its bytes, its media type and what is known about it.

    Raises BadInput where the JSON beside it cannot be read: it holds the history.
    """
    reference = read_reference(picture)
    facts: dict[str, object] = {}
    beside = picture.with_suffix(".json")
    if beside.is_file():
        try:
            loaded = json.loads(beside.read_text("utf-8"))
        except ValueError:
            raise BadInput(
                f"{beside} is not JSON; move it away or restore it: it holds the history"
            ) from None
        facts = loaded if isinstance(loaded, dict) else {}
    return reference.data, reference.mime, facts | {"sha256": reference.sha256}


def sidecar(facts: Mapping[str, object], findings: tuple[Finding, ...]) -> bytes:
    """The JSON beside a picture."""
    whole = {**facts, "findings": [finding.as_dict() for finding in findings]}
    return (json.dumps(whole, indent=2, ensure_ascii=False) + "\n").encode()


def is_there(out: Path, request: PictureRequest, endpoint: str) -> bool:
    """Whether `out` holds the picture of this very request, whole."""
    try:
        facts = json.loads((out / f"{request.name}.json").read_text("utf-8"))
        if facts["key"] != request.key(endpoint):
            return False
        for suffix in (".png", ".jpg", ".webp"):
            path = out / f"{request.name}{suffix}"
            if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == facts["sha256"]:
                return True
    except (OSError, ValueError, KeyError, TypeError):
        return False  # not there, or not ours: it will be bought
    return False
