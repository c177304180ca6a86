"""OBJ as other programs write it: read with every face, at the right size, or refused in a sentence."""

from pathlib import Path

import pytest
from dialects import QUADS, F, V, assert_cube, content_of
from test_inspect import files_of, place

from slipcast.core.errors import BadInput
from slipcast.formats.inspect import describe, read_content


@pytest.mark.parametrize(
    "text",
    [
        (V + F).replace(" ", "\t"),
        V + F.replace("f ", "f\t"),
        V + F.replace("f ", "  f \t "),
        "\ufeff" + V + F,
        (V + F).replace("\n", "\r\n"),
        (V + F).replace("\n", "\r"),
        V + F.replace("\n", " \n"),
        V + "".join(" ".join(line.split()[:3]) + " \\\n" + line.split()[3] + "\n" for line in F.splitlines()),
        V + "".join(line.replace(" ", " \\\r\n\t") + "\r\n" for line in F.splitlines()),
        V.replace("v", "V") + F.replace("f", "F"),
        V + F.replace("\n", " # a face\n"),
        "# made in C:\\models\\\n" + V + F,
        V.replace("\n", " 1.0\n") + F,
        V + "f" + F[1:].replace("f ", "f ").replace("\nf ", "\nfo "),
        V
        + "vt 0 0\nvn 0 0 1\n"
        + "".join("f {}/1/1 {}//1 {}/1\n".format(*line.split()[1:]) for line in F.splitlines()),
        V + "".join("f {} {} {} {}\n".format(*(k + 1 for k in quad)) for quad in QUADS),
        V + F.rstrip("\n"),
        V + F + "\\",
    ],
    ids=[
        "tabs",
        "tab after f",
        "spaces",
        "byte order mark",
        "crlf",
        "cr",
        "space at end",
        "continued",
        "continued crlf",
        "capitals",
        "comment behind",
        "comment with backslash",
        "w",
        "fo",
        "slashes",
        "quads",
        "no last line end",
        "backslash at the end",
    ],
)
def test_an_obj_of_any_dialect_has_every_face(text: str, tmp_path: Path) -> None:
    content = content_of(tmp_path / "x.obj", text)
    assert_cube(content)
    assert content.findings == ()


@pytest.mark.parametrize("code", ["utf-16", "utf-16-be", "utf-16-le"])
def test_an_obj_in_utf_16_is_read(code: str, tmp_path: Path) -> None:
    assert_cube(content_of(tmp_path / "x.obj", ("\ufeff" * (code != "utf-16") + V + F).encode(code)))


@pytest.mark.parametrize(
    "text",
    [V.replace("\n", " 0.5 0.5 1\n") + F, V.replace("\n", " 1 0 0 1\n") + F, "#MRGB ffffffff\n" + V + F],
    ids=["rgb", "rgba", "zbrush"],
)
def test_colours_behind_the_vertices_are_named(text: str, tmp_path: Path) -> None:
    content = content_of(tmp_path / "x.obj", text)
    assert_cube(content)
    assert content.attributes == ("colors",)


def test_lines_and_points_of_an_obj_are_told(tmp_path: Path) -> None:
    content = content_of(tmp_path / "x.obj", V + F + "p 1\nl 1 2\nf 1 2\n")
    assert_cube(content)
    assert [entry.message for entry in content.findings] == [
        "what in the file is no surface of the model was left out: 3 points and lines"
    ]


@pytest.mark.parametrize(
    ("statement", "file"),
    [
        ("map_Kd -s 1 1 1 tex.png", "tex.png"),
        ("map_Kd -s 1 tex.png", "tex.png"),
        ("map_Kd -o 0 0 0 -s 2.5 -2 1e0 -clamp on tex.png", "tex.png"),
        ("MAP_KD\t-blendu off\t-blendv on\ttex.png", "tex.png"),
        ("map_kd -mm 0 1 -texres 512 -cc off my skin 2.png", "my skin 2.png"),
        ("map_Bump -bm 0.3 -imfchan l tex.png", "tex.png"),
        ("bump tex.png -bm 0.3", "tex.png"),
        ('norm -type sphere "tex.png"', "tex.png"),
        ("map_Kd sub\\tex.png", "sub\\tex.png"),
        ("map_Kd a -s b.png", "a -s b.png"),
        ("map_Pr -colorspace linear 1.png", "1.png"),
        ("map_Kd -s 1 1 1", "1"),
    ],
)
def test_options_of_a_texture_are_no_part_of_its_name(statement: str, file: str, tmp_path: Path) -> None:
    place = tmp_path / file.replace("\\", "/")
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(files_of("obj")["box_basecolor.png"])
    (tmp_path / "x.mtl").write_text(f"newmtl m\n{statement}\n")
    content = content_of(tmp_path / "x.obj", "mtllib x.mtl\n" + V + F)
    assert [(entry.name, entry.media_type) for entry in content.textures] == [(file, "image/png")]
    assert len(content.materials[0].textures) == 1


@pytest.mark.parametrize(
    "head",
    ["mtllib a.mtl b.mtl\n", "mtllib a.mtl\nmtllib b.mtl\n", "MtlLib\ta.mtl\nmtllib a.mtl\nmtllib\tb.mtl\n"],
)
def test_every_library_is_read_and_the_first_of_a_name_counts(head: str, tmp_path: Path) -> None:
    (tmp_path / "a.mtl").write_text("newmtl one\nPr 0.5\n")
    (tmp_path / "b.mtl").write_text("newmtl one\nPr 0.9\nNEWMTL two\nPM 1\n")
    content = content_of(tmp_path / "x.obj", head + V + F)
    assert [(entry.name, entry.roughness, entry.metallic) for entry in content.materials] == [
        ("one", 0.5, None),
        ("two", None, 1.0),
    ]


def test_a_library_with_spaces_in_its_name_is_found(tmp_path: Path) -> None:
    (tmp_path / "my box.mtl").write_text("newmtl one\n")
    content = content_of(tmp_path / "x.obj", "mtllib my box.mtl\n" + V + F)
    assert [entry.name for entry in content.materials] == ["one"]
    assert content_of(tmp_path / "y.obj", "mtllib no box.mtl\n" + V + F).textures[0].name == "no box.mtl"


ODD = [
    "../tex.png",
    "/etc/passwd",
    "C:\\Users\\me\\tex.png",
    "http://example.com/a.png",
    "a" * 400,
    "\\\\host\\tex.png",
]


@pytest.mark.parametrize("odd", ODD)
def test_a_texture_by_an_odd_path_leaves_the_mesh_readable(odd: str, tmp_path: Path) -> None:
    folder = tmp_path / "asset"
    folder.mkdir()
    (tmp_path / "tex.png").write_bytes(files_of("obj")["box_basecolor.png"])
    (folder / "x.mtl").write_text(f"newmtl m\nmap_Kd {odd}\n")
    (folder / "x.obj").write_text("mtllib x.mtl\n" + V + F)
    facts = describe(folder / "x.obj")
    assert facts["faces"] == 12
    assert facts["textures"] == [
        {"name": odd, "media_type": "not opened", "bytes": 0, "width_px": None, "height_px": None}
    ]
    findings = facts["findings"]
    assert isinstance(findings, list)
    assert [entry["code"] for entry in findings] == ["TEXTURE_NOT_OPENED"]
    (folder / "x.obj").write_text(f"mtllib {odd}\n" + V + F)
    assert read_content(folder / "x.obj").textures[0].media_type == "not opened"


def test_a_line_that_never_ends_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipcast.formats.obj.read._MAX_LINE_BYTES", 1000)
    with pytest.raises(BadInput, match="line of more than"):
        content_of(tmp_path / "x.obj", V + "f 1 \\\n" + "2 \\\n" * 1000)


def test_our_own_files_are_read_as_before(tmp_path: Path) -> None:
    for key in ("obj", "ply", "stl"):
        facts = describe(place(files_of(key), tmp_path / key))
        assert (facts["unit_is_custom"], facts["closed"], facts["findings"]) == (False, True, [])
