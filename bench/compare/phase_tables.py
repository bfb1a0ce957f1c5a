"""The tables of what is not echo: handshakes, idle memory, push, shards; and of the machine."""

import figures as figures_module
import lines
from phases import Push
from table import Table, nanoseconds, ordered, rate, rounds, spread, whole


def handshakes(figures, cells, title="Handshakes: connect, upgrade, close"):
    headers = ["server", "handshakes per core second", "times ringgate's cost", "spread", "handshakes/s", "process CPU", "rounds"]
    rows, servers = [], []
    for cell in ordered(figures, cells):
        servers.append(cell.server)
        if cell.core is None:
            rows.append([f"{figures.label(cell.server)}: {cell.error}", "failed", "", "", "", "", rounds(cell)])
        else:
            rows.append(
                [
                    figures.label(cell.server),
                    whole(1e9 / cell.core.median),
                    f"{cell.ratio.median:.2f}" if cell.ratio else "",
                    spread(cell.ratio),
                    rate(cell.rate),
                    nanoseconds(cell.process),
                    rounds(cell),
                ]
            )
    return Table(title, headers, rows, "", figures_module.GATE, servers)


def idle_table(figures):
    headers = ["server", "user, B", "kernel, B", "total, B", "total after 15 s, B", "RSS before, MiB", "rounds"]
    rows, servers = [], []
    for each in sorted(figures.idle.values(), key=lambda idle: idle.total if idle.total is not None else float("inf")):
        servers.append(each.server)
        if each.total is None:
            rows.append(
                [
                    f"{figures.label(each.server)}: {each.error or 'bare pairs were not measured'}",
                    "failed",
                    *[""] * 4,
                    str(each.count),
                ]
            )
        else:
            rows.append(
                [
                    figures.label(each.server),
                    whole(each.user),
                    whole(each.kernel),
                    whole(each.total),
                    whole(each.cold_total),
                    f"{each.rss_before / 2**20:.0f}" if each.rss_before else "",
                    str(each.count),
                ]
            )
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
        words = {
            "one": "to one device",
            "many": f"to {devices:,} devices in turn",
            "broadcast": f"broadcasts to {devices:,} devices",
        }[mode]
        title = f"{words}, {pipeline} under way" + (", 2 shards" if shard_count == 2 else "")
        if cell.core is None:
            rows.append([f"{title}: {cell.error}", "failed", *[""] * 4, rounds(cell)])
        else:
            rows.append(
                [
                    title,
                    rate(cell.rate),
                    nanoseconds(cell.core.median),
                    nanoseconds(cell.process),
                    nanoseconds(cell.latency.get("p50")),
                    nanoseconds(cell.latency.get("p99")),
                    rounds(cell),
                ]
            )
    return Table(
        "Push through the admin port",
        headers,
        rows,
        "Counted per message that a device received; each push but a broadcast is an HTTP request of its own, whose cost is in it.",
    )


def shards_table(figures):
    headers = ["line", "variant", "both cores' time per message", "times one shard", "spread", "messages/s", "rounds"]
    rows = []
    for line, cells in figures.shards.items():
        for cell in cells.values():
            if cell.core is None:
                rows.append([lines.LINES[line].title, f"{cell.server}: {cell.error}", "failed", "", "", "", rounds(cell)])
            else:
                rows.append(
                    [
                        lines.LINES[line].title,
                        cell.server.replace("-", " "),
                        nanoseconds(cell.core.median),
                        f"{cell.ratio.median:.3f}" if cell.ratio else "",
                        spread(cell.ratio),
                        rate(cell.rate),
                        rounds(cell),
                    ]
                )
    return Table(
        "Two shards on two cores against one",
        headers,
        rows,
        "Server and load share both cores; the load's own time is in the figure, since it cannot be told apart.",
        prose=(0, 1),
    )


def machine_table(figures):
    about = figures.about
    rows = [[name, str(value)] for name, value in about["machine"].items()]
    rows += [
        ["began", about["began"]],
        ["seed", str(about["seed"])],
        ["options", ", ".join(f"{name} {value}" for name, value in about["options"].items() if value) or "defaults"],
        ["ringgate's SHA-256", about["gate_sha256"]],
    ]
    rows += [[each["label"], each["version"]] for each in about["servers"].values()]
    rows += [[name, f"missing: {reason}"] for name, reason in about["missing"].items()]
    return Table("Machine, options and versions", ["what", "which"], rows, prose=(0, 1))
