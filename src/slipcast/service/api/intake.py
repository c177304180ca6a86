"""Requests -> jobs in the queue: pictures are looked at and stored, words are priced, then one transaction."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from fastapi import Request

from slipcast.core.errors import BadInput
from slipcast.core.values import View
from slipcast.generate.prompt_checks import PromptLimits, check_text
from slipcast.service import money
from slipcast.service.api.errors import Refused
from slipcast.service.api.models import JobRequest
from slipcast.service.api.service import Service
from slipcast.service.errors import LimitReached
from slipcast.service.fetch import download
from slipcast.service.files import check_picture
from slipcast.service.jobs.options import AssetOptions, Words
from slipcast.service.jobs.submit import InputFile, NewJob, answered, body_sum, submit
from slipcast.service.keys import Caller
from slipcast.service.storage import unnamed
from slipcast.service.tenants import for_tenant
from slipcast.service.tracing import parent_words


@dataclass(frozen=True, kw_only=True)
class Given:
    """A picture as it came: checked, not stored yet."""

    name: str
    view: str
    data: bytes
    mime: str


def read_source(service: Service, url: str, view: str, number: int) -> Given:
    """The picture of a data URI or an http(s) URL. Raises BadInput."""
    settings = service.settings
    most = settings.max_upload_mb * 2**20
    if url.startswith("data:"):
        data = _data_uri(url)
        name = f"picture{number}"
    elif not url.startswith(("http://", "https://")):
        raise BadInput(f"the address of picture {number} must begin with https://, http:// or data:")
    else:
        data = download(url, max_bytes=most, allow_private=settings.allow_private_urls)
        name = url.split("?")[0].rstrip("/").rsplit("/", 1)[-1][:60] or f"picture{number}"
    return check_given(service, data, name, view)


def check_given(service: Service, data: bytes, name: str, view: str) -> Given:
    """A picture that may be worked on. Raises BadInput that names it."""
    if view not in set(View):
        raise BadInput(f"view {view!r} is unknown; choose from {', '.join(View)}")
    settings = service.settings
    plain = "".join(c if c.isalnum() or c in "._- " else "_" for c in name)[:80].strip() or "picture"
    mime, suffix = check_picture(
        data, plain, max_bytes=settings.max_upload_mb * 2**20, max_pixels=settings.max_pixels
    )
    if not plain.lower().endswith((suffix, ".jpeg")):
        plain += suffix
    return Given(name=plain, view=view, data=data, mime=mime)


def order_of(
    service: Service,
    caller: Caller,
    *,
    pictures: Sequence[Given],
    words: Words | None,
    options: AssetOptions,
) -> tuple[str, dict[str, Any], tuple[InputFile, ...], int, dict[str, object]]:
    """Return what becomes a job: its kind, order, stored pictures, most cost in micro-dollars, facts to log.

    Raises BadInput for pictures and words that make no order together: too many, a side twice, no front.
    """
    if len(pictures) > service.settings.max_pictures:
        raise BadInput(f"{len(pictures)} pictures are too many; send at most {service.settings.max_pictures}")
    sides = [each.view for each in pictures]
    if len(set(sides)) != len(sides):
        raise BadInput("two pictures show the same side; name each one's view: front, left, back ...")
    if len(pictures) > 1 and "front" not in sides:
        raise BadInput("of several views one must be the front; name it with view front")
    said = options.model_dump(mode="json")
    if words is not None:
        from slipcast.service.worker.buy import most_usd, open_provider, request_of

        check_text(words.subject, PromptLimits(shortest=2, blocked=service.settings.blocked_words))
        request_of(words, service.settings, "figurine")
        with service.database.read() as connection:
            region = for_tenant(connection, caller.tenant_id).row()["region"]
        open_provider(service.settings, region)  # without a key, or where a region cannot be kept: said now
        facts: dict[str, object] = {"words_sha256": hashlib.sha256(words.subject.encode()).hexdigest()}
        order = {"words": words.model_dump(mode="json"), "options": said}
        return "make", order, (), money.micro_of(most_usd(words, service.settings)), facts
    ordered = sorted(pictures, key=lambda each: list(View).index(View(each.view)))
    kept: list[InputFile] = []
    taken: set[str] = set()
    for each in ordered:
        name = each.name if each.name not in taken else f"{each.view}-{each.name}"
        taken.add(name)
        sha256 = service.store.put(caller.tenant_id, each.data)
        kept.append(InputFile(name=name, view=each.view, sha256=sha256, bytes=len(each.data), mime=each.mime))
    shown = [{"name": each.name, "view": each.view, "sha256": each.sha256} for each in kept]
    return "convert", {"pictures": shown, "options": said}, tuple(kept), 0, {}


def send(
    service: Service,
    caller: Caller,
    request: Request,
    jobs: Sequence[NewJob],
    *,
    content: object,
) -> list[str]:
    """Put the jobs into the queue, or find those that this Idempotency-Key made before; returns their ids.

    Raises Refused (503) where a picture that they need was removed meanwhile, and what `submit` raises.
    """
    key = idempotency_key(request)
    try:
        with service.database.write() as connection:
            scope = for_tenant(connection, caller.tenant_id)
            scope.row(lock=True)
            if not all(
                service.store.has(caller.tenant_id, each.sha256) for new in jobs for each in new.inputs
            ):
                raise Refused(
                    503, "TryAgain", "a picture was removed a moment ago; send it again", {"Retry-After": "1"}
                )
            return submit(
                scope,
                jobs,
                actor=caller.actor,
                max_attempts=service.settings.max_attempts,
                key=key,
                body_sha256=content_sum(request, content),
            )
    except LimitReached:
        with service.database.write() as connection:  # what was refused takes no room
            scope = for_tenant(connection, caller.tenant_id)
            scope.row(lock=True)
            for sha256 in unnamed(scope, {each.sha256 for new in jobs for each in new.inputs}):
                service.store.delete(caller.tenant_id, sha256)
        raise


def made_before(service: Service, caller: Caller, request: Request, content: object) -> list[str] | None:
    """What this Idempotency-Key made before, found before anything is fetched or stored."""
    key = idempotency_key(request)
    if not key:
        return None
    with service.database.read() as connection:
        return answered(for_tenant(connection, caller.tenant_id), key, content_sum(request, content))


def idempotency_key(request: Request) -> str:
    """The header Idempotency-Key, empty where there is none; BadInput for more than 255 characters."""
    key = request.headers.get("idempotency-key", "")
    if len(key) > 255:
        raise BadInput("the Idempotency-Key has more than 255 characters; take a shorter one")
    return key


def content_sum(request: Request, content: object) -> str:
    """One sum for route and body."""
    return body_sum(request.url.path, content)


def new_job(
    service: Service,
    caller: Caller,
    request: Request,
    job: JobRequest,
    *,
    pictures: Sequence[Given] | None = None,
    batch_id: str | None = None,
) -> NewJob:
    """A checked request as a job."""
    given = (
        pictures
        if pictures is not None
        else [read_source(service, each.url, each.view, n) for n, each in enumerate(job.pictures, 1)]
    )
    kind, order, inputs, micro, facts = order_of(
        service, caller, pictures=given, words=job.words, options=job.options
    )
    return NewJob(
        kind=kind,
        name=job.name,
        order=order,
        inputs=inputs,
        priority=job.priority,
        cost_center=job.cost_center,
        batch_id=batch_id,
        reserve_micro=micro,
        request_id=getattr(request.state, "request_id", ""),
        trace=parent_words(request.headers.get("traceparent", "")),
        facts=facts,
    )


def derived_job(
    request: Request,
    row: Mapping[str, Any],
    source: Mapping[str, Any],
    *,
    kind: str,
    options: Mapping[str, Any],
) -> NewJob:
    """A job on the GLB of a finished one."""
    shown = {"name": source["name"], "view": "front", "sha256": source["sha256"]}
    inputs = InputFile(
        name=source["name"],
        view="front",
        sha256=source["sha256"],
        bytes=source["bytes"],
        mime=source["mime"],
    )
    return NewJob(
        kind=kind,
        name=row["name"],
        order={"pictures": [shown], "options": dict(options)},
        inputs=(inputs,),
        cost_center=row["cost_center"],
        parent_id=row["id"],
        request_id=getattr(request.state, "request_id", ""),
        trace=parent_words(request.headers.get("traceparent", "")),
    )


def _data_uri(text: str) -> bytes:
    head, _, body = text.partition(",")
    try:
        if head.endswith(";base64"):
            return base64.b64decode(body, validate=True)
        return unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        raise BadInput("the data URI is damaged; send data:image/png;base64,... complete") from None
