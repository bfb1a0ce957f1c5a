"""The planned cases of the suite and how they are shared out among its processes.

cases.txt holds every case of the release we pin. Nothing here runs anything. Invariant: the batches of a plan hold each planned
case exactly once.
"""

import dataclasses
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
GROUP = re.compile(r"\d+(\.\d+)*")
SECTION_RANGE = re.compile(r"(\d+)-(\d+)")

# Sections whose kill timers are too short to share the machine with another process of the suite; they run first, in one process.
ALONE = ("1", "2", "3", "4", "5", "6", "7", "10")
ALONE_NAME = "1-7,10"
# A process that takes longer than this for each of its cases hangs. Slowest seen: 1 s (6.4), 2 s (9), 35 s (12.2.15).
SECONDS_PER_CASE = {"9": 15, "12": 60, "13": 60}
SECONDS_PER_SHORT_CASE = 2
SECONDS_TO_START = 60


class UnknownGroup(Exception):
    """A group that selects no case: the suite itself would wait for ever."""


@dataclasses.dataclass(frozen=True)
class Batch:
    """What one process of the suite runs: its patterns in the suite's words, and the cases they must select, in order."""

    name: str
    patterns: tuple
    cases: tuple

    @property
    def timeout_seconds(self):
        return SECONDS_TO_START + sum(SECONDS_PER_CASE.get(section(case), SECONDS_PER_SHORT_CASE) for case in self.cases)


def section(case):
    return case.split(".")[0]


def load():
    """Every case id of the release, in the suite's order."""
    return (HERE / "cases.txt").read_text().split()


def group_of(case):
    """The row of a report that a case belongs to: its section, or 12.1 … 13.7 where a section is long."""
    return ".".join(case.split(".")[:2 if section(case) in ("12", "13") else 1])


def batch_name(case):
    return ALONE_NAME if section(case) in ALONE else group_of(case)


def expand(groups):
    """Splits ranges of sections such as 1-7."""
    for group in groups:
        ends = SECTION_RANGE.fullmatch(group)
        if ends:
            yield from (str(number) for number in range(int(ends[1]), int(ends[2]) + 1))
        elif GROUP.fullmatch(group):
            yield group
        else:
            raise UnknownGroup(f"'{group}' is no group; groups look like 1-7, 9, 12.1 or 6.4.2")


def within(case, group):
    return case == group or case.startswith(group + ".")


def plan(groups=(), cases=None):
    """The batches for these groups (all cases without one). Raises UnknownGroup for a group without a case."""
    cases = load() if cases is None else cases
    patterns, chosen = {}, set()
    for group in expand(groups) if groups else dict.fromkeys(map(section, cases)):
        selected = [case for case in cases if within(case, group)]
        if not selected:
            raise UnknownGroup(f"the suite has no case in group '{group}'")
        chosen.update(selected)
        for name in dict.fromkeys(map(batch_name, selected)):
            root = name if name.startswith(group + ".") else group  # 12 becomes 12.1, 12.2, …
            pattern = root if root in cases else root + ".*"
            patterns.setdefault(name, {})[pattern] = None
    return [Batch(name, tuple(found), tuple(case for case in cases if case in chosen and batch_name(case) == name))
            for name, found in patterns.items()]
