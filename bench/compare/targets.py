"""What ringgate is to reach, as data. verdict.py holds a run against it; nothing else knows these numbers.

A ratio is a median over rounds of the core time per message, ringgate over the other with `at_most`, the other over ringgate with
`at_least`. `against`: a server's name, "best ceiling", "best rival", or "every rival".
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Ratio:
    text: str
    line: str
    against: str
    at_most: float | None = None
    at_least: float | None = None
    figure: str = "core"  # or "p999"


@dataclasses.dataclass(frozen=True)
class Counted:
    """A counter of the gate per message."""

    text: str
    line: str
    counter: str
    at_most: float


@dataclasses.dataclass(frozen=True)
class Bytes:
    """Memory of an idle connection; `figure` is a member of figures.IdleFigures."""

    text: str
    figure: str
    at_most: float


@dataclasses.dataclass(frozen=True)
class NobodyAhead:
    text: str


@dataclasses.dataclass(frozen=True)
class MeasuredElsewhere:
    text: str
    where: str


TARGETS = (
    Ratio("20 B, one in flight: core time against raw io_uring echo", "binary-20B-64x1", "raw_uring", at_most=1.05),
    Ratio("20 B, one in flight: times faster than gorilla", "binary-20B-64x1", "gorilla", at_least=1.5),
    Ratio("20 B, one in flight: faster than every rival", "binary-20B-64x1", "every rival", at_least=1.0),
    Ratio("20 B, 16 in flight: core time against raw io_uring echo", "binary-20B-64x16", "raw_uring", at_most=1.10),
    Ratio("20 B, 16 in flight: times faster than gorilla", "binary-20B-64x16", "gorilla", at_least=10.0),
    Ratio("runs of 16 KiB full of 20 B frames: against the better raw echo", "run-16KiB-of-20B", "best ceiling", at_most=2.0),
    Ratio("16 KiB, one in flight: against the better raw echo", "binary-16KiB-64x1", "best ceiling", at_most=1.10),
    Ratio("64 KiB: against the better raw echo", "binary-64KiB-64x1", "best ceiling", at_most=1.25),
    Ratio("64 KiB of multi-byte text: against the better raw echo", "utf8-64KiB", "best ceiling", at_most=1.40),
    NobodyAhead("no rival ahead on any line beyond the spread"),
    Counted("io_uring_enter per echo, 64 busy connections", "binary-20B-64x1", "enters", 0.06),
    Counted("completion entries per echo, 64 busy connections", "binary-20B-64x1", "completions", 1.05),
    Bytes("idle connection: user memory, bytes", "user", 160),
    Bytes("idle connection: with the kernel's, hot, bytes", "total", 5000),
    Bytes("idle connection: with the kernel's, cold, bytes", "cold_total", 4400),
    Ratio("open loop at 50 %: core time against the best rival", "open-50", "best rival", at_most=0.9),
    Ratio("open loop at 70 %: p99.9 against the best rival", "open-70", "best rival", at_most=1.0, figure="p999"),
    Ratio("handshakes per core second: times the best rival's", "handshakes", "best rival", at_least=1.2),
    MeasuredElsewhere("cross-core push: at most 150 ns more, in batches of 16", "tools/bench micro mailbox"),
    MeasuredElsewhere("eight pushes to one device in one turn: at most 1.3 times one", "tools/bench micro push"),
    Ratio(
        "two shards on two cores against one: both cores' time per message", "shards:binary-20B-64x1", "one-shard", at_most=1.10
    ),
    Ratio("the same, 16 in flight", "shards:binary-20B-64x16", "one-shard", at_most=1.10),
)
