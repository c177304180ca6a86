"""What requests hold; answers are plain dictionaries with a documented shape."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from slipcast.core.values import View
from slipcast.service.jobs.options import AssetOptions, Strict, Words

Name = Annotated[
    str,
    Field(max_length=80, pattern=r"^[\w][\w .-]*$", description="Of the result's files."),
]
CostCenter = Annotated[str, Field(max_length=60, pattern=r"^[\w .:/-]*$")]


class PictureSource(Strict):
    """One picture: a data URI or an http(s) URL."""

    url: str = Field(
        max_length=40_000_000, examples=["data:image/png;base64,...", "https://example.com/knight.png"]
    )
    view: str = Field(default="front", json_schema_extra={"enum": list(View)})


class JobRequest(Strict):
    """Pictures or words, and what is to be made of them."""

    pictures: list[PictureSource] = Field(
        default=[], max_length=9, description="The front, and other sides if there are any."
    )
    words: Words | None = None
    options: AssetOptions = Field(default_factory=lambda: AssetOptions())
    name: Name = "figurine"
    priority: int = Field(default=0, ge=-10, le=10)
    cost_center: CostCenter = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> "JobRequest":
        if bool(self.pictures) == (self.words is not None):
            raise ValueError("give pictures or words, one of them")
        return self


class BatchRequest(Strict):
    """Many jobs at once: all are taken or none."""

    jobs: list[JobRequest] = Field(min_length=1, max_length=100)


class EstimateRequest(Strict):
    """What a job would take; no picture is needed."""

    words: Words | None = None
    options: AssetOptions = Field(default_factory=lambda: AssetOptions())


class WebhookRequest(Strict):
    """Where messages go."""

    url: str = Field(max_length=2000, examples=["https://example.com/hooks/slipcast"])


class KeyRequest(Strict):
    """A further key of the tenant."""

    name: str = Field(min_length=1, max_length=100)
    scopes: list[Literal["read", "write"]] = Field(default=["read", "write"], min_length=1)
    days: float | None = Field(default=None, gt=0, le=3650)


class RotateRequest(Strict):
    """How long the old key stays good."""

    overlap_s: float = Field(default=86400.0, ge=0, le=30 * 86400)


class TenantRequest(Strict):
    """A tenant's name and limits; what is left out keeps its default."""

    name: str = Field(min_length=1, max_length=100)
    limits: dict[str, Any] = Field(default={}, examples=[{"day_micro": 5_000_000, "max_running": 2}])


class LimitsRequest(Strict):
    """Limits that change."""

    limits: dict[str, Any] = Field(min_length=1)


class JobFile(BaseModel):
    """A file of a job."""

    name: str
    role: str
    bytes: int
    mime: str
    sha256: str
    url: str = ""


class JobAnswer(BaseModel):
    """A job as it stands."""

    id: str
    kind: str
    name: str
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    stage: str
    progress: int
    priority: int
    cost_center: str
    variant: str
    attempt: int
    batch_id: str | None
    parent_id: str | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    queue_position: int | None = None
    error: dict[str, Any] | None
    result: dict[str, Any] | None
    files: list[JobFile]


class JobList(BaseModel):
    """A page of jobs, newest first; `next` is the cursor of the page after it."""

    jobs: list[JobAnswer]
    next: str | None


class BatchAnswer(BaseModel):
    """A batch."""

    id: str
    jobs: list[str]
    states: dict[str, int]
