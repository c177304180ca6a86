"""Picture and its cutout -> checks: what would disappoint in the asset, said before anything else is made of it.

    judged = judge_picture(read_picture(path))
    judged.verdict, judged.findings, diagnose(judged.findings)

docs/calibration.md has the measured rate of true and false alarms of every check.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from slipcast.checks.picture.background import background, figurine, shadow
from slipcast.checks.picture.framing import framing, limbs, subjects, whole
from slipcast.checks.picture.photo import Measure, compression, exposure, grain, light, sharpness, size
from slipcast.checks.picture.view import View512, look_at
from slipcast.checks.verdict import LIMITS, Check, Verdict, verdict
from slipcast.core.errors import NoFigurine
from slipcast.core.findings import Finding, finding
from slipcast.core.values import Cutout, Picture
from slipcast.picture.cut_out import CutoutOptions, cut_out


class Row(NamedTuple):
    """One picture check."""

    measure: Callable[[View512], Measure]
    say: Callable[[Measure], Iterable[Finding]]
    """The findings of a measure whose score is below the review limit."""


def _nothing(_: Measure) -> Iterable[Finding]:
    return ()


def _code(code: str, *names: str) -> Callable[[Measure], Iterable[Finding]]:
    """One finding with the named measured values in its sentence."""
    return lambda measure: (finding(code, {name: measure.values[name] for name in names}),)


def _say_exposure(measure: Measure) -> Iterable[Finding]:
    blown = float(measure.values["blown_share"] or 0)
    if blown > 0.2:
        yield finding("PICTURE_BRIGHT", {"percent": round(100 * blown)})
    else:
        yield finding("PICTURE_DARK")


def _say_framing(measure: Measure) -> Iterable[Finding]:
    fill, off = float(measure.values["fill_share"] or 0), float(measure.values["off_centre_share"] or 0)
    if fill < 0.3:
        yield finding("SUBJECT_FAR", {"percent": round(100 * fill)})
    if off > 0.18:
        yield finding("SUBJECT_OFF_CENTRE", {"percent": round(100 * off)})


def _say_background(measure: Measure) -> Iterable[Finding]:
    # A rim that is hard to find is said by the cutout: CUTOUT_UNSURE.
    if float(measure.values["background_slope"] or 0) > 0.9:
        yield finding("CUTOUT_UNSURE" if measure.values.get("drawn") else "BACKGROUND_BUSY")


PICTURE_CHECKS: dict[str, Row] = {
    "figurine": Row(figurine, _code("NO_FIGURINE")),
    "whole": Row(whole, _nothing),  # said by the cutout: SUBJECT_CROPPED
    "subjects": Row(subjects, _nothing),  # said by the cutout: SUBJECT_SEVERAL
    "size": Row(size, _code("PICTURE_SMALL", "side_px")),
    "framing": Row(framing, _say_framing),
    "sharpness": Row(sharpness, _code("PICTURE_BLURRED")),
    "exposure": Row(exposure, _say_exposure),
    "light": Row(light, _code("LIGHT_ONE_SIDED")),
    "background": Row(background, _say_background),
    "shadow": Row(shadow, _code("SHADOW_IN_ALPHA")),
    "grain": Row(grain, _code("PICTURE_NOISY")),
    "compression": Row(compression, _code("PICTURE_COMPRESSED")),
    "limbs": Row(limbs, _nothing),
}
"""Every check of one picture, by its name in `LIMITS`."""


def check_picture(picture: Picture, cut: Cutout) -> tuple[Check, ...]:
    """Judge `picture` by its cutout: one check a row of `PICTURE_CHECKS`.

    The checks' findings are those that the cutout did not give itself; those are in `cut.findings`.
    """
    sight = look_at(picture, cut)
    checks = []
    for name, row in PICTURE_CHECKS.items():
        measure = row.measure(sight)
        alarm = measure.score is not None and measure.score < LIMITS[name].review
        said = {found.code for found in cut.findings}
        findings = tuple(found for found in row.say(measure) if found.code not in said) if alarm else ()
        checks.append(Check(name=name, score=measure.score, values=measure.values, findings=findings))
    return tuple(checks)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What is to be known about one picture before anything is made of it."""

    cut: Cutout | None
    """The cutout; None where nothing could be cut out."""
    checks: tuple[Check, ...]
    """One a row of `PICTURE_CHECKS`; only `figurine` where nothing could be cut out."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the decoder and the cutout noticed, then what the checks found."""
        noticed = self.cut.findings if self.cut else ()
        return (*noticed, *(found for check in self.checks for found in check.findings))

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks' verdicts."""
        return verdict(self.checks)

    @property
    def rating(self) -> float:
        """How promising the picture is, in [0, 1], for a choice among several: half the worst score, half the mean."""
        scores = [check.score for check in self.checks if check.score is not None]
        return round(0.5 * min(scores) + 0.5 * sum(scores) / len(scores), 4)


def judge_picture(picture: Picture, options: CutoutOptions | None = None) -> Judgement:
    """Cut out and check. A picture without a figurine is no error here: it is rejected.

    Raises BadInput for a picture that is fully transparent and for an unknown cutout model.
    """
    try:
        cut = cut_out(picture, options)
    except NoFigurine:
        nothing = Check(name="figurine", score=0.0, findings=(finding("NO_FIGURINE"),))
        return Judgement(cut=None, checks=(nothing,))
    return Judgement(cut=cut, checks=check_picture(picture, cut))
