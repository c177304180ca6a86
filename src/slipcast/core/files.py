"""Files that get to the disk whole: all of them or none, and never over a picture.

They are written beside their places first, then flushed to the disk, then renamed in one go that no signal interrupts:
a full disk, an error or a stopped run leaves the folder as it was.
"""

import errno
import os
import re
import secrets
import signal
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from slipcast.core.errors import BadInput, DiskFull
from slipcast.core.options import show

FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""What the system says when there is no room."""
_ADDRESS = re.compile(r"(s3a?|gs|az|azure|abfss?|file|https?):(/|$)", re.IGNORECASE)
"""One slash is what `Path` leaves of two, or none."""
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}


def folder_of(folder: Path | str) -> Path:
    """The folder that was named; BadInput for what is no path, or the address of a store.

    The empty word is refused too, which `Path` takes for the current folder.

    >>> folder_of("out").name
    'out'
    """
    if folder == "":
        raise BadInput("folder is empty; give a path, or . for the current folder", field="folder")
    if not isinstance(folder, str | Path) or "\0" in str(folder):
        raise BadInput(f"folder is {show(folder)}; give a path, for instance 'out'", field="folder")
    refuse_address(folder, field="folder")
    return Path(folder)


def refuse_address(folder: Path | str, *, field: str) -> None:
    """Refuse the address of an object store where a folder of the disk is meant; BadInput names it and the cure.

    A folder called `s3:` is what the disk would make of it, and nobody would look for the files there.

    >>> refuse_address("s3://bucket/owl", field="out")
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: out is 's3://bucket/owl', the address of a store; give a folder of the disk, ...
    """
    if _ADDRESS.match(str(folder)):
        raise BadInput(
            f"{field} is {show(str(folder))}, the address of a store; give a folder of the disk, for instance 'out'",
            field=field,
        )


def check_folder(folder: Path) -> None:
    """Find out whether `folder` could be made and written to, without leaving a trace; BadInput when not.

    Asks by writing an empty file into the folder or its nearest parent that exists: permission bits alone mislead
    on read-only and network disks and for the administrator.
    """
    refuse_address(folder, field="out")
    with tell_writing(folder):
        place = folder
        while not os.path.lexists(place):
            place = place.parent
        if not place.is_dir():
            raise BadInput(f"{place} is a file, not a folder; choose another folder")
        part = _part_beside(place / "probe")
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        part.unlink()


def write_files(
    folder: Path, files: Mapping[str, bytes], *, spare: Collection[Path] = ()
) -> tuple[Path, ...]:
    """Write `files` (name -> content) into `folder`, all or none; returns their paths in order.

    Each is written and flushed beside its place, then all are renamed. Raises BadInput, with the folder as it was,
    when one cannot be written or would replace a file in `spare`, and DiskFull when there is no room.
    """
    kept = {path.resolve() for path in spare}
    targets = [folder / name for name in files]
    for target in targets:
        if target.resolve() in kept:
            raise BadInput(f"{target} is one of the pictures and would be overwritten; choose another folder")
    made: list[Path] = []
    parts: list[Path] = []
    try:
        for target, content in zip(targets, files.values(), strict=True):
            with tell_writing(target):
                _make_folder(target.parent, made)
                if target.is_dir():
                    raise BadInput(
                        f"{target} is a folder where a file is to be written; move it or choose another folder"
                    )
                parts.append(_part_beside(target))
                _write_part(parts[-1], content)
        with _hold_signals():
            for part, target in zip(parts, targets, strict=True):
                with tell_writing(target):
                    part.replace(target)
            made.clear()
    finally:
        with _hold_signals():
            for part in parts:
                part.unlink(missing_ok=True)
            for place in reversed(made):
                with suppress(
                    OSError
                ):  # another process has put a file there; what went wrong here is to be heard
                    place.rmdir()
    for place in dict.fromkeys(target.parent for target in targets):
        _flush_folder(place)
    return tuple(targets)


def _part_beside(target: Path) -> Path:
    """A name of its own, short and in the same folder: a long stem must not make it too long for the disk."""
    return target.with_name(f".slipcast-{os.getpid()}-{secrets.token_hex(4)}.part")


def _write_part(part: Path, content: bytes) -> None:
    with part.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: Path, made: list[Path]) -> None:
    """Make `folder` with its parents, noting each that is new in `made`, outermost first."""
    missing = []
    place = folder
    while not os.path.lexists(place):
        missing.append(place)
        place = place.parent
    if not place.is_dir():
        raise BadInput(f"{place} is a file, not a folder; choose another folder")
    for place in reversed(missing):
        try:
            place.mkdir()
        except FileExistsError:  # another process was faster; it is not ours to remove
            if not place.is_dir():
                raise BadInput(f"{place} is a file, not a folder; choose another folder") from None
            continue
        made.append(place)


def _flush_folder(folder: Path) -> None:
    """Make the renames themselves survive a power cut, where the system lets a folder be flushed."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network disks cannot; the files are there
            raise
    finally:
        os.close(handle)


@contextmanager
def _hold_signals() -> Iterator[None]:
    """Hold back Ctrl-C and termination for the few milliseconds in which files change names.

    By Python's handlers, not by the thread's signal mask: the system may hand a signal to any thread of a library.
    """
    if (
        threading.current_thread() is not threading.main_thread()
    ):  # Python runs handlers in the main thread only
        yield
        return
    waiting: list[int] = []

    def wait(number: int, frame: FrameType | None) -> None:
        waiting.append(number)

    before = {number: signal.signal(number, wait) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        if waiting:
            signal.raise_signal(waiting[0])


@contextmanager
def tell_writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write `path` into one sentence.

    Raises DiskFull where there is no room, else BadInput with the system's reason and the cure.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(
                f"{path} could not be written: the disk is full; free some space or choose another folder"
            ) from error
        if error.errno in _CLOSED:
            told = f"{path} is not writable; choose another folder"
        elif error.errno == errno.ENAMETOOLONG:
            told = f"{path} could not be written: the name is too long for the disk; choose a shorter name"
        else:
            told = f"{path} could not be written: {error.strerror or error}; choose another folder"
        raise BadInput(told) from error
