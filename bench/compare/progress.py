"""Says how far a run is: on a terminal one line that is rewritten, elsewhere a line every ten seconds."""

import sys
import time

SECONDS_BETWEEN_LINES = 10


class Progress:
    """Counts rounds; what remains is reckoned from what was planned and how the rounds so far kept to it."""

    def __init__(self, planned_seconds, count):
        self._planned, self._count = planned_seconds, count
        self._done, self._done_planned = 0, 0.0
        self._began = time.monotonic()
        self._last_line = float("-inf")
        self._rewrites = sys.stdout.isatty()

    @property
    def elapsed(self):
        return time.monotonic() - self._began

    def replan(self, planned_seconds, count):
        """The rounds that remain are these: what follows a screening depends on it."""
        self._planned, self._count = self._done_planned + planned_seconds, self._done + count

    def begins(self, what):
        now = time.monotonic()
        if self._rewrites or now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            self._print(
                f"{self._done + 1} of {self._count}; {clock(self.elapsed)} gone, about {clock(self.remaining())} to go; {what}",
                end="\r" if self._rewrites else "\n",
            )

    def ends(self, planned_seconds):
        self._done += 1
        self._done_planned += planned_seconds

    def remaining(self):
        pace = self.elapsed / self._done_planned if self._done_planned > 20 else 1.0
        return max(0.0, self._planned - self._done_planned) * pace

    def say(self, text):
        self._print(text)

    def _print(self, text, end="\n"):
        print(f"{text:<118}" if self._rewrites else text, end=end, flush=True)


def clock(seconds):
    """Seconds as people read them: 45 s, 12 min, 1 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
