"""A picture and a wish -> the request for the changed picture; the history of wishes goes along.

Each step is a single-turn edit with the picture as reference: no chat, whose every turn would send all pictures again
and whose faults would lose the thread. So any step can be repeated, with another wish or as another take.
"""

from collections.abc import Mapping
from typing import Any

from slipcast.core.values import View
from slipcast.generate.prompt_checks import PromptLimits, check_text
from slipcast.generate.request import PictureRequest, Reference


def refine_request(
    data: bytes,
    mime: str,
    facts: Mapping[str, Any],
    wish: str,
    *,
    model: str,
    size: str = "1K",
    take: int = 0,
    name: str = "",
    limits: PromptLimits | None = None,
) -> PictureRequest:
    """The request that changes the picture `data` by `wish` («add battle damage to the left wing») and nothing else.

    `facts` are the picture's own, with its `history`. Raises BadInput for a wish that must not be sent.
    """
    wanted = check_text(wish, limits or PromptLimits(shortest=3), what="the wish").rstrip(" .")
    text = (
        f"Using the provided picture of a figurine, {wanted[:1].lower()}{wanted[1:]}. Make the change fit its "
        "material, scale and light. Everything else stays completely unchanged: the pose, the proportions, the face, "
        "the colours, the base, the camera, the light and the plain background."
    )
    done = list(facts.get("history", ()))
    before = {
        "sha256": facts.get("sha256", ""),
        "prompt": facts.get("prompt", ""),
        "model": facts.get("model", ""),
    }
    return PictureRequest(
        text=text,
        view=View(str(facts.get("view", "front"))),
        model=model,
        ratio=str(facts.get("ratio", "1:1")),
        size=size,
        references=(Reference(data=data, mime=mime),),
        take=take,
        name=name,
        facts=(("history", [*done, {**before, "then": wanted}]),),
    )
