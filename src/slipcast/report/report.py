"""Result -> NAME.report.html: one page with everything that one looks at to judge an asset, in one file.

Nothing on the page is fetched: the viewer (three.js, MIT, bundled in `assets/`), the model and all pictures are in it,
and its content security policy forbids requests. Filled by jinja2 with autoescape: a picture's name or a prompt is
text, never markup.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from slipcast.checks.mesh import MeshLimits
from slipcast.report.model import pack
from slipcast.report.page import page_of
from slipcast.report.pictures import draw_pictures
from slipcast.report.views import compare_views

if TYPE_CHECKING:
    import jinja2

    from slipcast.pipeline.result import Result

ASSETS = Path(__file__).parent / "assets"


def draw_report(result: "Result", *, run: Mapping[str, object] | None = None) -> bytes:
    """Return the report of `result` as one HTML file; `run` is the JSON's block of that name."""
    wall_m = MeshLimits().wall_m
    shown = (result.original, result.picture)
    pictures = draw_pictures(result.figurine, shown, result.depth, result.judged, wall_m)
    model = pack(result.figurine, result.judged.thickness, wall_m)
    document = {**result.metadata, "run": dict(run) if run is not None else {"seconds": dict(result.seconds)}}
    page = {
        **page_of(document, pictures, model, wall_m),
        "views": compare_views(result.figurine, result.views),
    }
    return template("report.html.jinja").render(page).encode()


@cache
def template(name: str) -> "jinja2.Template":
    """A page's template; `asset(name)` in it is the text of a file beside it."""
    import jinja2

    room = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    room.globals["asset"] = _asset
    return room.get_template(name)


def _asset(name: str) -> str:
    """Our own file, put into the page as it is."""
    from markupsafe import Markup

    return Markup((ASSETS / name).read_text(encoding="utf-8"))
