#!/usr/bin/env bash
# assimp takes glTF's normalised integer texture coordinates for floats, and says nothing.
#
# Expected: glTF 2.0 core allows TEXCOORD_0 as unsigned bytes or shorts with `normalized: true` (no extension needed);
#   a reader divides them by 255 or 65535. Tools that make files small write them so.
# So is: assimp 6.0.5 takes each pair of shorts for the bytes of one float, u; v is always 1 (its flip of 0). Here u
#   0, 1, 0.5 become 0, 2.016, -1.996. No error, no warning, exit 0: the texture is a smear in every program that reads
#   glTF through assimp. The same file with float coordinates is read rightly.
# Versions: assimp 6.0.5 (cmeel-assimp). Seen: 2026-11-29. Source: running it; glTF 2.0, 3.7.2.1 Meshes overview.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env" && "$work/env/bin/pip" install -q --disable-pip-version-check cmeel-assimp==6.0.5 2>/dev/null
cd "$work" && env/bin/python - <<'PY'
import json, struct, subprocess, sys

PLACES = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
COORDINATES = [(0.0, 0.0), (1.0, 0.25), (0.5, 0.75)]


def write(path, kind):
    if kind == "float":
        texture, component, more = b"".join(struct.pack("<2f", *uv) for uv in COORDINATES), 5126, {}
    else:
        shorts = [tuple(round(65535 * value) for value in uv) for uv in COORDINATES]
        texture, component, more = b"".join(struct.pack("<2H", *uv) for uv in shorts), 5123, {"normalized": True}
    places, index = b"".join(struct.pack("<3f", *place) for place in PLACES), struct.pack("<3H2x", 0, 1, 2)
    content = places + texture + index
    views, at = [], 0
    for part, size in ((places, len(places)), (texture, len(texture)), (index, 6)):
        views.append({"buffer": 0, "byteOffset": at, "byteLength": size})
        at += len(part)
    document = {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2}]}],
        "buffers": [{"byteLength": len(content)}], "bufferViews": views,
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]},
            {"bufferView": 1, "componentType": component, "count": 3, "type": "VEC2", **more},
            {"bufferView": 2, "componentType": 5123, "count": 3, "type": "SCALAR"},
        ],
    }
    head = json.dumps(document).encode()
    head += b" " * (-len(head) % 4)
    content += b"\0" * (-len(content) % 4)
    with open(path, "wb") as out:
        out.write(struct.pack("<4sIIII", b"glTF", 2, 28 + len(head) + len(content), len(head), 0x4E4F534A))
        out.write(head + struct.pack("<II", len(content), 0x004E4942) + content)


def read(path):
    done = subprocess.run(["env/bin/assimp", "export", path, path + ".obj", "-fobj"], capture_output=True, text=True)
    if done.returncode:
        return None
    rows = [line.split()[1:3] for line in open(path + ".obj") if line.startswith("vt ")]
    return sorted({(float(u), float(v)) for u, v in rows})


print(subprocess.run(["env/bin/assimp", "version"], capture_output=True, text=True).stdout.strip().splitlines()[-1])
said = {}
for kind in ("float", "short"):
    write(f"{kind}.glb", kind)
    said[kind] = read(f"{kind}.glb")
    print(f"{kind}: read as {said[kind]}")
wanted = sorted((u, 1 - v) for u, v in COORDINATES)
near = lambda got: got is not None and len(got) == 3 and all(
    abs(a - b) < 1e-3 for one, other in zip(got, wanted) for a, b in zip(one, other)
)
assert near(said["float"]), "float coordinates are no longer read rightly"
assert said["short"] is not None, "the file is refused now"
assert not near(said["short"]), "normalised coordinates are read rightly now"
print("as described: floats right, normalised shorts wrong, without a word")
PY
