"""How verdicts sort pictures whose results a person looked at: `python -m evaluation.calibrate_verdicts FOLDER...`.

evaluation/verdicts.csv holds a picture's stem and what its result looked like from all sides, in clay and colour:
`good` (one would hand it on), `usable` (it is the figurine, with flaws that one sees), `bad` (from the side it is
something else, or a part is loose or lost). Whether it stands was no part of the label. Pictures without a
label are left out.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import csv
from collections import Counter
from pathlib import Path

from slipcast.picture.decode import read_picture
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.run import run

LABELS = Path(__file__).with_name("verdicts.csv")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    folders = parser.parse_args().folders
    with LABELS.open(encoding="utf-8") as file:
        labels = {row["picture"]: row["label"] for row in csv.DictReader(file)}
    counts: Counter[tuple[str, str]] = Counter()
    for path in sorted(path for folder in folders for path in folder.iterdir()):
        if path.stem not in labels:
            continue
        result = run(read_picture(path), Recipe(), name=path.stem)
        why = [check.name for check in result.checks if check.verdict.value != "approve"]
        print(f"{path.stem}: {labels[path.stem]}, {result.verdict.value} {' '.join(why)}", flush=True)
        counts[labels[path.stem], result.verdict.value] += 1
    print("| looked at | approve | review | reject |\n|---|---|---|---|")
    for label in ("good", "usable", "bad"):
        row = (str(counts[label, verdict]) for verdict in ("approve", "review", "reject"))
        print(f"| {label} | {' | '.join(row)} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
