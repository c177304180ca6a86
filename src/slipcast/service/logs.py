"""Structured logs: one JSON object a line, with the correlation id, tenant and job that the line belongs to.

No secret is ever passed to a log; prompts only where the operator allows it (`keep_prompts_in_logs`).
"""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_CONTEXT: ContextVar[dict[str, str] | None] = ContextVar("slipcast_log", default=None)
_OWN = "data"


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **(_CONTEXT.get() or {}),
        }
        data = getattr(record, _OWN, None)
        if isinstance(data, dict):
            line.update(data)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def set_up(level: str) -> None:
    """Log to stderr from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in ("uvicorn.access", "alembic", "httpx", "httpx2", "google_genai", "httpcore"):
        logging.getLogger(name).setLevel("WARNING")


def log(name: str, message: str, *, level: int = logging.INFO, **data: object) -> None:
    """Log `message` with fields."""
    logging.getLogger(f"slipcast.{name}").log(level, message, extra={_OWN: data})


@contextmanager
def context(**words: str) -> Iterator[None]:
    """Put `words` on each line that is logged inside."""
    token = _CONTEXT.set({**(_CONTEXT.get() or {}), **{key: word for key, word in words.items() if word}})
    try:
        yield
    finally:
        _CONTEXT.reset(token)
