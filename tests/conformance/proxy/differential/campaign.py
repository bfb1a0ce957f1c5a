"""Runs cases through one set-up until enough of them were forwarded; counts, and keeps the evidence of what disagrees."""

import asyncio
import collections
import contextlib
import dataclasses
import pathlib
import time

from . import cases
from .lane import Lane, Outcome

DISAGREEMENTS_MAX = 10  # then the run ends: the first ones are what matters


@dataclasses.dataclass
class Count:
    setup: str
    seed: int
    samples: int = 0  # cases of which the proxy forwarded something
    refused: int = 0  # cases the proxy let nothing through of
    requests: int = 0  # whole requests in what was forwarded, fences among them
    upgrades: int = 0
    seconds: float = 0.0
    rules: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    disagreements: list = dataclasses.field(default_factory=list)  # Outcomes

    def __str__(self):
        agreed = self.samples - len(self.disagreements)
        return (f"{self.setup}: {self.samples} samples, {agreed} agreed, {len(self.disagreements)} disagreed, {self.requests} requests and "
                f"{self.upgrades} upgrades read, {self.refused} cases refused by the proxy, {self.seconds:.0f} s")


class Campaign:
    def __init__(self, setup, seed, make_gate, evidence, keep_all=False):
        """keep_all: keep what was sent, forwarded and answered of every case, not only where it disagrees."""
        self.count = Count(setup, seed)
        self.make_gate = make_gate
        self.evidence = pathlib.Path(evidence)
        self.keep_all = keep_all
        self._numbers = iter(())

    async def run(self, numbers, samples, lanes, say):
        """Runs the cases `numbers` in so many lanes, until `samples` of them were forwarded."""
        begin = time.monotonic()
        self._numbers = iter(numbers)
        self._samples_wanted = samples
        self._say = say
        async with asyncio.TaskGroup() as group:
            for _ in range(lanes):
                group.create_task(self._run_lane())
        self.count.seconds = time.monotonic() - begin
        return self.count

    async def _run_lane(self):
        with contextlib.ExitStack() as stack:
            gate = stack.enter_context(self.make_gate())
            lane = Lane(self.count.setup, gate)
            try:
                await lane.start()
                while self.count.samples < self._samples_wanted and len(self.count.disagreements) < DISAGREEMENTS_MAX:
                    number = next(self._numbers, None)
                    if number is None:
                        break
                    self._note(await lane.run(cases.make(self.count.seed, number)))
            finally:
                await lane.stop()
        self._compare_ids(lane, gate)

    def _note(self, outcome):
        count = self.count
        if self.keep_all:
            self._say(f"kept in {self._keep(outcome)}")
        if not outcome.forwarded:
            count.refused += 1
            return
        count.samples += 1
        count.requests += outcome.requests
        count.rules.update(outcome.rules)
        if outcome.faults:
            count.disagreements.append(outcome)
            self._say(f"DISAGREEMENT in {outcome.case}: {outcome.faults[0][:300]}; kept in {self._keep(outcome)}")
        elif count.samples % 500 == 0:
            self._say(f"{count.setup}: {count.samples} samples, {count.refused} refused by the proxy")

    def _compare_ids(self, lane, gate):
        """Every upgrade carries an id of its own: those the gate has logged are those that were forwarded, in this order."""
        self.count.upgrades += len(lane.upgraded)
        logged = [record["device_id"] for record in gate.records if record.get("msg") == "device connected"][len(lane.devices):]
        if logged != lane.upgraded:
            fault = f"the gate has connected the ids {logged}, and {lane.upgraded} were forwarded"
            self.count.disagreements.append(Outcome("all cases of a lane", True, [fault], 0, {}, [], b""))
            self._say(f"DISAGREEMENT in {self.count.disagreements[-1].case}: {fault[:300]}")

    def _keep(self, outcome):
        """Writes what was sent, forwarded and answered."""
        folder = self.evidence / f"{self.count.setup}-seed-{self.count.seed}-case-{outcome.case.number}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "faults.txt").write_text("\n".join([str(outcome.case), *outcome.faults]) + "\n")
        (folder / "sent").write_bytes(outcome.case.data)
        (folder / "answered-to-client").write_bytes(outcome.answered_to_client)
        for i, (listener, forwarded, answered) in enumerate(outcome.tapes):
            (folder / f"{i}-{listener}-forwarded").write_bytes(forwarded)
            (folder / f"{i}-{listener}-answered").write_bytes(answered)
        return folder
