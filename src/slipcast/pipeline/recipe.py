"""Every choice of a conversion as one nested, frozen value, which can be written as TOML and read back.

A file has a table a stage and leaves the defaults out:

    formats = ["glb", "stl"]
    gates = ["closed", "iou>=0.95"]

    [place]
    height_m = 0.032

    [simplify]
    faces = 10000
"""

import difflib
import hashlib
import json
import tomllib
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from slipcast.checks.gates import Gate, parse_gates
from slipcast.checks.mesh import MeshLimits
from slipcast.core.errors import BadInput
from slipcast.core.files import write_files
from slipcast.core.options import check, choice, fit, instance, real, several, show
from slipcast.core.options import path as a_path
from slipcast.core.values import Material
from slipcast.depth.calibrate import CalibrateOptions
from slipcast.depth.models import DepthOptions
from slipcast.depth.place import PlaceOptions
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.mesh.raycast import require_open3d
from slipcast.picture.cut_out import CutoutOptions
from slipcast.pipeline.preview import PreviewOptions
from slipcast.prepare.engine import EngineOptions
from slipcast.reconstruct.points import PointOptions
from slipcast.reconstruct.reconstruct import SurfaceOptions
from slipcast.reconstruct.simplify import SimplifyOptions
from slipcast.texture.paint import TextureOptions

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Options = TypeVar("Options", bound="DataclassInstance")


class Changes(TypedDict, total=False):
    """The most used choices of a recipe, as `convert`, `make` and `Recipe.change` take them; None changes nothing."""

    height_m: float | None
    """Height of the figurine in metres."""
    elevation_deg: float | None
    """How far the camera looks down, in degrees."""
    faces: int | None
    """The most triangles."""
    depth: str | None
    """The depth model: `auto`, one of `slipcast models`, a folder or a hub id."""
    device: str | None
    """Where the model runs: `auto`, `cpu`, `cuda` or `mps`."""
    fov_deg: float | None
    """The camera's vertical field of view in degrees."""
    detail: str | None
    """`draft`, `standard` or `fine`."""
    surface: str | None
    """The method of the surface."""
    normal_map: str | None
    """`auto`, `on` or `off`."""
    delight: float | None
    """How much of the light in the picture is taken out, from 0 to 1."""
    texture_px: int | None
    """The texture's longer side at most, in pixels."""
    formats: Sequence[str] | str | None
    """Formats of the asset: `("glb", "stl")` or `"glb,stl"`."""
    gates: Sequence[str] | str | None
    """What the result must meet: `"closed,iou>=0.95"`."""
    material: Material | None
    """The asset's material; None takes it from the picture's words."""


_CHOICE = {"model": "depth", "method": "surface", "texture_max_px": "texture_px"}
"""Field of a part -> its name in Changes, where they differ."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Recipe:
    """Every stage's options; the defaults are those of the stages.

    >>> recipe = Recipe().change(height_m=0.032, faces=10_000)
    >>> recipe
    Recipe(place.height_m=0.032, simplify.faces=10000)
    >>> Recipe.from_toml(recipe.to_toml()) == recipe
    True
    """

    cutout: CutoutOptions = field(default_factory=CutoutOptions)
    depth: DepthOptions = field(default_factory=DepthOptions)
    calibrate: CalibrateOptions = field(default_factory=CalibrateOptions)
    place: PlaceOptions = field(default_factory=PlaceOptions)
    points: PointOptions = field(default_factory=PointOptions)
    surface: SurfaceOptions = field(default_factory=SurfaceOptions)
    simplify: SimplifyOptions = field(default_factory=SimplifyOptions)
    texture: TextureOptions = field(default_factory=TextureOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)
    """Levels of detail, collision bodies, pivot and facing of the asset; pictures and checks show it as it stands."""
    export: ExportOptions = field(default_factory=ExportOptions)
    preview: PreviewOptions = field(default_factory=PreviewOptions)
    material: Material | None = None
    """The asset's material; None: what the words of the picture name (core/materials.py), else plain and rough."""
    wall_m: float = MeshLimits.wall_m
    """The thinnest wall that its printer makes, for the check of its thickness."""
    formats: tuple[str, ...] = ("glb",)
    """Keys of `slipcast.formats.table.EXPORTERS`, each once."""
    gates: tuple[Gate, ...] = ()
    """What the result must meet, as `Gate`s or as words like `iou>=0.95`; it exists all the same, and
    `Result.passages` says how it went."""

    def __post_init__(self) -> None:
        if isinstance(self.gates, str | list | tuple):
            object.__setattr__(self, "gates", _gates_of(self.gates))
        if isinstance(self.formats, str):
            object.__setattr__(self, "formats", tuple(self.formats.split(",")))
        check(
            self,
            cutout=instance(CutoutOptions),
            depth=instance(DepthOptions),
            calibrate=instance(CalibrateOptions),
            place=instance(PlaceOptions),
            points=instance(PointOptions),
            surface=instance(SurfaceOptions),
            simplify=instance(SimplifyOptions),
            texture=instance(TextureOptions),
            engine=instance(EngineOptions),
            export=instance(ExportOptions),
            preview=instance(PreviewOptions),
            material=instance(Material).or_none(),
            wall_m=real(0.0, 0.1, example=0.0008, unit="metres"),
            formats=several(choice(EXPORTERS), least=1),
            gates=several(instance(Gate)),
        )
        object.__setattr__(self, "formats", tuple(dict.fromkeys(self.formats)))
        for key in self.formats:
            EXPORTERS[key].require()
        if self.surface.method == "poisson":
            require_open3d()

    def change(self, **changes: Unpack[Changes]) -> "Recipe":
        """The recipe with the most used of its choices (`Changes`) changed; None leaves one as it is.

        Raises BadInput for a value that does not fit, TypeError for a name that is none of them.

        >>> Recipe().change(detail="fine").points.detail
        'fine'
        """

        for name in changes:
            if name not in Changes.__annotations__:
                near = difflib.get_close_matches(name, Changes.__annotations__, n=1)
                hint = (
                    f"did you mean {near[0]}?" if near else f"there are {', '.join(Changes.__annotations__)}"
                )
                raise TypeError(f"{name} is no choice of a recipe; {hint}")
        get = changes.get

        def part(options: Options, **given: object) -> Options:
            said = {key: value for key, value in given.items() if value is not None}
            try:
                return replace(options, **said) if said else options
            except BadInput as error:  # the caller wrote `depth`, which is a part's `model`
                name = _CHOICE.get(error.field)
                if name is None:
                    raise
                told = error.sentence.removeprefix(error.field)
                raise BadInput(f"{name}{told}", field=name, cure=error.cure) from None

        return part(
            self,
            place=part(self.place, height_m=get("height_m"), elevation_deg=get("elevation_deg")),
            depth=part(self.depth, model=get("depth"), device=get("device"), fov_deg=get("fov_deg")),
            points=part(self.points, detail=get("detail")),
            surface=part(self.surface, method=get("surface")),
            simplify=part(self.simplify, faces=get("faces")),
            texture=part(self.texture, normal_map=get("normal_map"), delight=get("delight")),
            export=part(self.export, texture_max_px=get("texture_px")),
            formats=get("formats"),
            gates=get("gates"),
            material=get("material"),
        )

    def as_dict(self) -> dict[str, Any]:
        """What differs from the defaults, as plain data.

        >>> Recipe().change(height_m=0.05).as_dict()
        {'place': {'height_m': 0.05}}
        """
        return _differences(self)

    def to_toml(self) -> str:
        """What differs from the defaults, as TOML; `from_toml` reads it back.

        >>> print(Recipe(gates=("closed",)).to_toml())
        gates = [
            "closed",
        ]
        <BLANKLINE>
        """
        import tomli_w

        return tomli_w.dumps(self.as_dict())

    @classmethod
    def from_toml(cls, text: str, *, where: str = "the recipe") -> "Recipe":
        """Read what `to_toml` wrote, or a user.

        Raises BadInput, beginning with `where`, for text that is no TOML, a key that is no choice, with the nearest
        one, and for a value that does not fit.

        >>> Recipe.from_toml("[simplfy]")
        Traceback (most recent call last):
        slipcast.core.errors.BadInput: the recipe: 'simplfy' is no choice; did you mean 'simplify'?
        """
        if not isinstance(text, str):
            raise BadInput(f"text is {show(text)}; give a recipe as TOML", field="text")
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as problem:
            raise BadInput(
                f"{where} is not TOML ({problem}); write for instance: [place] height_m = 0.05"
            ) from None
        made = _read(cls, data, where, "")
        assert isinstance(made, cls)
        return made

    @classmethod
    def load(cls, path: Path | str) -> "Recipe":
        """Read the recipe file at `path`.

        Raises BadInput, naming the file, when it cannot be read or holds what `from_toml` refuses.

        >>> Recipe.load("my.toml")
        Traceback (most recent call last):
        slipcast.core.errors.BadInput: my.toml cannot be read (No such file or directory); give a recipe file (TOML)
        """
        fit("path", path, a_path(example="my.toml"))
        try:
            text = Path(path).read_text("utf-8")
        except OSError as problem:
            raise BadInput(f"{path} cannot be read ({problem.strerror}); give a recipe file (TOML)") from None
        except UnicodeDecodeError:
            raise BadInput(f"{path} is not UTF-8 text; give a recipe file (TOML)") from None
        return cls.from_toml(text, where=str(path))

    def save(self, path: Path | str) -> None:
        """Write the recipe file at `path`: what differs from the defaults, as TOML.

        Raises BadInput when it cannot be written, DiskFull when there is no room.

        >>> Recipe().change(detail="fine").save("fine.toml")
        >>> Recipe.load("fine.toml").points.detail
        'fine'
        """
        fit("path", path, a_path(example="my.toml"))
        place = Path(path)
        write_files(place.parent, {place.name: self.to_toml().encode()})

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that name what differs from the defaults: equal for equal recipes.

        >>> Recipe().digest == Recipe().change(faces=50_000).digest
        True
        """
        plain = json.dumps(self.as_dict(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(plain.encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        told = ", ".join(f"{key}={value!r}" for key, value in _flat(self.as_dict()))
        return f"Recipe({told})"


def _gates_of(given: object) -> tuple[object, ...]:
    """Gates from `closed,iou>=0.95`, or from a sequence of words and Gates."""
    entries: list[object] = []
    for each in given if isinstance(given, Iterable) and not isinstance(given, str) else [given]:
        entries += parse_gates(each) if isinstance(each, str) else [each]
    return tuple(entries)


def _plain(value: object) -> Any:
    if isinstance(value, Gate):
        return value.text
    if is_dataclass(value) and not isinstance(value, type):
        return _differences(value)
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value.value if isinstance(value, Enum) else value


def _differences(options: Any) -> dict[str, Any]:
    """The fields of a frozen dataclass that are not as by default, nested."""
    default = type(options)()
    found: dict[str, Any] = {}
    for entry in fields(options):
        value = getattr(options, entry.name)
        if value == getattr(default, entry.name) and type(value) is type(getattr(default, entry.name)):
            continue
        if value is not None:
            found[entry.name] = _plain(value)
    return {key: value for key, value in found.items() if value != {} or key == "material"}


def _flat(data: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in data.items():
        rows += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return rows


def _read(kind: Any, data: Mapping[str, Any], where: str, inside: str) -> object:
    """A dataclass from plain data; `inside` is the path of the table, with a dot at its end."""
    hints = typing.get_type_hints(kind)
    names = [entry.name for entry in fields(kind)]
    given: dict[str, object] = {}
    for key, value in data.items():
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"did you mean '{inside}{near[0]}'?" if near else f"there are {', '.join(names)}"
            raise BadInput(f"{where}: '{inside}{key}' is no choice; {hint}")
        inner = next((each for each in _parts(hints[key]) if is_dataclass(each) and each is not Gate), None)
        if inner is not None:
            if not isinstance(value, dict):
                raise BadInput(f"{where}: '{inside}{key}' is {value!r}; write a table [{inside}{key}]")
            value = _read(inner, value, where, f"{inside}{key}.")
        given[key] = value
    try:
        made: object = kind(**given)
    except BadInput as problem:
        raise BadInput(f"{where}: {inside}{problem}", field=problem.field) from problem
    return made


def _parts(hint: Any) -> list[Any]:
    """The classes in a type hint: `Material | None` has Material."""
    inner = typing.get_args(hint)
    return (
        [each for part in inner for each in _parts(part)] if inner else [hint] if hint is not NoneType else []
    )
