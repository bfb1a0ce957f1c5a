"""Which plots a report has, and what of the figures each shows."""

import math

import drawing
import figures as figures_module
import lines
import table

SIZE_NAMES = list(lines.SIZES)
CURVE_LINES = ("open-70", "open-50", *lines.JUDGED[:2])


def _series_order(figures):
    """Rivals are drawn first and ringgate last, so that it lies on top."""
    return [*figures.of_kind("rival"), *figures.of_kind("ceiling"), *figures.of_kind("variant"), figures_module.GATE]


def relative_cost(figures):
    """Core time per message relative to ringgate, judged lines first."""
    names = [line for line in lines.JUDGED if line in figures.echo] + [line for line in figures.echo if line not in lines.JUDGED]
    rows = []
    for line in names:
        cells = figures.echo[line]
        rows.append(
            (
                lines.LINES[line].short,
                [
                    (name, figures.label(name), ratio.median, ratio.low, ratio.high)
                    for name in _series_order(figures)
                    if name in cells and (ratio := cells[name].ratio) is not None
                ],
            )
        )
    return drawing.dot_plot(
        rows,
        x_label="core time per message, times ringgate's (right: dearer)",
        x_text=lambda value: f"{value:.3g}",
        reference=1.0,
    )


def throughput(figures):
    """(title, plot) of messages per second by size, one for each number of connections and messages in flight."""
    ticks = list(enumerate(label.replace("K", " K").replace("0B", "0 B").replace("5B", "5 B") for label in SIZE_NAMES))
    for connections in lines.CONNECTIONS:
        for in_flight in lines.IN_FLIGHT:
            series = []
            for name in _series_order(figures):
                cells = [figures.echo.get(lines.grid_name(size, connections, in_flight), {}).get(name) for size in SIZE_NAMES]
                points = [(place, cell.rate) for place, cell in enumerate(cells) if cell is not None and cell.rate]
                series.append((name, figures.label(name), points))
            if any(len(points) > 1 for _, _, points in series):
                yield (
                    f"{connections:,} connections, {in_flight} in flight",
                    drawing.line_plot(
                        series,
                        x_ticks=ticks,
                        x_label="message size",
                        y_label="messages per second",
                        y_text=table.rate,
                    ),
                )


def percentiles(figures):
    """(title, plot) of latency over the percentile, for the open loop and the two small echo lines."""
    ticks = [(0, "50 %"), (1, "90"), (2, "99"), (3, "99.9"), (4, "99.99"), (5, "99.999")]
    for line in CURVE_LINES:
        cells = figures.open.get(line) or figures.echo.get(line) or {}
        series = [
            (name, figures.label(name), _curve(cells[name].curve))
            for name in _series_order(figures)
            if name in cells and figures.about["servers"].get(name, {}).get("kind") != "ceiling"
        ]
        plot = drawing.line_plot(
            series,
            x_ticks=ticks,
            x_label="percentile",
            y_label="latency",
            y_text=table.nanoseconds,
        )
        if plot:
            yield (f"open loop, {line.removeprefix('open-')} %" if line in figures.open else lines.LINES[line].title), plot


def _curve(curve):
    """Quantiles as steps of nines: 0.5 is 0, 0.9 is 1, 0.99 is 2."""
    points = []
    for quantile, latency in curve:
        if 0.5 <= quantile < 1 and latency > 0:
            nines = -math.log10(1 - quantile)
            points.append((nines if nines >= 1 else (nines - math.log10(2)) / (1 - math.log10(2)), latency))
    return [point for point in points if point[0] <= 5.001]


def open_cost(figures):
    shares = sorted(int(line.removeprefix("open-")) for line in figures.open)
    series = []
    for name in _series_order(figures):
        cells = [(share, figures.open[f"open-{share}"].get(name)) for share in shares]
        series.append(
            (name, figures.label(name), [(share, cell.core.median) for share, cell in cells if cell is not None and cell.core])
        )
    return drawing.line_plot(
        series,
        x_ticks=[(share, f"{share} %") for share in shares],
        x_label="load",
        y_label="core time per message",
        y_text=table.nanoseconds,
        logarithmic=False,
    )


def handshakes(figures):
    rows = [
        (cell.server, figures.label(cell.server), [1e9 / cell.core.median])
        for cell in sorted((cell for cell in figures.handshakes.values() if cell.core), key=lambda cell: cell.core.median)
    ]
    return drawing.bar_plot(
        rows,
        value_text=table.rate,
        x_label="handshakes per core second (longer: better)",
    )
