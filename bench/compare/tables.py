"""The tables of a report, as rows of text that Markdown and HTML both show."""

import dataclasses

import figures as figures_module
import lines
import verdict
from phases import Push


@dataclasses.dataclass
class Table:
    title: str
    headers: list[str]
    rows: list[list[str]]
    note: str = ""
    lead: str = ""        # the name of the server whose rows stand out
    servers: list = dataclasses.field(default_factory=list)  # the server of each row, where rows are servers
    prose: tuple = (0,)   # columns that hold words rather than figures

    def markdown(self):
        alignment = ["---" if column in self.prose else "---:" for column in range(len(self.headers))]
        head = ["| " + " | ".join(self.headers) + " |", "|" + "|".join(alignment) + "|"]
        body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in self.rows]
        return "\n".join([f"### {self.title}", "", *([self.note, ""] if self.note else []), *head, *body, ""])


def nanoseconds(value):
    if not value:
        return "" if value is None else "0"
    for limit, divisor, unit in ((1e3, 1, "ns"), (1e6, 1e3, "µs"), (1e9, 1e6, "ms"), (float("inf"), 1e9, "s")):
        if value < limit:
            return f"{three_digits(value / divisor)} {unit}"
    return ""


def three_digits(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def rate(value):
    if value is None:
        return ""
    for limit, divisor, unit in ((1e4, 1, ""), (1e6, 1e3, " k"), (float("inf"), 1e6, " M")):
        if value < limit:
            return f"{three_digits(value / divisor) if unit else f'{value:,.0f}'}{unit}"
    return ""


def whole(value):
    return "" if value is None else f"{value:,.0f}"


def spread(ratio):
    return "" if ratio is None else f"{ratio.low:.2f} to {ratio.high:.2f}"


def rounds(cell):
    """How many rounds, and what is to be held against them."""
    faults = [f"{count} {mark}" for mark, count in sorted(cell.marked.items())] + ([f"{cell.failed} failed"] if cell.failed else [])
    return f"{cell.count}" + (f" ({', '.join(faults)})" if faults else "")


def ordered(figures, cells):
    """ringgate first, then the ceilings, then rivals; each from cheap to dear, those that failed last."""
    kinds = {"gate": 0, "ceiling": 1, "rival": 2}
    return sorted(cells.values(), key=lambda cell: (kinds.get(figures.about["servers"].get(cell.server, {}).get("kind"), 3),
                                                    cell.core.median if cell.core else float("inf")))


def comparison(figures, title, cells, note="", per="message"):
    headers = ["server", f"core time per {per}", "times ringgate", "spread", f"{per}s/s", "process CPU", "p50", "p99", "p99.9", "rounds"]
    rows, servers = [], []
    for cell in ordered(figures, cells):
        servers.append(cell.server)
        if cell.core is None:
            rows.append([f"{figures.label(cell.server)}: {cell.error}", "failed", *[""] * 7, rounds(cell)])
            continue
        rows.append([figures.label(cell.server), nanoseconds(cell.core.median), f"{cell.ratio.median:.2f}" if cell.ratio else "",
                     spread(cell.ratio), rate(cell.rate), nanoseconds(cell.process),
                     *[nanoseconds(cell.latency.get(name)) for name in figures_module.LATENCIES], rounds(cell)])
    return Table(title, headers, rows, note, figures_module.GATE, servers, prose=(0, len(headers) - 1))


def verdict_table(figures):
    rows = [[row.target, row.limit, row.measured, row.verdict, row.note] for row in verdict.judge(figures)]
    return Table("Verdict", ["target", "limit", "measured (spread)", "verdict", "note"], rows, prose=(0, 3, 4))


def ahead_table(figures):
    rows = [[lines.LINES[ahead.line].title, figures.label(ahead.server), f"{ahead.ratio.median:.2f}", spread(ahead.ratio),
             str(ahead.ratio.count)] for ahead in verdict.rivals_ahead(figures)[0]]
    return Table("Rivals ahead of ringgate", ["line", "rival", "times ringgate's core time", "spread", "rounds"], rows,
                 "Beyond the spread: the upper quartile of the ratio is below 1. A single round has no spread.", prose=(0, 1))


def overview(figures):
    """Core time relative to ringgate, a row for each line and a column for each server."""
    names = [name for name in figures.about["servers"] if name != figures_module.GATE and any(name in row for row in figures.echo.values())]
    rows = []
    for line in (line for line in lines.LINES if line in figures.echo):
        cells = figures.echo[line]
        ours = cells.get(figures_module.GATE)
        rows.append([lines.LINES[line].short, nanoseconds(ours.core.median) if ours and ours.core else "failed",
                     *[_times(cells.get(name)) for name in names]])
    return Table("Every line: core time per message, as times that of ringgate", ["line", "ringgate", *(figures.label(name).split(" (")[0] for name in names)], rows,
                 "64 connections and 1 in flight unless said. Above 1: dearer than ringgate. An asterisk: one screening round only; a dagger: a round was marked.")


def _times(cell):
    if cell is None:
        return ""
    if cell.ratio is None:
        return "failed" if cell.failed else ""
    return f"{cell.ratio.median:.2f}" + ("*" if cell.phase == "screen" else "") + ("†" if cell.marked else "")


def open_tables(figures):
    for line in sorted(figures.open):
        per_second, whose = figures.rates.get(line, (None, ""))
        share = line.removeprefix("open-")
        yield comparison(figures, f"Open loop, {share} %", figures.open[line],
                         f"{whole(per_second)} messages/s of 20 B over 64 connections: {share} % of what {figures.label(whose)}, the slowest "
                         "serious rival, reached in the screening. Latency counts from the intended send time.")


def handshakes(figures):
    headers = ["server", "handshakes per core second", "times ringgate's cost", "spread", "handshakes/s", "process CPU", "rounds"]
    rows, servers = [], []
    for cell in ordered(figures, figures.handshakes):
        servers.append(cell.server)
        if cell.core is None:
            rows.append([f"{figures.label(cell.server)}: {cell.error}", "failed", "", "", "", "", rounds(cell)])
        else:
            rows.append([figures.label(cell.server), whole(1e9 / cell.core.median), f"{cell.ratio.median:.2f}" if cell.ratio else "",
                         spread(cell.ratio), rate(cell.rate), nanoseconds(cell.process), rounds(cell)])
    return Table("Handshakes: connect, upgrade, close", headers, rows, "", figures_module.GATE, servers)


def idle_table(figures):
    headers = ["server", "user, B", "kernel, B", "total, B", "total after 15 s, B", "RSS before, MiB", "rounds"]
    rows, servers = [], []
    for each in sorted(figures.idle.values(), key=lambda idle: idle.total if idle.total is not None else float("inf")):
        servers.append(each.server)
        if each.total is None:
            rows.append([f"{figures.label(each.server)}: {each.error or 'bare pairs were not measured'}", "failed", *[""] * 4, str(each.count)])
        else:
            rows.append([figures.label(each.server), whole(each.user), whole(each.kernel), whole(each.total), whole(each.cold_total),
                         f"{each.rss_before / 2**20:.0f}" if each.rss_before else "", str(each.count)])
    half = next((each.bare_half for each in figures.idle.values()), None)
    note = f"15,000 connections. A bare socket is {whole(half)} B of slabs (half a bare pair); as much is taken off for the client's."
    return Table("Memory of an idle connection", headers, rows, note, figures_module.GATE, servers)


def push_table(figures):
    headers = ["what", "pushes/s", "core time per push", "process CPU per push", "p50", "p99", "rounds"]
    rows = []
    for line, (devices, mode, pipeline, shard_count) in Push.modes.items():
        cell = figures.push.get(line, {}).get(figures_module.GATE)
        if cell is None:
            continue
        words = {"one": "to one device", "many": f"to {devices:,} devices in turn", "broadcast": f"broadcasts to {devices:,} devices"}[mode]
        title = f"{words}, {pipeline} under way" + (", 2 shards" if shard_count == 2 else "")
        if cell.core is None:
            rows.append([f"{title}: {cell.error}", "failed", *[""] * 4, rounds(cell)])
        else:
            rows.append([title, rate(cell.rate), nanoseconds(cell.core.median), nanoseconds(cell.process),
                         nanoseconds(cell.latency.get("p50")), nanoseconds(cell.latency.get("p99")), rounds(cell)])
    return Table("Push through the admin port", headers, rows,
                 "Counted per message that a device received; each push but a broadcast is an HTTP request of its own, whose cost is in it.")


def shards_table(figures):
    headers = ["line", "variant", "both cores' time per message", "times one shard", "spread", "messages/s", "rounds"]
    rows = []
    for line, cells in figures.shards.items():
        for cell in cells.values():
            if cell.core is None:
                rows.append([lines.LINES[line].title, f"{cell.server}: {cell.error}", "failed", "", "", "", rounds(cell)])
            else:
                rows.append([lines.LINES[line].title, cell.server.replace("-", " "), nanoseconds(cell.core.median), f"{cell.ratio.median:.3f}" if cell.ratio else "",
                             spread(cell.ratio), rate(cell.rate), rounds(cell)])
    return Table("Two shards on two cores against one", headers, rows,
                 "Server and load share both cores; the load's own time is in the figure, since it cannot be told apart.", prose=(0, 1))


def machine_table(figures):
    about = figures.about
    rows = [[name, str(value)] for name, value in about["machine"].items()]
    rows += [["began", about["began"]], ["seed", str(about["seed"])],
             ["options", ", ".join(f"{name} {value}" for name, value in about["options"].items() if value) or "defaults"],
             ["ringgate's SHA-256", about["gate_sha256"]]]
    rows += [[each["label"], each["version"]] for each in about["servers"].values()]
    rows += [[name, f"missing: {reason}"] for name, reason in about["missing"].items()]
    return Table("Machine, options and versions", ["what", "which"], rows, prose=(0, 1))


def measured(figures):
    """(anchor, table) of everything that the run measured, in the order of the report."""
    judged = [line for line in lines.JUDGED if line in figures.echo]
    yield "verdict", verdict_table(figures)
    ahead = ahead_table(figures)
    if ahead.rows:
        yield "ahead", ahead
    for line in judged:
        yield f"line-{line}", comparison(figures, lines.LINES[line].title, figures.echo[line])
    if figures.echo:
        yield "lines", overview(figures)
    for table in open_tables(figures):
        yield "open", table
    if figures.handshakes:
        yield "handshakes", handshakes(figures)
    if figures.idle:
        yield "idle", idle_table(figures)
    if figures.push:
        yield "push", push_table(figures)
    if figures.shards:
        yield "shards", shards_table(figures)
    yield "machine", machine_table(figures)
