"""A file of prompts -> its rows, one after the other: .txt (a subject a line), .csv (with a header),
.jsonl."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from slipcast.core.errors import BadInput

SUBJECTS = ("subject", "prompt", "text")
"""Names that the column with the words may have."""


@dataclass(frozen=True, kw_only=True)
class PromptRow:
    """One line of the file."""

    line: int
    subject: str
    name: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The other columns: fields of a FigurineSpec, or `preset`."""
    problem: str = ""
    """What is wrong with the line; then it holds nothing else."""


def rows_of(path: Path) -> Iterator[PromptRow]:
    """The rows of `path`, read as they are wanted: a file of a million lines takes no more memory than one
    of ten.

    A line that is no row comes as its `problem`, so that the others go on. Raises BadInput for a file that cannot be
    read.
    """
    readers = {".txt": _text_rows, ".csv": _csv_rows, ".jsonl": _json_rows}
    if path.suffix.lower() not in readers:
        raise BadInput(f"{path}: prompts are read from {', '.join(readers)}; name the file so")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from readers[path.suffix.lower()](path, file)
    except OSError as problem:
        raise BadInput(f"{path} cannot be read ({problem.strerror}); give a file of prompts") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text; save it as UTF-8") from None


def _text_rows(path: Path, file: TextIO) -> Iterator[PromptRow]:
    for number, line in enumerate(file, 1):
        if line.strip() and not line.startswith("#"):
            yield PromptRow(line=number, subject=line.strip())


def _csv_rows(path: Path, file: TextIO) -> Iterator[PromptRow]:
    reader = csv.DictReader(file, restkey="")
    if not set(reader.fieldnames or ()) & set(SUBJECTS):
        raise BadInput(
            f"{path}: the first line has no column «{SUBJECTS[0]}»; write the columns' names there"
        )
    try:
        for row in reader:
            yield _row(reader.line_num, {key: value for key, value in row.items() if key and value})
    except csv.Error as problem:
        raise BadInput(f"{path}, line {reader.line_num}: this is not CSV ({problem})") from None


def _json_rows(path: Path, file: TextIO) -> Iterator[PromptRow]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as problem:
            yield _broken(number, f"this is not JSON ({problem})")
            continue
        if isinstance(row, dict):
            yield _row(number, row)
        else:
            yield _broken(number, 'an object is needed, for instance {"subject": "a fox"}')


def _broken(number: int, problem: str) -> PromptRow:
    return PromptRow(line=number, subject="", problem=problem)


def _row(number: int, row: Mapping[str, Any]) -> PromptRow:
    rest = dict(row)
    subjects = [str(rest.pop(key)) for key in SUBJECTS if key in rest]
    if not subjects:
        return _broken(number, f"there are no words; fill the column «{SUBJECTS[0]}»")
    return PromptRow(line=number, subject=subjects[0], name=str(rest.pop("name", "")), fields=rest)
