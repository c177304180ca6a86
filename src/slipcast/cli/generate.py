"""`slipcast generate` and `slipcast refine`: words in, pictures on disk, one line for each."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slipcast.cli.exit import Failure, attempt
from slipcast.cli.live import Board
from slipcast.cli.options.prompt import (
    Asked,
    Words,
    ask_for,
    buy_options,
    limits_of,
    name_apart,
    options_of,
    provider_of,
    sidecar,
    slug,
    spec_options,
)
from slipcast.cli.prompt_file import PromptRow, rows_of
from slipcast.cli.terminal import Terminal
from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding
from slipcast.generate.prompt_checks import PromptLimits, injection

if TYPE_CHECKING:
    from slipcast.generate.cascade import CascadeOptions
    from slipcast.generate.request import PictureRequest
    from slipcast.generate.results import Bought, Plan
    from slipcast.generate.studio import Studio

_OUT = click.option(
    "-o",
    "--out",
    default="pictures",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the results.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line for each picture.")


@click.command()
@click.argument("subject", metavar="[WORDS...]", nargs=-1)
@click.option("--file", "file", type=click.Path(path_type=Path), help="Prompts: .txt, .csv or .jsonl.")
@_OUT
@click.option("--name", default="", help="Of the picture; from the words by default.")
@click.option("--count", default=1, show_default=True, help="Pictures of each prompt.")
@click.option("--drafts", default=0, help="Buy so many cheap drafts, redraw the best on --final.")
@click.option(
    "--draft", default="gemini-3.1-flash-lite-image", show_default=True, help="Model of the drafts."
)
@click.option(
    "--final", default="gemini-3-pro-image", show_default=True, help="Model of the redrawn picture."
)
@click.option(
    "--batch", is_flag=True, help="Half price within a day: submit now, `slipcast batches` collects."
)
@click.option("--dry-run", is_flag=True, help="Say what would be bought and for how much; buy nothing.")
@click.option(
    "--run", "run", default="", help="Name of the run: what it has spent before counts for --max-cost."
)
@spec_options
@buy_options
@_JSON
@click.option("--debug", is_flag=True, help="Log unexpected errors.")
@click.pass_obj
def generate(terminal: Terminal, /, subject: tuple[str, ...], out: Path, as_json: bool, **words: Any) -> int:
    """Buy pictures of figurines: of WORDS, or of each row of a file.

    OUT gets NAME.png (or .jpg, as it was received) and NAME.json with prompt, model, ids, tokens and cost.
    Pictures that are there already are not bought again, so that a stopped run goes on with the same command.
    """
    done = attempt(
        lambda: _generate(terminal, " ".join(subject), out, words, as_json=as_json), debug=words["debug"]
    )
    if isinstance(done, Failure):
        terminal.complain(done.message)
        return done.exit_code
    return done


@click.command()
@click.argument("picture", type=click.Path(path_type=Path))
@click.argument("wishes", metavar="WISH...", nargs=-1, required=True)
@_OUT
@click.option(
    "--take", default=0, show_default=True, help="Another number gives another picture for the same wish."
)
@click.option("--block", type=click.Path(path_type=Path), help="File with phrases that must not be sent.")
@click.option("--dry-run", is_flag=True, help="Say what would be bought and for how much; buy nothing.")
@buy_options
@_JSON
@click.pass_obj
def refine(
    terminal: Terminal,
    /,
    picture: Path,
    wishes: tuple[str, ...],
    out: Path,
    take: int,
    as_json: bool,
    **words: Any,
) -> int:
    """Change PICTURE by each WISH in turn: slipcast refine owl.png "add battle damage to the left wing".

    Each step is a picture of its own (owl-edit1.png, owl-edit2.png ...), whose JSON holds the history; any step
    can be repeated from the picture before it (--take 1: owl-edit1-take1.png).
    """
    from slipcast.generate.money.prices import default_model
    from slipcast.generate.refine import refine_request
    from slipcast.generate.studio import Studio
    from slipcast.workspace.files import check_folder

    limits = limits_of({**words, "longest": PromptLimits.longest}, shortest=3)
    data, mime, facts = _start_of(picture)
    model = words["model"] or default_model()
    check_folder(out)
    with Studio(provider_of(words), options_of(words)) as studio, Board(terminal) as board:
        for number, wish in enumerate(wishes, 1):
            name = f"{picture.stem}-edit{number}" + (f"-take{take}" if take else "")
            request = refine_request(
                data, mime, facts, wish, model=model, size=words["size"], take=take, name=name, limits=limits
            )
            if words["dry_run"]:
                plan = studio.plan([request])
                steps = count_of(len(wishes), "step")
                terminal.say(f"{steps} of about ${plan.usd:.4f} each; nothing was bought")
                return 0
            bought = studio.buy(request, board.watch)
            _deliver(board.terminal, out, name, bought, injection(wish), as_json=as_json)
            data, mime, facts = bought.data, bought.mime, bought.facts
    return 0


@dataclass
class Tally:
    """How a run went."""

    failures: list[Failure]
    pictures: int = 0
    kept: int = 0
    usd: float = 0.0


def _generate(terminal: Terminal, subject: str, out: Path, words: Words, *, as_json: bool) -> int:
    from slipcast.generate.studio import Studio
    from slipcast.workspace.files import check_folder

    if bool(subject) == bool(words["file"]):
        raise BadInput(
            "give either words or --file, and not both; for instance: slipcast generate a clockwork owl"
        )
    if words["count"] < 1:
        raise BadInput(f"--count {words['count']} is too few; give 1 or more")
    provider = provider_of(words)
    tally = Tally(failures=[])
    asked = name_apart(_asked(terminal.complain, subject, words, tally))
    if words["dry_run"]:
        with Studio(provider, options_of(words)) as studio:
            say_plan(terminal, plan_of(studio, asked, words), as_json=as_json)
        return tally.failures[0].exit_code if tally.failures else 0
    if words["batch"] and words["drafts"]:
        raise BadInput("--batch takes a day, so it cannot choose among --drafts; leave one of them out")
    if words["batch"]:
        from slipcast.cli.batches import submit_all

        worst = submit_all(terminal, provider, asked, out, words, as_json=as_json)
        return tally.failures[0].exit_code if tally.failures else worst
    check_folder(out)
    notes: dict[str, tuple[Finding, ...]] = {}
    anew = words["refresh"] or words["no_cache"]
    board = Board(terminal)
    asked = name_apart(_asked(lambda said: board.terminal.complain(said), subject, words, tally))
    with Studio(provider, options_of(words, run=words["run"])) as studio, board:

        def wanted() -> Iterator["PictureRequest"]:
            for one in asked:
                if not anew and _is_there(out, one.request, provider.endpoint):
                    tally.kept += 1
                    continue
                notes[one.request.name] = one.findings
                yield one.request

        for name, result, usd in _results(studio, wanted(), words, board):
            findings = notes.pop(name, ())
            if isinstance(result, Failure):
                tally.failures.append(result)
                board.terminal.complain(f"{name}: {result.message}")
                if as_json:
                    board.terminal.say(json.dumps({"name": name, "ok": False, "error": result.as_dict()}))
                continue
            tally.pictures += 1
            tally.usd += usd
            _deliver(board.terminal, out, name, result, findings, as_json=as_json, usd=usd)
    _say_sum(terminal, tally, as_json=as_json)
    return tally.failures[0].exit_code if tally.failures else 0


def _asked(complain: Callable[[str], None], subject: str, words: Words, tally: Tally) -> Iterator[Asked]:
    """The requests, read as they are wanted; a row that cannot be sent is told and left out."""
    if subject:
        for take in range(words["count"]):
            yield ask_for(subject, words, name=words["name"], take=take)
        return
    for row in rows_of(words["file"]):
        for take in range(words["count"]):
            done = attempt(partial(_ask_row, row, words, take))
            if isinstance(done, Failure):
                tally.failures.append(done)
                complain(f"{words['file']}, line {row.line}: {done.message}")
                break
            yield done


def _ask_row(row: PromptRow, words: Words, take: int) -> Asked:
    if row.problem:
        raise BadInput(row.problem)
    return ask_for(row.subject, words, name=slug(row.name) if row.name else "", take=take, extra=row.fields)


def _results(
    studio: "Studio", requests: Iterable["PictureRequest"], words: Words, board: Board
) -> Iterator[tuple[str, "Bought | Failure", float]]:
    """Name and result of each request, in order of completion, and what it cost, its drafts included."""
    if words["drafts"]:
        from slipcast.generate.cascade import cascade

        options = cascade_of(words)
        for request in requests:
            made = attempt(partial(cascade, studio, request, options, board.watch))
            if isinstance(made, Failure):
                yield request.name, made, 0.0
            else:
                yield request.name, made.final, made.cost_usd
        return
    for outcome in studio.buy_many(requests, board.watch):
        if outcome.bought:
            yield outcome.request.name, outcome.bought, outcome.bought.cost_usd
        elif outcome.error:
            yield outcome.request.name, failure_of(outcome.error), 0.0


def count_of(number: int, noun: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def failure_of(error: Exception) -> Failure:
    """An outcome's error as the process's border words it."""

    def raising() -> None:
        raise error

    done = attempt(raising)
    assert isinstance(done, Failure)
    return done


def cascade_of(words: Words) -> "CascadeOptions":
    """The options of a cascade."""
    from slipcast.generate.cascade import CascadeOptions

    return CascadeOptions(draft=words["draft"], final=words["final"], drafts=words["drafts"])


def plan_of(studio: "Studio", asked: Iterable[Asked], words: Words) -> "Plan":
    """What `asked` would cost, the drafts of a cascade included."""
    if not words["drafts"]:
        return studio.plan((one.request for one in asked), batch=words.get("batch", False))
    from dataclasses import replace

    from slipcast.generate.cascade import draft_requests
    from slipcast.generate.request import Reference

    options = cascade_of(words)
    stand_in = Reference(data=b"", mime="image/png")

    def both() -> Iterator["PictureRequest"]:
        for one in asked:
            yield from draft_requests(one.request, options)
            references = (*one.request.references, stand_in)
            yield replace(one.request, model=options.final, references=references)

    return studio.plan(both())


def say_plan(terminal: Terminal, plan: "Plan", *, as_json: bool) -> None:
    """One line about `plan`, and a line for each of its findings."""
    if as_json:
        whole = {"pictures": plan.pictures, "cached": plan.cached, "usd": plan.usd}
        whole["findings"] = [finding.as_dict() for finding in plan.findings]  # type: ignore[assignment]
        terminal.say(json.dumps(whole))
        return
    stored = f"{plan.cached} in the store already, " if plan.cached else ""
    calls = count_of(plan.pictures - plan.cached, "call")
    pictures = count_of(plan.pictures, "picture")
    terminal.say(f"{pictures}: {stored}{calls} for about ${plan.usd:.4f}; nothing was bought")
    for finding in plan.findings:
        terminal.say(f"  {finding.severity}: {finding.message}")


def _say_sum(terminal: Terminal, tally: Tally, *, as_json: bool) -> None:
    if as_json or tally.pictures + tally.kept + len(tally.failures) < 2:
        if tally.kept and not as_json:
            terminal.say("the picture is there already; nothing was bought (another one: --count 2)")
        return
    parts = [f"{count_of(tally.pictures, 'picture')} for ${tally.usd:.4f}"]
    if tally.kept:
        parts.append(f"{tally.kept} were there already")
    if tally.failures:
        parts.append(f"{len(tally.failures)} failed")
    terminal.say(", ".join(parts))


def _deliver(
    terminal: Terminal,
    out: Path,
    name: str,
    bought: "Bought",
    findings: tuple[Finding, ...],
    *,
    as_json: bool,
    usd: float | None = None,
) -> None:
    """Write picture and JSON, say so; `usd` is what all of it cost, where that is more than the picture's own."""
    from slipcast.workspace.files import write_files

    notes = (*findings, *bought.findings)
    files = {f"{name}{bought.suffix}": bought.data, f"{name}.json": sidecar(bought.facts, notes)}
    picture = write_files(out, files)[0]
    if as_json:
        shown = {**bought.facts, "findings": [note.as_dict() for note in notes]}
        entry = {"name": name, "ok": True, "file": str(picture), "cached": bought.cached, "facts": shown}
        terminal.say(json.dumps(entry, ensure_ascii=False))
        return
    price = price_of(bought, bought.cost_usd if usd is None else usd)
    codes = f" | {' '.join(note.code for note in notes)}" if notes else ""
    terminal.say(f"{picture} | {bought.facts['width_px']}x{bought.facts['height_px']} px | {price}{codes}")
    terminal.note(notes)


def price_of(bought: "Bought", usd: float) -> str:
    """What `bought` cost, in words; `usd` counts its drafts too."""
    if not usd and bought.cached:
        return "from the store"
    return f"${usd:.4f}" if "cost_usd" in bought.facts else "free"


def _is_there(out: Path, request: "PictureRequest", endpoint: str) -> bool:
    """Whether OUT holds the picture of this very request, whole."""
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


def _start_of(picture: Path) -> tuple[bytes, str, Mapping[str, Any]]:
    """The picture to refine and what is known about it."""
    from slipcast.cli.options.prompt import reference_of

    reference = reference_of(picture)
    facts: dict[str, Any] = {}
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
