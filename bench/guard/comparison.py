"""Holds counts against the committed baseline. It runs nothing and prints nothing.

A baseline: {"header": {…}, "scenarios": {name: {"unit": …, "instructions": per unit}}}. Counts are only comparable where the
same compiler made the code, the same libc does the copying, and run-time dispatch finds the same kernels. What else differs in
the header is told, but does not stop the comparison: build options are ours to change, and what grew has grown.
"""

import dataclasses

TOLERANCE = 0.05
DECISIVE = ("compiler", "libc", "features")


@dataclasses.dataclass
class Row:
    name: str
    unit: str
    baseline: float | None  # None: a scenario the baseline does not have
    now: float | None  # None: one that is no longer there

    @property
    def change(self):
        return None if self.baseline is None or self.now is None else self.now / self.baseline - 1

    @property
    def fault(self):
        """Why this row fails, or None."""
        if self.now is None:
            return "is in the baseline and was not run"
        if self.baseline is None:
            return "is not in the baseline; run tools/bench guard --update"
        if self.change > TOLERANCE:
            return f"grew by {self.change:.1%}: {self.baseline:.1f} to {self.now:.1f} instructions per {self.unit}"
        return None

    @property
    def is_stale(self):
        """Shrank so far that growth back to the baseline would go unseen."""
        return self.change is not None and self.change < -TOLERANCE


def reason_not_to_compare(baseline_header, header):
    """None if the counts are comparable."""
    differing = [f"{key} is {header.get(key)!r}, the baseline's {baseline_header.get(key)!r}"
                 for key in DECISIVE if header.get(key) != baseline_header.get(key)]
    return "; ".join(differing) or None


def remarks(baseline_header, header):
    """What else differs, in words."""
    keys = [key for key in sorted({*baseline_header, *header}) if key not in DECISIVE]
    return [f"{key}: {header.get(key)}; the baseline's: {baseline_header.get(key)}"
            for key in keys if header.get(key) != baseline_header.get(key)]


def compare(baseline, counts):
    """`baseline`: its "scenarios"; `counts`: the same shape. Rows in the order of `counts`, then those that are gone."""
    rows = [Row(name, count["unit"], baseline.get(name, {}).get("instructions"), count["instructions"])
            for name, count in counts.items()]
    return rows + [Row(name, old["unit"], old["instructions"], None) for name, old in baseline.items() if name not in counts]


def table(rows):
    def number(value):
        return "-" if value is None else f"{value:,.1f}"

    lines = [f"{'scenario':<18} {'instructions per':<16} {'baseline':>12} {'now':>12} {'change':>8}"]
    for row in rows:
        change = "" if row.change is None else f"{row.change:+.1%}"
        mark = "  GREW" if row.fault and row.change is not None else "  shrank" if row.is_stale else ""
        lines.append(f"{row.name:<18} {row.unit:<16} {number(row.baseline):>12} {number(row.now):>12} {change:>8}{mark}")
    return "\n".join(lines)
