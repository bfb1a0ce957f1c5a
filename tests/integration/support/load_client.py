"""ringgate-load as a child process: its exit code, its JSON and what it said."""

import json
import os
import pathlib
import subprocess
import tempfile

from .gate import PATIENCE, REPOSITORY

# Always of the release build: a slow client proves less. RINGGATE_LOAD names another.
BINARY = str(REPOSITORY / os.environ.get("RINGGATE_LOAD", "build/release/tools/load/ringgate-load"))


def is_built():
    return pathlib.Path(BINARY).is_file()


class Outcome:
    def __init__(self, finished, result):
        self.code = finished.returncode
        self.stdout = finished.stdout
        self.stderr = finished.stderr
        self.result = result  # the JSON, or None when it wrote none

    def __repr__(self):
        return f"exit code {self.code}\n{self.stdout}\n{self.stderr}"


def load(*arguments, timeout=30.0):
    """Runs `ringgate-load ARGUMENT...` to its end."""
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory) / "result.json"
        finished = subprocess.run([BINARY, *map(str, arguments), "--json", str(file)], capture_output=True, text=True,
                                  timeout=timeout * PATIENCE, check=False, stdin=subprocess.DEVNULL)
        return Outcome(finished, json.loads(file.read_text()) if file.is_file() else None)
