"""workspace/files.py: a folder gets all files of an asset or none, and no write ever shows half of one."""

import errno
import io
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slipcast.core import files as disk
from slipcast.core.errors import BadInput, DiskFull, SlipcastError
from slipcast.core.files import check_folder, write_files
from slipcast.core.values import Camera, Mesh, ModelInfo, Picture, PointCloud, Shells, Source
from slipcast.workspace import stage_files
from slipcast.workspace.ply import ply_of_cloud, ply_of_mesh


def _everything(folder: Path) -> dict[str, bytes]:
    """All files below, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_are_written_in_order_into_new_folders(tmp_path: Path) -> None:
    files = {"a.glb": b"main", "a.json": b"{}", "a.stages/depth.npz": b"x"}
    paths = write_files(tmp_path / "new" / "out", files)
    assert [path.relative_to(tmp_path / "new/out").as_posix() for path in paths] == list(files)
    assert _everything(tmp_path / "new" / "out") == files


def test_existing_files_are_replaced_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "a.glb").write_bytes(b"old")
    (tmp_path / "b.glb").write_bytes(b"other")
    write_files(tmp_path, {"a.glb": b"new"})
    assert _everything(tmp_path) == {"a.glb": b"new", "b.glb": b"other"}


def test_a_written_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.glb": b"x"})
    (tmp_path / "plain").write_bytes(b"x")
    assert (tmp_path / "a.glb").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_name_as_long_as_the_disk_allows_is_written(tmp_path: Path) -> None:
    name = "n" * 250 + ".glb"
    write_files(tmp_path, {name: b"x"})
    assert _everything(tmp_path) == {name: b"x"}
    with pytest.raises(BadInput, match=r"the name is too long for the disk; choose a shorter name"):
        write_files(tmp_path, {"n" * 300: b"x"})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the disk that is always full is Linux's")
def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second file's bytes go to a device that is always full: the kernel itself refuses them."""
    (tmp_path / "a.json").write_bytes(b"old")
    real, count = disk._part_beside, 0

    def beside(target: Path) -> Path:
        nonlocal count
        count += 1
        part = real(target)
        if count == 2:
            part.symlink_to("/dev/full")
        return part

    def write_part(part: Path, content: bytes) -> None:
        with part.open("wb") as file:
            file.write(content)

    monkeypatch.setattr(disk, "_part_beside", beside)
    monkeypatch.setattr(disk, "_write_part", write_part)
    with pytest.raises(DiskFull, match=r"deep/a\.json could not be written: the disk is full"):
        write_files(tmp_path / "out" / "deep", {"a.glb": b"new", "a.json": b"new"})
    assert _everything(tmp_path) == {"a.json": b"old"}
    assert not (tmp_path / "out").exists()


def test_a_quota_hit_in_the_middle_of_a_file_leaves_what_was_there(tmp_path: Path) -> None:
    """A limit on the size of files makes the kernel stop a write half way, without a seam in our code."""
    (tmp_path / "a.glb").write_bytes(b"old")
    program = """
        import resource, sys
        from pathlib import Path
        from slipcast.core.errors import DiskFull
        from slipcast.core.files import write_files
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            write_files(Path(sys.argv[1]), {"a.json": b"x" * 50_000, "a.glb": b"x" * 200_000})
        except DiskFull as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "a.glb could not be written" in done.stdout
    assert _everything(tmp_path) == {"a.glb": b"old"}


@pytest.mark.parametrize(
    ("number", "kind", "told"),
    [
        (errno.ENOSPC, DiskFull, "the disk is full"),
        (errno.EDQUOT, DiskFull, "the disk is full"),
        (errno.EROFS, BadInput, "is not writable"),
        (errno.EACCES, BadInput, "is not writable"),
        (errno.EIO, BadInput, "Input/output error"),
    ],
)
def test_each_refusal_of_the_system_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[SlipcastError], told: str
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(kind, match=told) as caught:
        write_files(tmp_path / "out", {"a.glb": b"x"})
    assert "a.glb" in str(caught.value)
    assert _everything(tmp_path) == {}
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["file", "file/below", "file/far/below"])
def test_an_output_folder_that_is_a_file_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    for refused in (check_folder, lambda folder: write_files(folder, {"a.glb": b"x"})):
        with pytest.raises(BadInput, match=r"file is a file, not a folder|Not a directory"):
            refused(tmp_path / place)
    assert _everything(tmp_path) == {"file": b"mine"}


def test_a_folder_in_a_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(BadInput, match=r"a\.json is a folder"):
        write_files(tmp_path, {"a.glb": b"x", "a.json": b"x"})
    assert _everything(tmp_path) == {}


def test_checking_a_folder_leaves_no_trace(tmp_path: Path) -> None:
    check_folder(tmp_path)
    check_folder(tmp_path / "not" / "there")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="a folder that nobody may write to, not even root"
)
def test_a_folder_that_takes_no_files_is_refused() -> None:
    for place in ("/proc", "/proc/new"):
        with pytest.raises(BadInput, match="/proc"):
            check_folder(Path(place))


def test_a_picture_is_never_overwritten(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"mine")
    with pytest.raises(BadInput, match=r"a\.png is one of the pictures"):
        write_files(tmp_path / "." / "x" / "..", {"a.glb": b"x", "a.png": b"x"}, spare=[picture])
    assert _everything(tmp_path) == {"a.png": b"mine"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_writing_leaves_the_old_files(tmp_path: Path, number: int) -> None:
    """The signal comes between two files, at the worst moment that is left to it."""
    program = """
        import os, signal, sys
        from pathlib import Path
        from slipcast.core import files as store
        def stop(number, frame):
            raise SystemExit(128 + number)
        signal.signal(int(sys.argv[2]), stop)
        write_part, count = store._write_part, 0
        def hit(part, content):
            global count
            write_part(part, content)
            count += 1
            if count == 2:
                os.kill(os.getpid(), int(sys.argv[2]))
        store._write_part = hit
        store.write_files(Path(sys.argv[1]), {"a.glb": b"new", "a.json": b"new", "a.preview.png": b"new"})
    """
    (tmp_path / "a.glb").write_bytes(b"old")
    words = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path), str(int(number))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 128 + number
    assert done.stderr == ""
    assert _everything(tmp_path) == {"a.glb": b"old"}


def test_a_signal_while_renaming_waits_until_all_are_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    replace = Path.replace

    def hit(part: Path, target: Path) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        return replace(part, target)

    monkeypatch.setattr(Path, "replace", hit)
    try:
        with pytest.raises(KeyboardInterrupt):
            write_files(tmp_path, {"a.glb": b"new", "a.json": b"new"})
    finally:
        signal.signal(signal.SIGINT, before)
    assert _everything(tmp_path) == {"a.glb": b"new", "a.json": b"new"}


def test_a_mesh_as_ply_reads_back() -> None:
    import trimesh

    mesh = Mesh(
        vertices=np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32),
        faces=np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], dtype=np.int32),
        source=np.array([0, 1, 2, 3], dtype=np.uint8),
    )
    read = trimesh.load(io.BytesIO(ply_of_mesh(mesh)), file_type="ply", process=False)
    assert np.array_equal(read.vertices, mesh.vertices)
    assert np.array_equal(read.faces, mesh.faces)
    assert read.volume == pytest.approx(1 / 6)


def test_a_cloud_as_ply_reads_back() -> None:
    import trimesh

    rng = np.random.default_rng(1)
    cloud = PointCloud(
        points=rng.normal(size=(7, 3)).astype(np.float32),
        normals=np.tile(np.array([0, 0, 1], dtype=np.float32), (7, 1)),
        colors=rng.integers(0, 256, (7, 3)).astype(np.uint8),
        source=np.full(7, Source.SEEN, dtype=np.uint8),
    )
    read = trimesh.load(io.BytesIO(ply_of_cloud(cloud)), file_type="ply")
    assert np.array_equal(np.asarray(read.vertices, dtype=np.float32), cloud.points)
    assert np.array_equal(np.asarray(read.colors)[:, :3], cloud.colors)


def test_depth_pictures_are_16_bit_near_bright_and_zero_outside() -> None:
    camera = Camera.pinhole(3, 2)
    front = np.array([[1.0, 2.0, 1.5], [9.0, 1.0, 1.0]], dtype=np.float32)
    valid = np.array([[True, True, True], [False, True, True]])
    depth = Shells(
        front=front,
        back=np.full((2, 3), 3.0, dtype=np.float32),
        valid=valid,
        camera=camera,
        model=ModelInfo(name="dome"),
    )
    near, far = stage_files.range_of(depth)
    assert (near, far) == pytest.approx((0.8, 3.2))  # room before and behind for the brush
    seen = stage_files.levels_of(front, valid, near, far)
    assert seen.dtype == np.uint16
    assert seen.tolist() == [[60074, 32768, 46421], [0, 60074, 60074]]
    assert depth.back is not None
    assert stage_files.levels_of(depth.back, valid, near, far).max() == 5462
    kept = np.load(io.BytesIO(stage_files.npz_of_depth(depth)))
    assert np.array_equal(kept["front"], front)
    assert stage_files.npz_of_depth(depth) == stage_files.npz_of_depth(depth)


def test_the_cutout_keeps_its_alpha() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    alpha = np.arange(8, dtype=np.uint8).reshape(2, 4)
    read = np.asarray(Image.open(io.BytesIO(stage_files.png_of_picture(Picture(pixels=pixels, alpha=alpha)))))
    assert np.array_equal(read, np.dstack([pixels, alpha]))
