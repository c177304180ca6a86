"""The vocabulary: what flows between the stages.

Picture -> Cutout -> DepthMap -> Shells -> PointCloud -> Mesh -> Figurine -> Export

World: glTF's. Right-handed, +Y up, the figurine faces +Z, metres, feet on y = 0, centred on x and z; the origin of
UV is the texture's top left corner. Camera: OpenCV's, +X right, +Y down, +Z into the scene; pixel (row i, column j)
covers [j, j+1) x [i, i+1), its centre is (j + 0.5, i + 0.5). Transforms are named `target_from_source`, numbers
carry their unit (`_px _mm _m _deg _s`).

Values are frozen; arrays are checked for shape and type and made read-only; `repr` shows sizes, not contents.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

from slipcast.core.arrays import ShowsSizes, check_array
from slipcast.core.export import Export as Export
from slipcast.core.findings import Finding
from slipcast.core.options import check, choice, fit, real, text
from slipcast.core.round_base import RoundBase

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

LENS_FOV_DEG = 24.0
"""Vertical field of view of an 85 mm portrait lens on a 36 mm high sensor: what product shots are taken with."""


class View(StrEnum):
    """The side of the figurine that a picture shows.

    >>> View("left").yaw_deg
    90.0
    """

    FRONT = "front"
    BACK = "back"
    LEFT = "left"
    RIGHT = "right"
    FRONT_LEFT = "front_left"
    FRONT_RIGHT = "front_right"
    BACK_LEFT = "back_left"
    BACK_RIGHT = "back_right"
    TOP = "top"

    @property
    def yaw_deg(self) -> float:
        """How far the camera goes about +Y for this side, in degrees; from above it stands as for the front.

        >>> View.BACK.yaw_deg
        180.0
        """
        return _YAW_DEG[self.value]


_YAW_DEG = {
    "front": 0.0,
    "front_left": 45.0,
    "left": 90.0,
    "back_left": 135.0,
    "back": 180.0,
    "back_right": 225.0,
    "right": 270.0,
    "front_right": 315.0,
    "top": 0.0,
}


class Source(IntEnum):
    """Where a piece of surface comes from.

    >>> Source(3).name
    'INVENTED'
    """

    SEEN = 0
    """The picture shows it."""
    BACK_VIEW = 1
    """Another picture shows it."""
    MIRRORED = 2
    """It repeats the seen side."""
    INVENTED = 3
    """A model or a rule made it up."""


class DepthKind(StrEnum):
    """What a model's numbers mean."""

    METRIC = "metric"
    """Distance along +Z, right up to one common factor."""
    AFFINE_DEPTH = "affine-depth"
    """Distance along +Z after an unknown scale and shift."""
    AFFINE_DISPARITY = "affine-disparity"
    """One over distance after an unknown scale and shift: large is near."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Picture(ShowsSizes):
    """A decoded picture, upright, 8 bits a channel.

    >>> Picture(pixels=np.zeros((64, 48, 3), np.uint8)).width_px
    48
    """

    pixels: U8
    """(H,W,3) sRGB."""
    alpha: U8 | None = None
    """(H,W) the file's own opacity, 255 is opaque; None where it has none."""
    view: View = View.FRONT
    """The side of the figurine that it shows."""
    source: Mapping[str, object] = field(default_factory=dict)
    """Where it came from, JSON-ready: `file`, `sha256`, and provider, model, ids and cost where it was bought."""
    findings: tuple[Finding, ...] = ()
    """What was noticed so far."""

    def __post_init__(self) -> None:
        check_array(self, "pixels", (None, None, 3), np.uint8)
        if self.alpha is not None:
            check_array(self, "alpha", self.pixels.shape[:2], np.uint8)
        object.__setattr__(self, "view", fit("view", self.view, choice(View)))

    @property
    def height_px(self) -> int:
        """Height in pixels: H of `pixels` (H,W,3).

        >>> Picture(pixels=np.zeros((64, 48, 3), np.uint8)).height_px
        64
        """
        return int(self.pixels.shape[0])

    @property
    def width_px(self) -> int:
        """Width in pixels: W of `pixels` (H,W,3).

        >>> Picture(pixels=np.zeros((64, 48, 3), np.uint8)).width_px
        48
        """
        return int(self.pixels.shape[1])


@dataclass(frozen=True, kw_only=True)
class CutoutFacts:
    """What the cutout noticed, for the checks.

    >>> CutoutFacts(subjects=2, cropped=["top"]).cropped
    ('top',)
    """

    unsure: bool = False
    """Whether the figurine's edge is in doubt."""
    undecided_cells: float = 0.0
    """Width of an edge in doubt, in cells of the model's grid; 0 where there is no doubt."""
    subjects: int = 1
    """How many separate bodies the picture shows."""
    cropped: tuple[str, ...] = ()
    """The picture's edges that cut the figurine off: `top`, `bottom`, `left`, `right`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "cropped", tuple(self.cropped))  # JSON gives a list


@dataclass(frozen=True, kw_only=True, repr=False)
class Cutout(Picture):
    """A picture of which it is known what is figurine; outside, the figurine's colours are continued.

    >>> Cutout(pixels=np.zeros((64, 48, 3), np.uint8), alpha=np.zeros((64, 48), np.uint8)).facts.subjects
    1
    """

    alpha: U8
    """(H,W) opacity, 255 is figurine."""
    facts: CutoutFacts = CutoutFacts()


@dataclass(frozen=True, kw_only=True, repr=False)
class Camera(ShowsSizes):
    """A pinhole camera without distortion.

    >>> Camera.pinhole(48, 64).cx_px
    24.0
    """

    width_px: int
    height_px: int
    fx_px: float
    """Focal length along x."""
    fy_px: float
    """Focal length along y."""
    cx_px: float
    """Principal point, x."""
    cy_px: float
    """Principal point, y."""
    camera_from_world: F64 = field(default_factory=lambda: np.diag([1.0, -1.0, -1.0, 1.0]))
    """(4,4) rigid transform; the default looks along the world's -Z from the origin, y turned down."""

    def __post_init__(self) -> None:
        check_array(self, "camera_from_world", (4, 4), np.float64)

    @classmethod
    def pinhole(cls, width_px: int, height_px: int, fov_deg: float = LENS_FOV_DEG) -> "Camera":
        """A camera with square pixels and the principal point in the middle; `fov_deg` is vertical, in degrees.

        It stands at the world's origin and looks along -Z.

        >>> round(Camera.pinhole(48, 64, fov_deg=90.0).fy_px, 6)
        32.0
        """
        focal_px = height_px / 2 / math.tan(math.radians(fov_deg) / 2)
        return cls(
            width_px=width_px,
            height_px=height_px,
            fx_px=focal_px,
            fy_px=focal_px,
            cx_px=width_px / 2,
            cy_px=height_px / 2,
        )

    def rays(self) -> F32:
        """(H,W,3) directions with z = 1 through the pixels' centres, in camera axes: x right, y down, z forwards.

        >>> Camera.pinhole(4, 2, fov_deg=90.0).rays()[0, 0].round(6).tolist()
        [-1.5, -0.5, 1.0]
        """
        x = (np.arange(self.width_px, dtype=np.float32) + np.float32(0.5 - self.cx_px)) / np.float32(
            self.fx_px
        )
        y = (np.arange(self.height_px, dtype=np.float32) + np.float32(0.5 - self.cy_px)) / np.float32(
            self.fy_px
        )
        out = np.ones((self.height_px, self.width_px, 3), dtype=np.float32)
        out[..., 0] = x[None, :]
        out[..., 1] = y[:, None]
        return out


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """Which depth model spoke, for the metadata."""

    name: str
    """`dome`, `figurine`, a hub id or a folder's name."""
    sha256: str | None = None
    """Of the weights file; None for a model without weights."""
    licence: str = "Apache-2.0"
    """SPDX id, or what the model's card says."""


@dataclass(frozen=True, kw_only=True)
class Elevation:
    """How far a camera looked down, and how that is known."""

    degrees: float
    """Above 0 it looked down, below it looked up."""
    likely_error_deg: float
    """How far off that likely is."""
    source: str
    """`given`, `seen` in what the figurine stands on, or `assumed`."""
    certainty: float = 0.0
    """From 0, nothing in the picture says it, to 1."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DepthMap(ShowsSizes):
    """What a depth model says of a picture: the seen side and, where it knows it, the hidden one.

    >>> cut = Cutout(pixels=np.zeros((9, 9, 3), np.uint8), alpha=np.full((9, 9), 255, np.uint8))
    >>> slipcast.depth.models.predict_depth(cut, slipcast.DepthOptions(model="dome")).model.name
    'dome'
    """

    front: F32
    """(H,W), meaning as `kind` says."""
    back: F32 | None = None
    """(H,W) where the pixel's ray leaves the figurine for the last time, or None where the model does not know."""
    valid: Bool
    """(H,W), True on the figurine."""
    camera: Camera
    kind: DepthKind = DepthKind.METRIC
    back_source: Source = Source.MIRRORED
    """What the back shell is: MIRRORED or INVENTED (a model or rule), or BACK_VIEW."""
    model: ModelInfo
    ratio_is_prior: bool = False
    """Whether the ratio of depth to width comes from a rule."""
    implausible_ratio: float | None = None
    """Depth over outline of a model's answer that was not taken, since no figurine is so; None where it was taken."""
    agreement: float | None = None
    """Correlation in [-1, 1] of two models' fronts where two were asked; None where one was."""
    elevation: Elevation | None = None
    """How far the camera looked down: what the model assumes until it stands in the world; None where nobody knows."""
    spread: F32 | None = None
    """(2,H,W) likely error of front and back, which 68 of 100 pixels do not exceed, over the figurine's longer side;
    None where the model does not know."""
    steps: F32 | None = None
    """(H,W) how far the front was moved where one part stands before another, over the figurine's longer side: above 0
    towards the viewer; None where nothing was moved."""
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        shape = (self.camera.height_px, self.camera.width_px)
        if self.steps is not None:
            check_array(self, "steps", shape, np.float32)
        if self.spread is not None:
            check_array(self, "spread", (2, *shape), np.float32)
        check_array(self, "front", shape, np.float32)
        check_array(self, "valid", shape, np.bool_)
        if self.back is not None:
            check_array(self, "back", shape, np.float32)


@dataclass(frozen=True, kw_only=True, repr=False)
class Shells(DepthMap):
    """Front and back of the figurine for each pixel: distances along the camera's +Z, `back >= front` where `valid`.

    Calibrated they have the unit of a pixel at the figurine's middle; placed, metres and a camera that stands in the
    world.

    >>> slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).depth.kind
    <DepthKind.METRIC: 'metric'>
    """

    back: F32
    """(H,W) where the pixel's ray leaves the figurine for the last time."""
    base: RoundBase | None = None
    """The round base that both shells were given, in their unit; None where the picture shows none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind is not DepthKind.METRIC:
            raise ValueError(f"Shells are metric, got {self.kind.value}; calibrate the depth map")


@dataclass(frozen=True, kw_only=True, repr=False)
class PointCloud(ShowsSizes):
    """Oriented surface samples in world axes and metres.

    >>> slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).cloud.points.shape[1]
    3
    """

    points: F32
    """(N,3)."""
    colors: U8
    """(N,3) sRGB."""
    source: U8
    """(N,) of `Source`."""
    normals: F32 | None = None
    """(N,3), unit length, outward; None where the triangles tell them: `slipcast.mesh.normals.cloud_normals`."""
    joins: I32 | None = None
    """(F,3) closed triangles between neighbouring samples, counter-clockwise outside; None for a loose cloud."""

    def __post_init__(self) -> None:
        check_array(self, "points", (None, 3), np.float32)
        check_array(self, "colors", (len(self.points), 3), np.uint8)
        check_array(self, "source", (len(self.points),), np.uint8)
        if self.normals is not None:
            check_array(self, "normals", (len(self.points), 3), np.float32)
        if self.joins is not None:
            check_array(self, "joins", (None, 3), np.int32)


@dataclass(frozen=True, kw_only=True, repr=False)
class Mesh(ShowsSizes):
    """A triangle mesh with shared vertices, in world axes and metres.

    >>> corners = np.eye(3, dtype=np.float32)
    >>> Mesh(vertices=corners, faces=np.array([[0, 1, 2]], np.int32), source=np.zeros(1, np.uint8))
    Mesh(vertices=float32[3, 3], faces=int32[1, 3], source=uint8[1], quads=0)
    """

    vertices: F32
    """(V,3)."""
    faces: I32
    """(F,3), counter-clockwise seen from outside."""
    source: U8
    """(F,) of `Source`."""
    quads: int = 0
    """The first 2 * quads faces are halves of quads a, b, c, d, two in a row: a, b, c and a, c, d."""

    def __post_init__(self) -> None:
        check_array(self, "vertices", (None, 3), np.float32)
        check_array(self, "faces", (None, 3), np.int32)
        check_array(self, "source", (len(self.faces),), np.uint8)
        if not 0 <= 2 * self.quads <= len(self.faces):
            raise ValueError(f"quads must be at most half of {len(self.faces)} faces, got {self.quads}")


@dataclass(frozen=True, kw_only=True)
class Material:
    """Physical factors of the one material, as glTF's metallic-roughness model defines them.

    >>> Material(name="Brass", metallic=1, roughness=0.3)
    Material(name='Brass', metallic=1.0, roughness=0.3)
    """

    name: str = "Figurine"
    metallic: float = 0.0
    roughness: float = 0.9

    def __post_init__(self) -> None:
        check(
            self,
            name=text(example="Brass"),
            metallic=real(0, 1, example=0),
            roughness=real(0, 1, example=0.9),
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class Hull(ShowsSizes):
    """One convex body that collides in place of the figurine, in world axes and metres."""

    vertices: F32
    """(V,3), at most 32."""
    faces: I32
    """(F,3), counter-clockwise seen from outside."""

    def __post_init__(self) -> None:
        check_array(self, "vertices", (None, 3), np.float32)
        check_array(self, "faces", (None, 3), np.int32)


@dataclass(frozen=True, kw_only=True, repr=False)
class Level(ShowsSizes):
    """A simpler surface of a figurine, on the same atlas."""

    mesh: Mesh
    uv: F32
    """(F,3,2) per face corner, in [0, 1], origin top left."""
    coverage: float
    """Share of the screen's height below which it can stand for the figurine."""

    def __post_init__(self) -> None:
        check_array(self, "uv", (len(self.mesh.faces), 3, 2), np.float32)


@dataclass(frozen=True, kw_only=True, repr=False)
class Figurine(ShowsSizes):
    """The finished asset: a mesh, its atlas and what is known about both.

    >>> slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).figurine.name
    'knight'
    """

    name: str
    """What artists see in their outliner: the picture's stem."""
    mesh: Mesh
    uv: F32
    """(F,3,2) per face corner, in [0, 1], origin top left."""
    texture: Picture
    """Base colour atlas, sRGB, no alpha."""
    normal_map: U8 | None = None
    """(H,W,3) tangent-space normals, +Y up as in glTF, or None."""
    occlusion: U8 | None = None
    """(H,W) ambient occlusion on the atlas's coordinates, 255 is open, or None."""
    material: Material = field(default_factory=Material)
    provenance: Mapping[str, object] = field(default_factory=dict)
    """The metadata without clock, paths or random ids, JSON-ready: goes into every format that can carry it."""
    findings: tuple[Finding, ...] = ()
    levels: tuple[Level, ...] = ()
    """Levels of detail below this one, finest first, for engines."""
    hulls: tuple[Hull, ...] = ()
    """What collides in its place, for engines."""

    def __post_init__(self) -> None:
        check_array(self, "uv", (len(self.mesh.faces), 3, 2), np.float32)
        if self.normal_map is not None:
            check_array(self, "normal_map", (None, None, 3), np.uint8)
        if self.occlusion is not None:
            check_array(self, "occlusion", (None, None), np.uint8)
