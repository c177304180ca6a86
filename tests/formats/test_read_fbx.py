"""FBX of other makers: every node's transform, parent, unit and axes counts, in binary and in text."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clients.programs import HERE, READERS, call
from numpy.typing import NDArray
from scenes import CORNERS, RING, VOLUME, Model, Values, fbx
from shapes import cube
from test_formats import textured

from slipcast.core.errors import BadInput
from slipcast.formats.inspect import describe, read_content
from slipcast.formats.table import EXPORTERS, ExportOptions

F64 = NDArray[np.float64]


def box(path: Path) -> list[float]:
    points = read_content(path).points
    return [*points.min(axis=0), *points.max(axis=0)]


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ([Model({"Lcl Scaling": (100, 100, 100)})], (0, 0, 0, 100, 200, 300)),
        ([Model({"Lcl Translation": (5, 6, 7)})], (5, 6, 7, 6, 8, 10)),
        ([Model({"Lcl Rotation": (0, 0, 90)})], (-2, 0, 0, 0, 1, 3)),
        # About X first, then about Y; with order 5 (ZYX) about Y first.
        ([Model({"Lcl Rotation": (90, 90, 0)})], (0, -3, -1, 2, 0, 0)),
        ([Model({"Lcl Rotation": (90, 90, 0), "RotationOrder": 5})], (0, 0, 0, 3, 1, 2)),
        ([Model({"PreRotation": (-90, 0, 0), "RotationActive": 1})], (0, 0, -2, 1, 3, 0)),
        ([Model({"PostRotation": (0, 0, -90)})], (-2, 0, 0, 0, 1, 3)),
        ([Model({"RotationPivot": (1, 0, 0), "Lcl Rotation": (0, 0, 180)})], (1, -2, 0, 2, 0, 3)),
        ([Model({"ScalingPivot": (1, 0, 0), "Lcl Scaling": (3, 1, 1)})], (-2, 0, 0, 1, 2, 3)),
        ([Model({"RotationOffset": (1, 0, 0), "ScalingOffset": (0, 1, 0)})], (1, 1, 0, 2, 3, 3)),
        ([Model({"GeometricTranslation": (0, 0, 9), "GeometricScaling": (2, 2, 2)})], (0, 0, 9, 2, 4, 15)),
        # The geometric transform is the node's own: its child does not take it over.
        (
            [Model({"GeometricScaling": (9, 9, 9)}, drawn=False), Model({}, below=0)],
            (0, 0, 0, 1, 2, 3),
        ),
        (
            [
                Model({"Lcl Scaling": (2, 1, 1)}, drawn=False),
                Model({"Lcl Translation": (1, 0, 0), "Lcl Rotation": (0, 0, 90)}, below=0),
            ],
            (-2, 0, 0, 2, 1, 3),
        ),
        # InheritType 0: the parent's scaling on the child's own axes; 2: not at all.
        (
            [
                Model({"Lcl Scaling": (2, 1, 1)}, drawn=False),
                Model({"Lcl Rotation": (0, 0, 90), "InheritType": 0}, below=0),
            ],
            (-2, 0, 0, 0, 2, 3),
        ),
        (
            [
                Model({"Lcl Scaling": (2, 1, 1)}, drawn=False),
                Model({"Lcl Rotation": (0, 0, 90), "InheritType": 2}, below=0),
            ],
            (-2, 0, 0, 0, 1, 3),
        ),
        # One geometry, two models.
        ([Model({}), Model({"Lcl Translation": (10, 0, 0)})], (0, 0, 0, 11, 2, 3)),
    ],
)
def test_a_geometry_stands_where_its_models_put_it(
    models: list[Model], expected: tuple[float, ...], tmp_path: Path
) -> None:
    path = tmp_path / "scene.fbx"
    path.write_bytes(fbx(models))
    assert np.allclose(box(path), expected, atol=1e-9)


def test_each_model_that_shows_a_geometry_adds_it_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scene.fbx"
    path.write_bytes(fbx([Model(), Model({}, drawn=False), Model({"Lcl Scaling": (-1, 1, 1)}, below=1)]))
    facts = describe(path)
    assert facts["faces"] == 8
    assert facts["meshes"] == ["model 0", "model 2"]
    assert facts["volume_mm3"] == pytest.approx(2 * VOLUME * 1000)  # mirrored, and still not inside out


def test_what_the_template_says_holds_where_a_model_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "scene.fbx"
    path.write_bytes(fbx([Model(), Model({"Lcl Scaling": (1, 1, 1)})], template={"Lcl Scaling": (7, 1, 1)}))
    assert np.allclose(box(path), (0, 0, 0, 7, 2, 3))


@pytest.mark.parametrize(
    ("settings", "up", "expected"),
    [
        ({"UpAxis": 1, "FrontAxis": 2, "CoordAxis": 0}, "y", (1, 2, 3)),
        ({"UpAxis": 2, "FrontAxis": 1, "FrontAxisSign": -1, "CoordAxis": 0}, "z", (1, 3, 2)),
        ({"UpAxis": 0, "FrontAxis": 2, "CoordAxis": 1, "CoordAxisSign": -1}, "y", (2, 1, 3)),
        ({"UpAxis": 2, "FrontAxis": 0, "CoordAxis": 1}, "y", (2, 3, 1)),
        (
            {"UpAxis": 1, "UpAxisSign": -1, "FrontAxis": 2, "CoordAxis": 0, "CoordAxisSign": -1},
            "y",
            (1, 2, 3),
        ),
        ({"UpAxis": 9}, "y", (1, 2, 3)),
    ],
)
def test_axes_say_what_is_width_height_and_depth(
    settings: Values, up: str, expected: tuple[float, ...], tmp_path: Path
) -> None:
    path = tmp_path / "scene.fbx"
    path.write_bytes(fbx([Model()], {**settings, "UnitScaleFactor": 100.0}))
    facts = describe(path)
    assert facts["up"] == up
    assert [facts[f"{side}_mm"] for side in ("width", "height", "depth")] == [
        1000 * side for side in expected
    ]
    assert facts["volume_mm3"] == pytest.approx(VOLUME * 1e9)


def random_models(rng: np.random.Generator) -> list[Model]:
    """A chain or tree of models with every property at random; the first is always drawn."""
    spread = {
        "Lcl Translation": 5.0,
        "Lcl Rotation": 90.0,
        "PreRotation": 90.0,
        "PostRotation": 90.0,
        "RotationOffset": 1.0,
        "RotationPivot": 1.0,
        "ScalingOffset": 1.0,
        "ScalingPivot": 1.0,
        "GeometricTranslation": 1.0,
        "GeometricRotation": 90.0,
    }
    out = []
    for index in range(int(rng.integers(1, 6))):
        values: dict[str, list[float] | int] = {
            name: (rng.normal(size=3) * size).tolist() for name, size in spread.items() if rng.random() < 0.6
        }
        for name in ("Lcl Scaling", "GeometricScaling"):
            if rng.random() < 0.6:
                values[name] = (1 + 0.5 * rng.normal(size=3)).tolist()
        for name, count in (("RotationOrder", 6), ("InheritType", 3), ("RotationActive", 2)):
            if rng.random() < 0.6:
                values[name] = int(rng.integers(0, count))
        below = int(rng.integers(0, index)) if index and rng.random() < 0.8 else None
        out.append(Model(values, below, drawn=index == 0 or bool(rng.random() < 0.6)))
    return out


def plain_twin(models: list[Model]) -> F64:
    """All drawn corners, each factor of the transform multiplied out as the format's description has it."""

    def vector(model: Model, name: str, default: float = 0.0) -> F64:
        return np.array(model.values.get(name, [default] * 3), dtype=np.float64)

    def move(by: F64) -> F64:
        out = np.eye(4)
        out[:3, 3] = by
        return out

    def turn(degrees: F64, order: int = 0) -> F64:
        x, y, z = np.radians(degrees)
        about = {
            "x": np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]]),
            "y": np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]),
            "z": np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]]),
        }
        a, b, c = ("xyz", "xzy", "yzx", "yxz", "zxy", "zyx")[order]
        out = np.eye(4)
        out[:3, :3] = about[c] @ about[b] @ about[a]
        return out

    def parts(model: Model) -> tuple[F64, F64]:
        """Everything left of the scaling, and everything from it on."""
        order = model.values.get("RotationOrder", 0)
        assert isinstance(order, int)
        pivot, scaling_pivot = vector(model, "RotationPivot"), vector(model, "ScalingPivot")
        left = (
            move(vector(model, "Lcl Translation"))
            @ move(vector(model, "RotationOffset"))
            @ move(pivot)
            @ turn(vector(model, "PreRotation"))
            @ turn(vector(model, "Lcl Rotation"), order)
            @ np.linalg.inv(turn(vector(model, "PostRotation")))
            @ move(-pivot)
            @ move(vector(model, "ScalingOffset"))
            @ move(scaling_pivot)
        )
        return left, np.diag([*vector(model, "Lcl Scaling", 1.0), 1.0]) @ move(-scaling_pivot)

    worlds: list[F64] = []
    out = []
    for model in models:
        left, right = parts(model)
        worlds.append((worlds[model.below] if model.below is not None else np.eye(4)) @ left @ right)
        geometric = (
            move(vector(model, "GeometricTranslation"))
            @ turn(vector(model, "GeometricRotation"))
            @ np.diag([*vector(model, "GeometricScaling", 1.0), 1.0])
        )
        if model.drawn:
            corners = np.column_stack([CORNERS, np.ones(4)])
            out.append((corners @ (worlds[-1] @ geometric).T)[:, :3])
    return np.concatenate(out)


@pytest.mark.parametrize("seed", range(20))
def test_transforms_are_the_product_of_their_factors(seed: int, tmp_path: Path) -> None:
    models = [
        Model({k: v for k, v in model.values.items() if k != "InheritType"}, model.below, model.drawn)
        for model in random_models(np.random.default_rng(seed))
    ]
    path = tmp_path / "scene.fbx"
    path.write_bytes(fbx(models))
    assert np.allclose(read_content(path).points, plain_twin(models), atol=1e-9)


@pytest.mark.clients
def test_ufbx_puts_every_geometry_at_the_same_place(tmp_path: Path) -> None:
    paths = []
    for seed in range(150):
        paths.append(tmp_path / f"{seed}.fbx")
        paths[-1].write_bytes(fbx(random_models(np.random.default_rng(seed)), {"UnitScaleFactor": 2.54}))
    said = call([READERS / "python", HERE / "ufbx_scene.py", *paths])
    for path, facts in zip(paths, said, strict=True):
        assert read_content(path).unit_m == pytest.approx(facts["unit_m"])
        assert np.allclose(box(path), np.array(facts["box"]), atol=1e-6), path


TEXT = """; FBX 7.3.0 project file
FBXHeaderExtension:  {
    FBXHeaderVersion: 1003
    FBXVersion: 7300
}
Creator: "a text maker"
GlobalSettings:  {
    Properties70:  {
        P: "UnitScaleFactor", "double", "Number", "",100
    }
}
Objects:  {
    Geometry: 7, "Geometry::tetra", "Mesh" {
        Vertices: *12 {
            a: 0,0,0,1,0,0,0,2,
0,0,0,3.0e+0
        }
        PolygonVertexIndex: *12 {
            a: 0,2,-2,0,1,-4,0,3,-3,1,2,-4
        }
    }
    Model: 8, "Model::a::b", "Mesh" {
        Properties70:  {
            P: "Lcl Translation", "Lcl Translation", "", "A",5,.5,-1
        }
        Shading: T
    }
}
Connections:  {
    ;Model::a, Model::RootNode
    C: "OO",8,0
    C: "OO",7,8
}
"""

OLD = """; FBX 6.1.0 project file
FBXHeaderExtension:  {
    FBXVersion: 6100
}
Objects:  {
    Model: "Model::Parent", "Null" {
        Properties60:  {
            Property: "Lcl Scaling", "Lcl Scaling", "A",2,2,2
        }
    }
    Model: "Model::Child", "Mesh" {
        Properties60:  {
            Property: "Lcl Translation", "Lcl Translation", "A",1,0,0
        }
        Vertices: 0,0,0,1,0,0,0,2,0,0,0,3
        PolygonVertexIndex: 0,2,-2,0,1,-4,0,3,-3,1,2,-4
    }
    GlobalSettings:  {
        Properties60:  {
            Property: "UnitScaleFactor", "double", "",1
        }
    }
}
Connections:  {
    Connect: "OO", "Model::Parent", "Model::Scene"
    Connect: "OO", "Model::Child", "Model::Parent"
}
"""


def test_fbx_as_text_is_read(tmp_path: Path) -> None:
    path = tmp_path / "text.fbx"
    path.write_text(TEXT)
    content = read_content(path)
    assert np.allclose(box(path), (5, 0.5, -1, 6, 2.5, 2))
    assert (content.unit_m, content.meshes, content.generator) == (1.0, ("a::b",), "a text maker")


def test_fbx_before_version_7_keeps_its_geometry_in_the_model(tmp_path: Path) -> None:
    path = tmp_path / "old.fbx"
    path.write_text(OLD)
    assert np.allclose(box(path), (2, 0, 0, 4, 4, 6))
    assert read_content(path).meshes == ("Child",)


def test_an_array_written_as_single_numbers_is_read(tmp_path: Path) -> None:
    def node(name: str, properties: bytes, count: int, children: bytes, at: int) -> bytes:
        end = at + 13 + len(name) + len(properties) + len(children)
        return (
            struct.pack("<IIIB", end, count, len(properties), len(name))
            + name.encode()
            + properties
            + children
        )

    side = 12
    grid = np.array([(x, y, 0) for y in range(side) for x in range(side)], dtype=np.float64).reshape(-1)
    ring = [
        corner
        for y in range(side - 1)
        for x in range(side - 1)
        for corner in (y * side + x, y * side + x + 1, (y + 1) * side + x + 1, ~((y + 1) * side + x))
    ]
    rows = b"".join(b"D" + struct.pack("<d", value) for value in grid)
    corners = b"".join(b"I" + struct.pack("<i", value) for value in ring)
    name = b"S" + struct.pack("<I", 11) + b"Grid\0\x01Model"
    head = b"Kaydara FBX Binary  \0\x1a\0" + struct.pack("<I", 6100)
    start = len(head) + 13 + len("Objects")
    inner = start + 13 + len("Model") + len(name)
    first = node("Vertices", rows, len(grid), b"", inner)
    second = node("PolygonVertexIndex", corners, len(ring), b"", inner + len(first))
    model = node("Model", name, 1, first + second + bytes(13), start)
    path = tmp_path / "rows.fbx"
    path.write_bytes(head + node("Objects", b"", 0, model + bytes(13), len(head)) + bytes(13))
    content = read_content(path)
    assert len(content.faces) == 2 * (side - 1) ** 2
    assert np.allclose(box(path), (0, 0, 0, side - 1, side - 1, 0))


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("hello", "neither binary nor text"),
        ("FBXHeaderExtension: {\n", "cut off"),
        ("FBXHeaderExtension: {} }", "do not fit together"),
        ("FBXHeaderExtension: {} \x01", "no FBX text"),
        (TEXT.replace('"OO",8,0', '"OO",8,8'), "do not fit together"),
        (TEXT.replace("2,-4\n", "2,-44\n"), "names vertex 43"),
    ],
)
def test_damaged_text_is_refused(content: str, part: str, tmp_path: Path) -> None:
    path = tmp_path / "text.fbx"
    path.write_text(content)
    with pytest.raises(BadInput, match=part):
        read_content(path)


def test_models_in_a_circle_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "circle.fbx"
    path.write_bytes(fbx([Model({}, below=1), Model({}, below=0)]))
    with pytest.raises(BadInput, match="do not fit together"):
        read_content(path)


def test_our_own_material_states_the_strength_of_a_normal_map() -> None:
    data = EXPORTERS["fbx"].export(textured(cube()), ExportOptions()).files["shape.fbx"]
    at = data.index(b"BumpFactor")
    assert struct.pack("<d", 1.0) in data[at : at + 60]


def test_corners_of_the_tetrahedron_are_its_polygons() -> None:
    assert len(RING) == 12
    assert np.abs(np.linalg.det(CORNERS[1:])) / 6 == pytest.approx(VOLUME)


def test_a_material_is_told_its_textures(tmp_path: Path) -> None:
    figurine = textured(cube())
    bumpy = replace(figurine, normal_map=np.full_like(figurine.texture.pixels, 128))
    for made, expected in ((figurine, ("base color",)), (bumpy, ("base color", "normal"))):
        path = tmp_path / "shape.fbx"
        path.write_bytes(EXPORTERS["fbx"].export(made, ExportOptions()).files["shape.fbx"])
        (material,) = read_content(path).materials
        assert material.textures == expected


@pytest.mark.parametrize(
    "change",
    [
        (TEXT[:1], "\ufeff;"),
        (TEXT[:1], f"; {'made by a test ' * 500}\n;"),
        (
            '"UnitScaleFactor", "double"',
            '"Odd", "Vector", "", "",nan,-inf,-1.#IND\n P: "UnitScaleFactor", "double"',
        ),
    ],
)
def test_text_that_others_open_is_read(change: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "text.fbx"
    assert change[0] in TEXT
    path.write_text(TEXT.replace(*change, 1), encoding="utf-8")
    assert np.allclose(box(path), (5, 0.5, -1, 6, 2.5, 2))


def test_a_geometry_without_polygons_hides_no_other_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "text.fbx"
    more = "".join(
        f'Geometry: {key}, "Geometry::other", "{kind}" {{ {inside} }}\nModel: {key + 1}, "Model::m", "x" {{ }}\n'
        for key, kind, inside in (
            (70, "Mesh", "Vertices: *3 { a: 9,9,9 }\n PolygonVertexIndex: *0 { a: }"),
            (80, "Mesh", "Vertices: *6 { a: 9,9,9,8,8,8 }\n PolygonVertexIndex: *2 { a: 0,-2 }"),
            (90, "NurbsSurface", "Points: *4 { a: 9,9,9,1 }"),
        )
    )
    links = "".join(f'    C: "OO",{key},{key + 1}\n' for key in (70, 80, 90))
    text = TEXT.replace("Objects:  {\n", f"Objects:  {{\n{more}").replace(
        "Connections:  {\n", f"Connections:  {{\n{links}"
    )
    path.write_text(text)
    assert np.allclose(box(path), (5, 0.5, -1, 6, 2.5, 2))
    (told,) = read_content(path).findings
    assert told.values["what"] == "2 x mesh without faces, 1 x NurbsSurface"


def test_a_last_polygon_without_its_mark_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "scene.fbx"
    whole = fbx([Model({})])
    path.write_bytes(whole)
    marked = RING.astype("<i4").tobytes()
    assert whole.count(marked) == 1
    unmarked = RING.copy()
    unmarked[-1] = ~unmarked[-1]
    expected = read_content(path).faces.tolist()
    path.write_bytes(whole.replace(marked, unmarked.astype("<i4").tobytes()))
    assert read_content(path).faces.tolist() == expected
