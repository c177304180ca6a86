"""What judges Slipcast, judged itself: shapes whose scores are known."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import shapes

from evaluation.cases import find_cases, true_depth
from evaluation.evaluate import TABLE, compare, read_rows
from evaluation.protocol import COLUMNS, Scores, align, outer_points, score
from evaluation.shape import Shape, read_shape, welded
from evaluation.tables import Table
from slipcast.core.errors import BadInput
from slipcast.core.values import Mesh

EYE, FOV_DEG = 5.0, 30.0


def shape_of(mesh: Mesh) -> Shape:
    return Shape(vertices=mesh.vertices.astype(np.float64), faces=mesh.faces.astype(np.int64))


def ball(radius: float = 1.0) -> Shape:
    return shape_of(shapes.sphere(radius, rings=48, segments=72, lift_m=0.0))


def scored(ours: Shape, true: Shape) -> Scores:
    return score(ours, true, distance=EYE, fov_deg=FOV_DEG, samples=8_000, workers=1)


def joined(*parts: Shape) -> Shape:
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    return Shape(
        vertices=np.concatenate([part.vertices for part in parts]),
        faces=np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)]),
    )


def test_a_sphere_against_itself_is_right() -> None:
    got = scored(ball(), ball())
    assert got.cd < 0.03  # two samplings of one surface are as far apart as their points
    assert got.f05 > 0.98
    assert got.f10 > 0.999
    assert got.nc > 0.995
    assert got.dw == pytest.approx(1)
    assert got.iou == 1
    assert got.closed == 1
    assert got.faces == len(ball().faces)
    assert got.crossing == 0


def test_faces_that_run_through_each_other_are_counted() -> None:
    one, other = ball(), ball().moved(np.array([0.3, 0.0, 0.0]))
    both = Shape(
        vertices=np.concatenate([one.vertices, other.vertices]),
        faces=np.concatenate([one.faces, other.faces + len(one.vertices)]),
    )
    assert scored(both, one).crossing > 20


def test_size_and_place_do_not_count() -> None:
    moved = ball().moved(np.array([3.0, -1.0, 8.0]), 0.01)
    here, there = scored(ball(), ball()), scored(moved, ball())
    assert there.cd == pytest.approx(here.cd, abs=1e-3)
    assert there.iou == 1


def test_a_sphere_ten_percent_too_wide_is_off_by_that() -> None:
    """Heights are matched and the scale is refined, so a wider shape is the error that stays."""
    wide = Shape(vertices=ball().vertices * [1.1, 1.0, 1.1], faces=ball().faces)
    got = scored(wide, ball())
    assert 0.02 < got.cd < 0.05
    assert got.dw == pytest.approx(1, abs=1e-6)
    # A circle in an ellipse of 1.1 to 1, seen in perspective.
    assert got.iou == pytest.approx(1 / 1.1, abs=0.02)


def test_a_deeper_sphere_shows_in_depth_over_width() -> None:
    deep = Shape(vertices=ball().vertices * [1.0, 1.0, 1.5], faces=ball().faces)
    assert scored(deep, ball()).dw == pytest.approx(1.5)


def test_half_a_sphere_is_a_relief() -> None:
    sphere = ball()
    centre = sphere.vertices[sphere.faces].mean(1)
    half = Shape(vertices=sphere.vertices, faces=sphere.faces[centre[:, 2] > 0])
    got = scored(half, sphere)
    assert got.dw == pytest.approx(0.5, abs=0.02)
    assert got.closed == 0
    assert got.hid > 3 * got.vis
    assert got.com > got.acc
    assert got.f10 < 0.9


def test_turned_inside_out_is_not_closed() -> None:
    inverted = Shape(vertices=ball().vertices, faces=ball().faces[:, ::-1])
    assert not inverted.closed
    assert ball().closed
    assert not Shape(vertices=ball().vertices, faces=ball().faces[1:]).closed
    assert not Shape(vertices=ball().vertices, faces=ball().faces[:0]).closed


def test_what_lies_inside_is_not_sampled() -> None:
    nested = joined(ball(1.0), ball(0.4))
    points, normals = outer_points(nested, 5_000, seed=0)
    assert len(points) == 5_000
    radius = np.linalg.norm(points, axis=1)
    assert radius.min() > 0.99
    assert np.einsum("ij,ij->i", normals, points).min() > 0.98


def test_alignment_finds_a_known_motion() -> None:
    rng = np.random.default_rng(5)
    true = rng.normal(size=(4000, 3)) * [1.0, 2.0, 0.5]
    angle = 0.1
    turn = np.array(
        [[math.cos(angle), 0, math.sin(angle)], [0, 1, 0], [-math.sin(angle), 0, math.cos(angle)]]
    )
    ours = (true - [0.05, -0.02, 0.03]) @ turn / 1.05
    found, shift, factor = align(ours, true, workers=1)
    assert np.allclose(found, turn, atol=0.01)
    assert factor == pytest.approx(1.05, abs=0.01)
    assert np.allclose(factor * ours @ found.T + shift, true, atol=0.02)


def test_scale_stays_within_its_bounds() -> None:
    points = np.random.default_rng(0).normal(size=(500, 3))
    assert align(points * 5, points, workers=1)[2] == pytest.approx(0.8)


def test_the_camera_sees_a_disc_of_the_right_size() -> None:
    seen = ball().silhouette(np.array([0.0, 0.0, EYE]), FOV_DEG, side_px=256)
    # The outline of a ball of radius 1 at distance d lies at tan = 1 / sqrt(d^2 - 1).
    radius_px = 128 / math.tan(math.radians(FOV_DEG / 2)) / math.sqrt(EYE**2 - 1)
    assert seen.sum() == pytest.approx(math.pi * radius_px**2, rel=0.01)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with one flat case and one sample that has two pictures."""
    import trimesh

    def write(path: Path, shape: Shape) -> None:
        trimesh.Trimesh(shape.vertices, shape.faces, process=False).export(path)

    camera = {"distance": EYE, "fov_deg": FOV_DEG}
    (tmp_path / "ball.png").write_bytes(b"")
    (tmp_path / "ball.case.json").write_text(json.dumps(camera))
    write(tmp_path / "ball.gt.glb", ball())
    sample = tmp_path / "toy"
    sample.mkdir()
    views = {
        "front": {"picture": "front.png", "yaw_deg": 0},
        "left": {"picture": "left.png", "yaw_deg": 90},
        "back": {"picture": "missing.png", "yaw_deg": 180},
    }
    (sample / "case.json").write_text(json.dumps({**camera, "target": [0, 0.5, 0], "views": views}))
    for name in ("front.png", "left.png"):
        (sample / name).write_bytes(b"")
    box = shape_of(shapes.cube(1.0))
    write(sample / "truth.glb", Shape(vertices=box.vertices * [1, 1, 3], faces=box.faces))
    return tmp_path


def test_both_layouts_are_found(home: Path) -> None:
    assert [case.name for case in find_cases(home)] == ["ball", "toy"]
    assert [case.name for case in find_cases(home, views=True)] == ["ball", "toy-front", "toy-left"]
    assert find_cases(home / "toy")[0].name == "toy"


def test_the_true_mesh_is_turned_to_the_picture(home: Path) -> None:
    front, left = (case.true_shape() for case in find_cases(home, views=True)[1:])
    assert np.allclose(front.bounds[1], [0.5, 0.5, 1.5])
    assert np.allclose(left.bounds[1], [1.5, 0.5, 0.5])


def test_a_camera_at_plus_x_sees_what_is_there(home: Path) -> None:
    import trimesh

    path = home / "toy/truth.glb"
    corner = np.array([[2.0, 0.5, 0.0], [2.0, 1.5, 0.0], [2.0, 0.5, 0.2]])
    trimesh.Trimesh(corner, [[0, 1, 2]], process=False).export(path)
    left = find_cases(home, views=True)[2].true_shape()
    assert left.vertices[:, 2] == pytest.approx([2.0, 2.0, 2.0])
    assert left.vertices[:, 0].min() == pytest.approx(-0.2)


def test_true_depth_of_a_ball(home: Path) -> None:
    depth = true_depth(find_cases(home)[0], side_px=65)
    assert depth.back is not None
    assert depth.front[32, 32] == pytest.approx(EYE - 1, abs=1e-3)
    assert depth.back[32, 32] == pytest.approx(EYE + 1, abs=1e-3)
    assert not depth.valid[0, 0]
    assert (depth.back >= depth.front).all()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda home: (home / "ball.gt.glb").unlink(), "is missing"),
        (lambda home: (home / "ball.case.json").write_text("{"), "JSON"),
        (lambda home: (home / "ball.case.json").write_text('{"fov_deg": 24}'), "distance"),
        (lambda home: (home / "toy/case.json").write_text('{"target": [1]}'), "target"),
    ],
)
def test_incomplete_cases_are_named(home: Path, damage: Callable[[Path], object], said: str) -> None:
    damage(home)
    with pytest.raises(BadInput, match=said):
        find_cases(home)


def test_folders_without_cases_and_broken_meshes(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no case"):
        find_cases(tmp_path)
    with pytest.raises(BadInput, match="not a folder"):
        find_cases(tmp_path / "absent")
    with pytest.raises(BadInput, match="is missing"):
        read_shape(tmp_path / "absent.glb")
    (tmp_path / "a.glb").write_bytes(b"glTF but not really")
    with pytest.raises(BadInput, match=r"a\.glb"):
        read_shape(tmp_path / "a.glb")


def test_faces_without_area_are_dropped_and_seams_closed() -> None:
    box = shape_of(shapes.cube(1.0))
    loose = box.vertices[box.faces].reshape(-1, 3)
    faces = np.concatenate([np.arange(len(loose)).reshape(-1, 3), [[0, 0, 1]]])
    got = welded(loose, faces)
    assert len(got.vertices) == 8
    assert len(got.faces) == 12
    assert got.closed


def test_differences_and_votes(tmp_path: Path) -> None:
    good, bad = asdict(scored(ball(), ball())), dict.fromkeys(COLUMNS, 0.5)
    text = compare({"a": good, "b": bad}, {"a": bad, "b": bad, "other": good})
    assert "mean of 2" in text
    votes = dict(zip(COLUMNS, text.splitlines()[-1].split()[1:], strict=True))
    assert votes["cd"] == votes["dw"] == votes["iou"] == "1:0"
    assert votes["faces"] == "0:1"
    nearly = {column: value + 1e-4 for column, value in good.items()}
    assert set(compare({"a": good}, {"a": nearly}).splitlines()[-1].split()[1:]) == {"0:0"}
    with pytest.raises(BadInput, match="no case in common"):
        compare({"a": good}, {"b": good})

    (tmp_path / "r.json").write_text(json.dumps({"cases": {"a": {**good, "hid": None}, "b": None}}))
    rows = read_rows(tmp_path / "r.json")
    assert list(rows) == ["a"]
    assert math.isnan(rows["a"]["hid"])
    assert TABLE.mean([rows["a"], bad])["hid"] == 0.5
    (tmp_path / "r.json").write_text("[]")
    with pytest.raises(BadInput, match=r"r\.json"):
        read_rows(tmp_path / "r.json")


def test_a_table_is_shown_as_it_comes_with_its_mean(capsys: pytest.CaptureFixture[str]) -> None:
    def rows() -> Iterator[tuple[str, dict[str, float] | str]]:
        yield "owl", {"cd": 0.25}
        assert capsys.readouterr().out == "case         cd\nowl       0.250\n", "before the next is asked for"
        yield "fox", "is empty"
        yield "cat", {"cd": 0.75}

    known, failed = Table(columns=("cd",), wide=6).show("case", rows())
    assert capsys.readouterr().out == "fox     is empty\ncat       0.750\nMEAN of 2    0.500\n"
    assert known == {"owl": {"cd": 0.25}, "cat": {"cd": 0.75}}
    assert failed == {"fox": "is empty"}
