"""Models of other formats as figurines: axes, unit, and colours per vertex however a format tells them."""

import struct
from pathlib import Path

import numpy as np
import pytest
from dialects import CORNERS, MESH, F, V
from test_read_ply import END, HEAD, LIST, TEXT_F
from test_read_threemf import model, package

from slipcast.core.errors import BadInput
from slipcast.core.values import U8
from slipcast.formats.inspect import read_content
from slipcast.formats.read_model import read_model
from slipcast.mesh.sample import sample

SHOWN = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]] * 2, np.uint8)
"""Of the cube's corners."""
SHADES = "property {0} red\nproperty {0} green\nproperty {0} blue\n"


def corners(path: Path) -> U8:
    """(F,3,3) what a figurine's texture shows at its faces' corners."""
    figurine = read_model(path)[0]
    return sample(figurine.texture.pixels, figurine.uv)


def near(seen: U8, wanted: U8) -> bool:
    return bool(np.abs(seen.astype(int) - wanted.astype(int)).max() <= 1)


def text_vertices(colors: np.ndarray) -> str:
    rows = zip(CORNERS, colors, strict=True)
    return "".join("{:g} {:g} {:g} {:g} {:g} {:g}\n".format(*point, *color) for point, color in rows)


@pytest.mark.parametrize(
    ("kind", "most"), [("uchar", 255), ("uint8", 255), ("ushort", 65535), ("float", 1), ("double", 1)]
)
def test_ply_in_text_tells_colours_of_every_type(kind: str, most: int, tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    head = HEAD.format("ascii") + SHADES.format(kind) + f"element face {len(MESH.faces)}\n" + LIST + END
    path.write_text(head + text_vertices(SHOWN / 255 * most) + TEXT_F)
    assert near(corners(path), SHOWN[MESH.faces])
    # Beside a list every row is read by itself.
    listed = head.replace("element face", "property list uchar int views\nelement face")
    path.write_text(listed + text_vertices(SHOWN / 255 * most).replace("\n", " 2 5 7\n") + TEXT_F)
    assert near(corners(path), SHOWN[MESH.faces])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("ragged", [False, True])
def test_binary_ply_tells_colours(order: str, *, ragged: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    name = "binary_little_endian" if order == "<" else "binary_big_endian"
    more = "property list uchar uchar views\n" if ragged else ""
    head = (
        HEAD.format(name) + SHADES.format("uchar") + more + f"element face {len(MESH.faces)}\n" + LIST + END
    )
    body = b""
    for k, (point, color) in enumerate(zip(CORNERS, SHOWN, strict=True)):
        body += struct.pack(f"{order}fff3B", *map(float, point), *map(int, color))
        body += bytes([k % 2] + [9] * (k % 2)) if ragged else b""
    body += b"".join(struct.pack(f"{order}B3i", 3, *map(int, face)) for face in MESH.faces)
    path.write_bytes(head.encode() + body)
    assert near(corners(path), SHOWN[MESH.faces])


@pytest.mark.parametrize("most", [1, 255])
def test_obj_tells_colours_behind_its_vertices(most: int, tmp_path: Path) -> None:
    path = tmp_path / "a.obj"
    colored = "".join(f"v {line}\n" for line in text_vertices(SHOWN / 255 * most).splitlines())
    path.write_text(colored + F)
    assert near(corners(path), SHOWN[MESH.faces])


def test_obj_vertices_without_a_colour_are_white(tmp_path: Path) -> None:
    path = tmp_path / "a.obj"
    lines = V.splitlines()
    lines[2] += " 1 0 0"
    path.write_text("\n".join(lines) + "\n" + F)
    wanted = np.full((8, 3), 255, np.uint8)
    wanted[2] = (255, 0, 0)
    assert near(corners(path), wanted[MESH.faces])


def test_obj_tells_the_paint_of_zbrush(tmp_path: Path) -> None:
    path = tmp_path / "a.obj"
    paint = "".join("ff{:02x}{:02x}{:02x}".format(*color) for color in SHOWN)
    path.write_text(V + f"#MRGB {paint[:32]}\n#MRGB {paint[32:]}\n" + F)
    assert near(corners(path), SHOWN[MESH.faces])
    path.write_text(V + "#MRGB not paint\n" + F)
    with pytest.raises(BadInput, match="not an OBJ's"):
        read_model(path)


MATERIAL = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02"
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def test_threemf_tells_colours_of_groups_objects_and_triangles(tmp_path: Path) -> None:
    groups = (
        f'<m:colorgroup xmlns:m="{MATERIAL}" id="8"><m:color color="#FF0000FF"/><m:color color="#00FF00"/>'
        '<m:color color="#0000FF"/></m:colorgroup>'
        '<basematerials id="9"><base name="blue" displaycolor="#0000FF"/></basematerials>'
    )
    rows = ["", 'p1="1"', 'pid="8" p1="0" p2="1" p3="2"', 'pid="9" p1="0"']
    corner = [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]
    triangles = "".join(
        f'<triangle v1="{a}" v2="{b}" v3="{c}" {row}/>' for (a, b, c), row in zip(corner, rows, strict=True)
    )
    places = [(0, 0, 0), (1, 0, 0), (0, 2, 0), (0, 0, 3)]
    vertices = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in places)
    mesh = f"<mesh><vertices>{vertices}</vertices><triangles>{triangles}</triangles></mesh>"
    first = f'<object id="1" pid="8" pindex="0">{mesh}</object>'
    body = f'{groups}{first}<object id="2">{mesh.replace(rows[3], "")}</object>'
    start = model(body, 'objectid="1"', 'objectid="2" transform="-1 0 0 0 1 0 0 0 1 9 0 0"')
    colors = read_content(package(tmp_path, start)).colors
    assert colors is not None
    wanted = [[RED] * 3, [GREEN] * 3, [RED, GREEN, BLUE], [BLUE] * 3]
    assert (colors[:4] == wanted).all()
    # The second object names no group; its placement mirrors it, so its corners run the other way round.
    assert (colors[4:] == [[WHITE] * 3, [WHITE] * 3, [BLUE, GREEN, RED], [WHITE] * 3]).all()


def test_threemf_without_colours_has_none(tmp_path: Path) -> None:
    body = (
        '<object id="1"><mesh><vertices><vertex x="0" y="0" z="0"/><vertex x="1" y="0" z="0"/>'
        '<vertex x="0" y="2" z="0"/></vertices><triangles><triangle v1="0" v2="1" v3="2"/></triangles></mesh></object>'
    )
    assert read_content(package(tmp_path, model(body, 'objectid="1"'))).colors is None


def test_axes_and_unit_are_those_of_figurines(tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    path.write_text(
        HEAD.format("ascii").replace("made by a test", "Slipcast, mm, Z up")
        + f"element face {len(MESH.faces)}\n" + LIST + END
        + "".join(f"{x:g} {2 * y:g} {3 * z:g}\n" for x, y, z in CORNERS) + TEXT_F
    )  # fmt: skip
    figurine, found = read_model(path)
    size = np.ptp(figurine.mesh.vertices, axis=0)
    unit = np.ptp(CORNERS, axis=0)
    assert size == pytest.approx(unit[[0, 2, 1]] * [0.001, 0.003, 0.002])
    assert found == ()
    assert figurine.texture.pixels.shape == (8, 8, 3)


def test_a_model_without_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.obj"
    path.write_text("v 1 1 1\n" * 3 + "f 1 2 3\n")
    with pytest.raises(BadInput, match="has no size"):
        read_model(path)


def test_vertices_that_no_face_uses_are_not_exported(tmp_path: Path) -> None:
    loose = tmp_path / "b.obj"
    loose.write_text(f"{V}v 9 9 9\nv nan 0 0\n{F}")
    figurine, found = read_model(loose)
    assert len(figurine.mesh.vertices) == 8
    assert np.ptp(figurine.mesh.vertices, axis=0) == pytest.approx(np.ptp(CORNERS, axis=0))
    assert [entry.code for entry in found] == ["FILE_LEFT_OUT"]
