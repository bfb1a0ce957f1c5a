"""Medians and spreads, and the ratio of two servers taken round by round, so that drift hits both alike."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Spread:
    """What a handful of rounds say: the median, the quartiles, the extremes, and of how many."""

    median: float
    low: float
    high: float
    quartile_low: float
    quartile_high: float
    count: int

    def as_dict(self):
        return dataclasses.asdict(self)


def spread(values):
    """The spread of the values, or None if there are none."""
    values = sorted(value for value in values if value is not None)
    if not values:
        return None
    low, high = _quartiles(values)
    return Spread(statistics.median(values), values[0], values[-1], low, high, len(values))


def _quartiles(ordered):
    if len(ordered) < 2:
        return ordered[0], ordered[0]
    quartiles = statistics.quantiles(ordered, n=4, method="inclusive")
    return quartiles[0], quartiles[2]


def paired(numerators, denominators):
    """The ratio of each round that both have; both map a round's number to a figure."""
    return [
        numerators[number] / denominators[number]
        for number in sorted(numerators.keys() & denominators.keys())
        if numerators[number] is not None and denominators[number]
    ]


def ratio(numerators, denominators):
    return spread(paired(numerators, denominators))
