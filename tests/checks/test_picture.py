"""checks/: one picture, several pictures: what was done to a drawn figurine is what its checks say."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from kitchen import QUICK

from slipcast.checks.picture.compare import check_drafts, check_prompt, check_views
from slipcast.checks.picture.judge import PICTURE_CHECKS, Judgement, check_picture, judge_picture
from slipcast.checks.verdict import LIMITS, Verdict, verdict
from slipcast.core.values import U8, Cutout, CutoutFacts, Picture, View
from slipcast.picture.cut_out import cut_out
from slipcast.picture.decode import read_picture
from slipcast.pipeline.run import run

SIDE = 640
SAMPLES = Path(__file__).parents[2] / "samples"


def body(side: int = SIDE, *, x: float = 0.5, scale: float = 1.0, arm: bool = True) -> U8:
    """Opacity of a person: head, trunk, legs apart, and one arm held out to the picture's left."""
    canvas = np.zeros((side * 4, side * 4), np.uint8)

    def at(u: float, v: float) -> tuple[int, int]:
        return int((x + (u - 0.5) * scale) * side * 4), int((0.5 + (v - 0.5) * scale) * side * 4)

    cv2.circle(canvas, at(0.5, 0.2), int(0.1 * scale * side * 4), 255, -1)
    cv2.rectangle(canvas, at(0.4, 0.28), at(0.6, 0.62), 255, -1)
    for left in (0.41, 0.52):
        cv2.rectangle(canvas, at(left, 0.6), at(left + 0.07, 0.92), 255, -1)
    if arm:
        cv2.rectangle(canvas, at(0.2, 0.32), at(0.42, 0.39), 255, -1)
    return np.asarray(cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def paint(alpha: U8, *, hue: int = 10) -> U8:
    """Coloured stripes of two tones under a gentle light from above, with as little grain as any camera has."""
    height, width = alpha.shape
    hsv = np.zeros((height, width, 3), np.uint8)
    band = (np.arange(height) // 20 % 2)[:, None]
    shine = np.linspace(235, 170, height)[:, None]
    hsv[..., 0], hsv[..., 1] = hue, np.where(band, 190, 110)
    hsv[..., 2] = np.where(band, shine, 0.5 * shine)
    dice = np.random.default_rng(0)
    pixels = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) + dice.normal(0, 1.5, (height, width, 3))
    return np.asarray(np.clip(np.round(pixels), 0, 255), dtype=np.uint8)


def drawn(change: Callable[[U8], U8] | None = None, **shape: float) -> Cutout:
    """The person with its own alpha; `change` alters the colours."""
    alpha = body(**shape)  # type: ignore[arg-type]
    pixels = paint(alpha)
    return Cutout(pixels=pixels if change is None else change(pixels), alpha=alpha)


def codes(judged: Judgement) -> set[str]:
    return {found.code for found in judged.findings}


def exposed(factor: float) -> Callable[[U8], U8]:
    return lambda pixels: np.clip(pixels * factor, 0, 255).astype(np.uint8)


def grainy(pixels: U8) -> U8:
    dice = np.random.default_rng(1)
    return np.clip(pixels + dice.normal(0, 25, pixels.shape), 0, 255).astype(np.uint8)


def blocky(pixels: U8) -> U8:
    _, data = cv2.imencode(".jpg", grainy(pixels)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 6])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def test_a_good_picture_passes_every_check() -> None:
    judged = judge_picture(drawn())
    assert codes(judged) == set()
    assert judged.verdict is Verdict.APPROVE
    assert [check.name for check in judged.checks] == list(PICTURE_CHECKS)
    assert judged.rating > 0.9


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 5), "PICTURE_BLURRED"),
        (grainy, "PICTURE_NOISY"),
        (blocky, "PICTURE_COMPRESSED"),
        (exposed(0.25), "PICTURE_DARK"),
        (exposed(3.0), "PICTURE_BRIGHT"),
    ],
)
def test_what_was_done_to_the_colours_is_said(change: Callable[[U8], U8], code: str) -> None:
    judged = judge_picture(drawn(change))
    assert code in codes(judged)
    assert judged.verdict is not Verdict.APPROVE
    assert judged.rating < judge_picture(drawn()).rating


def test_light_from_one_side_is_said_and_light_from_above_is_not() -> None:
    from evaluation.spoil import Scene, light

    good = drawn(arm=False)
    cut = judge_picture(good).cut
    assert cut is not None
    lit = light(Scene(name="person", picture=good, cut=cut), np.random.default_rng(0))
    assert codes(judge_picture(lit)) == {"LIGHT_ONE_SIDED"}
    above = np.linspace(1.2, 0.4, SIDE)[:, None, None]
    assert "LIGHT_ONE_SIDED" not in codes(
        judge_picture(drawn(lambda pixels: np.clip(pixels * above, 0, 255).astype(np.uint8)))
    )


def test_size_and_place_in_the_frame_are_measured() -> None:
    small = judge_picture(drawn(side=200))
    assert codes(small) == {"PICTURE_SMALL"}
    (size,) = (check for check in small.checks if check.name == "size")
    assert size.values["side_px"] == pytest.approx(0.82 * 200, abs=2)
    assert size.score == pytest.approx(0.82 * 200 / 512, abs=0.01)
    assert "SUBJECT_FAR" in codes(judge_picture(drawn(scale=0.25)))
    aside = judge_picture(drawn(scale=0.5, x=0.75))
    assert "SUBJECT_OFF_CENTRE" in codes(aside)
    (framing,) = (check for check in aside.checks if check.name == "framing")
    assert framing.values["fill_share"] == pytest.approx(0.41, abs=0.01)


def test_what_the_cutout_says_counts_in_the_scores() -> None:
    cropped = drawn()
    assert cropped.alpha is not None
    half = Cutout(pixels=cropped.pixels[:300].copy(), alpha=cropped.alpha[:300].copy())
    judged = judge_picture(half)
    assert "SUBJECT_CROPPED" in codes(judged)
    assert judged.verdict is not Verdict.APPROVE
    twice = np.maximum(body(x=0.25, scale=0.5), body(x=0.78, scale=0.5))
    judged = judge_picture(Cutout(pixels=paint(twice), alpha=twice))
    assert "SUBJECT_SEVERAL" in codes(judged)
    assert judged.verdict is Verdict.REVIEW


def test_a_shadow_left_in_the_alpha_is_told_from_a_soft_rim() -> None:
    soft = drawn()
    assert soft.alpha is not None
    rim = Cutout(pixels=soft.pixels, alpha=cv2.GaussianBlur(soft.alpha, (0, 0), 1.2).astype(np.uint8))
    assert "SHADOW_IN_ALPHA" not in codes(judge_picture(rim))
    veil = np.zeros_like(soft.alpha)
    cv2.ellipse(veil, (430, 580), (170, 40), 0, 0, 360, 160, -1)
    shadow = Cutout(pixels=soft.pixels, alpha=np.maximum(soft.alpha, veil))
    assert "SHADOW_IN_ALPHA" in codes(judge_picture(shadow))


def test_limbs_are_measured_and_not_judged() -> None:
    ringed = np.maximum(body(), 0)
    ringed[300:340, 300:340] = 0
    (limbs,) = (
        c for c in judge_picture(Cutout(pixels=paint(ringed), alpha=ringed)).checks if c.name == "limbs"
    )
    assert limbs.score is None
    assert limbs.values["holes"] == 1
    assert 0.3 < float(str(limbs.values["split_rows_share"])) < 0.5


def cut_with(pixels: U8, alpha: U8, cells: float = 0.0) -> tuple[Picture, Cutout]:
    """A picture with background and the cutout that the model is pretended to have made."""
    facts = CutoutFacts(unsure=cells > 0, undecided_cells=cells)
    return Picture(pixels=pixels), Cutout(pixels=pixels, alpha=alpha, facts=facts)


def test_a_wavering_cutout_is_no_figurine_and_a_rim_lost_in_the_picture_neither() -> None:
    alpha = body()
    opacity = alpha[..., None] / 255
    plain = np.round(paint(alpha) * opacity + 235 * (1 - opacity)).astype(np.uint8)
    scores = {cells: check_picture(*cut_with(plain, alpha, cells))[0] for cells in (0.0, 3.0, 9.0)}
    assert [scores[cells].score for cells in scores] == [1.0, 1.0, 0.0]
    assert [found.code for found in scores[9.0].findings] == ["NO_FIGURINE"]
    assert scores[9.0].verdict is Verdict.REJECT
    dice = np.random.default_rng(3)
    field = cv2.resize(dice.uniform(60, 190, (64, 64, 3)).astype(np.float32), (SIDE, SIDE))
    hills = np.zeros_like(alpha)
    hills[400:] = 255
    # A piece of the same texture, a little darker: no edge of its own, and it leans on the frame.
    scenery = np.clip(field - 20 * (hills[..., None] > 0), 0, 255).astype(np.uint8)
    assert check_picture(*cut_with(scenery, hills))[0].score == 0.0


def test_nothing_to_cut_out_is_a_rejected_picture_and_no_error() -> None:
    judged = judge_picture(Picture(pixels=np.full((200, 200, 3), 128, np.uint8)))
    assert judged.cut is None
    assert codes(judged) == {"NO_FIGURINE"}
    assert judged.verdict is Verdict.REJECT
    assert judged.rating == 0


def test_the_scores_do_not_depend_on_the_size_of_the_file() -> None:
    """The same drawing at 640 and 1280 px: blur, light and framing are the figurine's, not the file's."""
    small, large = (
        {check.name: check.score for check in judge_picture(drawn(side=side)).checks} for side in (640, 1280)
    )
    for name in ("sharpness", "light", "framing", "exposure"):
        assert small[name] == pytest.approx(large[name], abs=0.15)


def turntable() -> dict[View, Cutout]:
    """Front and back of the person, whose outlines are mirror images, and two sides."""
    front = body()
    side = body(arm=False)
    alphas = {
        View.FRONT: front,
        View.BACK: np.ascontiguousarray(front[:, ::-1]),
        View.LEFT: side,
        View.RIGHT: np.ascontiguousarray(side[:, ::-1]),
    }
    return {
        view: cut_out(Cutout(pixels=paint(alpha), alpha=alpha, view=view)) for view, alpha in alphas.items()
    }


def said(views: dict[View, Cutout]) -> set[str]:
    return {found.code for check in check_views(views) for found in check.findings}


def test_views_of_one_figurine_agree() -> None:
    checks = check_views(turntable())
    assert [check.name for check in checks] == [
        "views_height",
        "views_baseline",
        "views_mirror",
        "views_colors",
    ]
    assert verdict(checks) is Verdict.APPROVE
    assert said(turntable()) == set()
    assert check_views({View.FRONT: turntable()[View.FRONT]}) == ()


def test_what_differs_between_views_is_said() -> None:
    views = turntable()
    assert said(views | {View.BACK: views[View.FRONT]}) == {"VIEWS_NOT_MIRRORED"}
    small = body(scale=0.7)
    smaller = cut_out(Cutout(pixels=paint(small), alpha=small))
    assert {"VIEWS_HEIGHT", "VIEWS_BASELINE"} <= said({View.FRONT: views[View.FRONT], View.LEFT: smaller})
    alpha = views[View.LEFT].alpha
    assert alpha is not None
    blue = cut_out(Cutout(pixels=paint(alpha, hue=110), alpha=alpha))
    assert said(views | {View.LEFT: blue}) == {"VIEWS_COLORS"}


def test_drafts_are_compared() -> None:
    views = turntable()
    front = views[View.FRONT]
    alpha = body(scale=0.5)
    other = cut_out(Cutout(pixels=paint(alpha, hue=110), alpha=alpha))
    assert check_drafts([front, front]).score == 1
    assert [found.code for found in check_drafts([front, other]).findings] == ["DRAFTS_DIFFER"]
    assert check_drafts([front]).score is None


@pytest.mark.parametrize(
    ("subject", "missing"),
    [
        ("an orange robot", ""),
        ("an orange robot with a blue hat", "blue"),
        ("a robot, no green, on a blue background", None),
        ("a robot", None),
    ],
)
def test_colours_of_the_prompt_are_looked_for(subject: str, missing: str | None) -> None:
    check = check_prompt(turntable()[View.FRONT], subject)
    assert check.values["missing"] == missing
    assert (check.score is None) is (missing is None)
    assert bool(check.findings) is bool(missing)


def test_every_check_of_a_picture_has_its_limits() -> None:
    assert set(PICTURE_CHECKS) <= set(LIMITS)


@pytest.mark.parametrize("sample", ["astronaut", "bust", "dragon", "mech"])
def test_samples_with_their_soft_shadows_and_white_on_white_are_approved(sample: str) -> None:
    judged = judge_picture(read_picture(SAMPLES / sample / "front.png"))
    assert judged.verdict is Verdict.APPROVE
    assert codes(judged) <= {"SPECKS_DROPPED"}


def test_convert_says_that_a_landscape_is_no_figurine_and_what_to_do() -> None:
    from evaluation.scenery import landscape

    pixels = landscape(np.random.default_rng([1, 9 * 31 + ord("l")]), 640, 640)
    result = run(Picture(pixels=np.ascontiguousarray(pixels)), QUICK, name="hills")
    told = [found.code for found in result.figurine.findings]
    assert told.count("NO_FIGURINE") == 1
    assert result.verdict is Verdict.REJECT
    advice = result.metadata["advice"]
    assert isinstance(advice, list)
    assert advice[0]["code"] == "NO_FIGURINE"
    assert "plain white background" in advice[0]["prompt"]


@pytest.mark.parametrize(("line", "verdict"), [(20, "approve"), (200, "reject")])
def test_white_paper_within_dark_lines_is_not_overexposed(line: int, verdict: str) -> None:
    """A drawing's white is drawn; white that fades into light tones is burnt out."""
    rows, columns = np.mgrid[:512, :512]
    away = np.hypot(rows - 256, columns - 256)
    alpha = np.where(away < 200, 255, 0).astype(np.uint8)
    pixels = np.full((512, 512, 3), 255, np.uint8)
    pixels[away > 190] = line
    for radius in (60, 120):
        pixels[np.abs(away - radius) < 4] = line
    judged = judge_picture(Picture(pixels=pixels, alpha=alpha))
    assert {check.name: check.verdict.value for check in judged.checks}["exposure"] == verdict
