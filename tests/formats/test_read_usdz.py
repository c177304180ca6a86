"""USDZ of other makers, where usd-core is installed: what is drawn counts, in the winding in which it is drawn."""

import zipfile
from pathlib import Path

import pytest
from clients.measure import Facts
from clients.programs import HERE, READERS, ROOT, call

pytestmark = pytest.mark.clients

HEAD = '#usda 1.0\n(\n metersPerUnit = 1\n upAxis = "Y"\n)\n'
FACES = "0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3"
BACKWARDS = "0, 1, 2, 0, 3, 1, 0, 2, 3, 1, 3, 2"


def mesh(name: str, more: str = "", faces: str = FACES, kind: str = "def") -> str:
    return (
        f'{kind} Mesh "{name}" {{ int[] faceVertexCounts = [3, 3, 3, 3]\n int[] faceVertexIndices = [{faces}]\n'
        f" point3f[] points = [(0,0,0), (1,0,0), (0,2,0), (0,0,3)]\n {more}\n}}\n"
    )


def moved(inside: str, operation: str, name: str = "Group", more: str = "") -> str:
    kind, _, value = operation.partition(" ")
    order = f'uniform token[] xformOpOrder = ["xformOp:{kind}"]'
    return f'def Xform "{name}" {more} {{ double3 xformOp:{kind} = {value}\n {order}\n {inside} }}\n'


INSTANCER = (
    'def PointInstancer "Many" {{ rel prototypes = [</Many/One>]\n int[] protoIndices = [0, 0, 0]\n'
    " point3f[] positions = [(0,0,0), (10,0,0), (20,0,0)]\n {more}\n {inside} }}\n"
)

CASES: dict[str, tuple[str, tuple[float, float, float], float, int]] = {
    # name: layer, size in m, volume in m3, faces
    "plain": (mesh("M"), (1, 2, 3), 1, 4),
    "left handed": (mesh("M", 'uniform token orientation = "leftHanded"', BACKWARDS), (1, 2, 3), 1, 4),
    "mirrored": (moved(mesh("M"), "scale (-1, 1, 1)"), (1, 2, 3), 1, 4),
    "both": (
        moved(mesh("M", 'uniform token orientation = "leftHanded"', BACKWARDS), "scale (2, -1, 1)"),
        (2, 2, 3),
        2,
        4,
    ),
    "a reference inside the layer": (
        moved(mesh("M"), "translate (0, 0, 0)", "A")
        + 'def "B" (references = </A>) {\n double3 xformOp:translate = (9, 0, 0)\n}\n',
        (10, 2, 3),
        2,
        8,
    ),
    "levels and a body, named by their objects": (
        moved(mesh("M"), "translate (0, 0, 0)", "dog_LOD0")
        + moved(mesh("N"), "scale (7, 7, 7)", "dog_LOD1")
        + moved(mesh("UCX_dog_LOD0_01"), "scale (8, 8, 8)", "UCX_dog_LOD0_01")
        + moved(mesh("dog_LOD2"), "scale (9, 9, 9)", "All", "")
        + moved(mesh("dog_LOD0_hull_convcolonly") + mesh("dog_LOD3"), "scale (9, 9, 9)", "Two"),
        (1, 2, 3),
        1,
        4,
    ),
    "an inherited class": (
        'class "_C" { ' + mesh("M") + ' }\ndef Xform "B" (inherits = </_C>) {}\n',
        (1, 2, 3),
        1,
        4,
    ),
    "instances": (
        moved(mesh("M"), "translate (0, 0, 0)", "A", "(instanceable = true)")
        + 'def "B" (instanceable = true\n references = </A>) {\n double3 xformOp:translate = (0, 9, 0)\n}\n'
        + 'def "C" (instanceable = true\n references = </A>) {\n double3 xformOp:translate = (0, 0, 9)\n}\n',
        (1, 11, 12),
        3,
        12,
    ),
    "a proxy and a guide": (
        mesh("M")
        + moved(mesh("P", 'uniform token purpose = "proxy"'), "scale (9, 9, 9)", "G")
        + moved(mesh("P", 'uniform token purpose = "guide"'), "scale (9, 9, 9)", "H")
        + moved(mesh("P", 'uniform token purpose = "render"'), "translate (1, 0, 0)", "I"),
        (2, 2, 3),
        2,
        8,
    ),
    "a purpose above": (
        mesh("M") + 'def Xform "G" { uniform token purpose = "guide"\n' + mesh("X", faces=BACKWARDS) + "}\n",
        (1, 2, 3),
        1,
        4,
    ),
    "invisible": (
        mesh("M") + 'def Xform "G" { token visibility = "invisible"\n' + mesh("X", faces=BACKWARDS) + "}\n",
        (1, 2, 3),
        1,
        4,
    ),
    "inactive and over": (
        mesh("M") + 'def Xform "G" (active = false) { ' + mesh("X") + "}\n" + mesh("O", kind="over"),
        (1, 2, 3),
        1,
        4,
    ),
    "a point instancer": (
        INSTANCER.format(more="", inside=moved(mesh("M"), "scale (2, 2, 2)", "One")),
        (22, 4, 6),
        24,
        12,
    ),
    "a masked point instancer under a move": (
        moved(
            INSTANCER.format(
                more="int64[] invisibleIds = [2]", inside=moved(mesh("M"), "scale (2, 2, 2)", "One")
            ).replace("/Many", "/Group/Many"),
            "scale (1, 1, -1)",
        ),
        (12, 4, 6),
        16,
        8,
    ),
    "a prototype that only the instancer draws": (
        INSTANCER.format(more="", inside='over "One" {\n' + mesh("M") + "}\n"),
        (21, 2, 3),
        3,
        12,
    ),
    "layers of one package": (
        'def "A" (references = @parts/one.usda@</A>) {}\n'
        'def "B" (payload = @./parts/one.usda@</A>) {\n double3 xformOp:translate = (9, 0, 0)\n}\n',
        (10, 2, 3),
        2,
        8,
    ),
    "a face of two corners": (
        mesh("M", faces=f"{FACES}, 0, 1").replace("3, 3, 3, 3]", "3, 3, 3, 3, 2]"),
        (1, 2, 3),
        1,
        4,
    ),
    "a point that no face uses": (mesh("M").replace("(0,0,3)]", "(0,0,3), (9,9,9)]"), (1, 2, 3), 1, 4),
    "points that change": (
        mesh("M").replace(
            "point3f[] points = [(0,0,0), (1,0,0), (0,2,0), (0,0,3)]",
            "point3f[] points.timeSamples = { 1: [(0,0,0), (1,0,0), (0,2,0), (0,0,3)],"
            " 9: [(0,0,0), (5,0,0), (0,5,0), (0,0,5)] }",
        ),
        (1, 2, 3),
        1,
        4,
    ),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Facts]:
    """What our own reader says of every case, asked in one go."""
    folder = tmp_path_factory.mktemp("usdz")
    refused = {
        "outside": 'def "a" (references = @../b.usda@) {}\n',
        "payload": 'def "a" (payload = @/etc/passwd@) {}\n',
        "nothing drawn": mesh("M", 'token visibility = "invisible"'),
        "a shape alone": 'def Cube "C" {}\n',
        "out by two steps": 'def "a" (references = @./layer.usda@</b>) {}\ndef "b" (references = @/etc/hosts@) {}\n',
        "no such point": mesh("M", faces=FACES.replace("3", "9")),
    }
    layers = {name: case[0] for name, case in CASES.items()} | refused
    layers["other shapes"] = (
        mesh("M") + 'def Sphere "S" {}\ndef Cube "C" {\n uniform token purpose = "guide"\n}\n'
    )
    others = {
        "parts/one.usda": 'def "A" (references = @../parts/two.usda@</A>) {}\n',
        "parts/two.usda": moved(mesh("M"), "translate (0, 0, 0)", "A"),
    }
    paths = []
    for number, (name, layer) in enumerate(layers.items()):
        paths.append(folder / f"{number}.usdz")
        with zipfile.ZipFile(paths[-1], "w") as package:
            package.writestr("layer.usda", HEAD + layer)
            for part, content in others.items() if name == "layers of one package" else ():
                package.writestr(part, HEAD + content)
    command: list[str | Path] = [READERS / "python", HERE / "inspect_usdz.py", *paths]
    facts = call(command, {"PYTHONPATH": f"{ROOT / 'src'}:{HERE.parent}"})
    return dict(zip(layers, facts, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_what_is_drawn_is_measured(name: str, said: dict[str, Facts]) -> None:
    _, size, volume, faces = CASES[name]
    facts = said[name]
    assert "refused" not in facts, facts
    assert [facts[f"{side}_mm"] for side in ("width", "height", "depth")] == pytest.approx(
        [1000 * s for s in size]
    )
    assert (facts["volume_mm3"], facts["faces"]) == (pytest.approx(volume * 1e9), faces)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("outside", "another file"),
        ("payload", "another file"),
        ("out by two steps", "another file"),
        ("nothing drawn", "no mesh"),
        ("nothing drawn", "only 1 x invisible Mesh"),
        ("a shape alone", "only 1 x Cube; shapes such as Cube and Sphere are not read"),
        ("no such point", "not there"),
    ],
)
def test_what_cannot_be_trusted_is_refused(name: str, part: str, said: dict[str, Facts]) -> None:
    assert part in str(said[name].get("refused"))


def test_what_is_left_out_is_told(said: dict[str, Facts]) -> None:
    assert "refused" not in said["other shapes"], said["other shapes"]
    told = str(said["other shapes"]["findings"])
    assert "1 x Sphere" in told
    assert "1 x guide Cube" in told
    assert "1 x invisible Mesh" in str(said["invisible"]["findings"])
    assert "faces of fewer than three corners" in str(said["a face of two corners"]["findings"])
    assert "1 vertices that no face uses" in str(said["a point that no face uses"]["findings"])
    assert said["plain"]["findings"] == []
