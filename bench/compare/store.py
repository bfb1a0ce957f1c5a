"""Where a run keeps what it measured: one JSON file a round, written whole or not at all, so that a run can be resumed.

RUN/run.json                           options, machine, versions: what must not change while a run is resumed
RUN/rounds/PHASE/LINE/ROUND-SERVER.json
RUN/{table.md,results.json,report.html}
"""

import dataclasses
import json
import os


@dataclasses.dataclass(frozen=True)
class Step:
    """One round that is to be made: of which server, on which line, in which phase."""

    phase: str
    line: str
    server: str
    round: int
    seconds: float = 0.0  # expected, start and end of the server included


class Store:
    def __init__(self, folder):
        self.folder = folder

    @property
    def scratch(self):
        path = self.folder / "scratch"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _path(self, step):
        return self.folder / "rounds" / step.phase / step.line / f"{step.round:02d}-{step.server}.json"

    def is_done(self, step):
        """True if the round was measured; one that failed is made again."""
        record = self._read(self._path(step))
        return record is not None and not record["error"]

    def keep(self, step, record):
        identity = {"phase": step.phase, "line": step.line, "server": step.server, "round": step.round}
        write_json(self._path(step), {**identity, **record})

    def records(self):
        """All rounds of the run, in no particular order but always the same."""
        for path in sorted((self.folder / "rounds").glob("*/*/*.json")):
            record = self._read(path)
            if record is not None:
                yield record

    def read_run(self):
        return self._read(self.folder / "run.json")

    def write_run(self, about):
        write_json(self.folder / "run.json", about)

    @staticmethod
    def _read(path):
        try:
            return json.loads(path.read_text())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None


def write_json(path, value):
    """Whoever is interrupted here leaves the old file, or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".fresh")
    fresh.write_text(json.dumps(value, indent=1) + "\n")
    os.replace(fresh, path)
