"""`python -m slipcast`: the command line, where its script is not on the path."""

import sys

from slipcast.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
