"""core/scientific.py: nothing of scipy is imported before it is used, and what is used is scipy's own."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import scipy.ndimage

from slipcast.core import scientific

_LOADED = "sorted(name for name in sys.modules if name.split('.')[0] == 'scipy')"


def _run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}"], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_pipeline_is_imported_without_scipy() -> None:
    rooms = "slipcast.cli.convert, slipcast.pipeline.run, slipcast.jobs.print, slipcast.prepare.print"
    assert _run(f"import {rooms}\nprint({_LOADED})") == "[]"


def test_scipy_is_imported_in_one_place() -> None:
    # Imported anywhere else first, it takes the parts along that nobody uses: 0.4 s of a print.
    home = Path(scientific.__file__)
    told = re.compile(r"^\s*(from|import) scipy\b", re.MULTILINE)
    files = [path for path in home.parents[1].rglob("*.py") if path != home]
    assert len(files) > 300
    assert [path.name for path in files if told.search(path.read_text(encoding="utf-8"))] == []


def test_load_imports_all_of_it() -> None:
    code = (
        "from slipcast.core import scientific\nscientific.load()\nwanted = set(scientific._PLACES.values())"
    )
    assert _run(f"{code}\nprint(wanted - set(sys.modules))") == "set()"


def test_names_are_those_of_scipy() -> None:
    assert scientific.ndimage.label is scipy.ndimage.label
    assert scientific.sparse.csgraph.connected_components is scientific.csgraph.connected_components
    assert scientific.spatial.cKDTree(np.zeros((1, 3))).n == 1


def test_what_nobody_uses_of_numpy_is_not_imported() -> None:
    told = _run(
        "from slipcast.core import scientific\nscientific.load()\n"
        "print('numpy.f2py.crackfortran' in sys.modules, 'unittest' in sys.modules)"
    )
    assert told == "False False"


def test_what_was_put_off_is_there_when_it_is_asked_for() -> None:
    code = "from slipcast.core import scientific\nscientific.load()\nimport numpy"
    assert (
        _run(
            f"{code}\nfrom numpy.testing import assert_equal\nassert_equal(1, 1)\nprint(numpy.f2py.get_include()[-4:])"
        )
        == "/src"
    )


def test_docstrings_are_left_out_where_that_is_asked_for() -> None:
    code = (
        "from slipcast.core import scientific\n{}\nscientific.load()\n"
        "import scipy.fft\nprint(bool(scipy.fft.rfftn.__doc__))"
    )
    assert _run(code.format("scientific.leave_out_docs()")) == "False"
    assert _run(code.format("")) == "True"
