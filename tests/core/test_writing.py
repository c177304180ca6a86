"""Files get to the disk whole, beside other processes that do the same."""

import errno
import os
from pathlib import Path

import pytest

from slipcast.core import files as disk
from slipcast.core.errors import BadInput, DiskFull
from slipcast.core.files import write_files


def test_two_processes_may_make_one_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one is always faster here: the folder appears between the question and the answer."""
    real = Path.mkdir

    def late(self: Path, *given: object, **named: object) -> None:
        real(self)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self))

    monkeypatch.setattr(Path, "mkdir", late)
    assert write_files(tmp_path / "new" / "deep", {"a.glb": b"x"})[0].read_bytes() == b"x"


def test_a_file_in_the_folders_place_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def occupied(self: Path, *given: object, **named: object) -> None:
        self.write_bytes(b"a file")
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self))

    monkeypatch.setattr(Path, "mkdir", occupied)
    with pytest.raises(BadInput, match="is a file, not a folder"):
        write_files(tmp_path / "new", {"a.glb": b"x"})


def test_a_full_disk_is_told_though_another_process_uses_the_new_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(part: Path, content: bytes) -> None:
        (part.parent / "of another process").write_bytes(b"stays")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(disk, "_write_part", full)
    with pytest.raises(DiskFull, match="the disk is full"):
        write_files(tmp_path / "new", {"a.glb": b"x"})
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["of another process"]
