"""Findings -> advice: which words of the prompt to change and which option to set, what helps most first.

One table, one row a finding's code, in the order of effect: what makes an asset useless stands above what makes it a
little worse. Codes that need nothing done are in `NO_ADVICE`, with the reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from slipcast.core.findings import Finding
from slipcast.core.mention import FIELDS, Mention


class Row(NamedTuple):
    """What helps against one finding."""

    do: str
    """One sentence: what to do."""
    prompt: str = ""
    """Words to add to the prompt, in quotation marks nowhere; empty where no words help."""
    drop: str = ""
    """What to take out of the prompt."""
    option: str = ""
    """The option or command that helps; options as `{option:detail=fine}`."""


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to do about one finding."""

    code: str
    """The finding's code."""
    do: str
    """One sentence."""
    prompt: str = ""
    """Words to add to the prompt."""
    drop: str = ""
    """What to take out of the prompt."""
    option: str = ""
    """The option or command that helps; options as `{option:detail=fine}`."""

    def as_dict(self) -> dict[str, str]:
        """The advice as JSON-ready data, without what is empty; options are called by their fields."""
        option = self.option.format(option=FIELDS)
        fields = {"do": self.do, "prompt": self.prompt, "drop": self.drop, "option": option}
        return {"code": self.code} | {name: text for name, text in fields.items() if text}

    def tell(self, mention: Mention) -> str:
        """Everything in one line for a reader, with the options called as `mention` calls them."""
        parts = [self.do]
        if self.prompt:
            parts.append(f"add to the prompt: «{self.prompt}»")
        if self.drop:
            parts.append(f"take out of the prompt: {self.drop}")
        if self.option:
            parts.append(f"or set: {self.option.format(option=mention)}")
        return "; ".join(parts)


ADVICE: dict[str, Row] = {
    # nothing useful comes out
    "NO_FIGURINE": Row(
        "give a picture that shows one figurine before a plain background",
        prompt="one single figurine, whole body in frame, plain white background",
        option="{option:keep}, and look at NAME.stages/cutout.png",
    ),
    "PROMPT_SEVERAL": Row(
        "ask for one figurine and make each of the others by itself",
        prompt="one single figurine, alone",
        drop="numbers and groups of figures",
    ),
    "SUBJECT_SEVERAL": Row(
        "keep one figurine in the picture, or crop each into a picture of its own",
        prompt="one single figurine, alone",
        drop="companions, groups, «and»-lists of figures",
    ),
    "SUBJECT_CROPPED": Row(
        "show all of it with a margin on every side",
        prompt="full-body product shot, the whole figurine in frame with empty space all around",
        drop="«close-up», «portrait», «bust»",
        option="{option:ratio=3:4} for a tall figurine, 4:3 for a wide one",
    ),
    "MESH_OPEN": Row("make it again with the default surface", option="{option:surface=shells}"),
    "MESH_TURNED": Row("make it again with the default surface", option="{option:surface=shells}"),
    "MESH_INSIDE_OUT": Row("make it again with the default surface", option="{option:surface=shells}"),
    "GATE_MISSED": Row("look at what was measured; follow the advice on the other findings first"),
    "PRINT_NOT_SOLID": Row(
        "leave out the step that broke it: print without thickening, hollowing, split or base in turn"
    ),
    # files of other programs
    "FILE_DAMAGED": Row("export it again from the program that wrote it"),
    "FILE_LEFT_OUT": Row("export only surfaces, and apply modifiers before"),
    "TEXTURE_NOT_OPENED": Row("put the texture beside the file and name it without a path"),
    "MATERIAL_REDUCED": Row("bake what is missing into the base colour before"),
    "TEXTURE_REDUCED": Row("repeat the textures less often, or export each part by itself"),
    "FACTORS_JOINED": Row("export each material as an asset of its own where its shine matters"),
    # the print suffers
    "PRINT_TIPS_OVER": Row("give it a base", option="{option:base=auto}"),
    "PRINT_NEEDS_STAND": Row("glue it onto something, or give it a base", option="{option:base=auto}"),
    "PRINT_SEVERAL": Row(
        "join the pieces in a modelling program, or stand them on one base", option="{option:base=round:40mm}"
    ),
    "PRINT_TOO_LARGE": Row(
        "cut it into parts or make it smaller", option="{option:split=auto}, or {option:scale_to_fit}"
    ),
    "PRINT_NO_DOWEL": Row("take another number of parts, or print it larger", option="{option:split=2}"),
    "PRINT_ONE_ARM": Row("cut it into a number of parts", option="{option:split=2}"),
    "PRINT_FALLS_ON_PLATE": Row(
        "let the slicer make supports or a brim, or stand it", option="{option:orient=stand}"
    ),
    "PRINT_TRAP": Row("let the resin out", option="{option:drain=2x3mm}"),
    "PRINT_NO_DRAIN": Row("let the resin out", option="{option:drain=2x3mm}"),
    "PRINT_CUP": Row("lean it, so that air gets in while it is lifted", option="{option:orient=30}"),
    "TOPOLOGY_FLOOR": Row("ask for more faces", option="{option:topology=quads:20000}"),
    "LOD_FLOOR": Row("ask for fewer levels, or for a larger last one"),
    "LODS_OPEN": Row("close the mesh first", option="{option:solid}"),
    "COLLISION_SPANS": Row("take a convex body for each part", option="{option:collision=convex:8}"),
    "PRINT_MENDED": Row("look where it was covered, or repair it in the program that made it"),
    "PRINT_ISLANDS": Row("let the slicer make supports, or lean it", option="{option:orient=auto}"),
    "PRINT_UPRIGHT": Row(
        "if it leans, say what the camera did when you convert the picture",
        option="{option:elevation_deg=12}",
    ),
    "PRINT_GREW": Row("print it larger, or leave it as it is", option="{option:thicken=none}"),
    "PRINT_EMPTY_LAYERS": Row("print it larger, or let thin parts grow", option="{option:thicken=1mm}"),
    "PRINT_THIN": Row("print it larger, or let thin parts grow", option="{option:thicken=0.8mm}"),
    "PRINT_PIN": Row("print it larger, or let thin parts grow", option="{option:thicken=2mm}"),
    # the shape suffers
    "CUTOUT_UNSURE": Row(
        "let it stand out from a plain background of another colour, or give a picture with alpha",
        prompt="isolated on a plain light grey background, strong contrast to the background",
        option="{option:keep}, and look at NAME.stages/cutout.png",
    ),
    "BACKGROUND_BUSY": Row(
        "take away the scene behind it, or give a picture with alpha",
        prompt="isolated on a plain white background, nothing else in the picture",
        drop="rooms, landscapes, desks, boxes, the profile showcase",
        option="{option:profile=for_3d}",
    ),
    "SHADOW_IN_ALPHA": Row(
        "export the picture without its drop shadow, or with its background so that Slipcast cuts it out"
    ),
    "HOLES_IN_ALPHA": Row(
        "close the holes of the alpha that are white parts, or give the picture with its background"
    ),
    "VIEWS_NOT_MIRRORED": Row(
        "make the second view again with the first as reference",
        prompt="the very same figurine and pose, seen exactly from behind at the same distance",
        option="{option:reference=FRONT.png}",
    ),
    "VIEW_DROPPED": Row(
        "make that view again from the front, or leave it out", option="{option:reference=FRONT.png}"
    ),
    "VIEW_TURNED": Row("look whether the view's own side is right; mirror the picture to end the message"),
    "VIEWS_SWAPPED": Row("exchange the two pictures to end the message"),
    "VIEW_RENAMED": Row("give the picture under the side that it shows to end the message"),
    "VIEW_PLACE_UNSURE": Row(
        "look which side the picture shows: a diagonal is named by the figurine's own left and right"
    ),
    "VIEWS_MISNAMED": Row(
        "look which side each picture shows: front and back are opposite, left is the figurine's own left"
    ),
    "VIEWS_APART": Row(
        "make the views again with the front as reference", option="{option:reference=FRONT.png}"
    ),
    "VIEWS_HEIGHT": Row(
        "bring the views to one scale, or make them again",
        prompt="same camera distance and same size in frame as the reference",
        option="{option:reference=FRONT.png}",
    ),
    "VIEWS_BASELINE": Row(
        "bring the feet to one height in all views",
        prompt="feet at the same height in frame as in the reference",
        option="{option:reference=FRONT.png}",
    ),
    "DEPTH_FLAT": Row(
        "use another depth model or a picture with more shading",
        prompt="soft light from above that shows the forms",
        option="{option:depth=figurine}",
    ),
    "DEPTH_SHALLOW": Row(
        "use another depth model or a picture with more shading",
        prompt="soft light from above that shows the forms",
        option="{option:depth=figurine}",
    ),
    "DEPTH_TILTED": Row(
        "use a picture taken level and from the front",
        prompt="eye-level straight-on front view, standing upright",
        drop="«low angle», «from above», «three-quarter view», «leaning»",
    ),
    "DEPTH_LEAK": Row(
        "let it stand out from the background, or give a picture with alpha",
        prompt="isolated on a plain background, crisp outline",
        option="{option:keep}, and look at NAME.stages/cutout.png",
    ),
    "DEPTH_DISAGREES": Row("look at the preview and choose one model", option="{option:depth=figurine}"),
    "DEPTH_IMPLAUSIBLE": Row(
        "give a picture from the front, level, of the whole figurine, or more views of it",
        prompt="eye-level straight-on front view, standing upright",
        drop="«low angle», «from above», «three-quarter view»",
    ),
    "DEPTH_UNUSUAL": Row(
        "look at it from the side; where it is wrong, take the inflated outline", option="{option:depth=dome}"
    ),
    "BACK_UNSURE": Row(
        "give a picture of its left or right side as well, which tells most, then of its back",
        option="{option:views=front=A.png,left=B.png}",
    ),
    "VIEW_WANTED": Row(
        "give a picture of that side as well", option="{option:views=front=A.png,left=B.png,back=C.png}"
    ),
    "PART_LOST": Row(
        "let thin parts be thicker, or convert with more detail",
        prompt="sturdy thick limbs and props, no thin parts",
        option="{option:detail=fine}",
    ),
    "MESH_SEVERAL": Row(
        "let all parts hang together in the picture",
        prompt="one piece, all parts connected, standing on a base",
        drop="floating parts, sparkles, particles",
    ),
    "MESH_TIPS_OVER": Row(
        "give it a base", prompt="standing on a plain low round base", drop="«running», «jumping»"
    ),
    "FIGURINE_LEANS": Row(
        "give a picture that was taken level, from the front",
        prompt="eye-level straight-on front view, standing upright",
        drop="«low angle», «from above», «leaning»",
    ),
    "MESH_TUNNELS": Row("convert with less detail", option="{option:detail=draft}"),
    "OUTLINE_DIFFERS": Row("keep more of the outline", option="{option:detail=fine}"),
    "MESH_THIN": Row(
        "make it taller, or let thin parts be thicker",
        prompt="sturdy thick limbs and props, no thin parts",
        drop="«slender», «delicate», «strings», «chains»",
        option="{option:height_m}, a larger one",
    ),
    "MESH_CROSSING": Row("convert with less detail", option="{option:detail=draft}"),
    "SUBJECT_FAR": Row(
        "let it fill the picture",
        prompt="the figurine fills the frame from top to bottom",
        drop="«far away», «tiny», «wide shot»",
    ),
    "PICTURE_SMALL": Row(
        "use a larger picture",
        prompt="the figurine fills the frame",
        option="{option:size=2K} when generating",
    ),
    # the texture suffers
    "LIGHT_ONE_SIDED": Row(
        "light it evenly, since the shading is baked into the texture",
        prompt="soft even studio light from all sides, no hard shadows",
        drop="«dramatic light», «rim light», «sunset», «spotlight», «chiaroscuro»",
    ),
    "PICTURE_BLURRED": Row(
        "use a sharp picture at its own size",
        prompt="tack sharp from front to back, deep focus",
        drop="«bokeh», «shallow depth of field», «soft focus», «macro»",
        option="{option:size=2K} when generating",
    ),
    "PICTURE_DARK": Row(
        "brighten the picture or light it better",
        prompt="bright even studio light",
        drop="«dark», «moody», «night», «low key»",
    ),
    "PICTURE_BRIGHT": Row(
        "use a picture that is not overexposed",
        prompt="balanced exposure, soft light",
        drop="«high key», «glowing», «bright backlight»",
    ),
    "VIEWS_COLORS": Row(
        "make the second view again with the first as reference",
        prompt="exactly the same colours and materials as in the reference",
        option="{option:reference=FRONT.png}",
    ),
    "PROMPT_COLORS_MISSING": Row(
        "name the colour together with the part that has it, early in the prompt, or try another take",
        option="{option:take=1} with slipcast refine",
    ),
    "PICTURE_COMPRESSED": Row("use the original instead of a copy that was sent or saved many times"),
    "PICTURE_NOISY": Row(
        "use a picture without grain",
        prompt="clean noise-free render",
        drop="«film grain», «vintage», «analog»",
    ),
    "PICTURE_OTHER_SIZE": Row(
        "ask the model for a size that it makes", option="slipcast costs lists each model with its sizes"
    ),
    "TEXTURE_DROPPED": Row("write a format with texture as well", option="{option:formats=glb,3mf}"),
    "TEXTURE_COARSE": Row(
        "use a larger picture, or crop it closer",
        prompt="the figurine fills the frame",
        option="{option:size=2K} when generating",
    ),
    # it fits less well where it goes
    "MESH_OVER_BUDGET": Row("ask for fewer faces", option="{option:faces}, a smaller number"),
    "FACES_OVER_TARGET": Row("convert with fewer faces", option="{option:faces}, as the finding says"),
    "PROMPT_BRIEF": Row("say what it looks like: shape, colours, clothes, pose"),
    "PROMPT_LONG": Row("shorten the prompt to what can be seen"),
    "PROMPT_BRAND": Row("describe the looks instead of naming the brand", drop="the brand's name"),
    "PROMPT_INJECTION": Row(
        "describe the figurine and nothing else", drop="the words that the finding quotes"
    ),
    "PROMPT_LANGUAGE": Row("write the prompt in English"),
    "PROMPT_NO_STYLE": Row("name a style", option="{option:preset}, of the list that slipcast prompt shows"),
    "DRAFTS_DIFFER": Row("say more about shape and colours, so that the drafts agree"),
    "SUBJECT_OFF_CENTRE": Row("put it in the middle", prompt="centred in the frame"),
    "MODEL_RETIRED": Row("choose the model that follows", option="{option:model}, as the finding says"),
    "PICTURE_UNKEPT": Row("make room in the store or choose another place", option="SLIPCAST_HOME"),
}
"""Code -> what helps, the most effective first."""

NO_ADVICE: dict[str, str] = {
    "PRICE_UNSURE": "for information: the vendor's invoice decides",
    "PICTURE_SIMILAR": "it was asked for",
    "PICTURE_LARGE": "nothing is lost: no atlas could show more",
    "PICTURE_ANIMATED": "the first frame is what most people mean",
    "PICTURE_FRAMED": "the figurine was found inside the frame",
    "HOLES_KEPT": "most are gaps between limbs; the sentence says what to do where one is none",
    "HOLES_CLOSED": "highlights that a tool cut out are no tunnels",
    "SPECKS_DROPPED": "what was left out is crumbs",
    "DEPTH_MODEL": "says what was chosen",
    "TEXTURE_TYPE_CHANGED": "the format's nature",
    "NOT_COMPRESSED": "the format's nature",
    "TANGENTS_DROPPED": "the format's nature",
    "OCCLUSION_DROPPED": "the format's nature",
    "DEPTH_PRIOR": "no better figure is to be had from one picture",
    "BACK_INVENTED": "one picture does not show the back",
    "COLOR_REDUCED": "the format's nature",
    "VIEWS_MOVED": "the cameras were found; nothing needs to be done",
    "MESHES_JOINED": "nothing is lost: one mesh and one atlas hold all parts",
    "LODS_DROPPED": "a figurine is its finest level; the engine makes others, or they are made anew",
    "COLLISION_DROPPED": "they are no figurine; for an engine they are made anew",
    "PRINT_NOT_HOLLOWED": "the reason stands in the finding; a solid print is sound",
    "NORMAL_MAP_DROPPED": "the format's nature",
}
"""Code -> why nothing needs to be done."""


def advise(findings: Iterable[Finding]) -> tuple[Advice, ...]:
    """Advice for `findings`, one a code, the most effective first; what needs nothing done is left out."""
    codes = {finding.code for finding in findings}
    return tuple(Advice(code=code, **row._asdict()) for code, row in ADVICE.items() if code in codes)
