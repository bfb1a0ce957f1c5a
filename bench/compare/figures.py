"""What the rounds of a run come to: for each line and server a cell of medians and spreads, always as ratios to ringgate too.

A server's cell is made of the longest rounds that it had on the line: judged, else elsewhere, else the screening. Its ratio pairs
rounds of the same phase and number, made within minutes unless the run was interrupted, so that drift of the machine hits both
sides.
"""

import dataclasses

import idle
import lines
import ratios
from phases import RESUMED
from selection import busy_per_message, by_round

GATE = "ringgate"
DEEPEST_FIRST = ("judged", "elsewhere", "screen", "echo")
LATENCIES = ("p50", "p99", "p999")


@dataclasses.dataclass
class Cell:
    """One server on one line. Times in nanoseconds; each `_rounds` maps the number of a round to its figure."""

    server: str
    phase: str
    core: ratios.Spread | None = None  # busy time of the server's core per message
    ratio: ratios.Spread | None = None  # core time over that of the base, round by round
    core_rounds: dict = dataclasses.field(default_factory=dict)
    p999_rounds: dict = dataclasses.field(default_factory=dict)
    rate: float | None = None  # messages per second
    bytes_rate: float | None = None
    process: float | None = None  # CPU time of the server's process per message
    latency: dict = dataclasses.field(default_factory=dict)
    lateness: float | None = None  # open loop: how late the load itself sent, p99.9
    curve: list = dataclasses.field(default_factory=list)
    counters: dict = dataclasses.field(default_factory=dict)  # per message: enters, completions
    count: int = 0
    marked: dict = dataclasses.field(default_factory=dict)
    failed: int = 0
    error: str = ""


def grouped(records):
    """{phase: {line: {server: [record]}}}"""
    groups = {}
    for record in records:
        groups.setdefault(record["phase"], {}).setdefault(record["line"], {}).setdefault(record["server"], []).append(record)
    return groups


def cell(server, phase, records, base):
    """The cell of these rounds; `base` are those of the server that ratios are taken to."""
    made = Cell(server, phase, count=len(records), failed=sum(bool(record["error"]) for record in records))
    made.error = next((record["error"] for record in records if record["error"]), "")
    good = [record for record in records if not record["error"]]
    for record in good:
        for mark in record["marks"]:
            made.marked[mark] = made.marked.get(mark, 0) + 1
    if not good:
        return made
    made.core_rounds = by_round(records, _core)
    made.core = ratios.spread(made.core_rounds.values())
    made.ratio = ratios.ratio(made.core_rounds, by_round(base, _core))
    made.p999_rounds = by_round(records, lambda record: record["load"]["latency_ns"].get("p999"))
    made.rate = _median(records, lambda load: load["messages_per_second"])
    made.bytes_rate = _median(records, lambda load: load.get("bytes_per_second"))
    made.process = _median(records, _process)
    made.latency = {name: _median(records, lambda load, name=name: load["latency_ns"].get(name)) for name in LATENCIES}
    made.lateness = _median(records, lambda load: load.get("lateness_ns", {}).get("p999"))
    made.curve = sorted(good, key=_core)[len(good) // 2]["load"].get("latency_curve", [])
    made.counters = _counters(good)
    return made


def _core(record):
    return busy_per_message(record["load"])


def _process(load):
    spent = load["server"].get("process_cpu_ns")
    return None if spent is None else spent / load["messages"]


def _median(records, figure):
    found = ratios.spread(by_round(records, lambda record: figure(record["load"])).values())
    return found.median if found else None


def _counters(records):
    """The gate counts from its start to its end, so the few of the opening handshakes are in it."""
    counted = [record["gate"] for record in records if record.get("gate", {}).get("messages")]
    names = [name for name in ("enters", "completions") if counted]
    return {name: ratios.spread([each[name] / each["messages"] for each in counted]).median for name in names}


def echo_cells(groups):
    """{line: {server: cell}} of the echo lines, each cell from the deepest phase that the server was in."""
    cells = {}
    for phase in DEEPEST_FIRST:
        for line, servers in groups.get(phase, {}).items():
            for server, records in servers.items():
                row = cells.setdefault(line, {})
                if server not in row or row[server].core is None:
                    row[server] = cell(server, phase, records, servers.get(GATE, []))
    return {line: cells[line] for line in lines.LINES if line in cells}


def phase_cells(groups, phase, base=GATE):
    return {
        line: {server: cell(server, phase, records, servers.get(base, [])) for server, records in servers.items()}
        for line, servers in groups.get(phase, {}).items()
    }


@dataclasses.dataclass
class IdleFigures:
    """Bytes per connection: user is the server's RSS, kernel its share of the slabs."""

    server: str
    user: float | None = None
    kernel: float | None = None
    cold_user: float | None = None
    cold_kernel: float | None = None
    bare_half: float | None = None
    rss_before: float | None = None
    count: int = 0
    error: str = ""

    @property
    def total(self):
        return None if self.user is None or self.kernel is None else self.user + self.kernel

    @property
    def cold_total(self):
        return None if self.cold_user is None or self.cold_kernel is None else self.cold_user + self.cold_kernel


def idle_figures(groups):
    servers = groups.get("idle", {}).get("idle", {})
    bare = _idle_median(servers.get(idle.BARE, []), "hot_slab_bytes")
    half = None if bare is None else bare / 2
    found = {}
    for server, records in servers.items():
        if server == idle.BARE:
            continue
        made = IdleFigures(
            server, bare_half=half, count=len(records), error=next((r["error"] for r in records if r["error"]), "")
        )
        for name, state in (("", "hot"), ("cold_", "cold")):
            slab = _idle_median(records, f"{state}_slab_bytes")
            setattr(made, f"{name}user", _idle_median(records, f"{state}_user_bytes"))
            setattr(made, f"{name}kernel", None if slab is None or half is None else slab - half)
        made.rss_before = _idle_median(records, "rss_before_bytes")
        found[server] = made
    return found


def _idle_median(records, name):
    found = ratios.spread([record["idle"].get(name) for record in records if not record["error"]])
    return found.median if found else None


@dataclasses.dataclass
class Figures:
    """Everything that tables, plots and the verdict are made of."""

    about: dict
    echo: dict
    open: dict
    rates: dict
    handshakes: dict
    idle: dict
    push: dict
    shards: dict
    resumed: dict = dataclasses.field(default_factory=dict)

    def of_kind(self, kind):
        return [name for name, each in self.about["servers"].items() if each["kind"] == kind]

    @property
    def is_tls(self):
        return bool(self.about["options"].get("tls"))

    def label(self, server):
        return self.about["servers"].get(server, {}).get("label", server)


def gather(store):
    records = list(store.records())
    groups = grouped(records)
    rates = {record["line"]: (record["rate"], record["rate_of"]) for record in records if "rate" in record}
    return Figures(
        store.read_run(),
        echo_cells(groups),
        phase_cells(groups, "open"),
        rates,
        phase_cells(groups, "handshakes").get("handshakes", {}),
        idle_figures(groups),
        phase_cells(groups, "push"),
        phase_cells(groups, "shards", base="one-shard"),
        resumed=phase_cells(groups, "handshakes").get(RESUMED, {}),
    )


def as_json(figures):
    """The same for programs."""
    return dataclasses.asdict(figures)
