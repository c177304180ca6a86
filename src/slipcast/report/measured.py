"""Measured values in words, with their units: `off_centre_share` 0.03 -> «3 % off the middle»."""

from slipcast.checks.verdict import Measured

WORDS: dict[str, str] = {
    # the picture
    "undecided_cells": "{} of the cutout's raster undecided",
    "rim_step": "colours differ at the rim by {} (CIELAB)",
    "rim_clearness": "rim {} times as sharp as its surroundings",
    "outside_slope": "unrest of the background {}",
    "touch_share": "{} of its side lies at the picture's edge",
    "second_share": "second subject: {} of the first one's area",
    "side_px": "longer side {} px",
    "fill_share": "fills {} of the picture's side",
    "off_centre_share": "{} off the middle",
    "edge_sharpness": "sharpness of edges {}",
    "highlight_level": "brightest parts at {} of 255",
    "blown_share": "{} overexposed",
    "light_slope": "light from the side {}",
    "background_slope": "unrest of the background {}",
    "drawn": "one drawn colour behind it: {}",
    "veil_share": "{} half transparent",
    "noise_levels": "noise {} of 255",
    "blockiness": "blocks of compression {}",
    "holes": "holes in the outline: {}",
    "split_rows_share": "{} of the rows cross several parts",
    # several pictures
    "alike_share": "{} alike",
    "missing": "missing: {}",
    "spread_share": "differ by {}",
    "mirrored_iou": "overlap of mirrored outlines {}",
    "shared_share": "{} of the colours in common",
    "left_out": "left out: {}",
    "mirrored": "mirrored: {}",
    "exchanged": "exchanged: {}",
    "renamed": "under another name: {}",
    # the depth
    "relief_over_width": "relief {} of the width",
    "tilt_deg": "tilted by {}",
    "turn_deg": "turned by {}",
    "lean_deg": "leans forwards by {}",
    "depth_over_outline": "depth {} of the outline's greatest width",
    "depth_over_width": "depth {} of the whole width",
    "implausible_ratio": "the model said {}, which was replaced",
    "is_prior": "no model told the depth: {}",
    "rim_behind_share": "{} of the rim falls back",
    "correlation": "correlation {}",
    "front_error_share": "likely error of the front {} of the longer side",
    "back_error_share": "of the back {}",
    # the model
    "open_edges": "open edges: {}",
    "crowded_edges": "edges with more than two faces: {}",
    "slivers": "faces as thin as a line: {}",
    "turned_edges": "edges between faces that look apart: {}",
    "inside_out": "bodies inside out: {}",
    "volume_mm3": "volume {} mm³",
    "crossing_faces": "faces that cross others: {}",
    "crossing_pairs": "pairs of them: {}",
    "thickness_mm": "walls of {} mm and more",
    "wall_mm": "asked: {} mm",
    "thin_parts": "thin parts: {}",
    "single_lines": "walls of a single line: {}",
    "thin_length_mm": "{} mm long in all",
    "bodies": "bodies: {}",
    "cavities": "cavities: {}",
    "pieces": "pieces in the picture: {}",
    "largest_share": "largest body {} of the surface",
    "gap_mm": "gap of {} mm",
    "floating": "floating bodies: {}",
    "stands_deg": "tips over at a lean of {}",
    "contact_mm2": "stands on {} mm²",
    "lost_share": "farthest missing part {} of the height",
    "lost_mm": "which is {} mm",
    "deviation_mm": "farthest from the unsimplified surface {} mm",
    "genus": "holes through the model: {}",
    "outline_holes": "holes in the picture's outline: {}",
    "faces": "faces: {}",
    "budget": "budget: {}",
    "texels_per_mm": "{} texels per mm",
    "texels_per_mm_low": "at the coarsest {} per mm",
    "texels_along_height": "{} along the height",
    "uv_overlap_share": "{} used twice",
    "atlas_used_share": "{} of the texture in use",
    "iou": "outlines overlap by {}",
    "missing_share": "{} missing",
    "added_share": "{} too much",
    "seen_share": "{} seen in front",
    "back_view_share": "{} seen in other views",
    "mirrored_share": "{} mirrored",
    "invented_share": "{} invented",
}
"""Measured value -> what is said of it; `{}` is the number with the unit that the name carries. No score is here."""

_PERCENT = {"iou", "mirrored_iou", "relief_over_width", "depth_over_outline", "depth_over_width"}
"""Shares whose names do not end so."""


def measured(key: str, value: Measured) -> str:
    """What `value` under the name `key` says to a reader; a name that is not in `WORDS` is spelled out.

    >>> measured("off_centre_share", 0.031), measured("stands_deg", 35.9)
    ('3.1 % off the middle', 'tips over at a lean of 35.9°')
    """
    told = _number(value)
    if key == "lean_deg" and isinstance(value, int | float) and round(value, 1) <= 0:
        return f"leans back by {_number(-value)}°" if round(value, 1) < 0 else "leans by 0°"
    if key.endswith("_share") or key in _PERCENT:
        told = f"{100 * value:.3g} %" if isinstance(value, int | float) else told
    elif key.endswith("_deg"):
        told += "°"
    if key in WORDS:
        return WORDS[key].format(told)
    words, unit = key, ""
    for ending, shown in (("_mm3", " mm³"), ("_mm2", " mm²"), ("_mm", " mm"), ("_px", " px")):
        if key.endswith(ending) and not key.endswith("_per_mm"):
            words, unit = key.removesuffix(ending), shown
            break
    words = words.removesuffix("_share").removesuffix("_deg").replace("_", " ")
    return f"{words} {told}{unit}"


def _number(value: Measured) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)
