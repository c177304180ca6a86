"""What a backdrop of exactly one colour tells."""

import cv2
import numpy as np

from slipcast.core.values import F32, U8, Bool
from slipcast.picture.backdrop import read_exact
from slipcast.picture.flat_backdrop import Flat, read_flat

SIDE = 200


def scene() -> tuple[U8, Bool]:
    """A grey body before white, with its soft edge."""
    body = np.zeros((SIDE, SIDE), np.uint8)
    body[60:180, 50:150] = 1
    soft = cv2.GaussianBlur(body.astype(np.float32), (0, 0), 0.7)[..., None]
    image = np.round(255 - 100 * np.where(soft < 0.01, 0, soft)).astype(np.uint8)
    return np.repeat(image, 3, axis=2), body > 0


def read(image: U8, body: Bool, prior: F32 | None = None) -> Flat:
    """What is certain, where the network sees the body alone unless `prior` is given."""
    prior = body.astype(np.float32) if prior is None else prior
    away = read_exact(image, body, prior)
    assert away is not None
    return read_flat(away, body, prior)


def test_air_of_which_the_network_is_unsure_is_backdrop() -> None:
    image, body = scene()
    prior = body.astype(np.float32)
    prior[80:120, 152:190] = 0.7
    assert read(image, body, prior).backdrop[80:120, 156:190].all()


def test_a_gap_with_a_sharp_edge_is_backdrop_and_a_burnt_out_highlight_is_not() -> None:
    image, body = scene()
    image[100:120, 60:80] = 255
    y, x = np.mgrid[:SIDE, :SIDE]
    light = np.round(100 * np.clip((np.hypot(x - 120, y - 110) - 8) / 22, 0, 1)).astype(np.uint8)
    image[80:140, 92:148] = (255 - light[80:140, 92:148])[..., None]
    prior = np.where(body, 0.8, 0).astype(np.float32)
    found = read(image, body, prior)
    assert found.backdrop[102:118, 62:78].all()
    assert found.part[106:114, 116:124].all()
    assert not found.backdrop[80:140, 92:148].any()


def test_an_eye_of_which_the_network_is_certain_stays() -> None:
    image, body = scene()
    image[100:120, 60:80] = 255
    assert not read(image, body).backdrop[body].any()


def test_a_highlight_on_an_eye_stays_where_the_network_is_nearly_certain_and_a_gap_does_not() -> None:
    small, body = scene()
    image, body = small.repeat(4, axis=0).repeat(4, axis=1), body.repeat(4, axis=0).repeat(4, axis=1)
    image[400:414, 300:314] = 255
    image[520:600, 300:380] = 255
    prior = body.astype(np.float32)
    prior[400:414, 300:314] = prior[520:600, 300:380] = 0.92
    found = read(image, body, prior)
    assert not found.backdrop[395:420, 295:320].any()
    assert found.backdrop[525:595, 305:375].all()


def test_a_horn_one_level_off_is_found_and_a_soft_edge_is_not() -> None:
    image, body = scene()
    assert not read(image, body).part.any()
    image[25:60, 90:110] = np.minimum(image[25:60, 90:110], 254)
    assert read(image, body).part[27:57, 92:108].all()


def test_a_glow_tells_nothing() -> None:
    image, body = scene()
    far = cv2.distanceTransform((~body).astype(np.uint8), cv2.DIST_L2, 5)
    glow = np.round(12 * np.clip(1 - far / 30, 0, 1)).astype(np.uint8)
    image = np.where(body[..., None], image, np.minimum(image, 255 - glow[..., None]))
    assert read_exact(image, body, body.astype(np.float32)) is None


def test_a_picture_with_grain_or_a_compressors_marks_tells_nothing() -> None:
    image, body = scene()
    grain = np.random.default_rng(0).integers(0, 3, image.shape).astype(np.uint8)
    prior = body.astype(np.float32)
    assert read_exact(image - grain, body, prior) is None
    disc = np.full_like(image, 255)
    cv2.circle(disc, (103, 97), 60, (30, 90, 160), -1, cv2.LINE_AA)
    round_ = np.hypot(*np.mgrid[-97 : SIDE - 97, -103 : SIDE - 103]) < 60
    assert read_exact(disc, round_, round_.astype(np.float32)) is not None
    pressed = cv2.imdecode(cv2.imencode(".jpg", disc, [cv2.IMWRITE_JPEG_QUALITY, 75])[1], cv2.IMREAD_COLOR)
    assert read_exact(np.asarray(pressed, np.uint8), round_, round_.astype(np.float32)) is None
