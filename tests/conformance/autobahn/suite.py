"""One process of the suite: its spec, its command line, and what it prints while it runs. It judges nothing."""

import ast
import json
import os
import re
import subprocess

AGENT = "ringgate"
ANNOUNCED = re.compile(r"Cases = (\[.*\])")
STARTED = re.compile(r"Running test case ID (\S+) ")
TIMEOUT_EXIT_CODES = (124, 137)  # of timeout(1): terminated, killed


class SuiteProcess:
    """Runs one batch against `url`; the report, the spec and the output are left in `folder`, which must be new.

    After run(): `announced` is the suite's own list of cases, `started` those it began, `faults` what went wrong with the process.
    """

    def __init__(self, command, batch, url, folder):
        self.batch = batch
        self.url = url
        self.folder = folder
        self.announced = []
        self.started = []
        self.faults = []
        self._process = None
        # In the foreground, so that an interrupt at the terminal reaches it too.
        self._command = ["timeout", "--foreground", "-k", "5", str(batch.timeout_seconds), command, "-m", "fuzzingclient", "-s"]

    @property
    def index(self):
        return self.folder / "index.json"

    def run(self, on_case):
        """Returns when the process has ended. `on_case(case)` is called as each case begins."""
        self.folder.mkdir(parents=True)
        spec = self.folder / "spec.json"
        spec.write_text(json.dumps({
            "outdir": str(self.folder), "servers": [{"agent": AGENT, "url": self.url}],
            "cases": list(self.batch.patterns), "exclude-cases": [], "exclude-agent-cases": {}}, indent=1))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}  # meant for Python 3
        with open(self.folder / "wstest.log", "w", encoding="utf-8") as log:
            self._process = subprocess.Popen([*self._command, str(spec)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                             stderr=subprocess.STDOUT, text=True, errors="replace",
                                             env={**environment, "PYTHONUNBUFFERED": "1"})
            for line in self._process.stdout:
                log.write(line)
                self._read(line, on_case)
            code = self._process.wait()
        if code in TIMEOUT_EXIT_CODES:
            self.faults.append(f"the suite did not end within {self.batch.timeout_seconds} s; last case {self.started[-1:]}")
        elif code != 0:
            self.faults.append(f"the suite ended with exit code {code}; see {self.folder / 'wstest.log'}")

    def stop(self):
        """Ends the process if it runs. From any thread; run() then returns."""
        if self._process is not None:
            self._process.terminate()

    def _read(self, line, on_case):
        announced, started = ANNOUNCED.match(line), STARTED.match(line)
        if announced:
            self.announced = ast.literal_eval(announced[1])
        elif started:
            self.started.append(started[1])
            on_case(started[1])
