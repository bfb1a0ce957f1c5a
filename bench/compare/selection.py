"""Which servers meet on a line: all of them when screening, later ringgate, the ceilings, and the rivals that were fastest.

Screening decides as soon as it is there; until then, and where it was not made, a fixed order of preference stands in for it.
"""

import ratios

# Targets name this one, so it is always among the rivals.
NAMED_RIVAL = "gorilla"
# Who is taken for fast without a screening.
PREFERRED = ("uwebsockets_js", "fastwebsockets", "beast", "gws", "tokio_tungstenite", "ws", "libwebsockets")
# A rival whose rate is below this share of the fastest one's is not taken for a serious one.
SERIOUS_SHARE = 1 / 3


class Selection:
    """Reads the screening of a run as far as it has come."""

    def __init__(self, contestants, records=(), *, rivals_count=3):
        self._contestants = contestants
        self._rivals_count = rivals_count
        self._screened = {}
        for record in records:
            if record["phase"] == "screen" and not record["error"] and record["server"] in contestants:
                self._screened.setdefault(record["line"], {})[record["server"]] = record["load"]

    def everyone(self):
        return list(self._contestants)

    def of_kind(self, *kinds):
        return [name for name, contestant in self._contestants.items() if contestant.kind in kinds]

    def fastest_rivals(self, line):
        """The rivals that cost the server's core least on this line, best first, then the one that targets name."""
        rivals, screened = self.of_kind("rival"), self._screened.get(line, {})
        if any(name in screened for name in rivals):
            ordered = sorted((name for name in rivals if name in screened), key=lambda name: busy_per_message(screened[name]))
        else:
            ordered = [name for name in (NAMED_RIVAL, *PREFERRED) if name in rivals]
            ordered += [name for name in rivals if name not in ordered]
        return ordered[: self._rivals_count]

    def field(self, line, *, ceilings=True, named=True):
        """Who meets on this line after the screening, in the order of the contestants."""
        chosen = {*self.fastest_rivals(line), *self.of_kind("gate")}
        if ceilings:
            chosen.update(self.of_kind("ceiling"))
        if named:
            chosen.add(NAMED_RIVAL)
        return [name for name in self._contestants if name in chosen]

    def slowest_serious_rate(self, line):
        """Messages per second of the slowest serious rival, and who it is; (None, "") without a screening of rivals."""
        rates = {
            name: result["messages_per_second"]
            for name, result in self._screened.get(line, {}).items()
            if self._contestants[name].kind == "rival"
        }
        if not rates:
            return None, ""
        bar = max(rates.values()) * SERIOUS_SHARE
        return min((rate, name) for name, rate in rates.items() if rate >= bar)


def busy_per_message(result):
    return result["server"]["busy_ns_per_message"]


def by_round(records, figure):
    """{round: figure} of the rounds without an error, without those that steal spoiled where more than half remain."""
    good = [record for record in records if not record["error"]]
    clean = [record for record in good if "steal" not in record["marks"]]
    kept = clean if 2 * len(clean) > len(good) else good
    return {record["round"]: figure(record) for record in kept}


def median(records, figure):
    found = ratios.spread(by_round(records, figure).values())
    return found.median if found else None
