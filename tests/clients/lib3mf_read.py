"""lib3mf, the 3MF Consortium's own library, in strict mode."""

import numpy as np
from clients.measure import Facts, main, measure
from lib3mf import get_wrapper


def read(path: str) -> Facts:
    wrapper = get_wrapper()
    model = wrapper.CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromFile(path)  # raises where the file breaks the specification
    entries = model.GetMeshObjects()
    entries.MoveNext()
    mesh = entries.GetCurrentMeshObject()
    points = np.array([list(vertex.Coordinates) for vertex in mesh.GetVertices()], dtype=np.float64)
    faces = np.array([list(triangle.Indices) for triangle in mesh.GetTriangleIndices()], dtype=np.int64)
    metadata = model.GetMetaDataGroup()
    return {
        "program": "lib3mf {}.{}.{} strict".format(*wrapper.GetLibraryVersion()),
        **measure(points, faces),
        "names": [mesh.GetName()],
        "unit": model.GetUnit().name,
        "manifold": bool(mesh.IsManifoldAndOriented()),
        "warnings": [str(reader.GetWarning(k)) for k in range(reader.GetWarningCount())],
        "textures": [model.GetAttachment(k).GetPath() for k in range(model.GetAttachmentCount())],
        "texture_groups": model.GetTexture2DGroups().Count(),
        "metadata": {
            metadata.GetMetaData(k).GetName(): metadata.GetMetaData(k).GetValue()
            for k in range(metadata.GetMetaDataCount())
        },
    }


main(read)
