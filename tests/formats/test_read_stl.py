"""STL as other programs write it: read with every face, at the right size, or refused in a sentence."""

import struct
from pathlib import Path

import pytest
from dialects import MESH, QUADS, assert_cube, content_of
from test_inspect import BOX, files_of

from slipcast.core.errors import BadInput


def facets(
    text: str = "facet normal 0 0 0\nouter loop\n{}endloop\nendfacet\n", polygons: object = None
) -> str:
    rings = MESH.faces if polygons is None else polygons
    return "".join(
        text.format("".join("vertex {:g} {:g} {:g}\n".format(*MESH.vertices[k]) for k in ring))
        for ring in rings  # type: ignore[attr-defined]
    )


@pytest.mark.parametrize(
    "text",
    [
        "solid x\n" + facets() + "endsolid x\n",
        ("solid x\n" + facets() + "endsolid x\n").upper(),
        "Solid\n" + facets().replace("vertex", "\t Vertex").replace(" ", "  ") + "EndSolid\n",
        ("solid x\n" + facets() + "endsolid x\n").replace("\n", "\r\n"),
        ("solid x\n" + facets() + "endsolid x\n").replace("\n", "\r"),
        "solid\n" + facets().replace("\n", " ") + "\nendsolid\n",
        ("solid x\n" + facets() + "endsolid x\n").replace("\n", " "),
        "\ufeffsolid x\n" + facets() + "endsolid x\n",
        "solid a vertex 9 9 9\n" + facets() + "endsolid a vertex 9 9 9\n",
        "solid a\n"
        + facets(polygons=MESH.faces[:6])
        + "endsolid a\nsolid b\n"
        + facets(polygons=MESH.faces[6:])
        + "endsolid b\n",
        "solid x\n" + facets(polygons=QUADS) + "endsolid x\n",
        facets() + "endsolid\n",
        "solid x\n" + facets() + "endsolid x\n" + " " * 600 + "\n",
        "solid x\n" + facets() + "end solid x\n",
    ],
    ids=[
        "plain",
        "capitals",
        "tabs",
        "crlf",
        "cr",
        "facets on one line",
        "all on one line",
        "byte order mark",
        "vertex in its name",
        "two solids",
        "quads",
        "no solid",
        "blanks at the end",
        "end solid",
    ],
)
def test_a_text_stl_of_any_dialect_has_every_face(text: str, tmp_path: Path) -> None:
    content = content_of(tmp_path / "x.stl", text)
    assert_cube(content)
    assert content.findings == ()


def test_a_text_stl_without_its_end_is_read_and_told(tmp_path: Path) -> None:
    content = content_of(tmp_path / "x.stl", "solid x\n" + facets())
    assert_cube(content)
    assert [entry.code for entry in content.findings] == ["FILE_DAMAGED"]
    assert "endsolid" in content.findings[0].message
    for cut in (5, 20, 40):
        with pytest.raises(BadInput, match=r"cut off inside its last facet|three numbers|of 2 corners"):
            content_of(tmp_path / "x.stl", ("solid x\n" + facets())[: -len("endloop\nendfacet\n") - cut])


@pytest.mark.parametrize("behind", [b"\0", b"\0\0", b"made by a test" * 9, bytes(50), bytes(5000)])
@pytest.mark.parametrize("head", [b"x" * 80, b"solid x".ljust(80), b"COLOR=abcd".ljust(80, b"\0")])
def test_bytes_behind_the_last_facet_are_told(behind: bytes, head: bytes, tmp_path: Path) -> None:
    own = files_of("stl")["box.stl"]
    plain = content_of(tmp_path / "x.stl", head + own[80:])
    assert plain.findings == ()
    content = content_of(tmp_path / "x.stl", head + own[80:] + behind)
    assert content.points.tolist() == plain.points.tolist()
    assert [entry.message for entry in content.findings] == [
        f"what in the file is no surface of the model was left out: {len(behind)} bytes behind the last face"
    ]


@pytest.mark.parametrize("count", [0, 2**32 - 1])
def test_a_binary_stl_that_does_not_know_its_count_is_read_to_its_end(count: int, tmp_path: Path) -> None:
    own = files_of("stl")["box.stl"]
    content = content_of(tmp_path / "x.stl", own[:80] + struct.pack("<I", count) + own[84:])
    assert len(content.faces) == len(BOX.mesh.faces)
    assert [entry.code for entry in content.findings] == ["FILE_DAMAGED"]


def test_a_binary_stl_that_is_cut_off_says_how_much_is_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="announces 12 faces and has bytes for 11"):
        content_of(tmp_path / "x.stl", files_of("stl")["box.stl"][:-7])
    with pytest.raises(BadInput, match="neither text nor long enough"):
        content_of(tmp_path / "x.stl", b"12345")


def test_a_binary_stl_that_is_called_solid_is_no_text(tmp_path: Path) -> None:
    own = files_of("stl")["box.stl"]
    for head in (b"solid x".ljust(80, b"\0"), b"solid x".ljust(80)):
        content = content_of(tmp_path / "x.stl", head + struct.pack("<I", 2**32 - 1) + own[84:])
        assert len(content.faces) == len(BOX.mesh.faces)
    content = content_of(tmp_path / "x.stl", head + struct.pack("<I", 0) + own[84:])
    assert len(content.faces) == len(BOX.mesh.faces)
    with pytest.raises(BadInput, match="announces 12 faces and has bytes for 11"):
        content_of(tmp_path / "x.stl", head + own[80:-7])
