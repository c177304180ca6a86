"""A result shows itself in a notebook: a line, the preview, and behind a click the report to turn the model in."""

import html
from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipcast.pipeline.result import Result

_WIDTH_PX = 1200


def draw_notebook(result: "Result") -> str:
    """Return `result` as HTML for a notebook's cell; it fetches nothing, so the notebook shows it offline and later.

    The preview is a JPEG; the report, with its interactive viewer, starts when it is opened.
    """
    from slipcast.report.pictures import shrink_to_jpeg
    from slipcast.report.report import draw_report

    small = shrink_to_jpeg(result.preview, _WIDTH_PX)
    page = html.escape(draw_report(result).decode(), quote=True)
    line = html.escape(repr(result))
    return (
        f'<div><code>{line}</code><br><img alt="{line}" style="max-width:100%" '
        f'src="data:image/jpeg;base64,{b64encode(small).decode()}">'
        "<details><summary>Turn the model, see the checks</summary>"
        f'<iframe loading="lazy" sandbox="allow-scripts" srcdoc="{page}" '
        'style="width:100%;height:720px;border:0"></iframe></details></div>'
    )
