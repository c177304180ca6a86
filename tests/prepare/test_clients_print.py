"""Print parts before programs of others: PrusaSlicer, slic3r, CuraEngine, admesh, MeshLab, lib3mf, manifold3d."""

import json
import os
import re
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import manifold3d
import numpy as np
import pytest
from blocks import textured_pillar
from clients.programs import HERE, READERS

from evaluation import slicers
from slipcast.checks.walls import find_thin_parts
from slipcast.formats.stl.write import pack_stl
from slipcast.mesh.topology import from_manifold
from slipcast.prepare.base import BaseOptions
from slipcast.prepare.body import Kind, Origin, body_from_solid, read_surface
from slipcast.prepare.color_bodies import ColorBody, split_colors
from slipcast.prepare.hollow import HollowOptions
from slipcast.prepare.paint import PaintOptions
from slipcast.prepare.print import Print, PrintOptions, print_figurine

pytestmark = pytest.mark.clients

MULTI = """nozzle_diameter = 0.4,0.4,0.4
filament_diameter = 1.75,1.75,1.75
single_extruder_multi_material = 1
"""


def write(made: Print, folder: Path) -> dict[str, Path]:
    """The print's files on disk, by suffix."""
    out = {}
    for name, data in made.files().items():
        out[name.partition(".print")[2]] = folder / name
        (folder / name).write_bytes(data)
    return out


def test_prusaslicer_prints_each_colour_with_its_own_filament(tmp_path: Path) -> None:
    options = PrintOptions(paint=PaintOptions(colors=3), base=BaseOptions(shape="none"))
    files = write(print_figurine(textured_pillar(), options), tmp_path)
    (tmp_path / "multi.ini").write_text(MULTI)
    gcode = tmp_path / "out.gcode"
    command = ["prusa-slicer", "--load", tmp_path / "multi.ini", "-g", files[".3mf"], "-o", gcode]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    text = gcode.read_text()
    assert set(re.findall(r"^T(\d)", text, re.MULTILINE)) == {"0", "1", "2"}
    heights = [float(z) for z in re.findall(r"^;Z:([\d.]+)", text, re.MULTILINE)]
    assert max(heights) == pytest.approx(60, abs=0.2)


def test_prusaslicer_prints_a_solid_for_each_colour_as_one_object(tmp_path: Path) -> None:
    """The inlays of `stl_per_color`, loaded as the parts of one object: each in its filament, only near the surface."""
    made = print_figurine(
        textured_pillar(), PrintOptions(paint=PaintOptions(colors=3), base=BaseOptions(shape="none"))
    )
    (tmp_path / "multi.ini").write_text(MULTI + "perimeters = 2\nskirts = 0\n")
    package, gcode = tmp_path / "parts.3mf", tmp_path / "out.gcode"
    pack_volumes(package, split_colors(made.painted[0]))
    said = subprocess.run(
        ["prusa-slicer", "--info", package], check=True, capture_output=True, text=True
    ).stdout
    assert "manifold = yes" in said
    command = ["prusa-slicer", "--load", tmp_path / "multi.ini", "-g", package, "-o", gcode]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    tool, laid = 0, np.zeros(3)
    for line in gcode.read_text().splitlines():
        if re.match(r"T\d", line):
            tool = int(line[1])
        elif found := re.match(r"G1 X\S+ Y\S+ E([\d.]+)", line):
            laid[tool] += float(found[1])
    whole = made.reports[0].volume_mm3
    inlays = [body for body in split_colors(made.painted[0])[1:]]
    share = laid / laid.sum()
    for body in inlays:
        corner = body.vertices_mm[body.faces]
        volume = float(np.einsum("ij,ij->i", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])).sum()) / 6
        # The body's infill is loose, so inlays have more of what is laid than of the volume.
        assert volume / whole < share[body.color] < 6 * volume / whole


def pack_volumes(path: Path, bodies: list[ColorBody]) -> None:
    """A 3MF of one object with a volume, and a filament, for each solid, as PrusaSlicer saves its projects."""
    vertices = triangles = volumes = ""
    start = first = 0
    for body in bodies:
        vertices += "".join(f'<vertex x="{x:.6f}" y="{y:.6f}" z="{z:.6f}"/>' for x, y, z in body.vertices_mm)
        triangles += "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in body.faces + start)
        volumes += (
            f'<volume firstid="{first}" lastid="{first + len(body.faces) - 1}">'
            f'<metadata type="volume" key="extruder" value="{body.color + 1}"/></volume>'
        )
        start, first = start + len(body.vertices_mm), first + len(body.faces)
    core = "http://schemas.microsoft.com/3dmanufacturing"
    package = "http://schemas.openxmlformats.org/package/2006"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/vnd.'
            'openxmlformats-package.relationships+xml"/><Default Extension="model" '
            'ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>',
        )
        out.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Target="/3D/3dmodel.model" Id="r0" '
            f'Type="{core}/2013/01/3dmodel"/></Relationships>',
        )
        out.writestr(
            "3D/3dmodel.model",
            f'<model unit="millimeter" xmlns="{core}/core/2015/02" xmlns:slic3rpe="http://schemas.slic3r.org/3mf/2017/06">'
            '<metadata name="slic3rpe:Version3mf">1</metadata><resources><object id="1" type="model"><mesh>'
            f"<vertices>{vertices}</vertices><triangles>{triangles}</triangles></mesh></object></resources>"
            '<build><item objectid="1"/></build></model>',
        )
        out.writestr(
            "Metadata/Slic3r_PE_model.config",
            f'<config><object id="1" instances_count="1">{volumes}</object></config>',
        )


def test_prusaslicers_resin_layers_are_ours(tmp_path: Path) -> None:
    """The cavity is empty, open to the outside, and the volume that is cured is what we say."""
    options = PrintOptions(process="resin", hollow=HollowOptions(), base=BaseOptions(shape="none"))
    made = print_figurine(textured_pillar(), options)
    files = write(made, tmp_path)
    archive = tmp_path / "out.sl1"
    flags = ["--supports-enable=0", "--pad-enable=0"]
    command = ["prusa-slicer", "--export-sla", *flags, files[".stl"], "-o", archive]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    with zipfile.ZipFile(archive) as package:
        config = package.read("config.ini").decode()
        settings = package.read("prusaslicer.ini").decode()
        names = sorted(
            name for name in package.namelist() if name.endswith(".png") and "thumbnail" not in name
        )
        layers = [
            np.asarray(cv2.imdecode(np.frombuffer(package.read(n), np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
            for n in names
        ]
    layer_mm = float(re.search(r"layerHeight = ([\d.]+)", config)[1])  # type: ignore[index]
    width = float(re.search(r"display_width = ([\d.]+)", settings)[1])  # type: ignore[index]
    pixel_mm = width / max(layers[0].shape)
    cured = sum(float(layer.sum()) for layer in layers) / 255 * pixel_mm**2 * layer_mm
    assert cured == pytest.approx(made.reports[0].volume_mm3, rel=0.02)
    assert len(layers) * layer_mm == pytest.approx(made.reports[0].size_mm[2], abs=0.1)
    middle = layers[len(layers) // 2]
    contours, tree = cv2.findContours((middle > 127).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    assert len(contours) >= 2
    parents = np.asarray(tree)[0][:, 3]
    assert (parents >= 0).any()  # a hole inside the outline: the cavity is not cured


def test_lib3mf_reads_it_strictly_without_paint_and_finds_a_solid(tmp_path: Path) -> None:
    figurine = textured_pillar()
    plain = write(print_figurine(figurine, PrintOptions(base=BaseOptions(shape="hex", text="Owl"))), tmp_path)
    options = PrintOptions(paint=PaintOptions(colors=3))
    painted = write(print_figurine(replace(figurine, name="painted"), options), tmp_path)
    said = subprocess.run(
        [str(READERS / "python"), "-c", READ, str(plain[".3mf"]), str(painted[".3mf"])],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert said == ["strict 0 True", "lenient True"]


READ = """
import sys, lib3mf
def load(path, strict):
    model = lib3mf.get_wrapper().CreateModel()
    reader = model.QueryReader("3mf"); reader.SetStrictModeActive(strict); reader.ReadFromFile(path)
    meshes = model.GetMeshObjects(); sound = True
    while meshes.MoveNext(): sound &= meshes.GetCurrentMeshObject().IsManifoldAndOriented()
    return reader.GetWarningCount(), sound
print("strict", *load(sys.argv[1], True)); print("lenient", load(sys.argv[2], False)[1])
"""


@pytest.mark.parametrize(
    "options",
    [
        PrintOptions(base=BaseOptions(shape="plinth", text="Owl", text_style="raised"), height_m=0.08),
        PrintOptions(process="resin", hollow=HollowOptions(), split=2, height_m=0.1),
    ],
    ids=["lettered", "hollow-and-cut"],
)
def test_slicers_and_mesh_checkers_repair_nothing(options: PrintOptions, tmp_path: Path) -> None:
    made = print_figurine(textured_pillar(), options)
    for number, part in enumerate(made.parts):
        place = tmp_path / f"{part.name}.stl"
        place.write_bytes(made.pack_stl(number))
        height = made.reports[number].size_mm[2]
        sliced = slicers.check_with_slic3r(place, height)
        printed = slicers.check_with_cura(place, height)
        checked = slicers.check_with_admesh(place)
        assert [said and said.why for said in (sliced, printed, checked)] == ["", "", ""], part.name
    script = [str(READERS / "python"), str(HERE / "meshlab_read.py"), *map(str, tmp_path.glob("*.stl"))]
    said = subprocess.run(
        script, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(HERE.parent)}
    ).stdout
    facts = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert len(facts) == len(made.parts)
    for fact in facts:
        assert (fact["boundary_edges"], fact["non_manifold_edges"], fact["self_intersecting"]) == (0, 0, 0)


def test_manifold3d_takes_every_written_part(tmp_path: Path) -> None:
    made = print_figurine(
        textured_pillar(), PrintOptions(split=2, base=BaseOptions(shape="plinth", text="Owl"))
    )
    assert [part.name for part in made.parts][:2] == ["part1", "part2"]
    for part in made.parts:
        surface = read_surface(part.body)
        mesh = manifold3d.Mesh(surface.vertices_mm.astype(np.float32), surface.faces.astype(np.uint32))
        assert manifold3d.Manifold(mesh).status() == manifold3d.Error.NoError


def extrude(solid: manifold3d.Manifold, folder: Path, above_mm: float) -> float:
    """The volume in mm3 that PrusaSlicer lays above a height, 0.2 mm layers of a 0.4 mm nozzle."""
    body = body_from_solid(solid, Origin(kind=Kind.CUT))
    surface = read_surface(body)
    (folder / "a.stl").write_bytes(pack_stl(surface.vertices_mm[surface.faces], "mm", "z"))
    gcode = folder / "a.gcode"
    flags = ["--skirts=0", "--layer-height=0.2", "--use-relative-e-distances", "--layer-gcode=G92 E0"]
    command = ["prusa-slicer", *flags, "-g", folder / "a.stl", "-o", gcode]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    z = laid = 0.0
    for line in gcode.read_text().splitlines():
        height = re.match(r";Z:([\d.]+)", line)
        z = float(height[1]) if height else z
        moves = re.match(r"G1 (?=.*[XY]).* E([\d.]+)", line)
        laid += float(moves[1]) if moves and z > above_mm else 0.0
    return laid * np.pi * (1.75 / 2) ** 2


@pytest.mark.parametrize(
    ("kind", "width", "thin", "laid"),
    [
        ("rod", 0.2, True, (0.0, 0.05)),
        ("rod", 0.5, True, (0.0, 0.3)),
        ("rod", 1.0, False, (0.75, 1.1)),
        ("blade", 0.1, True, (0.0, 0.05)),
        ("blade", 0.4, False, (0.6, 1.1)),
        ("blade", 0.8, False, (0.85, 1.1)),
    ],
)
def test_what_is_called_thin_prusaslicer_leaves_out(
    kind: str, width: float, thin: bool, laid: tuple[float, float], tmp_path: Path
) -> None:
    """A share of the volume of a pin, or of a wall, that stands on a block. What it lays in one line is not thin."""
    block = manifold3d.Manifold.cube((20, 10, 4), True).translate((0, 0, 2))
    part = (
        manifold3d.Manifold.cylinder(14.5, width / 2, width / 2, 32).translate((0, 0, 3))
        if kind == "rod"
        else manifold3d.Manifold.cube((12, width, 14.5), True).translate((0, 0, 3 + 7.25))
    )
    solid = block + part
    upright = solid.transform(np.array([[0.001, 0, 0, 0], [0, 0, 0.001, 0], [0, -0.001, 0, 0]]))
    parts = find_thin_parts(from_manifold(upright), 0.0008)
    assert parts is not None
    assert any(not part.laid for part in parts) == thin
    area = np.pi * width**2 / 4 if kind == "rod" else 12 * width
    share = extrude(solid, tmp_path, 8.0) / (area * (17.5 - 8.0))
    assert laid[0] <= share <= laid[1]
