"""lib3mf, the 3MF Consortium's own reader: the box of the whole build in file units, supports included."""

import lib3mf
from clients.measure import Facts, main


def read(path: str) -> Facts:
    model = lib3mf.get_wrapper().CreateModel()
    model.QueryReader("3mf").ReadFromFile(path)
    box = model.GetOutbox()
    return {"program": "lib3mf", "box": [*box.MinCoordinate, *box.MaxCoordinate]}


main(read)
