#!/usr/bin/env bash
# trimesh reads three kinds of valid glTF at a wrong size, without a word.
#
# Expected: a reader of glTF 2.0 shows a skinned mesh where its joints put it, puts a sparse accessor's values in place,
#   and shows an instanced mesh (EXT_mesh_gpu_instancing, required here) at each of its places, or says that it cannot.
# So is: a skinned mesh stands by its own node, which the specification tells to ignore (100 m instead of 1 m); the sparse
#   values are left out; an instanced mesh is shown once. No warning, so a size measured with trimesh may be wrong.
# Versions: trimesh 5.2.0, numpy 2.4.6. Seen: 2026-11-29. Source: running it; glTF 2.0, sections 3.6.2.3 and 3.7.3.3.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env" && "$work/env/bin/pip" install -q --disable-pip-version-check trimesh==5.2.0 numpy==2.4.6 2>/dev/null
cd "$work" && env/bin/python - <<'PY'
import base64, json, sys
import numpy as np
import trimesh

print("trimesh", trimesh.__version__, "numpy", np.__version__)
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
FACES = np.array([0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3], np.uint16)
WIDTH = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}
KIND = {"float32": 5126, "uint16": 5123, "uint8": 5121}


def write(name, nodes, more_arrays=(), attributes=None, change=lambda document: None, **more):
    data, views, accessors = b"", [], []
    for array in (CORNERS, FACES, *more_arrays):
        rows = array.reshape(len(array), -1)
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": array.nbytes})
        accessors.append({"bufferView": len(views) - 1, "componentType": KIND[array.dtype.name], "count": len(rows), "type": WIDTH[rows.shape[1]]})
        data += array.tobytes() + bytes(-array.nbytes % 4)
    accessors[0] |= {"min": [0, 0, 0], "max": [1, 1, 1]}
    document = {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": list(range(len(nodes)))}], "nodes": nodes,
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, **(attributes or {})}, "indices": 1}]}],
        "buffers": [{"byteLength": len(data), "uri": "data:application/octet-stream;base64," + base64.b64encode(data).decode()}],
        "bufferViews": views, "accessors": accessors, **more,
    }
    change(document)
    with open(name, "w") as out:
        json.dump(document, out)
    return trimesh.load_scene(name).extents.round(3).tolist()


joints, weights = np.zeros((4, 4), np.uint8), np.tile(np.array([1, 0, 0, 0], np.float32), (4, 1))
skin = write(
    "skin.gltf", [{"mesh": 0, "skin": 0, "scale": [100, 100, 100]}, {"name": "joint"}], (joints, weights),
    {"JOINTS_0": 2, "WEIGHTS_0": 3}, skins=[{"joints": [1]}],
)


def replace(document):
    document["accessors"][0] |= {"max": [1, 1, 9], "sparse": {"count": 1, "indices": {"bufferView": 2, "componentType": 5123}, "values": {"bufferView": 3}}}
    del document["accessors"][2:]


sparse = write("sparse.gltf", [{"mesh": 0}], (np.array([3], np.uint16), np.array([[0, 0, 9]], np.float32)), change=replace)
places = np.array([[0, 0, 0], [10, 0, 0]], np.float32)
copies = write(
    "copies.gltf", [{"mesh": 0, "extensions": {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": 2}}}}], (places,),
    extensionsUsed=["EXT_mesh_gpu_instancing"], extensionsRequired=["EXT_mesh_gpu_instancing"],
)
print("skin      seen", skin, "right [1, 1, 1]")
print("sparse    seen", sparse, "right [1, 1, 9]")
print("instances seen", copies, "right [11, 1, 1]")
sys.exit(0 if (skin, sparse, copies) == ([100.0] * 3, [1.0] * 3, [1.0] * 3) else 1)
PY
