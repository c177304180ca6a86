"""3MF of other makers: start part, components, other parts, supports, mirroring placements, absent pictures."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from slipcast.core.errors import BadInput
from slipcast.formats.inspect import describe, read_content

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
PRODUCTION = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06"
START = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
PICTURE = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"
VERTICES = "".join(
    f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in [(0, 0, 0), (1, 0, 0), (0, 2, 0), (0, 0, 3)]
)
TRIANGLES = "".join(
    f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]
)
MESH = f"<mesh><vertices>{VERTICES}</vertices><triangles>{TRIANGLES}</triangles></mesh>"


def thing(number: int, body: str = MESH, more: str = "") -> str:
    return f'<object id="{number}" {more}>{body}</object>'


def parts(*components: str) -> str:
    return f"<components>{''.join(f'<component {entry}/>' for entry in components)}</components>"


def model(objects: str, *items: str, more: str = 'unit="millimeter"') -> bytes:
    build = "".join(f"<item {entry}/>" for entry in items)
    return (
        f'<?xml version="1.0"?><model xmlns="{CORE}" xmlns:p="{PRODUCTION}" {more}>'
        f"<resources>{objects}</resources><build>{build}</build></model>"
    ).encode()


def relations(*pairs: tuple[str, str]) -> bytes:
    inside = "".join(
        f'<Relationship Target="{to}" Id="r{k}" Type="{kind}"/>' for k, (kind, to) in enumerate(pairs)
    )
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inside}</Relationships>'
    ).encode()


def package(folder: Path, start: bytes, more: dict[str, bytes] | None = None) -> Path:
    """A package whose start part is 3D/3dmodel.model; `more` comes first in the zip."""
    out = io.BytesIO()
    files = {
        "_rels/.rels": relations((START, "/3D/3dmodel.model")),
        **(more or {}),
        "3D/3dmodel.model": start,
    }
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    path = folder / "a.3mf"
    path.write_bytes(out.getvalue())
    return path


def box(path: Path) -> list[float]:
    points = read_content(path).points
    return [*points.min(axis=0), *points.max(axis=0)]


TEN = "10 0 0 0 10 0 0 0 10 0 0 0"
ASIDE = "1 0 0 0 1 0 0 0 1 5 0 0"
TURN = "0 1 0 -1 0 0 0 0 1 0 0 0"
"""A quarter turn about Z: x becomes y, y becomes -x."""


@pytest.mark.parametrize(
    ("objects", "items", "expected", "faces"),
    [
        (thing(1) + thing(2, parts('objectid="1"')), ['objectid="2"'], (0, 0, 0, 1, 2, 3), 4),
        (
            thing(1) + thing(2, parts(f'objectid="1" transform="{TEN}"')),
            [f'objectid="2" transform="{ASIDE}"'],
            (5, 0, 0, 15, 20, 30),
            4,
        ),
        # First the component's turn, then the item's move.
        (
            thing(1) + thing(2, parts(f'objectid="1" transform="{TURN}"')),
            [f'objectid="2" transform="{ASIDE}"'],
            (3, 0, 0, 5, 1, 3),
            4,
        ),
        # First the component's move, then the item's turn.
        (
            thing(1) + thing(2, parts(f'objectid="1" transform="{ASIDE}"')),
            [f'objectid="2" transform="{TURN}"'],
            (-2, 5, 0, 0, 6, 3),
            4,
        ),
        # Twice in one object, which is part of a third.
        (
            thing(1)
            + thing(2, parts('objectid="1"', f'objectid="1" transform="{ASIDE}"'))
            + thing(3, parts(f'objectid="2" transform="{TEN}"', 'objectid="1"')),
            ['objectid="3"'],
            (0, 0, 0, 60, 20, 30),
            12,
        ),
        (thing(1), ['objectid="1"', f'objectid="1" transform="{ASIDE}"'], (0, 0, 0, 6, 2, 3), 8),
    ],
)
def test_components_are_placed_one_in_another(
    objects: str, items: list[str], expected: tuple[float, ...], faces: int, tmp_path: Path
) -> None:
    path = package(tmp_path, model(objects, *items))
    assert np.allclose(box(path), expected)
    facts = describe(path)
    assert facts["faces"] == faces
    assert facts["closed"]


@pytest.mark.parametrize("spelling", ["/3D/Objects/a.model", "/3d/objects/A.model"])
def test_an_object_of_another_part_is_found(spelling: str, tmp_path: Path) -> None:
    inner = parts(f'p:path="{spelling}" objectid="1" transform="{TEN}"')
    start = model(thing(2, inner), 'objectid="2"', more='unit="millimeter" requiredextensions="p"')
    path = package(tmp_path, start, {"3D/Objects/a.model": model(thing(1))})
    assert np.allclose(box(path), (0, 0, 0, 10, 20, 30))
    assert describe(path)["findings"] == []


def test_an_item_may_name_another_part_and_a_part_its_own_unit(tmp_path: Path) -> None:
    start = model("", 'p:path="/3D/b.model" objectid="1"', more='unit="millimeter"')
    path = package(tmp_path, start, {"3D/b.model": model(thing(1), more='unit="inch"')})
    assert np.allclose(box(path), np.array((0, 0, 0, 1, 2, 3)) * 25.4)


def test_the_start_part_is_the_one_that_the_relationships_name(tmp_path: Path) -> None:
    start = model(thing(1), f'objectid="1" transform="{TEN}"')
    other = {"3D/aaa.model": model(thing(1), 'objectid="1"')}
    assert np.allclose(box(package(tmp_path, start, other)), (0, 0, 0, 10, 20, 30))
    lost = other | {"_rels/.rels": relations((START, "/3D/absent.model"))}
    assert np.allclose(box(package(tmp_path, start, lost)), (0, 0, 0, 1, 2, 3))
    relative = other | {"_rels/.rels": relations((START, "3D/3DModel.model"))}
    assert np.allclose(box(package(tmp_path, start, relative)), (0, 0, 0, 10, 20, 30))


@pytest.mark.parametrize("kind", ["support", "solidsupport", "other"])
def test_what_is_no_model_is_left_out_and_told(kind: str, tmp_path: Path) -> None:
    objects = thing(1) + thing(2, more=f'type="{kind}"') + thing(3, parts('objectid="1"', 'objectid="2"'))
    facts = describe(package(tmp_path, model(objects, 'objectid="3"', f'objectid="2" transform="{TEN}"')))
    assert facts["faces"] == 4
    assert f"2 x {kind}" in str(facts["findings"])
    with pytest.raises(BadInput, match=f"only {kind}"):
        read_content(package(tmp_path, model(objects, 'objectid="2"')))


@pytest.mark.parametrize("off", ["0", "false"])
def test_items_that_are_not_to_be_printed_are_left_out_and_told(off: str, tmp_path: Path) -> None:
    items = ['objectid="1" printable="1"', f'objectid="1" printable="{off}" transform="{TEN}"']
    path = package(tmp_path, model(thing(1), *items))
    assert np.allclose(box(path), (0, 0, 0, 1, 2, 3))
    assert "1 x item that is not to be printed" in str(describe(path)["findings"])
    path = package(tmp_path, model(thing(1), items[1]))
    assert np.allclose(box(path), (0, 0, 0, 10, 20, 30)), "all are off: they are looked at"
    assert describe(path)["findings"] == []


def test_a_model_from_before_version_1_is_read(tmp_path: Path) -> None:
    beta = model(thing(1), f'objectid="1" transform="{TEN}"').replace(
        CORE.encode(), b"http://schemas.microsoft.com/3dmanufacturing/2013/01"
    )
    assert np.allclose(box(package(tmp_path, beta)), (0, 0, 0, 10, 20, 30))


def test_a_surface_is_read(tmp_path: Path) -> None:
    path = package(tmp_path, model(thing(1, more='type="surface"'), 'objectid="1"'))
    assert describe(path)["faces"] == 4


@pytest.mark.parametrize("where", ["item", "component", "both"])
def test_a_mirroring_placement_keeps_the_volume_positive(where: str, tmp_path: Path) -> None:
    mirror = 'transform="-1 0 0 0 1 0 0 0 1 0 0 0"'
    inner = mirror if where != "item" else ""
    outer = mirror if where != "component" else ""
    objects = thing(1) + thing(2, parts(f'objectid="1" {inner}'))
    facts = describe(package(tmp_path, model(objects, f'objectid="2" {outer}')))
    assert facts["volume_mm3"] == pytest.approx(1)


def test_a_picture_that_is_named_and_absent_is_no_reason_to_refuse(tmp_path: Path) -> None:
    pictures = relations((PICTURE, "/Metadata/thumbnail.png"), (START, "/3D/3dmodel.model"))
    facts = describe(package(tmp_path, model(thing(1), 'objectid="1"'), {"_rels/.rels": pictures}))
    assert facts["faces"] == 4
    assert facts["textures"] == []


def test_a_thumbnail_is_no_texture(tmp_path: Path) -> None:
    path = package(tmp_path, model(thing(1), 'objectid="1"'), {"Metadata/thumbnail.png": b"\x89PNG"})
    assert (read_content(path).textures, read_content(path).attributes) == ((), ())


def test_an_extension_that_is_not_read_is_told(tmp_path: Path) -> None:
    start = model(
        thing(1), 'objectid="1"', more='xmlns:b="http://example.com/lattice" requiredextensions="b p"'
    )
    assert "http://example.com/lattice" in str(describe(package(tmp_path, start))["findings"])


@pytest.mark.parametrize(
    ("objects", "item", "part"),
    [
        (thing(1, parts('objectid="1"')), 'objectid="1"', "circle"),
        (thing(1, parts('objectid="9"')), 'objectid="1"', "missing"),
        (thing(1, parts('p:path="/absent.model" objectid="9"')), 'objectid="1"', "missing"),
        (thing(1, ""), 'objectid="1"', "missing"),
        (thing(1), 'objectid="1" transform="1 2 3"', "12 numbers"),
        (thing(1), 'objectid="1" transform="nan 0 0 0 1 0 0 0 1 0 0 0"', "not a number"),
        ("", 'objectid="1"', "missing"),
    ],
)
def test_placements_that_lead_nowhere_are_refused(objects: str, item: str, part: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=part):
        read_content(package(tmp_path, model(objects, item)))


BEAMS = (
    '<b:beamlattice xmlns:b="http://schemas.microsoft.com/3dmanufacturing/beamlattice/2017/02" radius="0.2">'
    '<b:beams><b:beam v1="0" v2="1"/><b:beam v1="1" v2="2"/></b:beams></b:beamlattice>'
)


def test_a_beam_lattice_is_told_beside_the_triangles(tmp_path: Path) -> None:
    body = MESH.replace("</mesh>", f"{BEAMS}</mesh>")
    content = read_content(package(tmp_path, model(thing(1, body), 'objectid="1"')))
    assert len(content.faces) == 4
    assert [entry.values["what"] for entry in content.findings] == ["2 x beams of a lattice"]


def test_an_object_of_beams_alone_is_left_out(tmp_path: Path) -> None:
    bare = thing(2, f"<mesh><vertices>{VERTICES}</vertices>{BEAMS}</mesh>")
    both = package(tmp_path, model(thing(1) + bare, 'objectid="1"', 'objectid="2"'))
    assert len(read_content(both).faces) == 4
    assert [entry.values["what"] for entry in read_content(both).findings] == ["2 x beams of a lattice"]
    with pytest.raises(BadInput, match="holds only beams of a lattice"):
        read_content(package(tmp_path, model(bare, 'objectid="2"')))


def test_slices_are_told(tmp_path: Path) -> None:
    slices = '<s:slicestack xmlns:s="http://schemas.microsoft.com/3dmanufacturing/slice/2015/07" id="9"/>'
    content = read_content(package(tmp_path, model(slices + thing(1), 'objectid="1"')))
    assert [entry.values["what"] for entry in content.findings] == ["1 x stacks of slices"]


def test_an_object_without_faces_does_not_hide_the_others(tmp_path: Path) -> None:
    bare = thing(2, "<mesh><vertices/><triangles/></mesh>")
    content = read_content(package(tmp_path, model(thing(1) + bare, 'objectid="2"', 'objectid="1"')))
    assert len(content.faces) == 4
    assert [entry.values["what"] for entry in content.findings] == ["1 x object without faces"]
    with pytest.raises(BadInput, match="holds only object without faces"):
        read_content(package(tmp_path, model(bare, 'objectid="2"')))
