"""Which rounds are planned: lines have stable names, servers take turns, and the screening decides who stays."""

import pytest

import lines
import rounds
from phases import PHASES, Context
from selection import Selection
from servers import Gate


class Peer:
    protocol = "websocket"

    def __init__(self, name, kind="rival"):
        self.name, self.kind = name, kind


CONTESTANTS = {
    "ringgate": Gate(),
    "raw_uring": Peer("raw_uring", "ceiling"),
    **{name: Peer(name) for name in ("gorilla", "a", "b", "c", "d")},
}


def screening(costs, line=lines.OPEN_LINE):
    return [
        {
            "phase": "screen",
            "line": line,
            "server": name,
            "round": 0,
            "error": "",
            "marks": [],
            "load": {"messages_per_second": 1e6 / cost, "server": {"busy_ns_per_message": cost}},
        }
        for name, cost in costs.items()
    ]


COSTS = {"ringgate": 1, "raw_uring": 1, "gorilla": 9, "a": 5, "b": 2, "c": 4, "d": 3}


def context(records=(), **options):
    return Context(CONTESTANTS, Selection(CONTESTANTS, records), tuple(lines.LINES), None, **options)


def test_the_grid_is_whole():
    assert len(lines.LINES) == 5 * 2 * 2 + 4 + 6
    assert all(name in lines.LINES for name in lines.JUDGED) and lines.OPEN_LINE in lines.LINES
    assert lines.LINES["run-16KiB-of-20B"].arguments() == [
        "--connections",
        "64",
        "--in-flight",
        "1",
        "--size",
        "20",
        "--payload",
        "binary",
        "--run-bytes",
        "16384",
    ]


def test_servers_take_turns_backwards_in_every_second_round():
    assert [rounds.turns("ABC", number) for number in range(3)] == [["A", "B", "C"], ["C", "B", "A"], ["A", "B", "C"]]


def test_every_line_is_either_judged_or_elsewhere():
    planned = [*PHASES["judged"].lines(context()), *PHASES["elsewhere"].lines(context())]
    assert sorted(planned) == sorted(lines.LINES)


def test_tls_is_measured_at_four_sizes_each_with_1_and_16_in_flight():
    assert len(lines.TLS) == 8 and all(name in lines.LINES for name in lines.TLS)


def test_without_a_screening_the_named_rival_is_there():
    assert "gorilla" in Selection(CONTESTANTS).field(lines.OPEN_LINE)


def test_the_screening_keeps_the_three_fastest_and_the_named_rival():
    selection = Selection(CONTESTANTS, screening(COSTS))
    assert selection.fastest_rivals(lines.OPEN_LINE) == ["b", "d", "c"]
    assert selection.field(lines.OPEN_LINE) == ["ringgate", "raw_uring", "gorilla", "b", "c", "d"]
    assert selection.field(lines.OPEN_LINE, ceilings=False, named=False) == ["ringgate", "b", "c", "d"]


def test_a_failed_screening_does_not_count():
    records = screening(COSTS)
    next(record for record in records if record["server"] == "b")["error"] = "died"
    assert Selection(CONTESTANTS, records).fastest_rivals(lines.OPEN_LINE) == ["d", "c", "a"]


def test_the_open_loop_goes_by_the_slowest_serious_rival():
    # Of what b does, a reaches 2/5, and gorilla 2/9, which is not serious.
    rate, name = Selection(CONTESTANTS, screening(COSTS)).slowest_serious_rate(lines.OPEN_LINE)
    assert name == "a" and rate == pytest.approx(200000)
    assert Selection(CONTESTANTS).slowest_serious_rate(lines.OPEN_LINE) == (None, "")


def test_an_open_loop_without_a_screening_fails_in_words():
    step = PHASES["open"].steps(context())[0]
    assert "no rival was screened" in PHASES["open"].measure(context(), step)["error"]


def test_rounds_and_seconds_can_be_set_but_one_screening_is_enough():
    assert len(PHASES["screen"].steps(context(rounds=5))) == len(lines.LINES) * len(CONTESTANTS)
    assert {step.round for step in PHASES["judged"].steps(context(rounds=5))} == set(range(5))
    assert PHASES["judged"].steps(context(seconds=2.0))[0].seconds < PHASES["judged"].steps(context())[0].seconds


def test_a_line_is_short_without_losing_what_tells_it_apart():
    shorts = [line.short for line in lines.LINES.values()]
    assert len(set(shorts)) == len(shorts)
    assert lines.LINES["binary-20B-64x1"].short == "20 B binary"
    assert lines.LINES["binary-20B-64x16"].short == "20 B binary, 64 × 16"
