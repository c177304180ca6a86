"""`python -m slipcast`: the command line, where its script is not on the path."""

from slipcast.cli.main import run_and_leave

if __name__ == "__main__":
    run_and_leave()
