#!/usr/bin/env bash
# Importing scipy parses the docstrings of some 270 functions, which takes a third of the time that the import takes.
#
# Expected: an import defines functions; their docstrings are text that is read when somebody asks for help.
# So is: since scipy says which array libraries each function can take, a decorator parses each docstring with the
#   parser of numpydoc, adds a note and writes the text anew, whether SCIPY_ARRAY_API is set or not. For ndimage, sparse,
#   csgraph, fft and spatial these are 270 docstrings and 0.07 of 0.20 s of CPU, in each process. `python -OO`, which has
#   no docstrings, does not help.
# Versions: scipy 1.17.1, numpy 2.4.6, Python 3.11. Seen: 2026-11-30. Source: running it; scipy/_lib/_array_api.py.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check scipy==1.17.1 numpy==2.4.6 2>/dev/null
cat > "$work/load.py" <<'PY'
import sys
import time

import numpy
import scipy
import scipy._lib._array_api as inner

parsed, spent = 0, 0.0
read = inner.FunctionDoc


class Counted(read):
    def __init__(self, *given):
        global parsed, spent
        begun = time.process_time()
        super().__init__(*given)
        parsed, spent = parsed + 1, spent + time.process_time() - begun


inner.FunctionDoc = Counted
begun = time.process_time()
import scipy.fft
import scipy.ndimage
import scipy.sparse.csgraph
import scipy.spatial

whole = time.process_time() - begun
print(parsed, round(spent, 3), round(whole, 3), scipy.ndimage.label.__doc__ is not None)
PY
cd "$work"
env/bin/python load.py > /dev/null # byte code and files are warm from here on
plain=$(env/bin/python load.py)
env/bin/python -c 'import numpy, scipy; print("numpy", numpy.__version__, "scipy", scipy.__version__)'
echo "docstrings parsed, CPU s for that, CPU s of the imports, has a docstring: $plain"
read -r parsed spent whole _ <<< "$plain"
# Behaviour as described: some hundred docstrings, more than a tenth of the time.
env/bin/python -c "import sys; sys.exit(not ($parsed > 100 and $spent > 0.1 * $whole))"
