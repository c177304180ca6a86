"""A stored file as an answer: ETag, conditions, one range, HEAD (RFC 9110, sections 13 and 14).

The same way for a folder and an object store: a range is read from the store as one. Of several ranges in one request
the whole file comes back, as the RFC allows.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from slipcast.service.api.errors import Refused
from slipcast.service.api.service import Service

_YEAR = 365 * 86400
_SAFE = {"image/png", "image/jpeg", "image/webp", "application/json"}
"""What a browser may show itself; everything else is a download, and a report lives in a sandbox."""
REPORT_CSP = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline';"
    " img-src data: blob:; font-src data:; frame-ancestors 'self'"
)
_RANGE = re.compile(r"bytes=\s*(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))\s*", re.IGNORECASE)


def serve_content(
    service: Service,
    request: Request,
    found: Mapping[str, Any],
    *,
    shared: bool = False,
    inline: bool = False,
) -> Response:
    """The file of a row, or the part of it that the request asks for.

    Raises Refused: 404 when the store lost it, 416 for a range beyond its end.
    """
    tag, total = f'"{found["sha256"]}"', int(found["bytes"])
    headers = {
        "ETag": tag,
        "Cache-Control": f"{'public' if shared else 'private'}, max-age={_YEAR}, immutable",
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
    }
    if shared:  # the address is the permission: another site's page and its viewer may use it
        headers |= {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
    known = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    part = range_of(request.headers, tag, total)
    mime = str(found["mime"])
    shown = inline or mime in _SAFE
    plain = str(found["name"]).encode("ascii", "replace").decode().replace('"', "'")
    whole = "" if plain == found["name"] else f"; filename*=UTF-8''{quote(str(found['name']), safe='')}"
    headers["Content-Disposition"] = f'{"inline" if shown else "attachment"}; filename="{plain}"{whole}'
    headers["Content-Security-Policy"] = (
        REPORT_CSP if mime.startswith("text/html") else "default-src 'none'; sandbox"
    )
    start, end = part or (0, total)
    headers["Content-Length"] = str(end - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{total}"
    status, tenant, sha256 = 206 if part else 200, str(found["tenant_id"]), str(found["sha256"])
    gone = Refused(404, "NotThere", "the file is gone from the store")
    if request.method == "HEAD":
        if not service.store.has(tenant, sha256):
            raise gone
        return Response(status_code=status, media_type=mime, headers=headers)
    try:
        chunks = service.store.chunks(tenant, sha256, part)
    except FileNotFoundError:
        raise gone from None
    return StreamingResponse(chunks, status, media_type=mime, headers=headers)


def range_of(headers: Mapping[str, str], tag: str, total: int) -> tuple[int, int] | None:
    """First byte and the one behind the last that a request asks for; None: the whole file.

    Raises Refused (416) for a range that begins behind the end.

    >>> range_of({"range": "bytes=2-4"}, '"a"', 10), range_of({"range": "bytes=-3"}, '"a"', 10)
    ((2, 5), (7, 10))
    >>> range_of({"range": "bytes=2-4", "if-range": '"b"'}, '"a"', 10) is None
    True
    """
    asked = _RANGE.fullmatch(headers.get("range", ""))
    if asked is None or headers.get("if-range", tag) != tag:
        return None
    first, last, of_end = asked.groups()
    if first is None:
        start, end = max(0, total - int(of_end)), total if int(of_end) else 0
    else:
        start, end = int(first), min(int(last) + 1, total) if last else total
        if last and int(last) < start:
            return None  # no range at all, says the RFC: ignored
    if start >= end:
        raise Refused(
            416,
            "RangeNotSatisfiable",
            f"the file has {total} bytes; ask for a range within them",
            {"Content-Range": f"bytes */{total}"},
        )
    return start, end
