"""Assets or pictures -> files for a printer."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from slipcast.core.errors import BadInput, QualityGate, StageFailed, status_of
from slipcast.jobs.claims import Claims
from slipcast.jobs.events import EntryDone, Found, Tell, ignore
from slipcast.jobs.failure import Failure, attempt

if TYPE_CHECKING:
    from slipcast.core.findings import Finding
    from slipcast.core.values import Figurine
    from slipcast.prepare.print import Print, PrintOptions


@dataclass(frozen=True, kw_only=True)
class PrintJob:
    """What is printed, and how."""

    sources: tuple[Path, ...]
    """Assets (.glb, .gltf) or pictures."""
    options: "PrintOptions"
    out: Path
    report: bool = False
    """Also write NAME.print.html."""
    debug: bool = False


@dataclass(frozen=True, kw_only=True)
class Printed:
    """One source, prepared and written."""

    source: Path
    files: tuple[Path, ...]
    made: "Print"

    @property
    def exit_code(self) -> int:
        """0 for a sound print, else that of a missed gate."""
        return 0 if self.made.sound else status_of(QualityGate("")).exit_code

    def as_dict(self) -> dict[str, object]:
        """JSON-ready data."""
        report = self.made.describe()
        return {"source": str(self.source), "files": [str(place) for place in self.files], **report}


def print_sources(job: PrintJob, tell: Tell | None = None) -> Iterator[tuple[Path, Printed | Failure]]:
    """Prepare each source and yield it with what came of it; one that fails does not stop the others."""
    tell = tell or ignore
    claims = Claims("print")
    for source in dict.fromkeys(job.sources):
        done = attempt(partial(_print, source, job, claims), debug=job.debug)
        if isinstance(done, Printed):
            for found in done.made.findings:
                tell(Found(entry=source.stem, finding=found))
        tell(EntryDone(entry=source.stem, outcome=done))
        yield source, done


def _print(path: Path, job: PrintJob, claims: Claims) -> Printed:
    from slipcast.core.files import check_folder, write_files
    from slipcast.prepare.print import print_figurine

    check_folder(job.out)
    figurine, lost = _read(path, job.options)
    try:
        made = print_figurine(figurine, job.options)
    # Both speak of the mesh, and there may be several.
    except StageFailed as problem:
        raise StageFailed(f"{path}: {problem}") from problem
    except BadInput as problem:
        raise _name_file(problem, path) from problem
    made = replace(made, findings=(*lost, *made.findings))
    text = json.dumps({"source": path.name, **made.describe()}, indent=2, ensure_ascii=False) + "\n"
    files = {**made.files(), f"{made.name}.print.json": text.encode()}
    if job.report:
        from slipcast.report.print_page import draw_print_report

        files[f"{made.name}.print.html"] = draw_print_report(made)
    claims.take(job.out, files, path)
    return Printed(source=path, files=write_files(job.out, files, spare=[path]), made=made)


def _name_file(problem: BadInput, path: Path) -> BadInput:
    """The same with the file: before the sentence, or behind its first part where it begins with an option."""
    what, mark, cure = problem.sentence.partition(";")
    sentence = f"{what} ({path}){mark}{cure}" if problem.field else f"{path}: {problem.sentence}"
    return BadInput(sentence, field=problem.field, cure=problem.cure)


def _read(path: Path, options: "PrintOptions") -> "tuple[Figurine, tuple[Finding, ...]]":
    """The figurine of an asset or a picture, and what of the asset it cannot hold."""
    from slipcast.formats.inspect import READERS

    if path.suffix.lower() in READERS:
        from slipcast.formats.read_model import read_any

        return read_any(path)
    from slipcast.depth.place import PlaceOptions
    from slipcast.jobs.workshop import convert

    return convert(path, normal_map="off", height_m=options.height_m or PlaceOptions.height_m).figurine, ()
