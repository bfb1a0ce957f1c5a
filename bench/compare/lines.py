"""The lines of a comparison: named load configurations, and which of them are judged.

A line says what the load does, never to whom. Names are stable: stored rounds, targets and reports refer to them.
"""

import dataclasses

SIZES = {"20B": 20, "125B": 125, "1KiB": 1024, "16KiB": 16384, "64KiB": 65536}
IN_FLIGHT = (1, 16)
CONNECTIONS = (64, 1000)
RUNS = {"512B": 512, "16KiB": 16384}
TEXT_SIZES = ("20B", "1KiB", "64KiB")
TEXTS = {"ascii": "ASCII text", "utf8": "multi-byte text"}


@dataclasses.dataclass(frozen=True)
class Line:
    name: str
    title: str
    size: int
    connections: int = 64
    in_flight: int = 1
    payload: str = "binary"
    run_bytes: int | None = None

    @property
    def short(self):
        """The title in as few words as a plot has room for."""
        return self.title.replace(" connections, ", " × ").replace(" in flight", "").removesuffix(", 64 × 1")

    def arguments(self):
        """The options of `ringgate-load run` that make this line."""
        options = [
            "--connections",
            self.connections,
            "--in-flight",
            self.in_flight,
            "--size",
            self.size,
            "--payload",
            self.payload,
        ]
        if self.run_bytes is not None:
            options += ["--run-bytes", self.run_bytes]
        return [str(option) for option in options]


def _every_line():
    for connections in CONNECTIONS:
        for in_flight in IN_FLIGHT:
            for label, size in SIZES.items():
                yield Line(
                    f"binary-{label}-{connections}x{in_flight}",
                    f"{_spaced(label)} binary, {connections:,} connections, {in_flight} in flight",
                    size,
                    connections,
                    in_flight,
                )
    for run_label, run_bytes in RUNS.items():
        for label in ("20B", "125B"):
            yield Line(
                f"run-{run_label}-of-{label}",
                f"runs of {_spaced(run_label)} full of {_spaced(label)} frames",
                SIZES[label],
                run_bytes=run_bytes,
            )
    for kind, words in TEXTS.items():
        for label in TEXT_SIZES:
            yield Line(f"{kind}-{label}", f"{_spaced(label)} {words}, 64 connections, 1 in flight", SIZES[label], payload=kind)


def _spaced(label):
    digits = label.rstrip("KMiB")
    return f"{digits} {label[len(digits) :]}"


LINES = {line.name: line for line in _every_line()}

# The lines that targets speak of, and that get the long rounds.
JUDGED = ("binary-20B-64x1", "binary-20B-64x16", "run-16KiB-of-20B", "binary-16KiB-64x1", "binary-64KiB-64x1", "utf8-64KiB")
# What is measured over TLS.
TLS = tuple(f"binary-{label}-64x{in_flight}" for label in ("20B", "1KiB", "16KiB", "64KiB") for in_flight in IN_FLIGHT)
# The line whose screening says how fast the open loop goes.
OPEN_LINE = "binary-20B-64x1"


def grid_name(label, connections, in_flight):
    return f"binary-{label}-{connections}x{in_flight}"
