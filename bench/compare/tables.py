"""The tables of a report, as rows of text that Markdown and HTML both show: the verdict, the lines, and all in their order."""

import figures as figures_module
import lines
import phase_tables
import ratios
import verdict
from table import Table, nanoseconds, ordered, rate, rounds, spread, whole


def comparison(figures, title, cells, note="", per="message"):
    headers = [
        "server",
        f"core time per {per}",
        "times ringgate",
        "spread",
        f"{per}s/s",
        "process CPU",
        "p50",
        "p99",
        "p99.9",
        "rounds",
    ]
    rows, servers = [], []
    for cell in ordered(figures, cells):
        servers.append(cell.server)
        if cell.core is None:
            rows.append([f"{figures.label(cell.server)}: {cell.error}", "failed", *[""] * 7, rounds(cell)])
            continue
        rows.append(
            [
                figures.label(cell.server),
                nanoseconds(cell.core.median),
                f"{cell.ratio.median:.2f}" if cell.ratio else "",
                spread(cell.ratio),
                rate(cell.rate),
                nanoseconds(cell.process),
                *[nanoseconds(cell.latency.get(name)) for name in figures_module.LATENCIES],
                rounds(cell),
            ]
        )
    return Table(title, headers, rows, note, figures_module.GATE, servers, prose=(0, len(headers) - 1))


def verdict_table(figures):
    rows = [[row.target, row.limit, row.measured, row.verdict, row.note] for row in verdict.judge(figures)]
    return Table("Verdict", ["target", "limit", "measured (spread)", "verdict", "note"], rows, prose=(0, 3, 4))


def ahead_table(figures):
    rows = [
        [
            lines.LINES[ahead.line].title,
            figures.label(ahead.server),
            f"{ahead.ratio.median:.2f}",
            spread(ahead.ratio),
            str(ahead.ratio.count),
        ]
        for ahead in verdict.rivals_ahead(figures)[0]
    ]
    return Table(
        "Rivals ahead of ringgate",
        ["line", "rival", "times ringgate's core time", "spread", "rounds"],
        rows,
        "Beyond the spread: the upper quartile of the ratio is below 1. A single round has no spread.",
        prose=(0, 1),
    )


def overview(figures):
    """Core time relative to ringgate, a row for each line and a column for each server."""
    names = [
        name
        for name in figures.about["servers"]
        if name != figures_module.GATE and any(name in row for row in figures.echo.values())
    ]
    rows = []
    for line in (line for line in lines.LINES if line in figures.echo):
        cells = figures.echo[line]
        ours = cells.get(figures_module.GATE)
        rows.append(
            [
                lines.LINES[line].short,
                nanoseconds(ours.core.median) if ours and ours.core else "failed",
                *[_times(cells.get(name)) for name in names],
            ]
        )
    return Table(
        "Every line: core time per message, as times that of ringgate",
        ["line", "ringgate", *(name.replace("_", " ") for name in names)],
        rows,
        "64 connections and 1 in flight unless said. Above 1: dearer than ringgate. An asterisk: one "
        "screening round only; a dagger: a round was marked.",
    )


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
        lateness = ratios.spread(cell.lateness for cell in figures.open[line].values())
        yield comparison(
            figures,
            f"Open loop, {share} %",
            figures.open[line],
            f"{whole(per_second)} messages/s of 20 B over 64 connections: {share} % of what {figures.label(whose)}, the slowest "
            "serious rival, reached in the screening. Latency counts from the intended send time"
            + (f"; the load itself sent {nanoseconds(lateness.median)} late at p99.9 (median of the servers)." if lateness else "."),
        )


def measured(figures):
    """(anchor, table) of everything that the run measured, in the order of the report."""
    judged = [line for line in lines.JUDGED if line in figures.echo]
    if not figures.is_tls:  # the targets are for plain TCP
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
        yield "handshakes", phase_tables.handshakes(figures, figures.handshakes)
    if figures.resumed:
        yield "handshakes", phase_tables.handshakes(figures, figures.resumed, "Handshakes that resume a TLS session")
    if figures.idle:
        yield "idle", phase_tables.idle_table(figures)
    if figures.push:
        yield "push", phase_tables.push_table(figures)
    if figures.shards:
        yield "shards", phase_tables.shards_table(figures)
    yield "machine", phase_tables.machine_table(figures)
