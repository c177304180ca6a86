"""The list of samples: one row a figurine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from astronaut import astronaut
from build import Part
from bust import bust
from dragon import dragon
from fox import fox
from knight import knight
from mech import mech
from owl import owl
from witch import witch


@dataclass(frozen=True)
class Figurine:
    """What to build and how to photograph it."""

    title: str
    what: str
    parts: Callable[[], list[Part]]
    background: str
    """«white», «alpha», «rrggbb», or «rrggbb-rrggbb» from top to bottom."""
    floor: bool = False
    """A soft shadow on the ground."""
    height_mm: float = 75.0
    samples: int = 6

    @property
    def module(self) -> str:
        return self.parts.__module__


FIGURINES = {
    "knight": Figurine(
        "Chibi knight",
        "A young knight with a raised sword, a heater shield before the body, a cape, on a round base",
        knight,
        "f4f4f2-d3d5d8",
        floor=True,
    ),
    "owl": Figurine(
        "Clockwork owl",
        "A brass and teal owl with goggles, a porthole full of gears, plate feathers and a winding key, on a cog",
        owl,
        "white",
    ),
    "mech": Figurine(
        "Pocket mech",
        "A yellow robot with separated limbs, a waving claw, a wrench and thin aerials, without a base",
        mech,
        "cfe3ec",
        floor=True,
    ),
    "dragon": Figurine(
        "Baby dragon",
        "A green dragon with spread wings and a tail that sweeps to its left; wider than tall",
        dragon,
        "alpha",
        height_mm=58.0,
    ),
    "witch": Figurine(
        "Little witch",
        "A witch with a bent hat, a standing broom, a wand and a cat, on a round base; the tall one",
        witch,
        "eee6f4-d9cde6",
        height_mm=95.0,
    ),
    "astronaut": Figurine(
        "Astronaut",
        "An astronaut who waves, with a flag on a thin pole and a backpack, on a piece of moon",
        astronaut,
        "e9ecf0-c3cad4",
        floor=True,
    ),
    "fox": Figurine(
        "Sitting fox",
        "A fox with its tail around its feet: smooth surfaces, few edges, no base",
        fox,
        "f6ead8",
        floor=True,
        height_mm=65.0,
    ),
    "bust": Figurine(
        "Bust of a thinker",
        "A bearded bust in one ivory colour on a dark plinth, on white: form without colour",
        bust,
        "white",
    ),
}
