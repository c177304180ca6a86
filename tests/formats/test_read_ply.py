"""PLY as other programs write it: read with every face, at the right size, or refused in a sentence."""

import struct
from pathlib import Path

import numpy as np
import pytest
from dialects import CORNERS, MESH, QUADS, assert_cube, content_of
from test_inspect import files_of

from slipcast.core.errors import BadInput
from slipcast.formats.inspect import describe

HEAD = "ply\nformat {} 1.0\ncomment made by a test\nelement vertex 8\n"
HEAD += "property float x\nproperty float y\nproperty float z\n"
TEXT_V = "".join("{:g} {:g} {:g}\n".format(*point) for point in MESH.vertices)
TEXT_F = "".join("3 {} {} {}\n".format(*face) for face in MESH.faces)
TEXT_Q = "".join("4 {} {} {} {}\n".format(*quad) for quad in QUADS)
LIST = "property list uchar int vertex_indices\n"
END = "end_header\n"


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "element face 6\n" + LIST + END + TEXT_V + TEXT_Q,
        HEAD
        + "element face 12\nproperty uchar flags\n"
        + LIST
        + END
        + TEXT_V
        + TEXT_F.replace("3 ", "0 3 ", 1).replace("\n3 ", "\n0 3 "),
        HEAD
        + "element face 12\n"
        + LIST
        + "property list uchar float texcoord\n"
        + END
        + TEXT_V
        + TEXT_F.replace("\n", " 6 0 0 1 0 1 1\n"),
        HEAD
        + "element face 12\nproperty list uchar float texcoord\n"
        + LIST
        + END
        + TEXT_V
        + TEXT_F.replace("3 ", "2 0 0.5 3 ", 1).replace("\n3 ", "\n2 0 0.5 3 "),
        HEAD
        + "property list uchar int views\nelement face 12\n"
        + LIST
        + END
        + TEXT_V.replace("\n", " 2 5 7\n")
        + TEXT_F,
        HEAD
        + "element face 12\n"
        + LIST.replace("indices", "index")
        + END
        + TEXT_V
        + TEXT_F.replace(" ", "\t").replace("\n", "\n\n"),
        HEAD
        + "comment end_header comes\ncomment\n\ncomment two  spaces\nobj_info x\nelement face 12\n"
        + LIST
        + END
        + TEXT_V
        + TEXT_F,
        HEAD.replace("comment made", "Created") + "element face 12\n" + LIST + END + TEXT_V + TEXT_F,
        (HEAD + "element face 12\n" + LIST + END + TEXT_V + TEXT_F).replace("\n", "\r\n"),
        (HEAD + "element face 12\n" + LIST + END + TEXT_V + TEXT_F).replace("\n", "\r"),
        HEAD.replace("float", "float32")
        + "element edge 2\nproperty int vertex1\nproperty int vertex2\nelement face 12\n"
        + LIST.replace("uchar int", "uint8 uint32")
        + END
        + TEXT_V
        + "0 1\n1 2\n"
        + TEXT_F,
        HEAD + "element face 12\n" + LIST.replace("vertex_indices", "corners") + END + TEXT_V + TEXT_F,
        HEAD + "element face 12\n" + LIST + END + TEXT_V + TEXT_F.rstrip("\n"),
        HEAD.replace("comment made by a test\n", "comment caf\u00e9 \u2028 x\x0cy\n")
        + "element face 12\n"
        + LIST
        + END
        + TEXT_V
        + TEXT_F,
    ],
    ids=[
        "quads",
        "flag first",
        "list behind",
        "list before",
        "list of a vertex",
        "tabs and blank lines",
        "comments",
        "comment without its word",
        "crlf",
        "cr",
        "edges",
        "another name",
        "no last line end",
        "comment of odd letters",
    ],
)
def test_a_text_ply_of_any_dialect_has_every_face(text: str, tmp_path: Path) -> None:
    assert_cube(content_of(tmp_path / "x.ply", text.format("ascii")))


def binary(
    order: str, head: str, rows: list[tuple[object, ...]], kinds: str = "B3i", count: int = 12
) -> bytes:
    mark = "<" if "little" in order else ">"
    text = HEAD.format(order) + f"element face {count}\n" + head + END
    body = MESH.vertices.astype(mark + "f4").tobytes() + b"".join(
        struct.pack(mark + kinds, *row) for row in rows
    )
    return text.encode() + body


@pytest.mark.parametrize("order", ["binary_little_endian", "binary_big_endian"])
def test_lists_beside_the_faces_of_a_binary_ply_are_passed_over(order: str, tmp_path: Path) -> None:
    faces = [tuple(map(int, face)) for face in MESH.faces]
    for head, rows, kinds in (
        (LIST, [(3, *face) for face in faces], "B3i"),
        (
            LIST + "property list uchar float texcoord\n",
            [(3, *face, 6, *[0.5] * 6) for face in faces],
            "B3iB6f",
        ),
        ("property uchar flags\n" + LIST, [(9, 3, *face) for face in faces], "2B3i"),
        (
            "property list uchar short old\n" + LIST + "property int tag\n",
            [(2, 7, 7, 3, *face, 1) for face in faces],
            "B2hB3ii",
        ),
        ("property list int uint vertex_indices\n", [(3, *face) for face in faces], "i3I"),
        (
            LIST + "property float quality\nproperty float quality\n",
            [(3, *face, 0, 0) for face in faces],
            "B3i2f",
        ),
    ):
        assert_cube(content_of(tmp_path / "x.ply", binary(order, head, rows, kinds)))  # type: ignore[arg-type]


@pytest.mark.parametrize("order", ["binary_little_endian", "binary_big_endian"])
def test_polygons_of_a_binary_ply_are_fanned(order: str, tmp_path: Path) -> None:
    quads: list[tuple[object, ...]] = [(4, *quad) for quad in QUADS]
    assert_cube(content_of(tmp_path / "x.ply", binary(order, LIST, quads, "B4i", 6)))
    # Three sides as quads, three as pairs of triangles, and texture coordinates of as many corners behind each.
    mark = "<" if "little" in order else ">"
    polygons = [
        *QUADS[:3],
        *((a, b, c) for a, b, c, _ in QUADS[3:]),
        *((a, c, d) for a, _, c, d in QUADS[3:]),
    ]
    head = HEAD.format(order) + "element face 9\n" + LIST + "property list ushort double texcoord\n" + END
    body = MESH.vertices.astype(mark + "f4").tobytes()
    for ring in polygons:
        n = len(ring)
        body += struct.pack(f"{mark}B{n}iH{2 * n}d", n, *ring, 2 * n, *[0.25] * (2 * n))
    assert_cube(content_of(tmp_path / "x.ply", head.encode() + body))
    for cut in (1, 7, 60, len(body) - 100):
        with pytest.raises(BadInput, match="cut off inside its"):
            content_of(tmp_path / "x.ply", head.encode() + body[:-cut])


def test_lists_of_the_vertices_of_a_binary_ply_are_passed_over(tmp_path: Path) -> None:
    head = (
        HEAD.format("binary_little_endian")
        + "property list uchar int views\nproperty uchar red\nelement face 12\n"
    )
    body = b"".join(
        CORNERS[k].tobytes() + struct.pack(f"<B{k}iB", k, *range(k), 255) for k in range(8)
    ) + b"".join(struct.pack("<B3i", 3, *face) for face in MESH.faces)
    content = content_of(tmp_path / "x.ply", (head + LIST + END).encode() + body)
    assert_cube(content)
    assert content.attributes == ("colors",)


@pytest.mark.parametrize("order", ["ascii", "binary_little_endian"])
def test_strips_of_triangles_are_taken_apart(order: str, tmp_path: Path) -> None:
    strips = [1, 0, 3, 2, 7, 6, 5, 4, 1, 0, -1, 0, 4, 2, 6, -1, 5, 1, 7, 3]
    head = HEAD.format(order) + "element tristrips 1\nproperty list int int vertex_indices\n" + END
    body = (
        (TEXT_V + f"{len(strips)} " + " ".join(map(str, strips)) + "\n").encode()
        if order == "ascii"
        else CORNERS.tobytes() + struct.pack(f"<i{len(strips)}i", len(strips), *strips)
    )
    content = content_of(tmp_path / "x.ply", head.encode() + body)
    assert describe(tmp_path / "x.ply")["closed"]
    assert len(content.faces) == 12
    corner = content.points[content.faces]
    volume = np.einsum("ij,ij->i", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])).sum() / 6
    assert abs(volume) == pytest.approx(8)


def test_a_line_end_of_a_binary_body_is_not_taken_for_the_header_s(tmp_path: Path) -> None:
    value = struct.unpack("<f", b"\n\n\n?")[0]  # a number that begins with a line feed
    vertices = CORNERS.copy()
    vertices[vertices == -1] = value
    for end in ("\n", "\r\n", "\r"):
        head = (HEAD.format("binary_little_endian") + "element face 12\n" + LIST + END).replace("\n", end)
        body = vertices.tobytes() + b"".join(struct.pack("<B3i", 3, *face) for face in MESH.faces)
        content = content_of(tmp_path / "x.ply", head.encode() + body)
        assert content.points.astype(np.float32).tolist() == vertices.tolist()


def test_a_ply_names_its_textures_and_what_it_left_out(tmp_path: Path) -> None:
    (tmp_path / "skin.png").write_bytes(files_of("obj")["box_basecolor.png"])
    head = HEAD.replace("made by a test", "TextureFile skin.png").format("ascii")
    text = (
        head
        + "element edge 1\nproperty int vertex1\nelement face 13\n"
        + LIST
        + END
        + TEXT_V
        + "0\n"
        + TEXT_F
        + "2 0 1\n"
    )
    content = content_of(tmp_path / "x.ply", text)
    assert_cube(content)
    assert [(entry.name, entry.media_type) for entry in content.textures] == [("skin.png", "image/png")]
    assert "1 faces of fewer than three corners, 1 edge elements" in content.findings[0].message


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (("3 0 1 3", "-3 0 1 3"), "not made of numbers"),
        (("3 0 1 3", "x 0 1 3"), "not made of numbers"),
        (("3 0 1 3", "999 0 1 3"), "cut off inside its face"),
        (("3 0 1 3", "99999999999 0 1 3"), "too many"),
        (("3 0 1 3", "3 0 1 33"), "names vertex 33 of 8"),
        (("3 0 1 3", "3 0 1 -3"), "names vertex -3 of 8"),
        (("property float x\n", ""), "without x, y and z"),
        (("list uchar int", "list float int"), "is not understood"),
        (("element face", "element nose"), "no triangles"),
        (("vertex_indices", "vertex_indices\nproperty list uchar int b"), "cut off|not made"),
    ],
)
def test_a_broken_text_ply_is_refused_for_its_true_reason(
    change: tuple[str, str], part: str, tmp_path: Path
) -> None:
    text = (HEAD + "element face 12\n" + LIST + END + TEXT_V + TEXT_F).format("ascii")
    assert change[0] in text
    with pytest.raises(BadInput, match=part):
        content_of(tmp_path / "x.ply", text.replace(*change, 1))


@pytest.mark.parametrize("extra", [" 9 1 1 1", " 1"])
def test_rows_that_hold_more_than_announced_are_read_line_by_line(extra: str, tmp_path: Path) -> None:
    text = (HEAD + "element face 12\n" + LIST + END + TEXT_V + TEXT_F).format("ascii")
    for wrong in (TEXT_F, TEXT_V):
        content = content_of(tmp_path / "x.ply", text.replace(wrong, wrong.replace("\n", f"{extra}\n")))
        assert_cube(content)
        assert [entry.code for entry in content.findings] == ["FILE_DAMAGED"]


@pytest.mark.parametrize("place", ["nan nan nan", "9 9 9", "1e300 0 0"])
def test_vertices_that_no_face_uses_do_not_count_in_the_size(place: str, tmp_path: Path) -> None:
    text = HEAD.replace("vertex 8", "vertex 10") + "element face 12\n" + LIST + END
    path = tmp_path / "x.ply"
    moved = [[int(k) + 1 for k in row.split()[1:]] for row in TEXT_F.splitlines()]
    rows = "".join("3 {} {} {}\n".format(*row) for row in moved)
    path.write_text((text + f"{place}\n" + TEXT_V + f"{place}\n" + rows).format("ascii"))
    said = describe(path)
    size = np.ptp(CORNERS, axis=0) * 1000
    assert [said["width_mm"], said["depth_mm"], said["height_mm"]] == pytest.approx(size.tolist())
    assert (said["vertices"], said["faces"], said["closed"]) == (8, 12, True)
    assert "2 vertices that no face uses" in str(said["findings"])
