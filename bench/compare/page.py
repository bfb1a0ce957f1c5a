"""The HTML report: one file, nothing fetched, legible in light and dark and on paper."""

import html

import drawing
import figures as figures_module
import palette
import plots
import showcase
from page_style import STYLE

SECTIONS = {
    "lines": "Every line",
    "open": "Open loop",
    "handshakes": "Handshakes",
    "idle": "Idle memory",
    "push": "Push",
    "shards": "Shards",
    "machine": "Machine and method",
}


def render(figures, named, method, caveats):
    by_anchor = {}
    for anchor, table in named:
        by_anchor.setdefault("judged" if anchor.startswith("line-") else anchor, []).append(table)
    began = figures.about["began"]
    body = [
        f"<header><h1>ringgate, measured</h1><p class='sub'>{_subtitle(figures)}</p>{_warning(figures)}{_navigation(by_anchor)}</header>",
        _section(
            "verdict",
            "Verdict",
            *[part(table) for table in by_anchor.get("verdict", []) for part in (_summary, _table)],
            *[_titled_table(table) for table in by_anchor.get("ahead", [])],
        ),
        _section("cost", "Cost of a message", _legend(figures), _figure(plots.relative_cost(figures), "Core time per message relative to ringgate")),
    ]
    if "judged" in by_anchor:
        body.append(_section("judged", "Judged lines", *[_titled_table(table) for table in by_anchor["judged"]]))
    body.append(
        _section("throughput", "Throughput by size", *[_figure(plot, f"Throughput, {title}", title) for title, plot in plots.throughput(figures)])
    )
    body.append(
        _section("latency", "Latency by percentile", *[_figure(plot, f"Latency, {title}", title) for title, plot in plots.percentiles(figures)])
    )
    drawn = {
        "open": plots.open_cost(figures) if figures.open else None,
        "handshakes": plots.handshakes(figures),
        "idle": showcase.idle_memory(figures),
    }
    for anchor, title in SECTIONS.items():
        if anchor in by_anchor:
            prose = _prose("Method", method) + _prose("Caveats", caveats) if anchor == "machine" else ""
            show = _titled_table if len(by_anchor[anchor]) > 1 else _noted_table
            body.append(
                _section(anchor, title, _figure(drawn.get(anchor), title), prose, *[show(table) for table in by_anchor[anchor]])
            )
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<meta name='color-scheme' content='light dark'><title>ringgate, measured {html.escape(began[:10])}</title>"
        f"<style>{STYLE}</style></head><body><main>{''.join(body)}</main></body></html>\n"
    )


def _subtitle(figures):
    machine = figures.about["machine"]
    parts = [
        figures.about["servers"].get(figures_module.GATE, {}).get("version", ""),
        f"{machine['cpu']}, {machine['cores']} cores",
        f"Linux {machine['kernel']}",
        machine["congestion control"],
        machine["compiler"],
        figures.about["began"][:16].replace("T", " "),
    ]
    return html.escape(" · ".join(part for part in parts if part))


def _warning(figures):
    missing = [f"without {name}: {reason}" for name, reason in figures.about["missing"].items()]
    loud = [f"not a quiet machine: {figures.about['warning']}"] if figures.about["warning"] else []
    return "".join(f"<p class='warning'>{html.escape(words)}</p>" for words in loud + missing)


def _navigation(by_anchor):
    links = [
        ("verdict", "Verdict"),
        ("cost", "Cost"),
        ("judged", "Judged lines"),
        ("throughput", "Throughput"),
        ("latency", "Latency"),
        *[(anchor, title) for anchor, title in SECTIONS.items() if anchor in by_anchor],
    ]
    return "<nav>" + "".join(f"<a href='#{anchor}'>{title}</a>" for anchor, title in links) + "</nav>"


def _summary(table):
    counts = {}
    for row in table.rows:
        counts[row[3]] = counts.get(row[3], 0) + 1
    return (
        "<p class='chips'>"
        + "".join(
            f"<span class='chip {words.replace(' ', '-')}'>{counts[words]} {words}</span>"
            for words in ("met", "missed", "not measured")
            if words in counts
        )
        + "</p>"
    )


def _legend(figures):
    return (
        "<p class='legend'>"
        + "".join(
            f"<span><i class='s-{name}'></i>{html.escape(each['label'])}</span>"
            for name, each in figures.about["servers"].items()
        )
        + "</p>"
    )


def _section(anchor, title, *parts):
    content = "".join(part for part in parts if part)
    return f"<section id='{anchor}'><h2>{title}</h2>{content}</section>" if content else ""


def _figure(plot, title, words=""):
    """`title` names the drawing for who cannot see it; `words` stand above it."""
    if not plot:
        return ""
    caption = f"<figcaption>{html.escape(words)}</figcaption>" if words else ""
    drawn = drawing.svg_of(plot, title, palette.FOR_PAGE)
    return f"<figure role='img' aria-label='{html.escape(title, quote=True)}'>{caption}{drawn}</figure>"


def _titled_table(table):
    return f"<h3>{html.escape(table.title)}</h3>" + _noted_table(table)


def _noted_table(table):
    return (f"<p class='note'>{html.escape(table.note)}</p>" if table.note else "") + _table(table)


def _table(table):
    head = "".join(f"<th{_words(table, column)}>{html.escape(header)}</th>" for column, header in enumerate(table.headers))
    rows = []
    for number, row in enumerate(table.rows):
        lead = bool(table.servers) and table.servers[number] == table.lead
        cells = "".join(f"<td{_words(table, column)}>{_chip(cell)}</td>" for column, cell in enumerate(row))
        rows.append(f"<tr{' class=lead' if lead else ''}>{cells}</tr>")
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"


def _words(table, column):
    return " class=words" if column in table.prose else ""


def _chip(words):
    escaped = html.escape(words)
    return (
        f"<span class='chip {words.replace(' ', '-')}'>{escaped}</span>"
        if words in ("met", "missed", "not measured")
        else escaped
    )


def _prose(title, paragraphs):
    items = "".join(f"<li>{html.escape(words)}</li>" for words in paragraphs)
    return f"<h3>{title}</h3><ul>{items}</ul>"
