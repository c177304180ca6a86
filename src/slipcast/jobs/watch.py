"""A folder that is watched: what arrives is converted, for weeks, and a restart goes on where it was stopped.

`Inbox` knows which files are whole and belong together and has no clock of its own; `watch_folder` wakes it, converts
and keeps the books. watchfiles tells of changes at once, but hears nothing of a network share's other machines: so the
folder is also read anew every few seconds, and that alone would do.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from slipcast.core.errors import BadInput, DiskFull
from slipcast.core.options import check, flag, instance, real
from slipcast.core.values import View
from slipcast.formats.common.naming import make_safe
from slipcast.jobs.convert import ConvertJob, ConvertTask, Done, check_places, convert_pictures, mark_of_task
from slipcast.jobs.events import Event, Tell, ignore
from slipcast.jobs.failure import Failure
from slipcast.jobs.sources import SUFFIXES
from slipcast.jobs.view_sets import split_view

if TYPE_CHECKING:
    from slipcast.pipeline.recipe import Recipe

FAILED = "failed"
"""Folder beside the results: a JSON for each picture that became none."""
_BATCH = 32
"""Arrivals that are converted before the folder is looked at again."""
_PAUSE_S = 60.0
"""Between two tries while the disk is full or the folder is gone."""


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """How a folder is watched."""

    settle_s: float = 2.0
    """A file is whole when it has not changed for so long."""
    views_wait_s: float = 30.0
    """So long `owl_left.png` waits for more sides of the owl after the last one came."""
    move: Path | None = None
    """Where pictures go that are done; those that failed go to the failed ones. None: all stay."""
    once: bool = False
    """End when nothing is left to be done."""

    def __post_init__(self) -> None:
        check(
            self,
            settle_s=real(0, 86_400, example=2, unit="seconds"),
            views_wait_s=real(0, 86_400, example=30, unit="seconds"),
            move=instance(Path).or_none(),
            once=flag(),
        )


@dataclass(frozen=True, kw_only=True)
class FolderGone(Event):
    """The watched folder cannot be read; it is looked for again and again."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A picture, or a figurine's pictures, whole and ready to be converted."""

    name: str
    picture: Path
    others: Mapping[View, Path] = field(default_factory=dict)
    problem: str = ""
    """Why nothing can be made of it."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """All its files."""
        return (self.picture, *self.others.values())


_State = tuple[int, int]
"""Size and time of change."""


class Inbox:
    """Which files of a folder are whole, new, and belong together; it keeps a few numbers for each file there is."""

    def __init__(self, folder: Path, options: WatchOptions) -> None:
        self._folder, self._options = folder, options
        self._since: dict[Path, tuple[_State, float]] = {}
        self._closed: dict[Path, _State] = {}

    def scan(self, now_s: float) -> list[Arrival]:
        """Read the folder and return what is ready at `now_s`, by name; OSError where the folder is gone."""
        present = dict(_states(self._folder))
        for known in (self._since, self._closed):
            for path in known.keys() - present.keys():
                del known[path]
        for path, state in present.items():
            if self._closed.get(path) == state:
                self._since.pop(path, None)
            elif path not in self._since or self._since[path][0] != state:
                self._since[path] = (state, now_s)
        groups: dict[str, list[Path]] = {}
        for path in sorted(present):
            side = split_view(path.stem)
            groups.setdefault(path.stem if side is None else (side[0] or self._folder.name), []).append(path)
        ready = [self._arrival(name, paths, now_s) for name, paths in sorted(groups.items())]
        return [arrival for arrival in ready if arrival is not None]

    @property
    def is_waiting(self) -> bool:
        """Whether files are there that are not closed."""
        return bool(self._since)

    def close(self, arrival: Arrival) -> None:
        """Note that nothing more is to be done for it, unless one of its files changes."""
        for path in arrival.paths:
            if path in self._since:
                self._closed[path] = self._since.pop(path)[0]

    def _arrival(self, name: str, paths: list[Path], now_s: float) -> Arrival | None:
        """What is ready of the files of one name; None while there is something to wait for, or nothing new."""
        new = [self._since[path] for path in paths if path in self._since]
        quiet_s = now_s - max((since for _, since in new), default=now_s)
        if not new or not all(state[0] for state, _ in new) or quiet_s < self._options.settle_s:
            return None
        views = {side[1]: path for path in paths if (side := split_view(path.stem))}
        if len(views) < len(paths):
            if len(paths) == 1:
                return Arrival(name=name, picture=paths[0])
            told = f"{' and '.join(path.name for path in paths)} would both be called {name}; rename one"
            return Arrival(name=name, picture=paths[0], others=_numbered(paths[1:]), problem=told)
        if quiet_s < self._options.views_wait_s:
            return None
        if View.FRONT not in views:
            told = f"{name} has no front among {', '.join(views)}; the front picture is always needed"
            return Arrival(name=name, picture=paths[0], others=_numbered(paths[1:]), problem=told)
        front = views.pop(View.FRONT)
        if not views:
            return Arrival(name=front.stem, picture=front)
        order = sorted(views, key=list(View).index)
        return Arrival(name=name, picture=front, others={view: views[view] for view in order})


def watch_folder(
    folder: Path, recipe: "Recipe", job: ConvertJob, options: WatchOptions, tell: Tell | None = None
) -> Iterator[tuple[ConvertTask, Done | Failure]]:
    """Convert what arrives in `folder` as `job` says (its tasks are none of its own) and yield what came of each.

    Ends with `options.once` alone, or when the caller stops. Pictures stay where they are until their files are whole
    on the disk; one that failed is tried again when it changes. Raises BadInput for folders that cannot be used.
    """
    tell = tell or ignore
    _check_folders(folder, job, options)
    check_places(job)
    inbox, gone = Inbox(folder, options), False
    for _ in _wake_ups(folder, options):
        try:
            arrivals = inbox.scan(time.monotonic())
            gone = False
        except OSError as problem:
            if not gone:
                tell(FolderGone(entry=folder.name, reason=problem.strerror or str(problem)))
            gone = True
            continue
        for first in range(0, len(arrivals), _BATCH):
            for arrival, task, done in _convert(arrivals[first : first + _BATCH], recipe, job, tell):
                if isinstance(done, Failure) and done.kind == DiskFull.__name__:
                    yield task, done
                    time.sleep(0 if options.once else _PAUSE_S)
                    break
                inbox.close(arrival)
                told = _book(arrival, task, done, job, options)
                if told:
                    yield task, done
        if options.once and not inbox.is_waiting:
            return


def _convert(
    arrivals: list[Arrival], recipe: "Recipe", job: ConvertJob, tell: Tell
) -> Iterator[tuple[Arrival, ConvertTask, Done | Failure]]:
    """Each arrival with what came of it, in order."""
    good: dict[str, Arrival] = {}
    tasks = []
    for arrival in arrivals:
        name = make_safe(arrival.name)
        task = ConvertTask(picture=arrival.picture, name=name, recipe=recipe, others=arrival.others)
        if arrival.problem:
            yield arrival, task, Failure.of(BadInput(arrival.problem))
        elif failed := _failed_before(task, job):
            yield arrival, task, failed
        else:
            good[task.name] = arrival
            tasks.append(task)
    if tasks:
        for task, done in convert_pictures(replace(job, tasks=tuple(tasks), resume=True), tell):
            yield good[task.name], task, done


def _book(
    arrival: Arrival, task: ConvertTask, done: Done | Failure, job: ConvertJob, options: WatchOptions
) -> bool:
    """Write or remove the JSON of the error, move the pictures; False where nothing is new."""
    from slipcast.core.files import write_files

    place = job.out / FAILED / f"{task.name}.json"
    error = done if isinstance(done, Failure) else done.missed
    if error is None:
        place.unlink(missing_ok=True)
    elif not isinstance(done, _Before):
        facts = {
            "pictures": [path.name for path in arrival.paths],
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "mark": "" if arrival.problem else _mark(task, job),
            "error": error.as_dict(),
        }
        text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
        write_files(place.parent, {place.name: text.encode()})
    if options.move is not None:
        _move(arrival.paths, place.parent if isinstance(done, Failure) else options.move)
    return not isinstance(done, _Before)


class _Before(Failure):
    """A failure that an earlier run has told already."""


def _failed_before(task: ConvertTask, job: ConvertJob) -> Failure | None:
    """The failure of the same pictures, options and version, from its JSON."""
    try:
        known = json.loads((job.out / FAILED / f"{task.name}.json").read_text("utf-8"))
        if not known["mark"] or known["mark"] != _mark(task, job) or known["error"]["kind"] == "QualityGate":
            return None
        error = known["error"]
        return _Before(error["kind"], error["message"], error["exit_code"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _mark(task: ConvertTask, job: ConvertJob) -> str:
    return mark_of_task(hashlib.sha256(task.picture.read_bytes()).hexdigest(), task, job)


def _move(paths: Iterable[Path], folder: Path) -> None:
    """Move files into `folder`, beside what has their names there."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        target, number = folder / path.name, 1
        while target.exists():
            number += 1
            target = folder / f"{path.stem}-{number}{path.suffix}"
        shutil.move(path, target)


def _numbered(paths: Iterable[Path]) -> dict[View, Path]:
    """Files of an arrival that is none: the keys say nothing."""
    return dict(zip(View, paths, strict=False))


def _states(folder: Path) -> Iterator[tuple[Path, _State]]:
    """The pictures of a folder with their states; a file that goes while it is looked at is passed over."""
    for path in folder.iterdir():
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.name.endswith((".preview.png", ".print.png")):
            continue
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue
        yield path, (facts.st_size, facts.st_mtime_ns)


def _check_folders(folder: Path, job: ConvertJob, options: WatchOptions) -> None:
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder; make it first, or name another")
    for name, other in (("out", job.out), ("move", options.move)):
        if other is not None and other.resolve() == folder.resolve():
            raise BadInput(f"{name} {other} is the watched folder itself; choose another", field=name)


def _wake_ups(folder: Path, options: WatchOptions) -> Iterator[None]:
    """Now, at each change, and at the latest after the time in which a file settles."""
    from watchfiles import watch

    beat_s = min(max(options.settle_s, 0.1), 5.0)
    while True:
        yield
        try:
            for _ in watch(
                folder,
                watch_filter=None,
                debounce=100,
                rust_timeout=int(beat_s * 1000),
                yield_on_timeout=True,
                recursive=False,
            ):
                yield
        except OSError:  # the folder is gone, or its system has no events: reading it anew does
            time.sleep(beat_s)
