"""Windows users type the same command: `convert` works where nothing is there that only POSIX systems have."""

import subprocess
import sys
from pathlib import Path

from kitchen import files_in, write_picture

WITHOUT = """
import os, signal, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None
for name in ("fork", "setsid", "killpg", "getpgid", "sched_getaffinity", "mkfifo"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGALRM", "SIGCHLD", "SIGPIPE", "alarm", "setitimer", "pthread_kill"):
    if hasattr(signal, name):
        delattr(signal, name)
from slipcast.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_convert_needs_nothing_that_only_posix_has(tmp_path: Path) -> None:
    write_picture(tmp_path / "knight.png")
    words = ["convert", "knight.png", "--format", "glb,stl", "--detail", "draft", "--faces", "500"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {"knight.glb", "knight.stl", "knight.json"} <= set(files_in(tmp_path / "out"))
