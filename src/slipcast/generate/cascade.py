"""Cheap drafts, the best one redrawn by the better model: a good picture for less than many dear tries.

request -> n drafts on the draft model -> judged (checks/picture/judge.py) -> the best as reference on the final model
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from slipcast.checks.picture.compare import check_drafts
from slipcast.checks.picture.judge import Judgement, judge_picture
from slipcast.core.errors import BadInput, ProviderError
from slipcast.core.options import check, text, whole
from slipcast.generate.request import PictureRequest, Reference, Watch
from slipcast.generate.results import Bought
from slipcast.generate.studio import Studio

_REDRAW = (
    "Redraw the figurine of the provided picture with finer detail and cleaner surfaces. Keep its design, pose, "
    "proportions, colours and camera exactly as they are. For reference, this is what it shows: "
)


@dataclass(frozen=True, kw_only=True)
class CascadeOptions:
    """Which models, how many drafts.

    >>> CascadeOptions(drafts=0)
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: drafts is 0; give a whole number from 1 to 100, for instance 4
    """

    draft: str = "gemini-3.1-flash-lite-image"
    """Model of the drafts."""
    final: str = "gemini-3-pro-image"
    """Model of the final picture."""
    drafts: int = 4
    """How many drafts are bought."""
    draft_size: str = "1K"
    """Size of the drafts."""

    def __post_init__(self) -> None:
        check(
            self,
            draft=text(example="gemini-3.1-flash-lite-image"),
            final=text(example="gemini-3-pro-image"),
            drafts=whole(1, 100, example=4),
            draft_size=text(example="1K"),
        )


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """What came of it."""

    final: Bought
    drafts: tuple[tuple[Bought, Judgement], ...]
    """Best first."""

    @property
    def cost_usd(self) -> float:
        """Drafts and final together."""
        return round(self.final.cost_usd + sum(bought.cost_usd for bought, _ in self.drafts), 6)


def draft_requests(request: PictureRequest, options: CascadeOptions) -> list[PictureRequest]:
    """The requests for the drafts of `request`. Raises BadInput for fewer than one."""
    if options.drafts < 1:
        raise BadInput(f"drafts is {options.drafts}; give 1 or more", field="drafts")
    return [
        replace(
            request,
            model=options.draft,
            size=options.draft_size,
            thinking="",
            take=request.take * options.drafts + number,
            name=f"{request.name}-draft{number + 1}",
        )
        for number in range(options.drafts)
    ]


def final_request(
    request: PictureRequest, ranked: Sequence[tuple[Bought, Judgement]], options: CascadeOptions
) -> PictureRequest:
    """The request that redraws the first of `ranked`."""
    best, judged = ranked[0]
    facts = {
        "draft_model": options.draft,
        "draft_sha256": best.facts["sha256"],
        "draft_score": judged.rating,
        "draft_verdict": judged.verdict.value,
        "draft_findings": [found.code for found in judged.findings],
        "drafts_alike": check_drafts([each.cut for _, each in ranked if each.cut]).values["alike_share"],
        "drafts": len(ranked),
        "drafts_cost_usd": round(sum(float(str(b.facts.get("cost_usd", 0.0))) for b, _ in ranked), 6),
    }
    return replace(
        request,
        model=options.final,
        text=_REDRAW + request.text,
        references=(*request.references, Reference(data=best.data, mime=best.mime)),
        facts=(*request.facts, ("cascade", facts)),
    )


def cascade(
    studio: Studio, request: PictureRequest, options: CascadeOptions | None = None, watch: Watch | None = None
) -> Cascade:
    """Buy drafts and the final picture. A draft that fails is left out.

    Raises ProviderError when no draft came, and what `Studio.buy` raises for the final picture.
    """
    options = options or CascadeOptions()
    outcomes = list(studio.buy_many(draft_requests(request, options), watch))
    bought = [
        (outcome.bought, judge_picture(outcome.bought.picture())) for outcome in outcomes if outcome.bought
    ]
    if not bought:
        reasons = next(str(outcome.error) for outcome in outcomes if outcome.error)
        raise ProviderError(f"none of {options.drafts} drafts came: {reasons}")
    bought.sort(key=lambda pair: (-pair[1].rating, str(pair[0].facts["sha256"])))
    final = studio.buy(final_request(request, bought, options), watch)
    return Cascade(final=final, drafts=tuple(bought))
