"""Where two views' patches meet, no line is left, even where their pictures do not fit."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from turnarounds import turnaround

from slipcast.core.values import F32, Cutout, Mesh, View
from slipcast.reconstruct.simplify import Ground, SimplifyOptions, simplify
from slipcast.reconstruct.views.fusion import fuse
from slipcast.texture.views import paint_views
from slipcast.texture.views.sight import Seen


def _speckled(picture: Cutout, seed: int) -> Cutout:
    """The cutout with specks of its own, which no offset can level."""
    specks = np.random.default_rng(seed).integers(-40, 41, (64, 64, 1)).repeat(4, 0).repeat(4, 1)
    return replace(picture, pixels=np.clip(128 + specks.repeat(3, 2), 0, 255).astype(np.uint8))


@cache
def _seen_mesh() -> tuple[Mesh, dict[View, Seen]]:
    """A turnaround's mesh of 8,000 faces, and its speckled views."""
    cutouts, depths = turnaround()
    fused = fuse(cutouts, depths, height_m=0.075, fov_deg=24, detail="draft")
    mesh = simplify(fused.mesh, fused.depth, SimplifyOptions(faces=8000), ground=Ground())
    seen = {
        view: Seen(cutout=_speckled(cutouts[view], number), camera=camera)
        for number, (view, camera) in enumerate(fused.cameras.items())
    }
    return mesh, seen


def _steps(fades: bool, monkeypatch: pytest.MonkeyPatch) -> F32:
    """Steps of colour over the edges between faces of different views."""
    mesh, seen = _seen_mesh()
    labels: list[np.ndarray] = []
    choose = paint_views._choose

    def note(*args: Any) -> np.ndarray:
        labels.append(choose(*args))
        return labels[-1]

    monkeypatch.setattr(paint_views, "_choose", note)
    if not fades:
        monkeypatch.setattr(paint_views, "cross_fade", lambda *args: None)
    painted = paint_views.paint_views(mesh, seen, max_size_px=512, name="x")
    texture, label = painted.texture.pixels, labels[0]
    owner: dict[tuple[int, int], tuple[int, int]] = {}
    steps = []
    for face, corners in enumerate(mesh.faces.tolist()):
        for k in range(3):
            edge = corners[k], corners[(k + 1) % 3]
            other = owner.get((min(edge), max(edge)))
            if other is None:
                owner[min(edge), max(edge)] = face, k
                continue
            if label[face] == label[other[0]] or min(label[face], label[other[0]]) < 0:
                continue
            at = [painted.uv[f, [j, (j + 1) % 3]].mean(0) for f, j in ((face, k), other)]
            pixel = (np.array(at) * [texture.shape[1], texture.shape[0]]).astype(int)
            one, two = texture[pixel[:, 1], pixel[:, 0]].astype(float)
            steps.append(abs(float((one - two).mean())))
    return np.array(steps, np.float32)


def test_a_border_shows_no_step_though_the_pictures_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        hard = _steps(False, patch)
    with monkeypatch.context() as patch:
        soft = _steps(True, patch)
    assert len(soft) > 50
    assert hard.mean() > 10
    assert soft.mean() < 0.5 * hard.mean()
