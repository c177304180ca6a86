"""The training pipeline: a rendered pair is what its docstring says, and one step lowers the loss."""

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from slipcast.depth.figurine.net import FigurineNet, NetConfig, shells
from training.batches import Pool, augmented_batch, plain_batch, slant
from training.export import blended, export
from training.losses import spread, terms, total
from training.meshes import Textured, load, read_index, smooth_normals, warp, with_base
from training.muon import orthogonal
from training.pool import layout, make_shard
from training.render import FILL, View, random_view, render
from training.train import Trainer

SMALL = NetConfig(
    side_px=64, fine=8, widths=(8, 16, 16), blocks=(1, 1, 1), heads=2, normed_from=1, look_px=64
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ball and a box and their index."""
    home = tmp_path_factory.mktemp("meshes")
    trimesh.creation.icosphere(subdivisions=4, radius=3).export(home / "ball.glb")
    trimesh.creation.box((1, 2, 4)).export(home / "box.glb")
    lines = ["file,character,kind,facing_known,base", "ball.glb,ball,prop,n,n", "box.glb,box,prop,y,y"]
    (home / "INDEX.csv").write_text("\n".join(lines))
    return home


def pair(mesh: Textured, fov_deg: float, yaw_deg: float = 0.0) -> dict[str, np.ndarray]:
    view = View(yaw_deg=yaw_deg, pitch_deg=0, roll_deg=0, fov_deg=fov_deg)
    return dict(render(mesh, view, 64, np.random.default_rng(0)))


def test_ball_from_far_is_a_ball_in_crop_sides(folder: Path) -> None:
    seen = pair(load(folder / "ball.glb"), 1.0)
    centre = slice(30, 34)
    front, back = (seen[name].astype(np.float32)[centre, centre].mean() for name in ("front", "back"))
    assert front == pytest.approx(FILL / 2, abs=0.01)
    assert back == pytest.approx(-FILL / 2, abs=0.01)
    assert np.isfinite(seen["front"]).mean() == pytest.approx(np.pi * (FILL / 2) ** 2, rel=0.02)
    assert (seen["alpha"] / 255).mean() == pytest.approx(np.pi * (FILL / 2) ** 2, rel=0.02)
    assert seen["normal"][32, 32, 2] > 120
    assert seen["normal"][10, 32, 1] > 60


def test_pair_gives_back_the_points_in_perspective(folder: Path) -> None:
    """(pixel, z) to 3D as the docstring says: a box's face that looks at the viewer comes out flat and square."""
    fov = 30.0
    seen = pair(load(folder / "box.glb"), fov)
    z = seen["front"].astype(np.float32)
    inside = np.isfinite(z)
    # The box is scaled to 0.25 x 0.5 x 1 and its face, the nearest part, fills the crop.
    to_face = 0.5 / FILL / np.tan(np.radians(fov) / 2)
    focal = 64 / 2 / (0.25 / to_face / FILL)
    assert np.ptp(z[inside]) < 0.005
    wide, high = inside.any(0).sum(), inside.any(1).sum()
    assert high == pytest.approx(2 * wide, abs=2)
    unit = (1 - z[inside].mean() * 64 / focal) * high / 64
    middle = z[32, 32] - seen["back"].astype(np.float32)[32, 32]
    assert middle / unit == pytest.approx(4 / 2, rel=0.05)


def test_views_shapes_and_bases_stay_in_the_frame(folder: Path) -> None:
    rng = np.random.default_rng(3)
    for _ in range(6):
        mesh = with_base(warp(load(folder / "box.glb"), rng), rng)
        assert np.ptp(mesh.vertices, axis=0).max() == pytest.approx(1, abs=1e-5)
        seen = render(mesh, random_view(rng, True), 64, rng)
        inside = np.isfinite(np.asarray(seen["front"], np.float32))
        span = max(np.flatnonzero(inside.any(k))[[0, -1]] @ [-1, 1] + 1 for k in (0, 1))
        assert span == pytest.approx(FILL * 64, abs=2)
        assert (np.nan_to_num(seen["front"]) >= np.nan_to_num(seen["back"])).all()
        assert seen["rgb"][inside].max() > 20


def test_normals_point_away_from_a_balls_middle(folder: Path) -> None:
    ball = load(folder / "ball.glb")
    normals = smooth_normals(ball.vertices, ball.faces, ball.same)
    outward = ball.vertices / np.linalg.norm(ball.vertices, axis=1, keepdims=True)
    assert (normals * outward).sum(1).min() > 0.99


def test_characters_not_files_are_held_out(folder: Path) -> None:
    rows = read_index(folder / "INDEX.csv")
    assert [row.character for row in rows] == ["ball", "box"]
    assert rows[1].on_base
    assert not rows[0].facing_known
    assert rows[0].held_out == read_index(folder / "INDEX.csv")[0].held_out


def test_a_pool_trains_resumes_and_exports(folder: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shard = make_shard(read_index(folder / "INDEX.csv"), 64, 8, rng, {})
    assert shard.dtype == layout(64)
    np.save(tmp_path / "train_0.npy", shard)
    np.save(tmp_path / "train_1.part.npy", shard)
    pool = Pool(tmp_path, "train")
    assert pool.refresh() == 8
    torch.manual_seed(0)
    trainer = Trainer(SMALL, torch.device("cpu"), 3e-3)
    batch = augmented_batch(pool.draw(4, rng), torch.device("cpu"), torch.Generator().manual_seed(0))
    assert batch.x.shape == (4, 7, 64, 64)
    losses = [trainer.step(batch, 20.0)["loss"] for _ in range(12)]
    assert losses[-1] < losses[0]
    checkpoint = tmp_path / "checkpoint.pt"
    trainer.save(checkpoint)
    again = Trainer(SMALL, torch.device("cpu"), 3e-3)
    again.resume(checkpoint)
    assert again.progress.pictures == 48
    assert all(
        torch.equal(a, b) for a, b in zip(trainer.net.parameters(), again.net.parameters(), strict=True)
    )
    digest = export([checkpoint, checkpoint], tmp_path / "model")
    assert digest in (tmp_path / "model" / "config.json").read_text()


def test_blended_weights_lie_between_those_before_and_after() -> None:
    one, zero, three = torch.ones(2), torch.zeros(2), torch.full((2,), 3.0)
    after = {"stem.weight": one, "fine_head.weight": one, "fine_up.0.weight": one, "backbone.stem.bias": one}
    found = blended(after, {"stem.weight": three, "backbone.stem.bias": zero}, 0.75)
    assert {key: float(values[0]) for key, values in found.items()} == {
        "stem.weight": 1.5,
        "fine_head.weight": 0.75,
        "fine_up.0.weight": 1.0,
        "backbone.stem.bias": 1.0,
    }


def test_truth_costs_nothing_and_mirroring_keeps_it_true(folder: Path) -> None:
    rng = np.random.default_rng(1)
    shard = make_shard(read_index(folder / "INDEX.csv"), 64, 4, rng, {})
    for batch in (
        plain_batch(shard, torch.device("cpu")),
        augmented_batch(shard, torch.device("cpu"), torch.Generator().manual_seed(3)),
    ):
        thick = batch.front - batch.back
        out = torch.zeros(4, 6, 64, 64)
        out[:, 0] = torch.log(thick.clamp(min=1e-3) / (2 * batch.dome + 0.03))
        out[:, 1] = (batch.front + batch.back) / 2
        out[:, 2] = (batch.alpha - 0.5) * 40
        out[:, 3:] = batch.normal
        parts = terms(out, batch)
        assert float(total(parts)) < 0.15
        front, back = shells(out, batch.dome)
        assert float((front - batch.front).abs()[batch.valid].max()) < 0.01
        both = torch.stack([front, back], 1)
        assert spread(both, batch.valid.float()).shape == (4,)
    assert (slant(shard) >= 0.05).all()


def test_muon_makes_matrices_orthogonal() -> None:
    torch.manual_seed(0)
    for shape in ((16, 40), (40, 16)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape)).float())
        assert values.min() > 0.6
        assert values.max() < 1.3


def test_untrained_network_says_dome() -> None:
    net = FigurineNet(SMALL)
    front, back = shells(net(torch.rand(2, 7, 64, 64)), torch.full((2, 64, 64), 0.2))
    assert torch.allclose(front, torch.full_like(front, 0.215))
    assert torch.allclose(front, -back)
