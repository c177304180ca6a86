"""A front's own solid + pictures of its front and back -> Figurine, painted as one picture is whose back is known.

The back's picture is laid over the front's pixels by the solid's back shell and its camera; all other rules are those
of one picture (texture/paint.py): what front and back show well goes on around the rim, a round base is drawn as one
wall. The sides are what neither shows.

Rejected: what no view sees as a blur over the surface, as with more views (paint_views.py): a helmet bled into the
plume beside it, a shield's rim became a smear along the depth.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from slipcast.core.camera import project
from slipcast.core.masks import fill_nearest
from slipcast.core.orbit import sample
from slipcast.core.values import F32, U8, Cutout, Figurine, Mesh, Shells, Source
from slipcast.mesh.topology import face_normals
from slipcast.texture.delight import remove_light
from slipcast.texture.paint import Flat, TextureOptions, carry_outward, paint, picture_box, scale_box
from slipcast.texture.views.sight import Seen


def paint_front_and_back(
    mesh: Mesh,
    depth: Shells,
    front: Seen,
    back: Seen,
    back_depth: Shells,
    options: TextureOptions,
    *,
    name: str,
) -> Figurine:
    """Return the figurine `name`: `mesh`, of the shells `depth` of the picture `front`, with the colours of both.

    `back` has its camera in the mesh's world; `back_depth` is its own calibrated depth, which tells the light where
    `options` ask for it to be divided out. The provenance says under `seen` which share of the surface each picture
    gave. Raises what `paint` raises.
    """
    picture, light = remove_light(front.cutout, depth, options.delight)
    behind, _ = remove_light(back.cutout, back_depth, options.delight)
    flat_at = partial(_draw_flat, depth, picture, replace(back, cutout=behind))
    painted = paint(mesh, depth, picture, options, name=name, flat_at=flat_at)
    area = face_normals(mesh.vertices, mesh.faces)[1]
    seen = {
        key: round(float(area[painted.mesh.source == int(source)].sum() / area.sum()), 4)
        for key, source in (
            (front.cutout.view.value, Source.SEEN),
            (back.cutout.view.value, Source.BACK_VIEW),
            ("invented", Source.INVENTED),
        )
    }
    told = {"seen": seen} | ({"delight": light} if light else {})
    return replace(painted, provenance={**painted.provenance, **told})


def _draw_flat(depth: Shells, front: Cutout, back: Seen, scale: float) -> Flat:
    """Both pictures in the front's pixels at `scale`."""
    box = picture_box(depth.valid)
    pixels, mask = scale_box(front.pixels, depth.valid, box, scale)
    behind, _ = scale_box(_lay_over(depth, back), depth.valid, box, scale)
    return Flat(front=carry_outward(pixels, mask, 2), back=behind, mask=mask)


def _lay_over(depth: Shells, back: Seen) -> U8:
    """(H,W,3) what `back` shows where the rays of the front's pixels leave the solid, carried on beyond its rim."""
    import cv2

    camera = depth.camera
    far, _ = fill_nearest(depth.back[..., None], depth.valid)
    row, column = np.indices(depth.valid.shape, np.float32)
    away = far[..., 0]
    across = (column + np.float32(0.5 - camera.cx_px)) / np.float32(camera.fx_px) * away
    down = (row + np.float32(0.5 - camera.cy_px)) / np.float32(camera.fy_px) * away
    turn, shift = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
    points = (np.stack([across, down, away], -1).reshape(-1, 3) - shift) @ turn
    at, _ = project(back.camera, points.astype(np.float32))
    shown: F32 = carry_outward(back.cutout.pixels, back.cutout.alpha >= 128, 2).astype(np.float32)
    finer = back.camera.fx_px / camera.fx_px
    if finer > 1:  # several of its pixels in one of the front's
        shown = np.asarray(cv2.GaussianBlur(shown, (0, 0), 0.4 * finer), np.float32)
    place = at.astype(np.float32)
    drawn = sample(shown, place[:, 0], place[:, 1]).reshape(*depth.valid.shape, 3)
    return np.rint(np.clip(drawn, 0, 255)).astype(np.uint8)
