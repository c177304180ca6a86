"""What the library says of a field, in the words of the command line: `faces is 1; ...` -> `--faces is 1; ...`."""

from collections.abc import Iterator
from contextlib import contextmanager

from slipcast.core.errors import BadInput

FLAGS = {
    "base_url": "--base-url",
    "cache_bytes": "--store-size",
    "call_s": "--call-limit",
    "colors": "--colors",
    "compress": "--compress",
    "concurrency": "--concurrency",
    "day_usd": "--max-cost-day",
    "detail": "--detail",
    "device": "--device",
    "draft": "--draft",
    "diameter_mm": "--magnet",
    "drafts": "--drafts",
    "elevation_deg": "--elevation",
    "faces": "--faces",
    "facing": "--facing",
    "filaments": "--filaments",
    "final": "--final",
    "font": "--font",
    "formats": "--format",
    "fov_deg": "--fov",
    "height_m": "--height",
    "hole_mm": "--drain",
    "holes": "--drain",
    "limit_s": "--job-limit",
    "longest": "--longest",
    "method": "--surface",
    "model": "--model",
    "name": "--name",
    "normal_map": "--normal-map",
    "orient": "--orient",
    "parts": "--collision",
    "patience_s": "--patience",
    "pivot": "--pivot",
    "price_per_kg": "--price",
    "printer_mm": "--printer",
    "priority": "--priority",
    "process": "--for",
    "project": "--project",
    "ratio": "--ratio",
    "requests_per_day": "--rate-day",
    "requests_per_minute": "--rate",
    "retries": "--retries",
    "run_usd": "--max-cost",
    "shape": "--base",
    "shares": "--lods",
    "sides": "--sides",
    "settle_s": "--settle",
    "similar": "--similar",
    "since": "--from",
    "size": "--size",
    "size_mm": "--base",
    "split": "--split",
    "tenant": "--tenant",
    "text": "--text",
    "text_style": "--text-style",
    "texture_max_px": "--texture-size",
    "texture_type": "--texture-type",
    "thicken_mm": "--thicken",
    "view": "--view",
    "views_wait_s": "--views-wait",
    "wall_mm": "--hollow",
    "workers": "--jobs",
}
"""Field -> the option that sets it."""


def to_flags(problem: BadInput) -> BadInput:
    """The same error, where it begins with a field, with the option that sets the field."""
    told, flag = str(problem), FLAGS.get(problem.field)
    if flag is None or not told.startswith(problem.field):
        return problem
    return type(problem)(flag + told[len(problem.field) :], field=problem.field)


@contextmanager
def speak_flags() -> Iterator[None]:
    """Inside the block, what is said of a field is said of its option."""
    try:
        yield
    except BadInput as problem:
        raise to_flags(problem) from problem
