"""What a client may ask of a job: checked when it is sent, kept as JSON, turned into the library's recipe in a worker.

Every choice and default comes from the stages and their tables. A depth model is one of the table: a folder or a hub id
would let a client name a file of the server.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from slipcast.core.values import View
from slipcast.depth.models import AUTO, DEPTH_MODELS, DepthOptions
from slipcast.depth.place import PlaceOptions
from slipcast.formats.table import COMPRESSIONS, EXPORTERS, TEXTURE_TYPES
from slipcast.prepare.targets import TARGETS
from slipcast.reconstruct.dexels import DETAILS
from slipcast.reconstruct.points import PointOptions
from slipcast.reconstruct.simplify import MAX_FACES, MIN_FACES, SimplifyOptions

if TYPE_CHECKING:
    from slipcast.formats.table import ExportOptions
    from slipcast.pipeline.recipe import Recipe

Format = Annotated[str, Field(json_schema_extra={"enum": list(EXPORTERS)})]


class Strict(BaseModel):
    """A part of a request: unknown fields are refused, so that a misspelt one is not lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WriteOptions(Strict):
    """How files are written."""

    formats: list[Format] = Field(
        default=["glb"], min_length=1, max_length=len(EXPORTERS), description="Of the formats' table."
    )
    target: str | None = Field(
        default=None,
        description="Engine, viewer or printer: its texture size, names, axes and unit.",
        examples=["unity"],
    )
    texture_size: int | None = Field(default=None, ge=16, le=16384)
    texture_type: str | None = Field(default=None, json_schema_extra={"enum": [*TEXTURE_TYPES, None]})
    quantize: bool = False
    compress: str = Field(default="none", json_schema_extra={"enum": list(COMPRESSIONS)})

    @field_validator("formats")
    @classmethod
    def _known_formats(cls, value: list[str]) -> list[str]:
        for key in value:
            _one_of(key, EXPORTERS)
            EXPORTERS[key].require()
        return list(dict.fromkeys(value))

    @field_validator("target")
    @classmethod
    def _known_target(cls, value: str | None) -> str | None:
        return None if value is None else _one_of(value, TARGETS)

    @field_validator("texture_type")
    @classmethod
    def _known_texture(cls, value: str | None) -> str | None:
        return None if value is None else _one_of(value, TEXTURE_TYPES)

    @field_validator("compress")
    @classmethod
    def _known_compression(cls, value: str) -> str:
        from slipcast.formats.gltf.compress import require

        require(_one_of(value, COMPRESSIONS))
        return value

    def written(self) -> "ExportOptions":
        """The library's options for its writers."""
        from dataclasses import replace

        from slipcast.formats.table import ExportOptions

        options = TARGETS[self.target].options() if self.target else ExportOptions()
        if self.texture_size is not None:
            options = replace(options, texture_max_px=self.texture_size)
        if self.texture_type is not None:
            options = replace(options, texture_type=self.texture_type)
        if self.quantize:
            options = replace(options, quantize=True)
        return replace(options, compress=self.compress)


class AssetOptions(WriteOptions):
    """How an asset is made of pictures."""

    height_mm: float = Field(default=PlaceOptions.height_m * 1000, ge=1, le=100_000)
    faces: int = Field(default=SimplifyOptions.faces, ge=MIN_FACES, le=MAX_FACES)
    depth: str = Field(default=DepthOptions.model, json_schema_extra={"enum": [AUTO, *DEPTH_MODELS]})
    detail: str = Field(default=PointOptions.detail, json_schema_extra={"enum": list(DETAILS)})
    normal_map: Literal["auto", "on", "off"] = "auto"
    fov_deg: float = Field(default=DepthOptions.fov_deg, ge=1, le=120)
    elevation_deg: float | None = Field(default=None, ge=-60, le=60)
    gates: str = Field(default="", max_length=300, examples=["closed,iou>=0.95"])
    report: bool = True

    @field_validator("depth")
    @classmethod
    def _known_depth(cls, value: str) -> str:
        return _one_of(value, (AUTO, *DEPTH_MODELS))

    @field_validator("detail")
    @classmethod
    def _known_detail(cls, value: str) -> str:
        return _one_of(value, DETAILS)

    @model_validator(mode="after")
    def _makes_a_recipe(self) -> "AssetOptions":
        self.recipe()  # what the library refuses is refused now and not in a worker
        return self

    def recipe(self) -> "Recipe":
        """The library's recipe."""
        from slipcast.checks.gates import parse_gates
        from slipcast.pipeline.recipe import Recipe
        from slipcast.texture.paint import TextureOptions

        return Recipe(
            depth=DepthOptions(model=self.depth, fov_deg=self.fov_deg),
            place=PlaceOptions(height_m=self.height_mm / 1000, elevation_deg=self.elevation_deg),
            points=PointOptions(detail=self.detail),
            simplify=SimplifyOptions(faces=self.faces),
            texture=TextureOptions(normal_map=self.normal_map),
            export=self.written(),
            wall_m=TARGETS[self.target].wall_m if self.target else Recipe.wall_m,
            formats=tuple(self.formats),
            gates=parse_gates(self.gates),
        )


class Words(Strict):
    """A picture that is to be bought."""

    subject: str = Field(min_length=2, max_length=2000, examples=["a clockwork owl knight"])
    preset: str = Field(default="", max_length=60)
    model: str = Field(default="", max_length=80, description="Picture model; the service's when empty.")
    size: str = Field(default="1K", max_length=8)
    views: Literal[1, 4, 6] = 1
    retries: int = Field(
        default=1, ge=0, le=5, description="How often a side that does not fit is bought again."
    )
    take: int = Field(default=0, ge=0, le=1000)


class Later(WriteOptions):
    """Another format of an asset that is there already; with a height also another size."""

    height_mm: float | None = Field(default=None, ge=1, le=100_000)


class PrintCheck(Strict):
    """What is looked at before an asset is printed."""

    process: Literal["fdm", "resin"] = "fdm"


def view_of(word: str) -> View:
    """The side of that name; ValueError lists the choices."""
    return View(_one_of(word, tuple(View)))


def _one_of(word: str, choices: Any) -> str:
    if word not in choices:
        raise ValueError(f"{word!r} is unknown; choose from {', '.join(choices)}")
    return word
