"""Cutouts of pictures whose true silhouette is known."""

import cv2
import numpy as np
import pytest

from slipcast.core.errors import BadInput
from slipcast.core.values import U8, Bool, Picture
from slipcast.picture import cut_out as cutout
from slipcast.picture.attached import add_attached_parts
from slipcast.picture.cut_out import CutoutOptions, cut_out

SIDE = 384


def figure(side: int = SIDE, center: float = 0.5, size: float = 1.0) -> Bool:
    """A standing figure: head, body, two arms that leave a hole each, two legs."""
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side
    x, y = (x - center) / size + 0.5, (y - 0.5) / size + 0.5
    head = (x - 0.5) ** 2 + (y - 0.24) ** 2 < 0.105**2
    body = ((x - 0.5) / 0.1) ** 2 + ((y - 0.52) / 0.22) ** 2 < 1
    reach = ((x - 0.5) / 0.235) ** 2 + ((y - 0.50) / 0.15) ** 2
    arms = (reach < 1) & (reach > 0.55)
    legs = (np.abs(np.abs(x - 0.5) - 0.055) < 0.035) & (y > 0.6) & (y < 0.88)
    return np.asarray(head | body | arms | legs)


def painted(mask: Bool, background: U8, color: tuple[int, int, int] = (176, 62, 48)) -> U8:
    """The figure, shaded from left to right, on a background; its edge mixes with it over a pixel."""
    side = mask.shape[0]
    light = np.linspace(1.15, 0.7, side)[None, :, None]
    shown = np.clip(np.array(color) * light, 0, 255).repeat(side, axis=0)
    weight = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0.6)[..., None]
    return np.asarray(np.round(shown * weight + background * (1 - weight)), np.uint8)


def white(side: int = SIDE) -> U8:
    return np.full((side, side, 3), 250, np.uint8)


def studio(side: int = SIDE) -> U8:
    """A backdrop that darkens upwards and a soft shadow on the floor before it."""
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side
    light = 120 + 90 * y
    shadow = 1 - 0.35 * np.exp(-(((x - 0.56) / 0.16) ** 2) - ((y - 0.88) / 0.03) ** 2)
    return np.asarray((light * shadow)[..., None] * [0.95, 0.98, 1.0], np.uint8)


def overlap(a: Bool, b: Bool) -> float:
    return float((a & b).sum() / (a | b).sum())


def codes(picture: Picture) -> list[str]:
    """What the cutout noticed."""
    return [each.code for each in picture.findings]


def test_own_alpha_is_taken_as_it_is() -> None:
    mask = figure()
    alpha = np.where(mask, 255, 0).astype(np.uint8)
    pixels = painted(mask, white())
    got = cut_out(Picture(pixels=pixels, alpha=alpha))
    assert got.alpha is not None
    assert np.array_equal(got.alpha >= 128, mask)
    assert codes(got) == ["HOLES_KEPT"], "between arms and body"


@pytest.mark.parametrize("background", ["white", "studio"])
def test_a_figure_is_found_with_its_holes_and_without_its_shadow(background: str) -> None:
    mask = figure()
    pixels = painted(mask, white() if background == "white" else studio())
    got = cut_out(Picture(pixels=pixels))
    assert got.alpha is not None
    assert overlap(got.alpha >= 128, mask) > 0.97
    holes = [(SIDE // 2, int(SIDE * (0.5 + sign * 0.135))) for sign in (-1, 1)]
    assert all(not mask[at] for at in holes)
    assert all(got.alpha[at] < 32 for at in holes), "the holes between arms and body stay holes"
    assert got.alpha[int(SIDE * 0.885), int(SIDE * 0.7)] == 0, "the shadow goes"
    assert "CUTOUT_UNSURE" not in codes(got)


def test_the_edge_is_antialiased_and_holds_no_background() -> None:
    mask = figure()
    got = cut_out(Picture(pixels=painted(mask, white())))
    assert got.alpha is not None
    between = (got.alpha > 16) & (got.alpha < 240)
    edge = int((mask[:, 1:] != mask[:, :-1]).sum() + (mask[1:] != mask[:-1]).sum())
    assert 0.3 * edge < between.sum() < 4 * edge, "about a pixel wide, all round"
    rim = (got.alpha > 100) & (got.alpha < 240)
    # The figure is red throughout; white in the mixture would lift green and blue.
    assert np.percentile(got.pixels[rim][:, 1], 95) < 110


def test_outside_continues_the_figures_colours() -> None:
    mask = figure()
    got = cut_out(Picture(pixels=painted(mask, white())))
    assert got.alpha is not None
    outside = got.pixels[got.alpha == 0].astype(int)
    assert outside[:, 1].max() < 140, "no white anywhere"
    assert (outside[:, 0] - outside[:, 1]).min() > 20, "red everywhere"


def test_inside_is_untouched() -> None:
    mask = figure()
    pixels = painted(mask, studio())
    got = cut_out(Picture(pixels=pixels))
    inside = cv2.erode(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert np.array_equal(got.pixels[inside], pixels[inside])


def test_a_white_figure_on_white_is_not_eaten() -> None:
    """White with grey shading on white: only the shading tells it from the background."""
    mask = figure()
    away = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5) / SIDE
    grey = np.where(mask, 205 + 45 * np.clip(away / 0.05, 0, 1), 250)
    pixels = np.repeat(np.round(grey).astype(np.uint8)[..., None], 3, axis=2)
    got = cut_out(Picture(pixels=pixels))
    assert got.alpha is not None
    assert (got.alpha[mask] >= 128).mean() > 0.95


def test_low_contrast_is_said() -> None:
    mask = figure()
    pixels = white() - np.uint8(40)
    pixels[mask] -= np.uint8(8)
    assert "CUTOUT_UNSURE" in codes(cut_out(Picture(pixels=pixels)))


@pytest.mark.parametrize(("softness", "vague"), [(0.5, False), (1.0, False), (4.0, True)])
def test_an_undecided_model_is_noticed(softness: float, vague: bool) -> None:
    """A disc in the model's opinion whose edge is a ramp of some cells of its grid."""
    y, x = np.mgrid[0:640, 0:640] - 319.5
    cell = 640 / 320
    edge = 0.5 + (200 - np.hypot(x, y)) / (2 * softness * cell)
    assert (cutout._count_undecided(np.clip(edge, 0, 1).astype(np.float32)) > cutout._WAVERING) is vague


def test_a_false_hole_closes_and_a_true_one_stays() -> None:
    """Two holes in the opacity of a red square on white: one shows white, one shows red."""
    image = np.full((200, 200, 3), 0.95, np.float32)
    image[40:160, 40:160] = (0.7, 0.2, 0.2)
    image[60:90, 60:90] = 0.95
    opacity = np.zeros((200, 200), np.float32)
    opacity[40:160, 40:160] = 1
    opacity[60:90, 60:90] = opacity[110:140, 110:140] = 0
    got = cutout._fill_false_holes(image, opacity, np.full_like(opacity, 0.5), spread=20)
    assert not got[60:90, 60:90].any()
    assert (got[110:140, 110:140] == 1).all()


def test_mirrored_input_gives_a_mirrored_cutout() -> None:
    """Own alpha, since the network itself is not symmetric to the last pixel."""
    mask = figure(center=0.42)
    alpha = np.where(mask, 255, 0).astype(np.uint8)
    pixels = painted(mask, white())
    one = cut_out(Picture(pixels=pixels, alpha=alpha))
    two = cut_out(Picture(pixels=pixels[:, ::-1].copy(), alpha=alpha[:, ::-1].copy()))
    assert one.alpha is not None
    assert two.alpha is not None
    assert np.array_equal(one.alpha, two.alpha[:, ::-1])


def test_the_same_picture_gives_the_same_bytes() -> None:
    picture = Picture(pixels=painted(figure(), studio()))
    one, two = cut_out(picture), cut_out(picture)
    assert one.alpha is not None
    assert two.alpha is not None
    assert one.alpha.tobytes() == two.alpha.tobytes()
    assert one.pixels.tobytes() == two.pixels.tobytes()


def test_large_pictures_are_cut_at_full_size() -> None:
    """Twice the working size: alpha and pixels keep the picture's size, and the inside its pixels."""
    side = 768
    mask = figure(side)
    pixels = painted(mask, white(side))
    got = cut_out(Picture(pixels=pixels), CutoutOptions(work_px=384))
    assert got.alpha is not None
    assert got.alpha.shape == (side, side)
    assert overlap(got.alpha >= 128, mask) > 0.96
    deep = np.s_[370:390, 370:390]
    assert np.array_equal(got.pixels[deep], pixels[deep])


def alpha_of(*boxes: tuple[int, int, int, int], side: int = 200) -> Picture:
    """A grey picture whose alpha shows boxes (top, bottom, left, right)."""
    alpha = np.zeros((side, side), np.uint8)
    for top, bottom, left, right in boxes:
        alpha[top:bottom, left:right] = 255
    return Picture(pixels=np.full((side, side, 3), 90, np.uint8), alpha=alpha)


def test_specks_are_dropped_and_counted() -> None:
    got = cut_out(alpha_of((40, 160, 40, 160), (5, 9, 5, 9), (180, 184, 10, 14)))
    assert got.alpha is not None
    assert int((got.alpha > 0).sum()) == 120 * 120
    assert codes(got) == ["SPECKS_DROPPED"]
    assert "2 specks smaller than 1 %" in got.findings[0].message


def test_two_subjects_are_kept_and_said() -> None:
    got = cut_out(alpha_of((40, 160, 20, 80), (60, 160, 110, 180)))
    assert got.alpha is not None
    assert int((got.alpha > 0).sum()) == 120 * 60 + 100 * 70
    assert codes(got) == ["SUBJECT_SEVERAL"]
    assert "2 separate subjects" in got.findings[0].message


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ((0, 100, 50, 150), "top"),
        ((100, 200, 50, 150), "bottom"),
        ((50, 150, 0, 100), "left"),
        ((50, 150, 100, 200), "right"),
        ((100, 200, 0, 200), "bottom and left and right"),
    ],
)
def test_touching_the_frame_is_said(box: tuple[int, int, int, int], said: str) -> None:
    got = cut_out(alpha_of(box))
    assert codes(got) == ["SUBJECT_CROPPED"]
    assert f"cut off at the {said} edge" in got.findings[0].message


def bust(shadow: bool = False) -> tuple[U8, Bool]:
    """A bright head that a network takes for the whole, on shoulders that run out of the picture's lower side."""
    y, x = (np.mgrid[0:SIDE, 0:SIDE] + 0.5) / SIDE
    shoulders = ((x - 0.5) / 0.3) ** 2 + ((y - 1.0) / 0.35) ** 2 < 1
    pixels = np.repeat((200 + 30 * y)[..., None], 3, axis=2).astype(np.uint8)
    pixels[shoulders] = (170, 170, 172) if shadow else (60, 70, 150)
    return pixels, np.asarray(((x - 0.5) ** 2 + (y - 0.45) ** 2 < 0.21**2) | shoulders)


def test_what_the_frame_cuts_off_belongs_to_it() -> None:
    y, x = (np.mgrid[0:SIDE, 0:SIDE] + 0.5) / SIDE
    head = ((x - 0.5) ** 2 + (y - 0.45) ** 2 < 0.21**2).astype(np.float32)
    pixels, true = bust()
    pixels[head > 0.5] = (220, 170, 120)
    assert overlap(add_attached_parts(pixels, head).coarse > 0.5, true) > 0.97
    pixels, _ = bust(shadow=True)
    pixels[head > 0.5] = (220, 170, 120)
    found = add_attached_parts(pixels, head)  # grey with an edge: a plinth, or a hard shadow
    assert overlap(found.coarse > 0.5, true) > 0.97
    assert found.doubt
    pixels = cv2.GaussianBlur(bust(shadow=True)[0], (0, 0), SIDE / 12)
    pixels[head > 0.5] = (220, 170, 120)
    assert overlap(add_attached_parts(pixels, head).coarse > 0.5, head > 0.5) > 0.97  # a soft shadow
    pixels, _ = bust()
    pixels[SIDE * 3 // 4 :] = (120, 70, 30)  # a table: leaves by three sides
    assert not (add_attached_parts(pixels, head).coarse[SIDE * 3 // 4 + 4 :] > 0.5).any()
    noisy = np.random.default_rng(1).integers(0, 255, pixels.shape, dtype=np.uint8)
    assert add_attached_parts(noisy, head).coarse is head  # no backdrop to be told from
    nothing = np.zeros_like(head)
    assert add_attached_parts(bust()[0], nothing).coarse is nothing


def on_a_base(
    background: U8, tone: tuple[int, int, int], kind: str = "round", *, shadow: bool = True
) -> tuple[U8, Bool]:
    """The figure on a base of another tone: the picture and what is true."""
    side = background.shape[0]
    mask = figure(side, size=0.8)
    foot = int(np.flatnonzero(mask.any(1))[-1])
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    middle, wide, tall = side / 2, 0.2 * side, 0.07 * side

    def ellipse(at: float) -> Bool:
        return np.asarray(((x - middle) / wide) ** 2 + ((y - at) / (0.2 * wide)) ** 2 < 1)

    lid = ellipse(foot - 4) if kind == "round" else (np.abs(x - middle) < wide) & (np.abs(y - foot) < 5)
    if kind == "round":
        body = (
            lid
            | ellipse(foot - 4 + tall)
            | ((np.abs(x - middle) < wide) & (y > foot - 4) & (y < foot - 4 + tall))
        )
    else:
        body = lid | ((np.abs(x - middle) < 0.8 * wide) & (y > foot) & (y < foot + 1.5 * tall))
    picture = background.astype(np.float32)
    if shadow:
        soft = np.exp(
            -(((x - middle) / (1.3 * wide)) ** 2) - ((y - foot - tall - 0.02 * side) / (0.03 * side)) ** 2
        )
        picture *= 1 - 0.4 * soft[..., None]
    for part, light in ((body, 1.0), (lid, 1.06)):
        cover = cv2.GaussianBlur(part.astype(np.float32), (3, 3), 0.6)[..., None]
        picture = picture * (1 - cover) + np.clip(np.array(tone) * light, 0, 255) * cover
    out = painted(mask, np.round(picture).astype(np.uint8))
    return out, np.asarray(mask | body)


@pytest.mark.parametrize("kind", ["round", "plinth"])
@pytest.mark.parametrize("tone", [(60, 60, 60), (150, 150, 150), (225, 225, 225), (120, 150, 90)])
def test_a_plain_base_belongs_to_the_figure_and_its_shadow_does_not(
    tone: tuple[int, int, int], kind: str
) -> None:
    pixels, true = on_a_base(white(512), tone, kind)
    got = cut_out(Picture(pixels=pixels))
    assert got.alpha is not None
    assert overlap(got.alpha >= 128, true) > 0.965


@pytest.mark.parametrize("behind", ["grey", "black", "tiles", "floor"])
def test_a_base_is_found_before_other_backdrops(behind: str) -> None:
    y, x = np.mgrid[0:512, 0:512]
    plane = {
        "grey": 170 + 0.05 * y,
        "black": np.full((512, 512), 8),
        "tiles": np.where((x // 16 + y // 16) % 2, 255, 204),
        "floor": np.where(y < 360, 190, 205),
    }[behind]
    background = np.repeat(np.asarray(plane, np.uint8)[..., None], 3, axis=2)
    pixels, true = on_a_base(background, (90, 90, 90))
    got = cut_out(Picture(pixels=pixels))
    assert got.alpha is not None
    assert overlap(got.alpha >= 128, true) > 0.965


@pytest.mark.parametrize("fall", [-22, 0, 34])
def test_a_horizon_that_touches_the_figure_is_no_part_of_it(fall: int) -> None:
    """A floor before a wall of another tone, seen from aslant: the line where they meet is not level."""
    mask = figure(512)
    y, x = np.mgrid[0:512, 0:512].astype(np.float32)
    share = np.clip(y - 250 - fall * (x / 512 - 0.5), 0, 1)
    plane = (160 * (1 - share) + 132 * share + 0.12 * share * (y - 250))[..., None] * [1.0, 0.93, 0.9]
    pixels = painted(mask, plane.astype(np.uint8), (235, 228, 224))
    got = add_attached_parts(pixels, mask.astype(np.float32))
    assert overlap(got.coarse > 0.5, mask) > 0.97
    assert not got.doubt


def test_a_light_plinth_under_a_contact_shadow_is_no_shadow() -> None:
    """Dark at the feet and nearly white at its rim, as a shadow fades; but it ends in an edge all round."""
    pixels, true = on_a_base(white(512), (239, 239, 239), "plinth", shadow=False)
    y, x = np.mgrid[0:512, 0:512]
    foot = int(np.flatnonzero(figure(512, size=0.8).any(1))[-1])
    contact = np.exp(-(((x - 256) / 90) ** 2) - ((y - foot) / 9) ** 2) * (true & ~figure(512, size=0.8))
    pixels = np.round(pixels * (1 - 0.45 * contact[..., None])).astype(np.uint8)
    got = cut_out(Picture(pixels=pixels))
    assert got.alpha is not None
    assert overlap(got.alpha >= 128, true) > 0.965


@pytest.mark.parametrize("first", [255, 204])
def test_a_shadow_that_reaches_the_frame_hides_no_tiles(first: int) -> None:
    mask = figure(512)
    y, x = np.mgrid[0:512, 0:512]
    tiles = np.where((x // 8 + y // 8) % 2, 459 - first, first)
    foot = int(np.flatnonzero(mask.any(1))[-1])
    plane = tiles * (1 - 0.4 * np.exp(-(((y - foot) / 12) ** 2)))
    pixels = painted(mask, np.repeat(plane.astype(np.uint8)[..., None], 3, axis=2), (60, 80, 150))
    got = add_attached_parts(pixels, mask.astype(np.float32))
    assert overlap(got.coarse > 0.5, mask) > 0.96


def test_a_base_before_tiles_keeps_no_tiles() -> None:
    """A light grey plinth has the tone of the dark tiles: a shadow would let them show, it does not."""
    y, x = np.mgrid[0:512, 0:512]
    tiles = np.repeat(np.where((x // 12 + y // 12) % 2, 255, 204).astype(np.uint8)[..., None], 3, axis=2)
    pixels, true = on_a_base(tiles, (186, 186, 186), "plinth")
    got = cut_out(Picture(pixels=pixels))
    assert got.alpha is not None
    assert overlap(got.alpha >= 128, true) > 0.965


def ring() -> tuple[Bool, Bool]:
    """A figure whose arms close a hole over a base, and the hole."""
    y, x = np.mgrid[0:512, 0:512]
    outer = ((x - 256) / 130) ** 2 + ((y - 250) / 170) ** 2 < 1
    hole = ((x - 256) / 62) ** 2 + ((y - 260) / 80) ** 2 < 1
    return np.asarray(outer & ~hole), np.asarray(hole)


@pytest.mark.parametrize("behind", ["grey", "tiles", "dark"])
def test_a_hole_that_shows_the_backdrop_is_a_hole_though_the_network_fills_it(behind: str) -> None:
    body, hole = ring()
    y, x = np.mgrid[0:512, 0:512]
    plane = {
        "grey": 150 + 0.1 * y,
        "tiles": np.where((x // 16 + y // 16) % 2, 255, 204),
        "dark": np.full((512, 512), 14),
    }[behind]
    background = np.repeat(np.asarray(plane, np.uint8)[..., None], 3, axis=2)
    slit = (np.abs(x - 256) < 7) & (np.abs(y - 380) < 30) & ring()[0]  # as between two legs on a base
    body &= ~slit
    filled = (body | hole | slit).astype(np.float32)
    got = add_attached_parts(painted(body, background), filled)
    assert not (got.coarse[360:400, 254:259] > 0.5).any()
    assert overlap(got.coarse > 0.5, body) > 0.97


def test_a_white_part_with_shading_before_white_is_a_part_though_the_network_leaves_it_out() -> None:
    body, hole = ring()
    hole &= np.mgrid[0:512, 0:512][0] < 240  # high up: an ear, not the gap between two legs
    body |= (np.mgrid[0:512, 0:512][0] >= 240) & ring()[1]
    pixels = painted(body, white(512))
    x = np.mgrid[0:512, 0:512][1]
    pixels[hole] = np.clip(246 + 6 * np.sin(x / 14), 0, 255).astype(np.uint8)[hole][:, None]
    got = add_attached_parts(pixels, body.astype(np.float32))
    assert overlap(got.coarse > 0.5, body | hole) > 0.97


def test_what_a_closed_outline_encloses_before_white_is_figurine() -> None:
    """A line drawing: a white cap and a white face behind black outlines, which the network takes for air."""
    y, x = np.mgrid[0:512, 0:512]
    cap = ((x - 256) / 90) ** 2 + ((y - 130) / 70) ** 2 < 1
    coat = ((x - 256) / 110) ** 2 + ((y - 330) / 140) ** 2 < 1
    pixels = white(512)
    pixels[coat] = (60, 90, 170)
    lines = np.zeros((512, 512), np.uint8)
    for part in (cap, coat):
        outline, _ = cv2.findContours(part.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(lines, outline, -1, 1, 5)
    pixels[lines > 0] = 0
    seen = np.asarray(coat | (lines > 0)).astype(np.float32)
    seen[cap & (lines == 0) & ~coat] = 0.15  # not sure that it is air
    got = add_attached_parts(pixels, seen)
    assert overlap(got.coarse > 0.5, np.asarray(cap | coat | (lines > 0))) > 0.98


def test_a_hard_shadow_beside_the_feet_stays_out_and_is_doubted() -> None:
    mask = figure(512)
    y, x = np.mgrid[0:512, 0:512]
    background = white(512)
    foot = int(np.flatnonzero(mask.any(1))[-1])
    cast = (np.abs((y - foot + 6) + 0.12 * (x - 300)) < 14) & (x > 250) & (x < 440)
    background[cast] = 150
    got = add_attached_parts(painted(mask, background), mask.astype(np.float32))
    assert overlap(got.coarse > 0.5, mask) > 0.95
    assert got.doubt


def test_the_sharp_end_of_a_contact_shadow_is_no_base() -> None:
    """Flat on the ground, dark, and with an edge: what feet on a floor look like under studio lamps."""
    mask = figure(512)
    foot = int(np.flatnonzero(mask.any(1))[-1])
    y, x = np.mgrid[0:512, 0:512]
    background = white(512)
    background[((x - 256) / 130) ** 2 + ((y - foot) / 4.5) ** 2 < 1] = 170
    got = add_attached_parts(painted(mask, background), mask.astype(np.float32))
    assert overlap(got.coarse > 0.5, mask) > 0.98


def test_light_on_a_floor_is_no_part_of_the_figure() -> None:
    """A wall, a dark strip at its foot, and a floor that a lamp lightens about the figure: no gradient fits."""
    mask = figure(512)
    y, x = np.mgrid[0:512, 0:512] / 512
    pool = 70 * np.exp(-(((x - 0.5) / 0.35) ** 2) - ((y - 0.62) / 0.12) ** 2)
    plane = np.where(y < 0.4, 150, 110 + 60 * np.clip((y - 0.4) / 0.2, 0, 1) + pool)
    pixels = painted(mask, (plane[..., None] * [1.0, 0.92, 0.88]).astype(np.uint8), (60, 80, 150))
    got = add_attached_parts(pixels, mask.astype(np.float32))
    assert overlap(got.coarse > 0.5, mask) > 0.9  # between the legs some of it still stays


def test_pinholes_close_and_holes_stay() -> None:
    picture = alpha_of((20, 180, 20, 180))
    assert picture.alpha is not None
    alpha = picture.alpha.copy()
    alpha[60, 60] = 0
    alpha[100:130, 100:130] = 0
    got = cut_out(Picture(pixels=picture.pixels, alpha=alpha))
    assert got.alpha is not None
    assert got.alpha[60, 60] >= 128
    assert not got.alpha[100:130, 100:130].any()


def test_no_two_pixels_touch_only_by_a_corner() -> None:
    rng = np.random.default_rng(3)
    noise = cv2.GaussianBlur(rng.random((160, 160)).astype(np.float32), (0, 0), 1.2)
    alpha = np.where(noise > 0.5, 255, 0).astype(np.uint8)
    got = cut_out(
        Picture(pixels=np.full((160, 160, 3), 90, np.uint8), alpha=alpha), CutoutOptions(speck_share=0)
    )
    assert got.alpha is not None
    solid = got.alpha >= 128
    a, b, c, d = solid[:-1, :-1], solid[:-1, 1:], solid[1:, :-1], solid[1:, 1:]
    assert not (a & d & ~b & ~c).any()
    assert not (b & c & ~a & ~d).any()


def test_nothing_to_cut_out_is_refused() -> None:
    empty = np.zeros((64, 64), np.uint8)
    source = {"file": "empty.png"}
    with pytest.raises(BadInput, match=r"empty\.png is fully transparent"):
        cut_out(Picture(pixels=np.full((64, 64, 3), 90, np.uint8), alpha=empty, source=source))


def test_an_alpha_that_shows_the_whole_frame_is_no_cutout() -> None:
    mask = figure()
    alpha = np.full(mask.shape, 255, np.uint8)
    alpha[0, :] = 0
    got = cut_out(Picture(pixels=painted(mask, white()), alpha=alpha))
    assert got.alpha is not None
    assert overlap(got.alpha >= 128, mask) > 0.97
