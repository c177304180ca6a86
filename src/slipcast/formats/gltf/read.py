"""GLB and glTF of any origin -> what is in them, for `inspect`."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.formats.common.reading import (
    MAX_PARTS,
    Content,
    MaterialFact,
    Tally,
    TextureFact,
    check_faces,
    check_points,
    texture_fact,
)
from slipcast.formats.gltf.document import Document, Json, objects, parse
from slipcast.formats.gltf.scene import Scene


def read_gltf(path: Path) -> Content:
    """Read a .glb or .gltf of any origin; raises BadInput for one that is damaged or holds no triangles."""
    document = parse(path)
    scene = Scene(document)
    points, faces, names, attributes, tally = [], [], [], set(), Tally(path)
    for part in scene.parts():
        local, index = scene.geometry(part)
        faces.append(index + np.int32(tally.add(len(local), len(index))))
        points.append(local)
        names.append(str(part.mesh.get("name", "")))
        found = part.primitive.get("attributes")
        assert isinstance(found, dict)
        shown = {"NORMAL": "normals", "TEXCOORD_0": "uv", "COLOR_0": "colors"}
        attributes |= {word for key, word in shown.items() if key in found}
    if not points:
        raise BadInput(f"{path} holds no triangles")
    joined = np.concatenate(points)
    asset = document.json["asset"]
    assert isinstance(asset, dict)
    extras = asset.get("extras")
    return Content(
        format="glb" if path.suffix.lower() != ".gltf" else "gltf",
        points=check_points(path, joined),
        faces=check_faces(path, np.concatenate(faces), len(joined)),
        unit_m=1.0,
        unit_is_custom=False,
        up="y",
        meshes=tuple(dict.fromkeys(names)),
        attributes=tuple(sorted(attributes)),
        materials=tuple(_material(document, entry) for entry in document.objects("materials")[:MAX_PARTS]),
        textures=tuple(
            _texture(document, index) for index in range(len(document.objects("images")[:MAX_PARTS]))
        ),
        generator=str(asset.get("generator", "")) or None,
        metadata=extras if isinstance(extras, dict) else {},
        findings=left_out(document, scene),
    )


def left_out(document: Document, scene: Scene) -> tuple[Finding, ...]:
    """What a document holds that is not read."""
    words = [f"{count} x {word}" for word, count in scene.left_out.items()]
    words += [f"the extension {name[:80]}" for name in document.ignored]
    # A figurine stands still: what would move it is worked in as it stands and then gone.
    for key, word in (("animations", "animation"), ("skins", "skin (it stands as its joints put it)")):
        count = len(document.objects(key))
        words += [f"{count} x {word}"] if count else []
    morphs = sum(
        "targets" in entry
        for mesh in document.objects("meshes")
        for entry in objects(document, mesh, "primitives")
    )
    words += [f"{morphs} x morph targets (at their weights)"] if morphs else []
    return (*(finding("FILE_LEFT_OUT", {"what": ", ".join(words)}) for _ in words[:1]), *scene.told)


def _texture(document: Document, index: int) -> TextureFact:
    image = document.at("images", index)
    name = str(image.get("name") or image.get("uri") or f"image {index}")[:200]
    fact = document.texture_file(image)
    if fact is not None:
        return replace(fact, name=name)
    data = document.image(index)
    return (
        texture_fact(name, data)
        if data is not None
        else TextureFact(name=name, media_type="missing", bytes=0)
    )


def _material(document: Document, material: Json) -> MaterialFact:
    """What the metallic-roughness model says of a material; absent factors are 1 by the specification."""
    pbr = material.get("pbrMetallicRoughness", {})
    pbr = pbr if isinstance(pbr, dict) else {}
    metallic, roughness = (pbr.get(key, 1.0) for key in ("metallicFactor", "roughnessFactor"))
    used = [
        word
        for word, holder, key in (
            ("base color", pbr, "baseColorTexture"),
            ("metallic-roughness", pbr, "metallicRoughnessTexture"),
            ("normal", material, "normalTexture"),
            ("occlusion", material, "occlusionTexture"),
            ("emissive", material, "emissiveTexture"),
        )
        if key in holder
    ]
    return MaterialFact(
        name=str(material.get("name", "")),
        metallic=_fraction(metallic),
        roughness=_fraction(roughness),
        textures=tuple(used),
    )


def _fraction(value: object) -> float | None:
    """A factor from 0 to 1; None for what is none."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None
