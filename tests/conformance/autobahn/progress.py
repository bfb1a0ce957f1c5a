"""Says how far a run is: on a terminal one line that is rewritten, elsewhere a line every ten seconds."""

import sys
import threading
import time

SECONDS_BETWEEN_LINES = 10


class Progress:
    """Counts cases as they begin, from any thread."""

    def __init__(self, batches):
        self._planned = {batch.name: len(batch.cases) for batch in batches}
        self._begun = dict.fromkeys(self._planned, 0)
        self._lock = threading.Lock()
        self._started = self._last_line = time.monotonic()
        self._rewrites = sys.stdout.isatty()

    @property
    def seconds(self):
        return time.monotonic() - self._started

    def case_begins(self, batch):
        with self._lock:
            self._begun[batch.name] += 1
            now = time.monotonic()
            if self._rewrites or now - self._last_line >= SECONDS_BETWEEN_LINES:
                self._last_line = now
                done, planned = sum(self._begun.values()), sum(self._planned.values())
                self._print(f"{done} of {planned} cases; group {batch.name}: {self._begun[batch.name]} of "
                            f"{self._planned[batch.name]}; {self.seconds:.0f} s", end="\r" if self._rewrites else "\n")

    def batch_ends(self, batch, faults_count):
        with self._lock:
            self._print(f"group {batch.name} done: {self._begun[batch.name]} of {self._planned[batch.name]} cases, "
                        f"{faults_count} faults; {self.seconds:.0f} s")

    def _print(self, text, end="\n"):
        print(f"{text:<78}" if self._rewrites else text, end=end, flush=True)
