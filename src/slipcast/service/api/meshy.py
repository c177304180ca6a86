"""`/openapi/v1/...`: the shape that Meshy's clients speak, as a thin second front on the same jobs.

A public client works with its base address changed. Fields that mean nothing here are ignored and named in `warnings`.
Pictures of several sides come without names; they are taken as front, left, back, right, and the library's own checks
put right or leave out what is not. A picture model's preview is the whole asset here: refining returns the same task.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field, model_validator

from slipcast.core.values import View
from slipcast.formats.table import EXPORTERS
from slipcast.reconstruct.simplify import MAX_FACES, MIN_FACES
from slipcast.service import money
from slipcast.service.api.auth import Parts, Reader, Writer
from slipcast.service.api.errors import MESHY_RESPONSES, Refused
from slipcast.service.api.files import link_to, own_job
from slipcast.service.api.intake import made_before, new_job, send
from slipcast.service.api.jobs import JobId, delete_job, derive
from slipcast.service.api.models import JobRequest, PictureSource
from slipcast.service.api.service import Service
from slipcast.service.database.tables import job
from slipcast.service.jobs.options import AssetOptions, Later, PrintCheck, Words
from slipcast.service.jobs.queue import Row
from slipcast.service.jobs.states import FINAL, State
from slipcast.service.keys import Caller
from slipcast.service.tenants import for_tenant

router = APIRouter(prefix="/openapi", tags=["Meshy-shaped"], responses=MESHY_RESPONSES)
STATES = {
    State.QUEUED: "PENDING",
    State.RUNNING: "IN_PROGRESS",
    State.SUCCEEDED: "SUCCEEDED",
    State.FAILED: "FAILED",
    State.CANCELLED: "CANCELED",
}
SIDES = (View.FRONT, View.LEFT, View.BACK, View.RIGHT)
_KINDS = {
    "image-to-3d": "convert",
    "multi-image-to-3d": "convert",
    "text-to-3d": "make",
    "convert": "export",
    "resize": "export",
    "print/analyze": "inspect",
}


class _Loose(BaseModel):
    """A request whose unknown fields are kept, to be named."""

    model_config = ConfigDict(extra="allow")

    def warnings(self) -> list[str]:
        """A sentence for each field that is ignored."""
        return [f"{name} is ignored" for name in sorted(self.model_extra or {})]


class _Made(_Loose):
    target_polycount: int = Field(default=30_000, ge=100, le=300_000)
    target_formats: list[str] = Field(default=["glb"], max_length=10)

    def options(self) -> AssetOptions:
        """As our own; formats that we do not write are left out, glb is always there."""
        formats = [key for key in self.target_formats if key in EXPORTERS and EXPORTERS[key].is_installed]
        faces = min(max(self.target_polycount, MIN_FACES), MAX_FACES)
        return AssetOptions(formats=list(dict.fromkeys(["glb", *formats])), faces=faces, report=False)


class ImageTo3d(_Made):
    """A picture, by URL or data URI."""

    image_url: str = Field(max_length=40_000_000)


class MultiImageTo3d(_Made):
    """One to four pictures of one figurine: front, left, back, right."""

    image_urls: list[str] = Field(min_length=1, max_length=4)


class TextTo3d(_Made):
    """Words."""

    prompt: str = Field(min_length=2, max_length=2000)
    mode: Literal["preview", "refine"] = "preview"


class OfTask(_Loose):
    """Something on a finished task."""

    input_task_id: str = Field(max_length=64)


class Convert(OfTask):
    """Other formats."""

    target_formats: list[str] = Field(min_length=1, max_length=10)


class Resize(OfTask):
    """Another size: one of the three."""

    resize_height: float | None = Field(default=None, gt=0, le=100, description="Metres.")
    resize_longest_side: float | None = Field(default=None, gt=0, le=100, description="Metres.")
    auto_size: bool | None = None

    @model_validator(mode="after")
    def _one(self) -> "Resize":
        given = [self.resize_height is not None, self.resize_longest_side is not None, bool(self.auto_size)]
        if sum(given) != 1:
            raise ValueError("give one of resize_height, resize_longest_side, auto_size")
        return self


class Created(BaseModel):
    """The task's id."""

    result: str
    warnings: list[str] = []


@router.post("/v1/image-to-3d", status_code=202, response_model=Created)
def image_to_3d(body: ImageTo3d, request: Request, service: Parts, caller: Writer) -> Created:
    """Make an asset of a picture."""
    ours = JobRequest(pictures=[PictureSource(url=body.image_url)], options=body.options(), name="model")
    return _create(service, caller, request, ours, "image-to-3d", body.warnings())


@router.post("/v1/multi-image-to-3d", status_code=202, response_model=Created)
def multi_image_to_3d(body: MultiImageTo3d, request: Request, service: Parts, caller: Writer) -> Created:
    """Make an asset of several pictures."""
    pictures = [
        PictureSource(url=url, view=side.value) for url, side in zip(body.image_urls, SIDES, strict=False)
    ]
    ours = JobRequest(pictures=pictures, options=body.options(), name="model")
    told = [f"picture {n} is taken as the {side}" for n, side in enumerate(SIDES[: len(pictures)], 1)]
    return _create(service, caller, request, ours, "multi-image-to-3d", [*told, *body.warnings()])


@router.post("/v2/text-to-3d", status_code=202, response_model=Created)
def text_to_3d(body: TextTo3d, request: Request, service: Parts, caller: Writer) -> Created:
    """Make an asset of words."""
    ours = JobRequest(words=Words(subject=body.prompt), options=body.options(), name="model")
    return _create(service, caller, request, ours, "text-to-3d", body.warnings())


@router.post("/v2/text-to-3d/{task_id}/refine", status_code=202, response_model=Created)
def refine(task_id: JobId, service: Parts, caller: Writer) -> Created:
    """There is nothing left to refine: the same task."""
    with service.database.read() as connection:
        for_tenant(connection, caller.tenant_id).job(task_id)
    return Created(result=task_id, warnings=["the first task holds the whole asset"])


@router.post("/v1/convert", status_code=202, response_model=Created)
def convert(body: Convert, request: Request, service: Parts, caller: Writer) -> Created:
    """Other formats of a finished task."""
    known = [key for key in body.target_formats if key in EXPORTERS and EXPORTERS[key].is_installed]
    if not known:
        raise Refused(422, "BadInput", f"target_formats names none of {', '.join(EXPORTERS)}")
    options = Later(formats=known).model_dump(mode="json")
    made = derive(service, caller, request, body.input_task_id, "export", options)
    return Created(result=made["id"], warnings=body.warnings())


@router.post("/v1/resize", status_code=202, response_model=Created)
def resize(body: Resize, request: Request, service: Parts, caller: Writer) -> Created:
    """Another size of a finished task."""
    with service.database.read() as connection:
        row = for_tenant(connection, caller.tenant_id).job(body.input_task_id)
    box = (row["result"] or {}).get("box_mm") or {}
    tall, longest = float(box.get("height", 0)), max([float(side) for side in box.values()], default=0.0)
    if body.auto_size:
        height = AssetOptions().height_mm
    elif body.resize_height is not None:
        height = body.resize_height * 1000
    else:
        height = float(body.resize_longest_side or 0) * 1000 * (tall / longest if longest else 1)
    options = Later(formats=["glb"], height_mm=height).model_dump(mode="json")
    made = derive(service, caller, request, body.input_task_id, "export", options)
    return Created(result=made["id"], warnings=body.warnings())


@router.post("/v1/print/analyze", status_code=202, response_model=Created)
def analyze(body: OfTask, request: Request, service: Parts, caller: Writer) -> Created:
    """Whether a finished task can be printed."""
    options = PrintCheck().model_dump(mode="json")
    made = derive(service, caller, request, body.input_task_id, "inspect", options)
    return Created(result=made["id"], warnings=body.warnings())


@router.get("/v1/balance")
def balance(service: Parts, caller: Reader) -> dict[str, float]:
    """What may still be spent today, in cents: our credits."""
    import time

    with service.database.read() as connection:
        scope = for_tenant(connection, caller.tenant_id)
        left = scope.row()["day_micro"] - money.spent(scope, money.period_starts(time.time())["day"])
    return {"balance": max(0, left) // (money.MICRO // 100)}


def _create(
    service: Service,
    caller: Caller,
    request: Request,
    ours: JobRequest,
    front: str,
    warnings: list[str],
) -> Created:
    content = [front, ours.model_dump(mode="json")]
    ids = made_before(service, caller, request, content)
    if ids is None:
        new = new_job(service, caller, request, ours)
        ids = send(service, caller, request, [new], content=content)
    return Created(result=ids[0], warnings=warnings)


def _task(service: Service, request: Request, caller: Caller, id: str) -> dict[str, Any]:
    with service.database.read() as connection:
        scope = for_tenant(connection, caller.tenant_id)
        return _show(service, request, scope.job(id), scope.files(id))


def _show(service: Service, request: Request, row: Row, files: list[Mapping[str, Any]]) -> dict[str, Any]:
    """A task as Meshy words it; times in milliseconds."""
    urls = {each["name"]: link_to(service, request, each) for each in files if each["role"] == "output"}
    models: dict[str, str] = {}
    for name, url in urls.items():
        ending = name.rsplit(".", 1)[-1]
        if ending in ("glb", "fbx", "obj", "mtl", "usdz", "stl", "3mf", "gltf", "ply"):
            models.setdefault(ending, url)
    textures: dict[str, str] = {}
    for name, url in urls.items():
        for word, key in (("basecolor", "base_color"), ("_BC.", "base_color"), ("normal", "normal")):
            if word in name and name.endswith((".png", ".jpg", ".webp")):
                textures.setdefault(key, url)
    result, error = row["result"] or {}, row["error"] or {}
    shown: dict[str, Any] = {
        "id": row["id"],
        "type": {"convert": "image-to-3d", "make": "text-to-3d", "export": "convert", "inspect": "analyze"}[
            row["kind"]
        ],
        "status": STATES[State(row["state"])],
        "progress": row["progress"],
        "created_at": _ms(row["created_at"]),
        "started_at": _ms(row["started_at"]),
        "finished_at": _ms(row["finished_at"]),
        "expires_at": None,
        "preceding_tasks": 0,
        "consumed_credits": 0,
        "model_urls": models,
        "texture_urls": [textures] if textures else [],
        "thumbnail_url": next((url for name, url in urls.items() if name.endswith("preview.png")), None),
        "prompt": (row["order"].get("words") or {}).get("subject", ""),
        "task_error": {"message": error.get("message", "")},
    }
    if row["kind"] == "inspect":
        shown["printability"] = result.get("printability")
    return shown


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1000)


def _add_reading(version: str, path: str, kind: str) -> None:
    """Read, list, delete and stream for one kind of task."""

    def get_task(task_id: JobId, request: Request, service: Parts, caller: Reader) -> dict[str, Any]:
        return _task(service, request, caller, task_id)

    def list_tasks(
        request: Request,
        service: Parts,
        caller: Reader,
        page_num: Annotated[int, Query(ge=1, le=10_000)] = 1,
        page_size: Annotated[int, Query(ge=1, le=50)] = 10,
        sort_by: Literal["+created_at", "-created_at"] = "-created_at",
    ) -> list[dict[str, Any]]:
        with service.database.read() as connection:
            scope = for_tenant(connection, caller.tenant_id)
            order = job.c.id.desc() if sort_by.startswith("-") else job.c.id
            query: sa.Select[Any] = scope.jobs().where(job.c.kind == kind).order_by(order)
            rows = connection.execute(query.limit(page_size).offset((page_num - 1) * page_size)).mappings()
            found = rows.all()
            files = scope.files_of([row["id"] for row in found])
            return [_show(service, request, row, files[row["id"]]) for row in found]

    def remove(task_id: JobId, service: Parts, caller: Writer) -> None:
        delete_job(task_id, service, caller)

    def streamed(job_id: str, service: Service, tenant_id: str) -> Any:
        with service.database.read() as connection:
            scope = for_tenant(connection, tenant_id)
            return scope.job(job_id), scope.files(job_id)

    async def stream(
        task_id: JobId, request: Request, service: Parts, caller: Reader
    ) -> AsyncIterator[ServerSentEvent]:
        news = service.broadcast.join(task_id)
        try:
            while not service.draining:
                news.clear()
                row, files = await run_in_threadpool(streamed, task_id, service, caller.tenant_id)
                text = json.dumps(_show(service, request, row, files))
                yield ServerSentEvent(raw_data=text, event="message")
                if State(row["state"]) in FINAL:
                    return
                await news.wait()
        finally:
            service.broadcast.leave(task_id, news)

    def own_task(task_id: JobId, service: Parts, caller: Reader) -> str:
        return own_job(task_id, service, caller)

    name = path.replace("/", "-")
    add: Callable[..., None] = router.add_api_route
    add(f"/{version}/{path}", list_tasks, methods=["GET"], name=f"list {name}")
    add(f"/{version}/{path}/{{task_id}}", get_task, methods=["GET"], name=f"get {name}")
    add(f"/{version}/{path}/{{task_id}}", remove, methods=["DELETE"], status_code=204, name=f"delete {name}")
    add(
        f"/{version}/{path}/{{task_id}}/stream",
        stream,
        methods=["GET"],
        response_class=EventSourceResponse,
        dependencies=[Depends(own_task)],
        name=f"stream {name}",
    )


for _path, _kind in _KINDS.items():
    _add_reading("v2" if _path == "text-to-3d" else "v1", _path, _kind)
