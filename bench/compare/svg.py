"""Draws plots as SVG text: scales, axes, lines, bars, dots. Colours come from the page's style sheet, by class name.

Knows nothing of servers or rounds. A series is (class name, label, points); whatever is shown has a <title>, so it can be hovered.
"""

import html
import math

WIDTH = 860
LABEL_HEIGHT = 14


class Scale:
    """Maps values to pixels, logarithmically or not, and knows where its ticks are."""

    def __init__(self, values, start, end, *, logarithmic, low=None, high=None):
        values = [value for value in values if value is not None and (value > 0 or not logarithmic)]
        self._low = low if low is not None else min(values)
        self._high = high if high is not None else max(values)
        if self._high <= self._low:
            self._high = self._low * 1.1 + (0 if logarithmic else 1)
        self._start, self._end, self._logarithmic = start, end, logarithmic
        if logarithmic:
            self._low, self._high = self._low / 1.08, self._high * 1.08

    def __call__(self, value):
        if self._logarithmic:
            share = math.log(max(value, self._low) / self._low) / math.log(self._high / self._low)
        else:
            share = (value - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def ticks(self):
        if not self._logarithmic:
            step = 10 ** math.floor(math.log10((self._high - self._low) / 2))
            step *= next(factor for factor in (1, 2, 5, 10) if (self._high - self._low) / (step * factor) <= 6)
            return [step * number for number in range(math.ceil(self._low / step), math.floor(self._high / step) + 1)]
        factors = (1, 2, 5) if self._high / self._low < 300 else (1,)
        decades = range(math.floor(math.log10(self._low)), math.ceil(math.log10(self._high)) + 1)
        return [
            factor * 10.0**decade for decade in decades for factor in factors if self._low <= factor * 10.0**decade <= self._high
        ]


def text(x, y, words, anchor="start", classes=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{classes}">{html.escape(str(words))}</text>'


def rule(x1, y1, x2, y2, classes="grid"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{classes}"/>'


def titled(shape, words):
    """The shape with what is shown when the pointer rests on it."""
    return f"<g>{shape}<title>{html.escape(words)}</title></g>"


def document(height, parts, description):
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{html.escape(description)}">' + "".join(parts) + "</svg>"
    )


def apart(wanted, least):
    """Positions near the wanted ones, in their order, at least so far apart."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [wanted[index] for index in order]
    for _ in range(100):
        for lower, upper in zip(range(len(placed)), range(1, len(placed)), strict=False):
            lack = least - (placed[upper] - placed[lower])
            if lack > 0:
                placed[lower] -= lack / 2
                placed[upper] += lack / 2
    result = [0.0] * len(wanted)
    for index, position in zip(order, placed, strict=True):
        result[index] = position
    return result


def line_plot(series, *, x_ticks, x_label, y_label, y_text, description, logarithmic=True, height=380):
    """Lines over x positions that `x_ticks` names as (value, words); labels stand at the ends of their lines."""
    series = [(name, label, points) for name, label, points in series if points]
    if not series:
        return ""
    left, right, top, bottom = 64, WIDTH - 190, 26, height - 46
    everything = [point for _, _, points in series for point in points]
    x = Scale([tick for tick, _ in x_ticks], left + 10, right - 10, logarithmic=False)
    y = Scale([value for _, value in everything], bottom, top, logarithmic=logarithmic, low=None if logarithmic else 0)
    parts = [text(left, 14, y_label, classes="axis"), text(right, height - 8, x_label, "end", "axis")]
    for tick in y.ticks():
        parts += [rule(left, y(tick), right, y(tick)), text(left - 8, y(tick) + 4, y_text(tick), "end", "tick")]
    for tick, words in x_ticks:
        parts.append(text(x(tick), bottom + 20, words, "middle", "tick"))
    for name, label, points in series:
        path = " ".join(f"{x(px):.1f},{y(py):.1f}" for px, py in points)
        parts.append(titled(f'<polyline points="{path}" class="line s-{name}"/>', label))
        if len(points) <= 12:
            parts += [
                titled(f'<circle cx="{x(px):.1f}" cy="{y(py):.1f}" r="3.5" class="dot s-{name}"/>', f"{label}: {y_text(py)}")
                for px, py in points
            ]
    for (name, label, points), place in zip(
        series, apart([y(points[-1][1]) for _, _, points in series], LABEL_HEIGHT), strict=True
    ):
        end = x(points[-1][0]), y(points[-1][1])
        parts += [
            rule(end[0] + 5, end[1], right + 12, place, "leader"),
            text(right + 16, place + 4, label, classes=f"label t-{name}"),
        ]
    return document(height, parts, description)


def bar_plot(rows, *, value_text, x_label, description):
    """Horizontal bars: rows of (class name, label, [(segment's class, value)]); segments follow one another."""
    rows = [(name, label, segments) for name, label, segments in rows if segments]
    if not rows:
        return ""
    left, right, row_height = 210, WIDTH - 110, 28
    height = 24 + row_height * len(rows) + 10
    totals = [sum(value for _, value in segments) for _, _, segments in rows]
    x = Scale(totals, left, right, logarithmic=False, low=0)
    parts = [text(left, 14, x_label, classes="axis"), rule(left, 22, left, height - 6)]
    for number, (name, label, segments) in enumerate(rows):
        top, position = 26 + number * row_height, 0.0
        parts.append(text(left - 10, top + 15, label, "end", f"label t-{name}"))
        for kind, value in segments:
            start, width = x(position), max(0.0, x(position + value) - x(position))
            parts.append(
                titled(
                    f'<rect x="{start:.1f}" y="{top}" width="{width:.1f}" height="20" rx="2" class="bar s-{name} {kind}"/>',
                    f"{label} {kind}: {value_text(value)}".replace(" :", ":"),
                )
            )
            position += value
        parts.append(text(x(totals[number]) + 8, top + 15, value_text(totals[number]), classes="value"))
    return document(height, parts, description)


def dot_plot(rows, *, x_label, x_text, reference, description):
    """Rows of (label, [(class name, label, median, low, high)]) on one logarithmic axis, with a rule at `reference`."""
    rows = [(label, dots) for label, dots in rows if dots]
    if not rows:
        return ""
    left, right, row_height = 250, WIDTH - 24, 34
    height = 34 + row_height * len(rows) + 10
    x = Scale([value for _, dots in rows for dot in dots for value in dot[2:5]] + [reference], left + 10, right, logarithmic=True)
    parts = [text(left, 12, x_label, classes="axis")]
    for tick in x.ticks():
        parts += [rule(x(tick), 32, x(tick), height - 8), text(x(tick), 27, x_text(tick), "middle", "tick")]
    parts.append(rule(x(reference), 30, x(reference), height - 6, "reference"))
    for number, (label, dots) in enumerate(rows):
        middle = 34 + number * row_height + row_height / 2
        parts.append(text(left - 6, middle + 4, label, "end", "label"))
        for name, server, median, low, high in dots:
            parts.append(
                titled(
                    rule(x(low), middle, x(high), middle, f"line s-{name}")
                    + f'<circle cx="{x(median):.1f}" cy="{middle:.1f}" r="5" class="dot s-{name}"/>',
                    f"{server}: {x_text(median)} ({x_text(low)} to {x_text(high)})",
                )
            )
    return document(height, parts, description)
