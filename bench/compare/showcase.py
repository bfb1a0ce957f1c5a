"""The three plots that docs/performance.md opens with, as files for light and dark pages: what a message costs, what it waits, what
an idle connection holds.
"""

import drawing
import figures as figures_module
import lines
import palette
import table

RATE_LINE = "open-50"


def message_cost(figures):
    cells = figures.echo.get(lines.JUDGED[0], {})
    rows = [
        (cell.server, figures.label(cell.server), [cell.core.median])
        for cell in sorted((cell for cell in cells.values() if cell.core), key=lambda cell: cell.core.median)
    ]
    return drawing.bar_plot(
        rows, value_text=table.nanoseconds, x_label="core time to echo a message of 20 bytes, 64 connections (shorter: better)"
    )


def latency(figures):
    """p50, pale, and what p99 adds to it, at one rate for all."""
    cells = [cell for cell in figures.open.get(RATE_LINE, {}).values() if cell.latency.get("p99")]
    rows = [
        (cell.server, f"{figures.label(cell.server)}, {table.nanoseconds(cell.core.median)} a message", [cell.latency["p50"], cell.latency["p99"] - cell.latency["p50"]])
        for cell in sorted(cells, key=lambda cell: cell.latency["p50"])
    ]
    per_second, _ = figures.rates.get(RATE_LINE, (None, ""))
    return drawing.bar_plot(
        rows,
        value_text=table.nanoseconds,
        x_label=f"latency of a message at {table.whole(per_second)} messages/s: median (pale), then to the 99th percentile",
    )


def idle_memory(figures):
    found = sorted((each for each in figures.idle.values() if each.total is not None), key=lambda each: each.total)
    rows = [(each.server, figures.label(each.server), [max(0.0, each.kernel), max(0.0, each.user)]) for each in found]
    return drawing.bar_plot(
        rows,
        value_text=lambda value: f"{value:,.0f} B",
        x_label="memory of an idle connection: the kernel's (pale), then the server's",
    )


PLOTS = {"message-cost": message_cost, "latency": latency, "idle-memory": idle_memory}


def write(figures, folder):
    """Writes NAME-light.svg and NAME-dark.svg of each plot that the run has figures for; returns the names left out."""
    folder.mkdir(parents=True, exist_ok=True)
    left_out = []
    for name, plot in PLOTS.items():
        for theme, colours in (("light", palette.FOR_LIGHT), ("dark", palette.FOR_DARK)):
            figure = plot(figures)
            if figure is None:
                left_out.append(name)
                break
            (folder / f"{name}-{theme}.svg").write_text(drawing.svg_of(figure, f"{name}-{theme}", colours) + "\n")
    return left_out


def write_all(store, folder):
    return write(figures_module.gather(store), folder)
