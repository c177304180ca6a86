"""The version, read from the installed package's metadata."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("slipcast")
except PackageNotFoundError:  # run from a checkout that was not installed
    __version__ = "0.0.0"
