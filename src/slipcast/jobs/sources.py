"""Which pictures: paths and folders, or a list -> one entry a picture, and the names of their assets.

A list is a text of paths (a line each), or a manifest: .csv with a header or .jsonl, whose columns name the picture and
what is different for it.
"""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from slipcast.core.errors import BadInput
from slipcast.core.values import View
from slipcast.formats.common.naming import check_name
from slipcast.jobs.view_sets import sets_in

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".jp2", ".avif", ".heic")
)
"""What is taken of a folder. HEIC cannot be read and says so, which is better than to be passed over."""
COLUMNS = ("picture", "name", "view", "height", "faces", "depth", "detail", "gate")
"""What a manifest may say of a picture; all but `picture` may be left out."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One picture as it was named, with the words that are its own."""

    picture: Path
    words: Mapping[str, str] = field(default_factory=dict)
    """Column -> what it says; without `picture`."""
    others: Mapping[View, Path] = field(default_factory=dict)
    """Pictures of the figurine's other sides, where `picture` is the front of several."""
    name: str = ""
    """What stands for `{stem}` where it is not the picture's own."""
    where: str = ""
    """`shots.csv, line 3`; empty for what stood on the command line."""


def entries_of(places: Iterable[Path], listed: Path | None) -> tuple[Entry, ...]:
    """Every picture that the command line names, in order, each once.

    A folder stands for the pictures in it, by name, without its subfolders and without previews; those that are called
    front, left, back ... are one figurine with the folder's name, `fox_front`, `fox_back` one called `fox`. Raises
    BadInput when there is none, or for a list that cannot be read.
    """
    found: list[Entry] = []
    for place in places:
        found += _entries_in(place) if place.is_dir() else [Entry(picture=place)]
    if listed is not None:
        found += _listed(listed)
    if not found:
        raise BadInput("no picture is named; name pictures or folders, or a list of them")
    return tuple({entry.picture: entry for entry in found}.values())


def _entries_in(folder: Path) -> list[Entry]:
    sets, rest = sets_in(_pictures_in(folder))
    entries = [Entry(picture=path) for path in rest]
    for name, views in sets.items():
        front, *_ = views.values()
        others = {view: path for view, path in views.items() if path != front}
        entries.append(Entry(picture=front, others=others, name=name or folder.absolute().name))
    return sorted(entries, key=lambda entry: str(entry.picture))


def _pictures_in(folder: Path) -> list[Path]:
    try:
        found = sorted(path for path in folder.iterdir() if _is_picture(path))
    except OSError as problem:
        raise BadInput(f"{folder} cannot be read ({problem.strerror}); give yourself permission") from None
    if not found:
        raise BadInput(f"{folder} is a folder without pictures; name pictures, for instance {folder}/*/*.png")
    return found


def _is_picture(path: Path) -> bool:
    """By its name alone."""
    name = path.name
    return path.suffix.lower() in SUFFIXES and not name.startswith(".") and not name.endswith(".preview.png")


def subfolders_left(places: Iterable[Path], *, out: Path | None = None) -> Iterator[str]:
    """A sentence for each folder of `places` whose subfolders hold pictures that `entries_of` does not look for.

    Hidden folders, the stages that `keep` wrote, the folder of the results `out` and folders that are themselves among
    `places` do not count.
    """
    folders = [place for place in places if place.is_dir()]
    known = {place.resolve() for place in (*folders, *((out,) if out else ()))}
    for folder in folders:
        left = []
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.suffix == ".stages" or path.resolve() in known:
                continue
            with suppress(OSError):  # no folder, or one that is closed to us: nothing to tell of it
                left += [path] if any(_is_picture(file) for file in path.iterdir()) else []
        if left:
            what = "subfolder with pictures was" if len(left) == 1 else "subfolders with pictures were"
            yield f"{folder}: {len(left)} {what} not looked into; to take them too, name each, as {left[0]}"


def _listed(path: Path) -> list[Entry]:
    """The entries of a list; relative paths of a manifest are its folder's, those of a plain list the current one's."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8-sig")
    except OSError as problem:
        raise BadInput(f"the list {path} cannot be read ({problem.strerror}); give a text of paths") from None
    except UnicodeDecodeError:
        raise BadInput(f"the list {path} is not UTF-8 text; give a list of paths, not a picture") from None
    rows = {".csv": _csv_rows, ".jsonl": _json_rows}.get(path.suffix.lower())
    if rows is None:
        lines = [line.strip() for line in text.splitlines()]
        return [Entry(picture=Path(line)) for line in lines if line and not line.startswith("#")]
    return [_entry(path.parent, row, f"{path}, line {number}") for number, row in rows(path, text)]


def _entry(folder: Path, row: Mapping[str, object], where: str) -> Entry:
    words = {key: str(value) for key, value in row.items() if value not in (None, "")}
    unknown = [key for key in words if key not in COLUMNS]
    if unknown:
        raise BadInput(f"{where}: {unknown[0]!r} is no column; there are {', '.join(COLUMNS)}")
    if "picture" not in words:
        raise BadInput(f"{where}: there is no picture; fill the column 'picture' with a path")
    return Entry(picture=folder / words.pop("picture"), words=words, where=where)


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    reader = csv.DictReader(
        io.StringIO(text, newline=""), restkey="what stands behind the last column", strict=True
    )
    if "picture" not in (reader.fieldnames or ()):
        raise BadInput(f"{path}: the first line has no column 'picture'; write the columns' names there")
    try:
        yield from ((reader.line_num, row) for row in reader)
    except csv.Error as problem:
        raise BadInput(f"{path}, line {reader.line_num}: this is not CSV ({problem})") from None


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as problem:
            raise BadInput(f"{path}, line {number}: this is not JSON ({problem})") from None
        if not isinstance(row, dict):
            raise BadInput(
                f'{path}, line {number}: an object is needed, for instance {{"picture": "fox.png"}}'
            )
        yield number, row


def names_of(entries: Iterable[Entry], pattern: str) -> dict[Path, str]:
    """Picture -> name of its asset: a manifest's, or made by a pattern with `{stem}`, `{folder}` and `{suffix}`.

    What no file of Windows may be called is made safe (`con` becomes `_con`), so that the files can go anywhere. Raises
    BadInput for a pattern or a name that is no file name or too long, and for two pictures of one name, since their
    results would overwrite each other; case is ignored because some disks ignore it. No number is added behind the
    user's back: the same call gives the same files.
    """
    plain = pattern
    for word in ("{stem}", "{folder}", "{suffix}"):
        plain = plain.replace(word, "")
    if not pattern or set(plain) & set("/\\{}\0"):
        raise BadInput(
            f"name is {pattern!r}, no pattern for file names; give {{stem}}, {{folder}}, {{suffix}} and plain letters",
            field="name",
        )
    names: dict[Path, str] = {}
    first: dict[str, Path] = {}
    for entry in entries:
        path = entry.picture
        name = pattern.replace("{stem}", entry.name or path.stem).replace("{suffix}", path.suffix.lstrip("."))
        name = name.replace("{folder}", path.absolute().parent.name)
        name = entry.words.get("name", name)
        name = check_name(name, whose=f"the name of the asset of {path}")
        other = first.setdefault(name.casefold(), path)
        if other is not path:
            what = "{suffix}" if other.absolute().parent == path.absolute().parent else "{folder}"
            raise BadInput(
                f"{other} and {path} would both be called {name}; rename one, or try the name '{{stem}}-{what}'"
            )
        names[path] = name
    return names
