"""Figures as SVG text, by matplotlib: how ours look, and how one drawing serves light pages, dark pages and files.

A figure is drawn in the light colours of palette.py; `svg_of` then replaces each by what the place wants. Knows no servers' rounds.
"""

import io
import re

import matplotlib
import palette

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402  (after the backend is chosen)
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator  # noqa: E402

WIDTH = 9.0  # inches at 72 dots
matplotlib.rcParams.update(
    {
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9.5,
        "axes.edgecolor": palette.SOFT,
        "axes.labelcolor": palette.SOFT,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": palette.FAINT,
        "text.color": palette.INK,
        "xtick.color": palette.SOFT,
        "ytick.color": palette.SOFT,
        "lines.linewidth": 1.4,
    }
)


def svg_of(figure, name, colours):
    """The figure's SVG. `name` makes its ids differ from other figures' on one page; `colours` maps each colour to its stand-in."""
    matplotlib.rcParams["svg.hashsalt"] = name
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, bbox_inches="tight", pad_inches=0.05, metadata={"Date": None})
    pyplot.close(figure)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1), count=1)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return re.sub("|".join(colours), lambda found: colours[found.group()], text)


def _format(words):
    return FuncFormatter(lambda value, _: words(value))


def _colour(name):
    return palette.of(name)


def line_plot(series, *, x_ticks, x_label, y_label, y_text, logarithmic=True):
    """Series of (server, label, points) over positions that `x_ticks` names as (value, words); a label ends each line."""
    series = [each for each in series if each[2]]
    if not series:
        return None
    figure, axes = pyplot.subplots(figsize=(WIDTH, 4.2))
    if logarithmic:
        axes.set_yscale("log", subs=(1, 2, 5))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(0, 1.08 * max(value for _, _, points in series for _, value in points))
    for name, label, points in series:
        ours = name == "ringgate"
        axes.plot(
            *zip(*points, strict=True),
            color=_colour(name),
            linewidth=3 if ours else 1.4,
            linestyle="--" if name in palette.DASHED else "-",
            marker="o" if len(points) <= 12 else None,
            markersize=4,
            label=label,
            zorder=3 if ours else 2,
        )
    axes.set_xticks([tick for tick, _ in x_ticks], [words for _, words in x_ticks])
    axes.yaxis.set_major_formatter(_format(y_text))
    axes.grid(axis="y")
    axes.set_xlabel(x_label)
    axes.set_title(y_label, loc="left", fontsize=9.5, color=palette.SOFT)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def bar_plot(rows, *, value_text, x_label):
    """Horizontal bars: rows of (server, label, [segment, ...]); the segments of a row follow one another, the first ones paler."""
    rows = [row for row in rows if row[2]]
    if not rows:
        return None
    figure, axes = pyplot.subplots(figsize=(WIDTH, 0.5 + 0.3 * len(rows)))
    for place, (name, _, segments) in enumerate(rows):
        start = 0.0
        for number, value in enumerate(segments):
            paler = number < len(segments) - 1
            axes.barh(place, value, left=start, height=0.7, color=_colour(name), alpha=0.45 if paler else 1.0)
            start += value
        axes.annotate(value_text(start), (start, place), xytext=(4, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(rows)), [label for _, label, _ in rows], color=palette.INK)
    for tick, (name, _, _) in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if name == "ringgate" else "normal")
    axes.invert_yaxis()
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.set_major_locator(NullLocator())
    axes.set_title(x_label, loc="left", fontsize=9.5, color=palette.SOFT)
    axes.margins(x=0.12)
    return figure


def dot_plot(rows, *, x_label, x_text, reference):
    """Rows of (label, [(server, label, median, low, high)]) on one logarithmic axis, with a rule at `reference`."""
    rows = [row for row in rows if row[1]]
    if not rows:
        return None
    figure, axes = pyplot.subplots(figsize=(WIDTH, 0.7 + 0.34 * len(rows)))
    axes.set_xscale("log", subs=(1, 2, 5))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(reference, color=_colour("ringgate"), linewidth=1.2, zorder=1)
    for place, (_, dots) in enumerate(rows):
        for name, _, median, low, high in dots:
            axes.plot([low, high], [place, place], color=_colour(name), linewidth=1, zorder=2)
            axes.plot([median], [place], "o", color=_colour(name), markersize=6, markeredgewidth=0, zorder=3)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows], color=palette.INK)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(_format(x_text))
    axes.grid(axis="x")
    axes.set_title(x_label, loc="left", fontsize=9.5, color=palette.SOFT)
    return figure
