"""What a picture, a depth map or a mesh is judged by: one plain function a check, each returns a `Check`.

A check measures; its score says how good that is; the one table here says what the scores mean together. A check that
cannot say anything (no second view to compare with, no texture) has the score None and does not count.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from slipcast.core.findings import Finding

Measured = float | int | bool | str | None
"""One measured value; None where it could not be measured."""


class Verdict(StrEnum):
    """What to do with the thing that was judged."""

    APPROVE = "approve"
    """Go on with it."""
    REVIEW = "review"
    """A person should look at it first."""
    REJECT = "reject"
    """Do not go on with it."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """What one check found."""

    name: str
    """A key of `LIMITS`, stable: `closed`, `sharpness` ..."""
    score: float | None
    """In [0, 1], 1 is good; None where the check cannot say anything."""
    values: Mapping[str, Measured] = field(default_factory=dict)
    """What was measured, JSON-ready; names carry their unit (`_mm`, `_px`, `_deg`) or are shares and counts."""
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in LIMITS:
            raise ValueError(f"check {self.name!r} has no row in LIMITS")
        if self.score is not None and not 0 <= self.score <= 1:  # also refuses nan
            raise ValueError(f"check {self.name!r} gave the score {self.score}, which is not in [0, 1]")

    @property
    def verdict(self) -> Verdict:
        """What this check alone says; APPROVE without a score."""
        if self.score is None:
            return Verdict.APPROVE
        limits = LIMITS[self.name]
        if self.score < limits.reject:
            return Verdict.REJECT
        return Verdict.REVIEW if self.score < limits.review else Verdict.APPROVE

    def as_dict(self) -> dict[str, object]:
        """The check as JSON-ready data, without its findings, which are listed once for the whole asset."""
        score = None if self.score is None else round(self.score, 4)
        return {"score": score, "verdict": self.verdict.value, **self.values}


class Limits(NamedTuple):
    """One row of the table: what a score below these means."""

    review: float
    reject: float


LIMITS: dict[str, Limits] = {
    # the picture
    "figurine": Limits(0.5, 0.5),
    "whole": Limits(0.5, 0.1),
    "subjects": Limits(0.5, 0.0),
    "size": Limits(0.5, 0.15),
    "framing": Limits(0.5, 0.0),
    "sharpness": Limits(0.5, 0.01),
    "exposure": Limits(0.5, 0.01),
    "light": Limits(0.5, 0.0),
    "background": Limits(0.5, 0.0),
    "shadow": Limits(0.5, 0.0),
    "grain": Limits(0.5, 0.0),
    "compression": Limits(0.5, 0.0),
    "limbs": Limits(0.0, 0.0),
    # several pictures of one figurine
    "views_agree": Limits(0.6, 0.0),
    "views_height": Limits(0.5, 0.0),
    "views_baseline": Limits(0.5, 0.0),
    "views_mirror": Limits(0.5, 0.0),
    "views_colors": Limits(0.5, 0.0),
    "drafts": Limits(0.5, 0.0),
    "prompt_colors": Limits(1.0, 0.0),
    # the depth
    "relief": Limits(0.5, 0.05),
    "tilt": Limits(0.5, 0.0),
    "proportion": Limits(0.5, 0.05),
    "leak": Limits(0.5, 0.1),
    "agreement": Limits(0.5, 0.0),
    "certainty": Limits(0.5, 0.0),
    # the mesh
    "closed": Limits(1.0, 1.0),
    "oriented": Limits(1.0, 1.0),
    "crossing": Limits(0.5, 0.0),
    "thickness": Limits(0.5, 0.0),
    "islands": Limits(0.5, 0.1),
    "stands": Limits(0.5, 0.0),
    "lean": Limits(0.5, 0.0),
    "parts": Limits(0.5, 0.01),
    "tunnels": Limits(0.5, 0.0),
    "budget": Limits(1.0, 0.0),
    "texels": Limits(0.35, 0.0),
    "overlap": Limits(0.5, 0.0),
    "iou": Limits(0.5, 0.1),
    "invented": Limits(0.0, 0.0),
}
"""Below which score a check asks for a look, or for another picture."""


def verdict(checks: Iterable[Check]) -> Verdict:
    """The worst of the checks' verdicts; APPROVE where there is none."""
    order = (Verdict.APPROVE, Verdict.REVIEW, Verdict.REJECT)
    return max((check.verdict for check in checks), key=order.index, default=Verdict.APPROVE)
