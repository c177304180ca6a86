"""Parts that are nearly as white as the backdrop."""

import cv2
import numpy as np

from slipcast.core.values import F32, Bool
from slipcast.picture.backdrop import Backdrop
from slipcast.picture.faint import find_clean_rows, find_faint_parts

SIDE = 200


def scene() -> tuple[F32, Bool]:
    """Off a white backdrop: a dark body with a horn of 252 of 255 on it, and grain."""
    rng = np.random.default_rng(0)
    off = rng.normal(0, 0.0012, (SIDE, SIDE, 3)).astype(np.float32)
    body = np.zeros((SIDE, SIDE), bool)
    body[80:180, 60:140] = True
    off[body] -= 0.5
    off[40:80, 90:110] -= 3 / 255
    return off, body


def white(off: F32) -> Backdrop:
    """A clipped white backdrop, from which the picture differs by `off`."""
    away = np.sqrt(np.einsum("ijk,ijk->ij", off, off))
    return Backdrop(model=np.ones_like(off), off=off, away=away, noise=0.0012, level=1.0)


def test_a_horn_that_is_three_levels_darker_is_found() -> None:
    off, body = scene()
    found = find_faint_parts(white(off), body)
    horn = np.zeros_like(body)
    horn[40:80, 90:110] = True
    assert (found & horn).sum() / (found | horn).sum() > 0.85


def test_the_softening_of_an_edge_is_no_part() -> None:
    off, body = scene()
    off[40:80, 90:110] += 3 / 255
    off = cv2.GaussianBlur(off, (0, 0), 1.5)
    assert not find_faint_parts(white(off), body).any()


def test_a_soft_shadow_on_the_wall_is_no_part() -> None:
    off, body = scene()
    off[40:80, 90:110] += 3 / 255
    y, x = np.mgrid[:SIDE, :SIDE]
    off -= (0.02 * np.exp(-((x - 145) ** 2 + (y - 110) ** 2) / 900))[..., None].astype(np.float32)
    assert not find_faint_parts(white(off), body).any()


def test_what_the_figurine_stands_on_is_left_to_the_shadows() -> None:
    off, body = scene()
    off[182:190] -= 0.02
    assert not find_clean_rows(np.abs(off).max(2) > 0.01, body)[182:190].any()
    assert not find_faint_parts(white(off), body)[176:].any()
