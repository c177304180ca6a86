#!/usr/bin/env bash
# lib3mf's strict reader refuses the attribute with which slicers paint triangles.
#
# Expected: a 3MF whose triangles carry a vendor's extra attribute is valid to a reader that does not know it; OrcaSlicer
#   and Bambu Studio write `paint_color` on `<triangle>`, PrusaSlicer reads it, and millions of such files exist.
# So is: with strict mode on, lib3mf raises «Invalid Attribute in namespace» and reads nothing. The same data in
#   PrusaSlicer's prefixed attribute (`slic3rpe:mmu_segmentation`) passes strict without a warning. Without strict mode
#   the unprefixed one is read, with one warning for each painted triangle. So one file cannot be both painted for those
#   slicers and clean to a strict reader.
# Versions: lib3mf 2.5.0. Seen: 2026-11-29. Source: running it; the core specification allows attributes of other
#   namespaces only, and an attribute without prefix belongs to none.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env" && "$work/env/bin/pip" install -q --disable-pip-version-check lib3mf==2.5.0 2>/dev/null
cd "$work" && env/bin/python - <<'PY'
import sys, zipfile
import lib3mf

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
FACES = [(0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)]
CORNERS = [(0, 0, 0), (10, 0, 0), (0, 10, 0), (0, 0, 10)]


def package(path, namespace, attribute):
    corners = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in CORNERS)
    faces = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"{attribute}/>' for a, b, c in FACES)
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("[Content_Types].xml", '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>')
        out.writestr("_rels/.rels", '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Target="/3D/3dmodel.model" Id="r0" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>')
        out.writestr("3D/3dmodel.model", f'<?xml version="1.0"?><model unit="millimeter" xmlns="{CORE}"{namespace}><resources><object id="1" type="model"><mesh><vertices>{corners}</vertices><triangles>{faces}</triangles></mesh></object></resources><build><item objectid="1"/></build></model>')


def read(path, strict):
    model = lib3mf.get_wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(strict)
    try:
        reader.ReadFromFile(path)
    except lib3mf.ELib3MFException as error:
        return f"refused ({error})"
    return f"read, {reader.GetWarningCount()} warnings"


print("lib3mf", ".".join(map(str, lib3mf.get_wrapper().GetLibraryVersion())))
package("plain.3mf", "", "")
package("bare.3mf", "", ' paint_color="8"')
package("prefixed.3mf", ' xmlns:slic3rpe="http://schemas.slic3r.org/3mf/2017/06"', ' slic3rpe:mmu_segmentation="8"')
answers = {(name, strict): read(f"{name}.3mf", strict) for name in ("plain", "prefixed", "bare") for strict in (True, False)}
for (name, strict), answer in answers.items():
    print(f"{name:<9} {'strict ' if strict else 'lenient'} {answer}")
as_seen = answers["bare", True].startswith("refused") and answers["bare", False].startswith("read") and all(
    answers[name, True] == "read, 0 warnings" for name in ("plain", "prefixed")
)
sys.exit(0 if as_seen else 1)
PY
