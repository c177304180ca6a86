"""Content rules beside the provider's own: the block list (prompts) and a program of the operator's (all jobs).

The program gets one JSON object on stdin (`kind`, `tenant`, `subject`, `pictures`: paths) and lets the job pass with
exit code 0; what it prints is its reason. It is trusted: it sees what clients send. One that fails or hangs refuses.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from slipcast.core.errors import BadInput

LIMIT_S = 30.0


class ContentRefused(BadInput):
    """The content rules of this service do not let it pass."""


def ask_command(
    command: Sequence[str], *, kind: str, tenant: str, subject: str, pictures: Sequence[Path]
) -> None:
    """Raise ContentRefused unless the program lets the job pass; does nothing without one."""
    if not command:
        return
    question: Mapping[str, object] = {
        "kind": kind,
        "tenant": tenant,
        "subject": subject,
        "pictures": [str(path) for path in pictures],
    }
    try:
        done = subprocess.run(
            list(command),
            input=json.dumps(question).encode(),
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise ContentRefused("the content check could not be done; try again later") from None
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").strip()[:200]
        raise ContentRefused(f"the content rules refuse this job{': ' + said if said else ''}")
