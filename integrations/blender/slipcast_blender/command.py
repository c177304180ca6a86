# SPDX-License-Identifier: GPL-3.0-or-later
"""The `slipcast` command as an outside program: where it is, and one run of it that never blocks the interface.

Nothing of Slipcast is imported: this folder is GPL-3.0-or-later, Slipcast is Apache-2.0, and they meet at the command
line. No Blender in this file.
"""

import json
import os
import shutil
import subprocess
import sysconfig
import threading
from pathlib import Path

HINT = "install it from a copy of Slipcast (`pipx install FOLDER`), or set its path in the extension's preferences"


class NoCommand(Exception):
    """The command cannot be run; the text is one sentence for the user."""


def find_command(chosen: str = "") -> str:
    """The path of the command: the chosen one, else where PATH, pip or pipx put it."""
    if chosen:
        if not Path(chosen).is_file():
            raise NoCommand(f"{chosen} is no file; {HINT}")
        return chosen
    home = Path.home()
    folders = [*os.environ.get("PATH", "").split(os.pathsep), sysconfig.get_path("scripts")]
    folders += [home / ".local" / "bin", home / "bin"]
    folders += [home / ".local" / "pipx" / "venvs" / "slipcast" / ("Scripts" if os.name == "nt" else "bin")]
    folders += ["/opt/homebrew/bin", "/usr/local/bin"]  # a Mac's programs do not see the shell's PATH
    found = shutil.which("slipcast", path=os.pathsep.join(str(folder) for folder in folders if folder))
    if not found:
        raise NoCommand(f"the slipcast command was not found; {HINT}")
    return found


def ask_version(command: str) -> str:
    """What `slipcast --version` says; NoCommand when it does not run or is another program."""
    try:
        done = subprocess.run(
            [command, "--version"], capture_output=True, text=True, timeout=60, env=_surroundings(), check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NoCommand(f"{command} does not run ({problem}); {HINT}") from problem
    if done.returncode or not done.stdout.startswith("slipcast "):
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NoCommand(f"{command} is not Slipcast{': ' + said[-1] if said else ''}; {HINT}")
    return done.stdout.split()[1]


class Run:
    """One run of the command in the background: `poll()` now and then, `stop()` to end it."""

    def __init__(self, command: str, words: list[str]) -> None:
        self.stage, self.share = "starting", 0.0
        self.said: list[str] = []
        self.stopped = False
        self._printed = ""
        try:
            self._process = subprocess.Popen(
                [command, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                env=_surroundings(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows alone has it
            )
        except OSError as problem:
            raise NoCommand(f"{command} does not run ({problem.strerror}); {HINT}") from problem
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._listen, self._keep)]
        for thread in self._threads:
            thread.start()

    def _listen(self) -> None:
        with self._process.stderr as stream:
            for line in stream:
                if line.startswith('{"stage"'):
                    event = json.loads(line)
                    self.stage, self.share = event["stage"], event["done"] / max(event["of"], 1)
                elif line.strip():
                    self.said.append(line.strip().removeprefix("slipcast: "))

    def _keep(self) -> None:
        with self._process.stdout as stream:
            self._printed = stream.read()

    def poll(self) -> bool:
        """Whether the run has ended and all that it said was taken in."""
        return self._process.poll() is not None and not any(thread.is_alive() for thread in self._threads)

    def wait(self) -> None:
        """Until it ends, for scripts without an interface."""
        for thread in self._threads:
            thread.join()
        self._process.wait()

    def stop(self) -> None:
        """End it; the command leaves nothing half-written."""
        self.stopped = True
        self._process.terminate()

    def entries(self) -> list[dict]:
        """The JSON list that it printed; empty where it printed none."""
        try:
            found = json.loads(self._printed)
        except ValueError:
            return []
        return found if isinstance(found, list) else [found]

    def problem(self) -> str:
        """One sentence about why nothing came of it; empty where something did."""
        if self.stopped:
            return "stopped; nothing was made"
        for entry in self.entries():
            if entry.get("error") and not entry.get("files"):
                return entry["error"]["message"]
        code = self._process.returncode
        if code and not any(entry.get("files") for entry in self.entries()):
            return self.said[-1] if self.said else f"slipcast ended with {code} and said nothing"
        return ""


def _surroundings() -> dict[str, str]:
    """The environment without what would lead the command's Python to Blender's, with progress as lines."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONHOME"}
    return {**kept, "SLIPCAST_PROGRESS": "json", "PYTHONIOENCODING": "utf-8"}
