"""What our own `inspect` says of USDZ files, where usd-core is installed: one line of JSON each."""

import json
import sys
from pathlib import Path

from slipcast.core.errors import BadInput
from slipcast.formats.inspect import describe

for name in sys.argv[1:]:
    try:
        said = describe(Path(name))
    except BadInput as error:
        said = {"refused": str(error)}
    sys.stdout.write(json.dumps(said) + "\n")
