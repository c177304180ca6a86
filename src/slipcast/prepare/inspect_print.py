"""What a print part is like: walls, the thinnest place in words, layers, weight, cost, and whether it fits.

The limits are makers' rules of thumb for a 0.4 mm nozzle and for resin. `printability` repeats the verdict in the field
names that Meshy's API uses, so that one client reads both.
"""

from dataclasses import asdict, dataclass

import manifold3d
import numpy as np

from slipcast.core.values import F64, Bool
from slipcast.mesh import self_intersection
from slipcast.mesh.thickness import Thickness, measure_thickness
from slipcast.mesh.topology import closedness
from slipcast.prepare.body import MM, Body, Kind, Surface, read_surface
from slipcast.prepare.layers import Layers, slice_layers
from slipcast.prepare.pins import Pin, find_pins
from slipcast.prepare.stand import Stance, measure_stance

DENSITY_G_CM3 = {"PLA": 1.24, "PETG": 1.27, "resin": 1.12}


@dataclass(frozen=True, kw_only=True)
class Process:
    """What a way of printing can hold."""

    name: str
    wall_mm: float
    """Thinner walls fail."""
    pin_mm: float
    """Thinner limbs and swords break."""
    line_mm: float
    """Narrower pins are not printed at all."""
    grown_mm: float
    """To this such a pin grows, so that it is."""
    layer_mm: float
    pixel_mm: float
    """Of our own raster."""
    materials: tuple[str, ...]


PROCESSES = {
    "fdm": Process(
        name="fdm",
        wall_mm=0.8,
        pin_mm=2.0,
        line_mm=0.8,
        grown_mm=1.0,
        layer_mm=0.2,
        pixel_mm=0.2,
        materials=("PLA", "PETG"),
    ),
    "resin": Process(
        name="resin",
        wall_mm=0.5,
        pin_mm=1.0,
        line_mm=0.1,
        grown_mm=0.5,
        layer_mm=0.05,
        pixel_mm=0.2,
        materials=("resin",),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Walls:
    """How thick the walls are."""

    thinnest_mm: float
    """The thickness that 99.5 % of the figurine's surface exceed; of a base's, where that is thinner and fails."""
    at_mm: tuple[float, float, float]
    place: str
    """Where the thinnest is, in words."""
    below_limit: float
    """Share of that surface which is thinner than the process can hold."""


@dataclass(frozen=True, kw_only=True)
class PartReport:
    """One part, measured."""

    size_mm: tuple[float, float, float]
    volume_mm3: float
    faces: int
    closed: bool
    crossing_faces: int
    degenerate_faces: int
    """Faces with two corners in one place."""
    walls: Walls
    pins: tuple[Pin, ...]
    """Staffs, tips and the like that are thinner than the process can hold, the thinnest first."""
    layers: Layers
    stance: Stance
    """How the part, without supports, stands on the plate as it is printed."""
    weight_g: dict[str, float]
    fits: bool | None
    """Whether it fits the printer; None without one."""
    box_mm: F64
    """(2,3) lowest and highest corner."""

    @property
    def sound(self) -> bool:
        """Whether it is a closed solid that no face pierces."""
        return self.closed and not self.crossing_faces

    def as_dict(self) -> dict[str, object]:
        """The report as JSON-ready data."""
        return {
            "size_mm": list(self.size_mm),
            "volume_mm3": self.volume_mm3,
            "faces": self.faces,
            "closed": self.closed,
            "crossing_faces": self.crossing_faces,
            "degenerate_faces": self.degenerate_faces,
            "walls": asdict(self.walls),
            "pins": [{**asdict(pin), "place": name_place(pin.at_mm, self.box_mm)} for pin in self.pins],
            "layers": {
                **asdict(self.layers),
                "islands": [
                    {**asdict(spot), "place": name_place(spot.at_mm, self.box_mm)}
                    for spot in self.layers.islands
                ],
            },
            "on_plate": self.stance.as_dict(),
            "weight_g": self.weight_g,
            "fits": self.fits,
        }


def inspect_part(
    body: Body,
    process: Process,
    printer_mm: tuple[float, float, float] | None = None,
    *,
    crossing_faces: int | None = None,
    vented: manifold3d.Manifold | None = None,
) -> PartReport:
    """Return what `body`, lying on z = 0, is like for `process`; `crossing_faces`, where they are known already.

    What lies in `vented` is no suction cup.
    """
    surface = read_surface(body)
    mesh = surface.as_mesh()
    state = closedness(mesh)
    walls = measure_thickness(mesh)
    low, high = body.box_mm
    size = high - low
    volume = body.volume_mm3
    return PartReport(
        size_mm=(round(float(size[0]), 2), round(float(size[1]), 2), round(float(size[2]), 2)),
        volume_mm3=round(volume, 2),
        faces=len(surface.faces),
        closed=state.open_edges + state.crowded_edges + state.turned_edges == 0 and state.volume_m3 > 0,
        crossing_faces=len(self_intersection.find_crossing_faces(mesh))
        if crossing_faces is None
        else crossing_faces,
        degenerate_faces=count_degenerate(surface),
        walls=_measure_walls(body, surface, walls, process),
        pins=tuple(find_pins(mesh, walls, process.pin_mm)),
        layers=slice_layers(body, layer_mm=process.layer_mm, pixel_mm=process.pixel_mm, vented=vented),
        stance=measure_stance(body),
        weight_g={name: round(volume / 1000 * DENSITY_G_CM3[name], 2) for name in process.materials},
        fits=None if printer_mm is None else _fits(size, printer_mm),
        box_mm=body.box_mm,
    )


def count_degenerate(surface: Surface) -> int:
    """Return how many faces have two corners in one place, in the precision that files have (float32)."""
    corner = surface.vertices_mm.astype(np.float32)[surface.faces]
    return int((corner == np.roll(corner, 1, axis=1)).all(2).any(1).sum())


def _fits(size: np.ndarray, printer_mm: tuple[float, float, float]) -> bool:
    wide, deep = sorted(size[:2])
    return bool(wide <= min(printer_mm[:2]) and deep <= max(printer_mm[:2]) and size[2] <= printer_mm[2])


def _measure_walls(body: Body, surface: Surface, walls: Thickness, process: Process) -> Walls:
    """The walls of the figurine, or of a base that we added where it has a thinner one that fails.

    Each is measured by its own faces: a base is up to half of the surface, and would hide what is thin above it.
    Letters are of neither.
    """
    kind = surface.kind[walls.face]
    figurine = _pick_walls(walls, (kind != Kind.BASE) & (kind != Kind.TEXT), body, process)
    base = _pick_walls(walls, kind == Kind.BASE, body, process)
    if base is not None and (
        figurine is None or base.thinnest_mm < min(figurine.thinnest_mm, process.wall_mm)
    ):
        return base
    assert figurine is not None
    return figurine


def _pick_walls(walls: Thickness, chosen: Bool, body: Body, process: Process) -> Walls | None:
    """The walls at the `chosen` (N,) samples; None where there are none."""
    length, area = walls.samples_m[chosen], walls.area_m2[chosen]
    total = float(area.sum())
    if total <= 0:
        return None
    order = np.argsort(length, kind="stable")
    share = np.cumsum(area[order]) / total
    at = order[min(int(np.searchsorted(share, 0.005)), len(order) - 1)]
    x, y, z = (float(value) * MM for value in walls.points_m[chosen][at])
    place = (x, -z, y)
    return Walls(
        thinnest_mm=round(float(length[at]) * MM, 3),
        at_mm=(round(place[0], 1), round(place[1], 1), round(place[2], 1)),
        place=name_place(place, body.box_mm),
        below_limit=round(float(area[length < process.wall_mm / MM].sum()) / total, 5),
    )


def name_place(at_mm: tuple[float, float, float], box_mm: np.ndarray) -> str:
    """Return where a point lies in words: side, height in mm and as a share.

    >>> name_place((10.0, -20.0, 60.0), np.array([[-25.0, -20, 0], [25, 20, 75]]))
    'at the front right, 60 mm high (80 % of the height)'
    """
    share = (np.array(at_mm) - box_mm[0]) / np.maximum(box_mm[1] - box_mm[0], 1e-9)
    depth = "front" if share[1] < 1 / 3 else "back" if share[1] > 2 / 3 else ""
    side = "left" if share[0] < 1 / 3 else "right" if share[0] > 2 / 3 else ""
    where = " ".join(word for word in (depth, side) if word) or "middle"
    return f"at the {where}, {at_mm[2]:.0f} mm high ({100 * share[2]:.0f} % of the height)"
