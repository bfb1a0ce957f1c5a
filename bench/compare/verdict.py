"""Holds the figures of a run against the targets. A target that this run did not measure is said to be so, never met.

A target against several servers (every rival, the better ceiling) is met only when each that the repository has was measured; it
is missed as soon as one of them is enough for that.
"""

import dataclasses

import figures as figures_module
import lines
import ratios
import targets

MET, MISSED, UNKNOWN = "met", "missed", "not measured"
KINDS = {"best ceiling": "ceiling", "best rival": "rival", "every rival": "rival"}


@dataclasses.dataclass(frozen=True)
class Row:
    target: str
    limit: str
    measured: str
    verdict: str
    note: str = ""


def judge(figures):
    return [_JUDGES[type(target)](target, figures) for target in targets.TARGETS]


def _ratio(target, figures):
    limit = f"≤ {target.at_most:g}" if target.at_most is not None else f"≥ {target.at_least:g}"
    ours, others = _sides(target, figures)
    upside_down = target.at_least is not None
    found = {server: _between(ours, other, target.figure, upside_down) for server, other in others.items()} if ours else {}
    found = {server: ratio for server, ratio in found.items() if ratio is not None}
    if not found:
        return Row(target.text, limit, "", UNKNOWN, _why_not(ours, target))
    # Of several, the one that is hardest to beat.
    server = min(found, key=lambda name: found[name].median if upside_down else -found[name].median)
    ratio = found[server]
    met = ratio.median >= target.at_least if upside_down else ratio.median <= target.at_most
    note = "" if server == target.against else figures.label(server)
    verdict = MET if met else MISSED
    left_out = [name for name in _expected(target, figures) if name not in others]
    if left_out:
        verdict = UNKNOWN if met else MISSED
        note += f"; without {', '.join(figures.label(name) for name in left_out)}"
    failed = [name for name in others if name not in found]
    if failed:
        note += f"; no pairs of rounds with {', '.join(figures.label(name) for name in failed)}"
    cell = others[server]
    if cell.phase == "screen":
        note += "; one screening round"
    elif ratio.count < 7:
        note += f"; of only {ratio.count} pair{'s' if ratio.count > 1 else ''} of rounds"
    return Row(target.text, limit, f"{ratio.median:.3f} ({ratio.low:.3f} to {ratio.high:.3f})", verdict, note.removeprefix("; "))


def _sides(target, figures):
    """Our cell on the target's line, and those that it is held against."""
    if target.line.startswith("shards:"):
        cells = figures.shards.get(target.line.removeprefix("shards:"), {})
        return cells.get("two-shards"), {"one-shard": cells["one-shard"]} if "one-shard" in cells else {}
    cells = figures.handshakes if target.line == "handshakes" else {**figures.echo, **figures.open}.get(target.line, {})
    ours = cells.get(figures_module.GATE)
    names = figures.of_kind(KINDS[target.against]) if target.against in KINDS else [target.against]
    return ours, {name: cells[name] for name in names if name in cells}


def _expected(target, figures):
    """The servers that have to be there for `target` to be met; the open loop chooses its rivals itself."""
    if target.against not in KINDS or target.line.startswith("open-"):
        return []
    return _known(figures, KINDS[target.against])


def _known(figures, kind):
    return [name for name, its_kind in figures.about.get("known", {}).items() if its_kind == kind]


def _between(ours, other, figure, upside_down):
    mine, theirs = getattr(ours, f"{figure}_rounds"), getattr(other, f"{figure}_rounds")
    if ours.phase != other.phase:
        # Rounds of different phases are no pairs; the other's own ratio was paired within its phase.
        if other.ratio is None or figure != "core":
            return None
        return other.ratio if upside_down else _inverse(other.ratio)
    return ratios.ratio(theirs, mine) if upside_down else ratios.ratio(mine, theirs)


def _inverse(spread):
    return ratios.Spread(
        1 / spread.median, 1 / spread.high, 1 / spread.low, 1 / spread.quartile_high, 1 / spread.quartile_low, spread.count
    )


def _why_not(ours, target):
    if ours is None:
        return "the run did not have this line"
    return ours.error or f"nothing to hold it against: {target.against} was not measured"


def _counted(target, figures):
    cell = figures.echo.get(target.line, {}).get(figures_module.GATE)
    value = cell.counters.get(target.counter) if cell else None
    if value is None:
        return Row(target.text, f"≤ {target.at_most:g}", "", UNKNOWN, "the gate's counters were not read on this line")
    return Row(target.text, f"≤ {target.at_most:g}", f"{value:.3f}", MET if value <= target.at_most else MISSED)


def _bytes(target, figures):
    ours = figures.idle.get(figures_module.GATE)
    value = getattr(ours, target.figure) if ours else None
    if value is None:
        return Row(
            target.text, f"≤ {target.at_most:,.0f}", "", UNKNOWN, ours.error if ours else "the run did not have this phase"
        )
    return Row(target.text, f"≤ {target.at_most:,.0f}", f"{value:,.0f}", MET if value <= target.at_most else MISSED)


@dataclasses.dataclass(frozen=True)
class Ahead:
    line: str
    server: str
    ratio: ratios.Spread


def rivals_ahead(figures):
    """(every pair of line and rival that is ahead beyond the spread, how many pairs were compared)."""
    compared = [
        Ahead(line, name, cells[name].ratio)
        for line, cells in figures.echo.items()
        for name in figures.of_kind("rival")
        if name in cells and cells[name].ratio is not None
    ]
    return [each for each in compared if each.ratio.quartile_high < 1], len(compared)


def _nobody_ahead(target, figures):
    ahead, compared = rivals_ahead(figures)
    if not compared:
        return Row(target.text, "none", "", UNKNOWN, "no rival was measured")
    single = sum(each.ratio.count == 1 for each in ahead)
    note = f"listed below; {single} of them in a single round" if single else "listed below" if ahead else ""
    expected = [(line, name) for line in lines.LINES for name in _known(figures, "rival")]
    left_out = sum(name not in figures.echo.get(line, {}) for line, name in expected)
    if left_out:
        note = f"{note}; {left_out} of {len(expected)} pairs of line and rival are not in this run".removeprefix("; ")
    verdict = MISSED if ahead else UNKNOWN if left_out else MET
    return Row(target.text, "none", f"{len(ahead)} of {compared}", verdict, note)


def _elsewhere(target, _figures):
    return Row(target.text, "", "", UNKNOWN, f"measured by {target.where}")


_JUDGES = {
    targets.Ratio: _ratio,
    targets.Counted: _counted,
    targets.Bytes: _bytes,
    targets.NobodyAhead: _nobody_ahead,
    targets.MeasuredElsewhere: _elsewhere,
}
