"""A stand-in for the Gemini API on this machine, for tests with the real SDK and for `scripts/demo-generate`.

It makes no pictures worth looking at and costs nothing; see `server.Standin`.
"""

from standin.server import Call, Standin

__all__ = ["Call", "Standin"]
