"""What the user should know about a result that exists: one table of codes.

A finding is data: a code, its severity and a sentence filled with the case's values. Codes never change their
meaning; a new meaning is a new code. Wrong use is not a finding but an error (errors.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from slipcast.core.mention import FIELDS, Mention


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


USUAL = frozenset({"DEPTH_MODEL", "BACK_INVENTED"})
"""Codes that nearly every asset has: they stand in its JSON and are left out where lines are read."""


class Row(NamedTuple):
    """One line of the table: severity, and the sentence with its values in braces; options as `{option:faces}`.

    A word that follows a number is `{count:part is|parts are}`: the first where `count` is 1.
    """

    severity: Severity
    sentence: str


_I, _W, _E = Severity.INFO, Severity.WARNING, Severity.ERROR

FINDINGS: dict[str, Row] = {
    # the prompt
    "PROMPT_BRIEF": Row(
        _W, "the prompt has only {words} {words:word|words}; describe shape, colours, clothes and pose"
    ),
    "PROMPT_NO_STYLE": Row(_I, "no style is named; name one or choose a preset, so that a series matches"),
    "PROMPT_SEVERAL": Row(_W, "the prompt seems to ask for several figures ({what}); ask for one"),
    "PROMPT_LONG": Row(_W, "the prompt has about {tokens} tokens; models follow the first few hundred best"),
    "PROMPT_BRAND": Row(_W, "the prompt names {what}, which may be refused; describe the looks instead"),
    "PROMPT_INJECTION": Row(_W, "the text holds «{what}», which reads like an order to the model"),
    "PROMPT_LANGUAGE": Row(_W, "{model} is not listed for the prompt's language; write it in English"),
    # what was bought
    "MODEL_RETIRED": Row(_W, "the vendor announced the end of {model} for {date}; {instead} follows it"),
    "PRICE_UNSURE": Row(_I, "the price of {model} at {size} is an estimate: {reason}"),
    "PICTURE_SIMILAR": Row(_I, "the picture was bought for a prompt {similarity} alike: «{prompt}»"),
    "PICTURE_UNKEPT": Row(
        _W, "the bought picture could not be kept for later ({reason}); asking again costs again"
    ),
    "PICTURE_OTHER_SIZE": Row(_I, "the picture is {got} px where {wanted} px were asked for"),
    # the print
    "OCCLUSION_DROPPED": Row(_I, "{format} has no place for ambient occlusion"),
    "LODS_DROPPED": Row(_I, "levels of detail were left out, only the finest is kept: {what}"),
    "COLLISION_DROPPED": Row(_I, "collision bodies were left out: {what}"),
    "TOPOLOGY_FLOOR": Row(
        _W, "{kind} of {faces} faces would lose thin parts or not stay closed; the faces stay as they were"
    ),
    "LOD_FLOOR": Row(
        _W, "a level of {wanted} faces would not stay closed with every part; the coarsest has {floor}"
    ),
    "LODS_OPEN": Row(
        _W,
        "the mesh is open at {edges} {edges:edge|edges}: its levels are open too, and may lose small parts",
    ),
    "COLLISION_SPANS": Row(
        _W,
        "{hulls} convex {hulls:body stands|bodies stand} for {bodies} parts that do not touch, and for what lies "
        "between them",
    ),
    "PRINT_THIN": Row(
        _W, "{part} is {thickness_mm} mm thin {place}; {limit_mm} mm hold: print it larger, or thicken it"
    ),
    "PRINT_PIN": Row(
        _W,
        "{count} {count:pin|pins} of {part} {count:is|are} thinner than {limit_mm} mm: the thinnest has {diameter_mm} "
        "mm over a length of {length_mm} mm, {place}; it breaks easily",
    ),
    "PRINT_UPRIGHT": Row(
        _I,
        "the camera looked {way} by {degrees} degrees, and the figurine was stood upright by as much (likely off by "
        "{error_deg} degrees)",
    ),
    "PRINT_GREW": Row(
        _I,
        "layers from {low_mm} to {high_mm} mm above the bed, {place}, were narrower than {limit_mm} mm and would have "
        "stayed empty: they grew to {thickness_mm} mm, by {moved_mm} mm at most",
    ),
    "PRINT_EMPTY_LAYERS": Row(
        _W,
        "layers from {low_mm} to {high_mm} mm above the bed, {place}, are narrower than {limit_mm} mm and may stay "
        "empty; print it larger, or thicken it",
    ),
    "PRINT_TIPS_OVER": Row(
        _W,
        "in use it tips over at a lean of {tipping_deg} degrees (below 0 it falls by itself); give it a base, or a "
        "larger one",
    ),
    "PRINT_NEEDS_STAND": Row(
        _I,
        "it was to have no base, and in use it tips over at a lean of {tipping_deg} degrees (below 0 it falls by "
        "itself); glue it onto something",
    ),
    "PRINT_FALLS_ON_PLATE": Row(
        _W,
        "as it lies on the plate {part} tips over at a lean of {tipping_deg} degrees (below 0 it falls by itself); "
        "print it with supports or a brim",
    ),
    "PRINT_TRAP": Row(_W, "{part} has a cavity of {volume} cubic mm that nothing drains"),
    "PRINT_MENDED": Row(
        _W,
        "the mesh was no solid: {holes} {holes:hole was|holes were} covered ({covered_mm2} mm2, {deviation_mm} mm "
        "off the rims), {joined} {joined:vertex|vertices} joined, {dropped} {dropped:face|faces} left out, {turned} "
        "turned outward",
    ),
    "PRINT_SEVERAL": Row(
        _W,
        "the figurine prints as {count} pieces that do not touch: one, {place}, is {gap_mm} mm away from the rest; "
        "join them in the program that made them",
    ),
    "PRINT_ISLANDS": Row(
        _I,
        "{count} {count:area|areas} of {part} {count:begins|begin} in the air, the lowest {place}; "
        "support {count:it|them}",
    ),
    "PRINT_CUP": Row(
        _W, "{part} holds {volume} cubic mm of air from below, which sucks on the film; lean it"
    ),
    "PRINT_TOO_LARGE": Row(
        _W, "{part} is {size_mm} mm and does not fit the printer; split it or scale it to fit"
    ),
    "PRINT_NO_DOWEL": Row(
        _I,
        "the cut {z_mm} mm high has no dowel: no hole of 3 mm fits into both its parts; align them by hand",
    ),
    "PRINT_ONE_ARM": Row(_I, "only {part} has a narrow place to be cut at; the other arm stays on the body"),
    "PRINT_NOT_SOLID": Row(_E, "{part} is no sound solid after its steps; leave out one of them"),
    "PRINT_NOT_HOLLOWED": Row(_I, "the figurine stays solid: {reason}"),
    "PRINT_NO_DRAIN": Row(_W, "the cavity has no drain hole; resin stays inside"),
    # the picture
    "PICTURE_ANIMATED": Row(_I, "{file} has {frames} frames; the first one was used"),
    "PICTURE_LARGE": Row(_I, "the picture was worked with at {width} x {height} px; no texture shows more"),
    "PICTURE_SMALL": Row(
        _W, "the figurine's longer side has only {side_px} px; use a picture in which it has 512 px or more"
    ),
    "PICTURE_BLURRED": Row(_W, "the figurine is out of focus or was enlarged; its texture will be soft"),
    "PICTURE_NOISY": Row(_W, "the picture is grainy; the grain becomes part of the texture"),
    "PICTURE_COMPRESSED": Row(_W, "the picture was compressed hard; its 8-pixel blocks will show"),
    "PICTURE_DARK": Row(_W, "the figurine is too dark; its colours drown"),
    "PICTURE_BRIGHT": Row(_W, "{percent} % of the figurine is overexposed and has no tone left"),
    "LIGHT_ONE_SIDED": Row(
        _W, "strong light comes from one side; its shading will be baked into the texture"
    ),
    "SUBJECT_FAR": Row(_W, "the figurine takes only {percent} % of the picture"),
    "SUBJECT_OFF_CENTRE": Row(_I, "the figurine stands {percent} % off the middle of the picture"),
    "SUBJECT_CROPPED": Row(_W, "the figurine is cut off at the {side} edge; its cut side was closed flat"),
    "SUBJECT_SEVERAL": Row(_W, "the picture shows {count} separate subjects; each became a body of its own"),
    "SPECKS_DROPPED": Row(
        _I, "{count} {count:speck|specks} smaller than {percent} % of the figurine {count:was|were} left out"
    ),
    "CUTOUT_UNSURE": Row(
        _W,
        "the figurine stands out poorly from the background; check the cutout or give a picture with alpha",
    ),
    "NO_FIGURINE": Row(_W, "no figurine can be made out in this picture; check the cutout"),
    "BACKGROUND_BUSY": Row(_W, "the background is not plain; what is cut out may hold pieces of it"),
    "SHADOW_IN_ALPHA": Row(_W, "the picture's alpha is half transparent over large areas, as a shadow is"),
    "PICTURE_FRAMED": Row(
        _I, "the picture's alpha is a frame around an opaque picture; the figurine was cut out of that"
    ),
    "HOLES_CLOSED": Row(
        _I,
        "{count} small {count:hole|holes} inside the figurine, as cutout tools make of highlights, "
        "{count:was|were} closed",
    ),
    "HOLES_KEPT": Row(
        _I,
        "{count} {count:hole|holes} in the picture's alpha {count:goes|go} through the figurine, as between limbs; "
        "close {count:it if it is a highlight|those that are highlights}",
    ),
    "HOLES_IN_ALPHA": Row(
        _W,
        "the picture's alpha has {count} {count:hole|holes} in the figurine that {count:becomes a tunnel|become "
        "tunnels}; close {count:it if it is a white part|those that are white parts}",
    ),
    # views and drafts of one figurine
    "VIEWS_HEIGHT": Row(_W, "the figurine is {percent} % taller in one view than in another"),
    "VIEWS_BASELINE": Row(
        _W, "the feet stand {percent} % of the picture's height higher in one view than in another"
    ),
    "VIEWS_NOT_MIRRORED": Row(
        _W, "the outlines of {one} and {other} are no mirror images: they share {percent} % of their area"
    ),
    "VIEWS_COLORS": Row(_W, "the colours of {one} and {other} differ: they share {percent} %"),
    "VIEW_DROPPED": Row(_W, "the {view} view was left out: {why}"),
    "VIEW_TURNED": Row(_W, "the {view} view was mirrored back, since {how}"),
    "VIEWS_SWAPPED": Row(_W, "{one} and {other} were exchanged: each shows the other's side"),
    "VIEW_RENAMED": Row(_W, "the picture given as {view} shows {shown} and was used as that"),
    "VIEW_PLACE_UNSURE": Row(
        _W, "the picture given as {view} may show {shown}, or be of another shape; it was left where it is"
    ),
    "VIEWS_MISNAMED": Row(
        _W,
        "{one} is the mirror image of {other} ({percent} %), not of front ({less} %): "
        "the sides may be named wrongly",
    ),
    "VIEWS_MOVED": Row(
        _I,
        "the views do not fit as they are ({before} % of the size apart); their cameras were moved to {after} %",
    ),
    "VIEWS_APART": Row(
        _W, "the views contradict each other by {percent} % of the size; thin parts may be missing"
    ),
    "VIEW_WANTED": Row(_I, "a picture of {view} would help most: {why}"),
    "PROMPT_COLORS_MISSING": Row(_W, "the prompt names colours that the figurine does not have: {what}"),
    "DRAFTS_DIFFER": Row(
        _I, "the drafts show different figurines: they share {percent} % of shape and colours"
    ),
    # depth
    "DEPTH_MODEL": Row(_I, "depth comes from {model}: {reason}"),
    "DEPTH_FLAT": Row(_W, "the depth model saw almost no relief; depth/width was set to {ratio} by a prior"),
    "DEPTH_PRIOR": Row(
        _I, "depth/width {ratio} comes from a prior, since the model gives depth without scale"
    ),
    "DEPTH_SHALLOW": Row(
        _W,
        "the front is almost flat: its relief is {percent} % of the width; try another {option:depth}, or a picture "
        "whose light shows the form",
    ),
    "DEPTH_TILTED": Row(
        _W, "the front leans by {degrees} degrees ({way}); use a picture taken level and from the front"
    ),
    "DEPTH_UNUSUAL": Row(
        _W,
        "where its outline is widest it is {ratio} times as deep as wide, where figurines have 0.6 to 1.3; look at it "
        "from the side",
    ),
    "DEPTH_IMPLAUSIBLE": Row(
        _W,
        "{model} made it only {ratio} times as deep as its outline is wide; the inflated outline was taken instead: "
        "look at it from the side",
    ),
    "DEPTH_LEAK": Row(
        _W,
        "at {percent} % of its rim the figurine falls back to the background; check the cutout or give a picture "
        "with alpha",
    ),
    "DEPTH_DISAGREES": Row(
        _W,
        "two depth models hardly agree (correlation {correlation}); look at the result, or choose one with "
        "{option:depth}",
    ),
    # the solid
    "MESH_OPEN": Row(_E, "the mesh has {edges} open {edges:edge|edges}; it will not print"),
    "MESH_TURNED": Row(
        _E, "at {edges} {edges:edge|edges} two faces look opposite ways; programs will show holes there"
    ),
    "MESH_INSIDE_OUT": Row(
        _E, "{count} of the bodies {count:is|are} inside out: {count:its|their} faces look inward"
    ),
    "MESH_CROSSING": Row(
        _W,
        "{faces} {faces:face runs|faces run} through others; unite the parts or convert with {option:detail=draft}",
    ),
    "MESH_THIN": Row(
        _W,
        "{count} {count:part is|parts are} thinner than the {limit_mm} mm that {process} needs; {count:it|the longest} "
        "is a {part}, {length_mm} mm long, {thinnest_mm} mm thick, {place}, which prints at a height of "
        "{height_mm} mm: make it taller with {option:height_m}, or thicken it",
    ),
    "MESH_OVER_BUDGET": Row(
        _W, "the mesh has {faces} faces where {budget} were asked for; lower {option:faces}"
    ),
    "OUTLINE_DIFFERS": Row(
        _W,
        "the mesh covers only {percent} % of the picture's outline (intersection over union); check the cutout, "
        "or try {option:detail=fine}",
    ),
    "TEXTURE_COARSE": Row(
        _W, "only {texels} texels lie along the figurine's height; use a larger picture, or crop it closer"
    ),
    "MESH_SEVERAL": Row(
        _W,
        "the mesh has {count} separate bodies where the outline has {pieces} {pieces:piece|pieces}: up to {gap_mm} mm "
        "lie between them, {floating} {floating:touches|touch} neither another nor the ground",
    ),
    "MESH_TIPS_OVER": Row(
        _W, "it tips over {way} at a lean of {degrees} degrees (below 0 it falls by itself); give it a base"
    ),
    "FIGURINE_LEANS": Row(
        _W,
        "it leans {way} by {degrees} degrees, seen from the side; look at it, the picture does not show that",
    ),
    "PART_LOST": Row(
        _W,
        "a part of the outline is lost: {lost_mm} mm of it, {height_mm} mm above the ground, at the {place}",
    ),
    "MESH_TUNNELS": Row(
        _W, "{genus} {genus:hole goes|holes go} through the mesh where its outline shows {holes}"
    ),
    "BACK_UNSURE": Row(
        _I,
        "the back is a guess: it is likely off by {percent} % of the size or more at a third of its places",
    ),
    "BACK_INVENTED": Row(_I, "{percent} % of the surface was not in {where}: it is {how}"),
    # gates
    "GATE_MISSED": Row(_E, "the gate {gate} was not met: measured was {measured}"),
    # files of other makers
    "TEXTURE_NOT_OPENED": Row(
        _W,
        "the file names the texture {name}, which was not opened: {why}",
    ),
    "FILE_LEFT_OUT": Row(_W, "what in the file is no surface of the model was left out: {what}"),
    "FILE_DAMAGED": Row(_W, "the file is not quite as its format wants it: {what}"),
    # exports
    "MESHES_JOINED": Row(
        _I,
        "became one mesh with one atlas of {width} x {height} px; meshes: {meshes}, materials: {materials}",
    ),
    "FACTORS_JOINED": Row(
        _W,
        "the materials differ in metallic or roughness; all are written as the largest, {name}: metallic {metallic}, "
        "roughness {roughness}",
    ),
    "TEXTURE_REDUCED": Row(
        _W, "the textures were made smaller to fit into one of {width} x {height} px; repeat them less often"
    ),
    "MATERIAL_REDUCED": Row(_W, "the material {name} is written without its {what}"),
    "TEXTURE_DROPPED": Row(_W, "{format} carries no texture; the colours are left out"),
    "COLOR_REDUCED": Row(_I, "{format} carries colour per vertex; the texture was sampled at the vertices"),
    "FACES_OVER_TARGET": Row(
        _I,
        "{faces} faces are more than the {budget} that suit {target}; convert with {option:faces={budget}}",
    ),
    "TEXTURE_TYPE_CHANGED": Row(_I, "{format} cannot carry WebP; its texture was written as PNG"),
    "NOT_COMPRESSED": Row(_I, "{format} is written in full: compression and quantizing are for glTF"),
    "TANGENTS_DROPPED": Row(
        _I, "{format} with Draco carries no tangents; the program that reads it makes its own"
    ),
    "NORMAL_MAP_DROPPED": Row(_I, "{format} carries no normal map; fine relief is left out"),
}


@dataclass(frozen=True)
class Counted:
    """A value in a sentence, which also chooses between one and many.

    >>> "{0} {0:part is|parts are} thin".format(Counted(1))
    '1 part is thin'
    """

    value: object

    def __format__(self, words: str) -> str:
        one, both, many = words.partition("|")
        if not both:
            return format(self.value, words)
        return one if str(self.value) == "1" else many


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing worth knowing about a result; make it with `finding`.

    >>> result = slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000)
    >>> "DEPTH_MODEL" in {found.code for found in result.figurine.findings}
    True
    """

    code: str
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """The severity that the table gives this code: `info`, `warning` or `error`.

        >>> Finding(code="NORMAL_MAP_DROPPED", values={"format": "stl"}).severity.value
        'info'
        """
        return FINDINGS[self.code].severity

    @property
    def message(self) -> str:
        """The table's sentence, filled; options are called by their fields.

        >>> Finding(code="NORMAL_MAP_DROPPED", values={"format": "stl"}).message
        'stl carries no normal map; fine relief is left out'
        """
        return self.tell(FIELDS)

    def tell(self, mention: Mention) -> str:
        """The table's sentence, filled, with the options called as `mention` calls them.

        Raises KeyError for a code that the table lacks, or a value that its sentence needs.

        >>> from slipcast.core.mention import FIELDS
        >>> Finding(code="NORMAL_MAP_DROPPED", values={"format": "stl"}).tell(FIELDS)
        'stl carries no normal map; fine relief is left out'
        """
        values = {name: Counted(value) for name, value in self.values.items()}
        return FINDINGS[self.code].sentence.format(**values, option=mention)

    def as_dict(self) -> dict[str, object]:
        """The finding as JSON-ready data: `code`, `severity`, `message`, `values`.

        >>> sorted(Finding(code="NORMAL_MAP_DROPPED", values={"format": "stl"}).as_dict())
        ['code', 'message', 'severity', 'values']
        """
        return {
            "code": self.code,
            "severity": self.severity.value,
            "message": self.message,
            "values": dict(self.values),
        }


def finding(code: str, values: Mapping[str, object] | None = None) -> Finding:
    """Make a finding of a listed code; its sentence must be fillable from `values` (KeyError otherwise).

    >>> finding("NORMAL_MAP_DROPPED", {"format": "stl"}).code
    'NORMAL_MAP_DROPPED'
    """
    made = Finding(code=code, values=dict(values or {}))
    assert made.message
    return made
