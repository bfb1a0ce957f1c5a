"""A table as rows of text, and how figures are written in its cells."""

import dataclasses


@dataclasses.dataclass
class Table:
    title: str
    headers: list[str]
    rows: list[list[str]]
    note: str = ""
    lead: str = ""  # the name of the server whose rows stand out
    servers: list = dataclasses.field(default_factory=list)  # the server of each row, where rows are servers
    prose: tuple = (0,)  # columns that hold words rather than figures

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
    faults = [f"{count} {mark}" for mark, count in sorted(cell.marked.items())] + (
        [f"{cell.failed} failed"] if cell.failed else []
    )
    return f"{cell.count}" + (f" ({', '.join(faults)})" if faults else "")


def ordered(figures, cells):
    """ringgate first, then the ceilings, then rivals; each from cheap to dear, those that failed last."""
    kinds = {"gate": 0, "ceiling": 1, "rival": 2}
    return sorted(
        cells.values(),
        key=lambda cell: (
            kinds.get(figures.about["servers"].get(cell.server, {}).get("kind"), 3),
            cell.core.median if cell.core else float("inf"),
        ),
    )
