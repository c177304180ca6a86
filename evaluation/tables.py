"""Tables of numbers on a terminal: a heading, a line for each case, and the mean of all."""

# ruff: noqa: T201 - for commands: it prints

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Table:
    """Which numbers a line has, and how they are written.

    >>> table = Table(columns=("cd", "faces"), whole={"faces"}, wide=5)
    >>> print(table.heading("case")); print(table.line("owl", {"cd": 0.25, "faces": 1000}))
    case        cd    faces
    owl      0.250     1000
    """

    columns: tuple[str, ...]
    digits: int = 3
    """After the point."""
    whole: Collection[str] = ()
    """Columns of whole numbers."""
    wide: int = 24
    """Letters for the names."""

    def heading(self, title: str) -> str:
        """The columns' names."""
        return f"{title:{self.wide}s}" + "".join(f"{column:>9s}" for column in self.columns)

    def line(self, name: str, scores: Mapping[str, float], *, signed: bool = False) -> str:
        """One line, with a sign before each number if it is `signed`."""
        sign = "+" if signed else ""
        return f"{name:{self.wide}s}" + "".join(
            f"{scores[column]:{sign}9.{0 if column in self.whole else self.digits}f}"
            for column in self.columns
        )

    def show(
        self, title: str, rows: Iterable[tuple[str, Mapping[str, float] | str]]
    ) -> tuple[dict[str, Mapping[str, float]], dict[str, str]]:
        """Print the heading, each row as it comes, a sentence in place of its numbers too, and the mean.

        Returns the rows that have numbers, and the sentences of the others.

        >>> rows, failed = Table(columns=("cd",), wide=6).show("case", [("owl", {"cd": 0.25}), ("fox", "is empty")])
        case         cd
        owl       0.250
        fox     is empty
        MEAN of 1    0.250
        >>> failed
        {'fox': 'is empty'}
        """
        known: dict[str, Mapping[str, float]] = {}
        failed: dict[str, str] = {}
        print(self.heading(title), flush=True)
        for name, scores in rows:
            if isinstance(scores, str):
                failed[name] = scores
                print(f"{name:{self.wide}s}  {scores}", flush=True)
            else:
                known[name] = scores
                print(self.line(name, scores), flush=True)
        if known:
            print(self.line(f"MEAN of {len(known)}", self.mean(known.values())), flush=True)
        return known, failed

    def mean(self, rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
        """The mean of each column over the rows that have a number there, NaN where none has."""
        known = list(rows)
        out = {}
        for column in self.columns:
            values = [row[column] for row in known if not math.isnan(row[column])]
            out[column] = sum(values) / len(values) if values else math.nan
        return out
