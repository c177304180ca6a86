"""Pictures -> what is wrong with them, each by itself and all together, before money and minutes go into them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from slipcast.checks.verdict import Check, Verdict, verdict
from slipcast.core.advice import advise
from slipcast.core.errors import QualityGate
from slipcast.core.findings import Finding, finding
from slipcast.core.values import View
from slipcast.jobs.events import EntryDone, Found, Tell, ignore
from slipcast.jobs.failure import Failure, attempt

if TYPE_CHECKING:
    from slipcast.checks.picture.judge import Judgement
    from slipcast.core.values import Cutout


@dataclass(frozen=True, kw_only=True)
class CheckJob:
    """Which pictures, and what they are to each other."""

    pictures: tuple[Path, ...]
    sides: Mapping[Path, View] = field(default_factory=dict)
    """The side that each picture shows; with two and more they are compared as views of one figurine."""
    sheet: tuple[View, ...] = ()
    """The sides that the one picture shows side by side, from left to right; they are compared as views."""
    drafts: bool = False
    """The pictures are drafts of one prompt: compare and rank them."""
    prompt: str = ""
    """What was asked for; empty: what the JSON beside a bought picture says."""
    debug: bool = False


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What is said about one picture, or about several together."""

    what: str
    """The file's path, or `views` or `drafts`."""
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks' verdicts."""
        return verdict(self.checks)

    @property
    def rejected(self) -> Failure | None:
        """What to say where the verdict is reject."""
        if self.verdict is not Verdict.REJECT:
            return None
        worst = [check.name for check in self.checks if check.verdict is Verdict.REJECT]
        return Failure.of(QualityGate(f"{self.what} is rejected for {', '.join(worst)}; see its findings"))

    def as_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {
            "picture": self.what,
            "ok": True,
            "verdict": self.verdict.value,
            "checks": {check.name: check.as_dict() for check in self.checks},
            "findings": [found.as_dict() for found in self.findings],
            "advice": [advice.as_dict() for advice in advise(self.findings)],
        }


def check_pictures(
    job: CheckJob, tell: Tell | None = None
) -> Iterator[tuple[Path | None, Checked | Failure]]:
    """Judge each picture of `job`, then what can only be said of several; yield path (None for several) and result."""
    tell = tell or ignore
    judged: dict[Path, Judgement] = {}
    views: dict[View, Cutout] = {}
    for path, name, side in _parts(job):
        done = attempt(partial(_judge, path, name, side, job), debug=job.debug)
        if isinstance(done, Failure):
            tell(EntryDone(entry=name, outcome=done))
            yield path, done
            if job.sheet:
                return  # what cannot be split is one fault, not one for each side
            continue
        judgement, checked = done
        judged[path] = judgement
        if judgement.cut is not None and (job.sheet or path in job.sides):
            views[side] = judgement.cut
        _tell(tell, checked)
        yield path, checked
    for checked in _compare(judged, views, job):
        _tell(tell, checked)
        yield None, checked


def _parts(job: CheckJob) -> Iterator[tuple[Path, str, View]]:
    """Each picture's file, what it is called, and its side; a sheet gives as many as it has sides."""
    for path in dict.fromkeys(job.pictures):
        if job.sheet:
            yield from ((path, f"{path}, {side}", side) for side in job.sheet)
        else:
            yield path, str(path), job.sides.get(path, View.FRONT)


def _tell(tell: Tell, checked: Checked) -> None:
    for found in checked.findings:
        tell(Found(entry=checked.what, finding=found))
    tell(EntryDone(entry=checked.what, outcome=checked))


def _judge(path: Path, name: str, side: View, job: CheckJob) -> tuple["Judgement", Checked]:
    from slipcast.checks.picture.compare import check_prompt
    from slipcast.checks.picture.judge import judge_picture
    from slipcast.picture.decode import read_picture

    picture = read_picture(path, view=side)
    if job.sheet:
        from slipcast.picture.sheet import split_sheet

        picture = split_sheet(picture, job.sheet)[side]
    judged = judge_picture(picture)
    checks = judged.checks
    facts = picture.source
    subject = job.prompt or str(facts.get("subject") or "")
    if judged.cut and subject:
        checks = (*checks, check_prompt(judged.cut, subject))
    noticed = judged.cut.findings if judged.cut else picture.findings
    findings = (*noticed, *_broken_promises(facts), *(found for each in checks for found in each.findings))
    return judged, Checked(what=name, checks=checks, findings=findings)


def _broken_promises(facts: Mapping[str, object]) -> Iterator[Finding]:
    """What was noticed when the picture was bought: another size than the model promises."""
    noticed = facts.get("findings")
    for entry in noticed if isinstance(noticed, list) else ():
        if isinstance(entry, dict) and entry.get("code") == "PICTURE_OTHER_SIZE":
            values = entry.get("values")
            if isinstance(values, dict) and {"got", "wanted"} <= set(values):
                yield finding("PICTURE_OTHER_SIZE", values)


def _compare(
    judged: "Mapping[Path, Judgement]", views: "Mapping[View, Cutout]", job: CheckJob
) -> Iterator[Checked]:
    """What can only be said of several pictures; `views` are those of one figurine."""
    from slipcast.checks.picture.compare import check_drafts, check_views

    cuts = [done.cut for done in judged.values() if done.cut is not None]
    if checks := check_views(views):
        if View.FRONT in views:
            from slipcast.depth.models import DepthOptions
            from slipcast.pipeline.several_views import judge_views

            checks = (*checks, judge_views(views, DepthOptions()))
        found = tuple(found for check in checks for found in check.findings)
        yield Checked(what="views", checks=checks, findings=found)
    if job.drafts and len(cuts) > 1:
        agreement = check_drafts(cuts)
        ranked = sorted(judged, key=lambda path: -judged[path].rating)
        order = ", ".join(f"{path} ({judged[path].rating:.2f})" for path in ranked)
        yield Checked(what=f"drafts, best first: {order}", checks=(agreement,), findings=agreement.findings)
