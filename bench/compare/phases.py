"""The phases of a comparison: which rounds each is made of, and how one of its rounds is measured.

Each phase plans afresh from what is known, so that what follows the screening can depend on it.
"""

import dataclasses
import math
import pathlib

import idle
import lines
import rounds
import shards
from selection import Selection
from servers import GATE_BINARY, Gate
from store import Step

# Starting and ending a server and connecting to it, on top of warm-up and measured seconds.
OVERHEAD_SECONDS = 0.6
OPEN_SHARES = (30, 50, 70, 90)
HANDSHAKES_CONCURRENT = 64
RESUMED = "handshakes-resumed"
# The gate that answers each message at once: what gathering buys in core time and costs in latency is seen beside it.
UNGATHERED = "ringgate_ungathered"


def ungathered(binary):
    return Gate(UNGATHERED, binary, "ringgate, ring.gather off", settings=("ring.gather=off",))


@dataclasses.dataclass(frozen=True)
class Context:
    contestants: dict
    selection: Selection
    lines: tuple[str, ...]
    scratch: pathlib.Path
    rounds: int | None = None
    seconds: float | None = None
    seed: int = 0  # all servers of one round get the same payloads and masks
    gate_binary: pathlib.Path = GATE_BINARY


class Phase:
    name = ""
    about = ""
    rounds = 1
    seconds = 2.0

    def steps(self, context):
        """The rounds of this phase, in the order in which they are to be made."""
        made = []
        for line in self.lines(context):
            for number in range(self._rounds(context)):
                made += [
                    Step(self.name, line, server, number, self.expected(context))
                    for server in rounds.turns(self.servers(context, line), number)
                ]
        return made

    def _rounds(self, context):
        return context.rounds or self.rounds

    def _seconds(self, context):
        return context.seconds or self.seconds

    def expected(self, context):
        seconds = self._seconds(context)
        return seconds + rounds.warmup_seconds(seconds) + OVERHEAD_SECONDS

    def _timing(self, context, step):
        seconds = self._seconds(context)
        return ["--seconds", seconds, "--warmup", rounds.warmup_seconds(seconds), "--seed", context.seed + step.round]

    def lines(self, context):
        raise NotImplementedError

    def servers(self, context, line):
        raise NotImplementedError

    def measure(self, context, step):
        raise NotImplementedError


class Echo(Phase):
    def measure(self, context, step):
        return rounds.echo(
            context.contestants[step.server],
            lines.LINES[step.line],
            self._seconds(context),
            context.scratch,
            seed=context.seed + step.round,
        )


class Screen(Echo):
    name, about = "screen", "every server on every line, one short round"

    def _rounds(self, context):
        return 1

    def lines(self, context):
        return context.lines

    def servers(self, context, line):
        return context.selection.everyone()


class Judged(Echo):
    name, about = "judged", "the lines that targets speak of: long rounds of the ceilings and the fastest rivals"
    rounds, seconds = 7, 5.0

    def lines(self, context):
        return [line for line in lines.JUDGED if line in context.lines]

    def servers(self, context, line):
        return context.selection.field(line)


class Elsewhere(Echo):
    name, about = "elsewhere", "the other lines: short rounds of the ceilings and the three fastest rivals"
    rounds, seconds = 3, 2.0

    def lines(self, context):
        return [line for line in context.lines if line not in lines.JUDGED]

    def servers(self, context, line):
        return context.selection.field(line, named=False)


class Open(Phase):
    """Latency from the intended send time, and core time, at rates that are the same for all."""

    name, about = "open", "open loop at shares of the slowest serious rival's rate"
    rounds, seconds = 7, 6.0

    def lines(self, context):
        return [f"open-{share}" for share in OPEN_SHARES]

    def servers(self, context, line):
        ungathered = [UNGATHERED] if context.selection.of_kind("gate") else []
        return [*context.selection.field(lines.OPEN_LINE, ceilings=False), *ungathered]

    def measure(self, context, step):
        full, rival = context.selection.slowest_serious_rate(lines.OPEN_LINE)
        if full is None:
            return failed(f"no rival was screened on {lines.OPEN_LINE}, so there is no rate to go by")
        # Odd: /proc/stat is counted by a tick of 100, 250 or 1,000 per second, and a multiple of it would always meet the same state.
        rate = math.floor(full * int(step.line.removeprefix("open-")) / 100) | 1
        contestant = ungathered(context.gate_binary) if step.server == UNGATHERED else context.contestants[step.server]
        record = rounds.echo(
            contestant,
            lines.LINES[lines.OPEN_LINE],
            self._seconds(context),
            context.scratch,
            seed=context.seed + step.round,
            rate=rate,
        )
        return {**record, "rate": rate, "rate_of": rival}


class Handshakes(Phase):
    name, about = "handshakes", "connect, upgrade, close, as fast as possible"
    rounds, seconds = 7, 3.0

    def lines(self, context):
        return ["handshakes"]

    def servers(self, context, line):
        return context.selection.of_kind("gate", "rival")

    def measure(self, context, step):
        seconds = self._seconds(context)
        return rounds.loaded(
            context.contestants[step.server],
            "handshakes",
            ["--connections", HANDSHAKES_CONCURRENT, *self._timing(context, step)],
            seconds,
            context.scratch,
        )


class TlsEcho(Echo):
    name, about = "echo", "echo of every size, 64 connections with 1 and with 16 in flight: everybody"
    rounds, seconds = 3, 1.5

    def lines(self, context):
        return [line for line in lines.TLS if line in context.lines]

    def servers(self, context, line):
        return context.selection.everyone()


class TlsHandshakes(Phase):
    name, about = "handshakes", "connect, TLS, upgrade, close: with full handshakes, and with resumed ones"
    rounds, seconds = 3, 2.0

    def lines(self, context):
        return ["handshakes", RESUMED]

    def servers(self, context, line):
        return context.selection.everyone()

    def measure(self, context, step):
        resume = ["--resume"] if step.line == RESUMED else []
        record = rounds.loaded(
            context.contestants[step.server],
            "handshakes",
            ["--connections", HANDSHAKES_CONCURRENT, *resume, *self._timing(context, step)],
            self._seconds(context),
            context.scratch,
        )
        if resume and not record["error"] and record["load"]["resumed"] < record["load"]["messages"] * 0.99:
            record["error"] = f"only {record['load']['resumed']} of {record['load']['messages']} handshakes were resumed"
        return record


class Idle(Phase):
    name, about = "idle", f"memory of an idle connection, from {idle.CONNECTIONS:,} of them"
    rounds = 2

    def lines(self, context):
        return ["idle"]

    def servers(self, context, line):
        return [idle.BARE, *context.selection.everyone()]

    def expected(self, context):
        return 14.0

    def measure(self, context, step):
        # Of a TLS run, too: the bare pairs are what the kernel takes, whatever goes over it.
        if step.server == idle.BARE:
            return idle.measure_bare()
        return idle.measure(context.contestants[step.server], context.scratch)


class Push(Phase):
    """Pushes through the admin port: ringgate alone, since no rival has such a thing."""

    name, about = "push", "pushes to one device, to 10,000, and across cores"
    rounds, seconds = 3, 3.0
    # line: devices, mode, requests under way, shards
    modes = {
        "push-one-1": (1, "one", 1, 1),
        "push-one-16": (1, "one", 16, 1),
        "push-many": (10000, "many", 16, 1),
        "push-broadcast": (10000, "broadcast", 1, 1),
        "push-many-2-shards": (10000, "many", 16, 2),
    }

    def lines(self, context):
        return list(self.modes)

    def servers(self, context, line):
        return context.selection.of_kind("gate")

    def expected(self, context):
        return super().expected(context) + 1.0

    def measure(self, context, step):
        devices, mode, pipeline, shard_count = self.modes[step.line]
        gate = Gate(binary=context.gate_binary, shards=shard_count, cpus="0,1" if shard_count == 2 else "0")
        seconds = self._seconds(context)
        return rounds.loaded(
            gate,
            "pushes",
            ["--devices", devices, "--mode", mode, "--pipeline", pipeline, *self._timing(context, step)],
            seconds,
            context.scratch,
            admin=True,
        )


class Shards(Phase):
    name, about = "shards", "one shard against two, with the load on the same two cores"
    rounds, seconds = 7, 3.0

    def lines(self, context):
        return list(shards.LINES)

    def servers(self, context, line):
        return list(shards.VARIANTS) if context.selection.of_kind("gate") else []

    def measure(self, context, step):
        return shards.measure(context.gate_binary, step.server, step.line, self._seconds(context), context.scratch)


def failed(text):
    return {"began": rounds.now(), "error": text, "marks": []}


# What `--tls` measures instead.
TLS_PHASES = {phase.name: phase for phase in (TlsEcho(), TlsHandshakes(), Idle())}
PHASES = {phase.name: phase for phase in (Screen(), Judged(), Elsewhere(), Handshakes(), Idle(), Push(), Open(), Shards())}
