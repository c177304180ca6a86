"""`slipcast check`: pictures in, what is wrong with them out, before money and minutes go into them."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from slipcast.cli.exit import Failure, attempt
from slipcast.cli.terminal import Terminal, quiet
from slipcast.core.errors import BadInput, QualityGate, status_of
from slipcast.core.values import View

if TYPE_CHECKING:
    from slipcast.checks.picture.judge import Judgement
    from slipcast.checks.verdict import Check, Verdict
    from slipcast.core.findings import Finding
    from slipcast.core.values import Picture


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is said about one picture, or about several together."""

    what: str
    """The file's path, or `views` or `drafts`."""
    checks: tuple["Check", ...]
    findings: tuple["Finding", ...]

    @property
    def verdict(self) -> "Verdict":
        """The worst of the checks' verdicts."""
        from slipcast.checks.verdict import verdict

        return verdict(self.checks)

    def as_dict(self) -> dict[str, object]:
        """JSON-ready."""
        from slipcast.core.advice import advise

        return {
            "picture": self.what,
            "ok": True,
            "verdict": self.verdict.value,
            "checks": {check.name: check.as_dict() for check in self.checks},
            "findings": [found.as_dict() for found in self.findings],
            "advice": [advice.as_dict() for advice in advise(self.findings)],
        }

    def lines(self) -> Iterator[str]:
        """For a reader: the verdict, each score, each finding, then what to do, most effective first."""
        from slipcast.core.advice import advise

        yield f"{self.what} | {self.verdict.value}"
        scores = [f"{check.name} {check.score:.2f}" for check in self.checks if check.score is not None]
        for first in range(0, len(scores), 6):
            yield "  " + "  ".join(scores[first : first + 6])
        for found in self.findings:
            yield f"  {found.severity.value}: {found.message}"
        for number, advice in enumerate(advise(self.findings), 1):
            yield f"  {number}. {advice.sentence}"


@click.command()
@click.argument("pictures", metavar="PICTURE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--views",
    default="",
    help="The sides that the pictures show, as front,left,back,right: they are compared as well.",
)
@click.option("--drafts", is_flag=True, help="The pictures are drafts of one prompt: compare and rank them.")
@click.option(
    "--prompt", default="", help="What was asked for; read from the JSON beside a bought picture by itself."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with an entry for each picture.")
@click.option("--debug", is_flag=True, help="Show what the libraries print; log unexpected errors.")
@click.pass_obj
def check(
    terminal: Terminal,
    pictures: tuple[Path, ...],
    views: str,
    drafts: bool,
    prompt: str,
    as_json: bool,
    debug: bool,
) -> int:
    """Judge each PICTURE before an asset is made of it: verdict, scores, findings, and what to do about them.

    The verdict is approve, review (look first) or reject. The exit code is 0 for approve and review, 6 when a picture
    is rejected, 2 when a file cannot be read.
    """
    entries: list[dict[str, object]] = []
    failures: list[Failure] = []

    def tell(report: Report) -> None:
        entries.append(report.as_dict())
        if not as_json:
            for line in report.lines():
                terminal.say(line)
        if report.verdict.value == "reject":
            failures.append(_rejected(report))

    def complain(failure: Failure, picture: Path | None) -> None:
        failures.append(failure)
        entries.append(
            {"picture": None if picture is None else str(picture), "ok": False, "error": failure.as_dict()}
        )
        terminal.complain(failure.message)

    sides = attempt(lambda: _sides(views, pictures), debug=debug)
    try:
        if isinstance(sides, Failure):
            complain(sides, None)
        else:
            judged: dict[Path, Judgement] = {}
            for path in dict.fromkeys(pictures):
                with nullcontext() if debug else quiet():
                    done = attempt(lambda path=path: _judged(path, sides.get(path), prompt), debug=debug)  # type: ignore[misc]
                if isinstance(done, Failure):
                    complain(done, path)
                    continue
                judged[path], report = done
                tell(report)
            for report in _together(judged, sides, drafts=drafts):
                tell(report)
    finally:
        if as_json:
            terminal.say(json.dumps(entries, indent=2, ensure_ascii=False))
    return next((failure.exit_code for failure in failures if failure.exit_code != 6), 6 if failures else 0)


def _sides(views: str, pictures: tuple[Path, ...]) -> dict[Path, View]:
    """Picture -> the side that it shows; empty without --views."""
    if not views:
        return {}
    names = [name.strip() for name in views.split(",")]
    known = ", ".join(View)
    for name in names:
        if name not in {view.value for view in View}:
            raise BadInput(f"--views names {name!r}; choose from {known}")
    if len(names) != len(pictures) or len(set(pictures)) != len(pictures):
        raise BadInput(f"--views names {len(names)} sides for {len(pictures)} pictures; name one for each")
    if len(set(names)) != len(names):
        raise BadInput(f"--views names {views!r}, a side twice; name each once")
    return {path: View(name) for path, name in zip(pictures, names, strict=True)}


def _judged(path: Path, view: View | None, prompt: str) -> tuple["Judgement", Report]:
    from slipcast.checks.picture.compare import check_prompt
    from slipcast.checks.picture.judge import judge_picture
    from slipcast.picture.decode import read_picture

    picture = read_picture(path, view=view or View.FRONT)
    judged = judge_picture(picture)
    checks = judged.checks
    facts = _facts_beside(path, picture)
    subject = prompt or str(facts.get("subject") or "")
    if judged.cut and subject:
        checks = (*checks, check_prompt(judged.cut, subject))
    noticed = judged.cut.findings if judged.cut else picture.findings
    findings = (*noticed, *_broken_promises(facts), *(found for each in checks for found in each.findings))
    return judged, Report(what=str(path), checks=checks, findings=findings)


def _facts_beside(path: Path, picture: "Picture") -> dict[str, object]:
    """The JSON that `slipcast generate` wrote beside this very picture; empty without."""
    try:
        facts = json.loads(path.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(facts, dict) or facts.get("sha256") != picture.source.get("sha256"):
        return {}
    return facts


def _broken_promises(facts: dict[str, object]) -> Iterator["Finding"]:
    """What was noticed when the picture was bought: another size than the model promises."""
    from slipcast.core.findings import finding

    noticed = facts.get("findings")
    for entry in noticed if isinstance(noticed, list) else ():
        if isinstance(entry, dict) and entry.get("code") == "PICTURE_OTHER_SIZE":
            values = entry.get("values")
            if isinstance(values, dict) and {"got", "wanted"} <= set(values):
                yield finding("PICTURE_OTHER_SIZE", values)


def _together(judged: dict[Path, "Judgement"], sides: dict[Path, View], *, drafts: bool) -> Iterator[Report]:
    """What can only be said of several pictures."""
    from slipcast.checks.picture.compare import check_drafts, check_views

    cuts = {path: done.cut for path, done in judged.items() if done.cut is not None}
    views = {sides[path]: cut for path, cut in cuts.items() if path in sides}
    if checks := check_views(views):
        found = tuple(found for check in checks for found in check.findings)
        yield Report(what="views", checks=checks, findings=found)
    if drafts and len(cuts) > 1:
        agreement = check_drafts(list(cuts.values()))
        ranked = sorted(judged, key=lambda path: -judged[path].rating)
        order = ", ".join(f"{path} ({judged[path].rating:.2f})" for path in ranked)
        yield Report(what=f"drafts, best first: {order}", checks=(agreement,), findings=agreement.findings)


def _rejected(report: Report) -> Failure:
    worst = [check.name for check in report.checks if check.verdict.value == "reject"]
    error = QualityGate(f"{report.what} is rejected for {', '.join(worst)}; see its findings")
    return Failure(type(error).__name__, str(error), status_of(error).exit_code)
