"""The verdict: each kind of target can be met, missed and not measured, and a rival that is ahead is named."""

import dataclasses

import pytest

import figures as figures_module
import ratios
import targets
import verdict
from figures import Cell, Figures, IdleFigures

SERVERS = {
    name: {"label": name.title(), "kind": kind, "version": "1"}
    for name, kind in (
        ("ringgate", "gate"),
        ("raw_uring", "ceiling"),
        ("raw_epoll", "ceiling"),
        ("gorilla", "rival"),
        ("ws", "rival"),
    )
}
LINE = "binary-20B-64x1"


def cell(server, cores, phase="judged", base=None, **more):
    by_number = dict(enumerate(cores))
    return Cell(
        server,
        phase,
        core=ratios.spread(cores),
        core_rounds=by_number,
        ratio=ratios.ratio(by_number, dict(enumerate(base or cores))),
        count=len(cores),
        **more,
    )


def figures(**parts):
    empty = {name: {} for name in ("echo", "open", "rates", "handshakes", "idle", "push", "shards")}
    return Figures(about={"servers": SERVERS, "known": {}}, **{**empty, **parts})


def judged(monkeypatch, target, measured):
    monkeypatch.setattr(targets, "TARGETS", (target,))
    return verdict.judge(measured)[0]


def echo(ours, **others):
    cells = {"ringgate": cell("ringgate", ours)}
    return figures(echo={LINE: cells | {name: cell(name, cores, base=ours) for name, cores in others.items()}})


@pytest.mark.parametrize(("ours", "expected"), [([105.0] * 7, "met"), ([106.0] * 7, "missed")])
def test_at_most_is_ours_over_theirs(monkeypatch, ours, expected):
    row = judged(monkeypatch, targets.Ratio("", LINE, "raw_uring", at_most=1.05), echo(ours, raw_uring=[100.0] * 7))
    assert row.verdict == expected and row.note == ""


@pytest.mark.parametrize(("theirs", "expected"), [([150.0] * 7, "met"), ([149.0] * 7, "missed")])
def test_at_least_is_theirs_over_ours(monkeypatch, theirs, expected):
    assert (
        judged(monkeypatch, targets.Ratio("", LINE, "gorilla", at_least=1.5), echo([100.0] * 7, gorilla=theirs)).verdict
        == expected
    )


def test_of_several_the_hardest_to_beat_counts(monkeypatch):
    measured = echo([100.0] * 7, raw_uring=[100.0] * 7, raw_epoll=[80.0] * 7)
    row = judged(monkeypatch, targets.Ratio("", LINE, "best ceiling", at_most=1.2), measured)
    assert row.verdict == "missed" and row.measured.startswith("1.250") and "Raw_Epoll" in row.note


def test_few_rounds_are_said(monkeypatch):
    assert (
        "only 3 pairs of rounds"
        in judged(monkeypatch, targets.Ratio("", LINE, "gorilla", at_least=1.0), echo([1.0] * 3, gorilla=[2.0] * 3)).note
    )


def test_a_rival_of_another_phase_counts_by_its_own_pairs(monkeypatch):
    measured = echo([100.0] * 7)
    measured.echo[LINE]["ws"] = cell("ws", [60.0], phase="screen", base=[50.0])
    row = judged(monkeypatch, targets.Ratio("", LINE, "every rival", at_least=1.0), measured)
    assert row.measured.startswith("1.200") and "screening" in row.note


@pytest.mark.parametrize("measured", [figures(), echo([1.0] * 7)])
def test_what_was_not_measured_is_never_met(monkeypatch, measured):
    row = judged(monkeypatch, targets.Ratio("", LINE, "raw_uring", at_most=1.05), measured)
    assert row.verdict == "not measured" and row.note


def known(measured, **kinds):
    measured.about["known"] = kinds
    return measured


@pytest.mark.parametrize(("theirs", "expected"), [([120.0] * 7, "not measured"), ([90.0] * 7, "missed")])
def test_all_of_a_kind_have_to_be_there_to_be_met_but_one_is_enough_to_miss(monkeypatch, theirs, expected):
    measured = known(echo([100.0] * 7, ws=theirs), ws="rival", gorilla="rival", raw_uring="ceiling")
    row = judged(monkeypatch, targets.Ratio("", LINE, "every rival", at_least=1.0), measured)
    assert row.verdict == expected and "without Gorilla" in row.note and "Raw" not in row.note


def test_the_open_loop_chooses_its_rivals(monkeypatch):
    cells = {"ringgate": cell("ringgate", [1.0] * 7), "ws": cell("ws", [2.0] * 7)}
    measured = known(figures(open={"open-50": cells}), ws="rival", gorilla="rival")
    assert judged(monkeypatch, targets.Ratio("", "open-50", "best rival", at_most=0.9), measured).verdict == "met"


def test_nobody_is_ahead_only_when_everybody_was_there(monkeypatch):
    measured = known(echo([100.0] * 7, ws=[120.0] * 7), ws="rival")
    row = judged(monkeypatch, targets.NobodyAhead(""), measured)
    assert row.verdict == "not measured" and "not in this run" in row.note
    monkeypatch.setattr(verdict.lines, "LINES", {LINE: verdict.lines.LINES[LINE]})
    assert judged(monkeypatch, targets.NobodyAhead(""), measured).verdict == "met"


def test_an_empty_run_measures_nothing():
    assert {row.verdict for row in verdict.judge(figures())} == {"not measured"}


def test_counters_and_bytes_have_limits(monkeypatch):
    counted = targets.Counted("", LINE, "enters", 0.06)
    for value, expected in ((0.06, "met"), (0.07, "missed")):
        measured = figures(echo={LINE: {"ringgate": cell("ringgate", [1.0], counters={"enters": value})}})
        assert judged(monkeypatch, counted, measured).verdict == expected
        idle = IdleFigures("ringgate", user=value * 1000, kernel=100.0)
        assert judged(monkeypatch, targets.Bytes("", "total", 160), figures(idle={"ringgate": idle})).verdict == expected


def test_ahead_beyond_the_spread_only(monkeypatch):
    target = targets.NobodyAhead("")
    assert judged(monkeypatch, target, echo([100.0] * 4, ws=[99.0, 99.0, 101.0, 102.0])).verdict == "met"
    measured = echo([100.0] * 4, ws=[90.0] * 4, gorilla=[200.0] * 4)
    assert judged(monkeypatch, target, measured).measured == "1 of 2"
    assert [(each.line, each.server) for each in verdict.rivals_ahead(measured)[0]] == [(LINE, "ws")]


def test_every_target_knows_its_line_and_its_judge():
    known = {*figures_module.lines.LINES, "handshakes", *(f"open-{share}" for share in (30, 50, 70, 90))}
    for target in targets.TARGETS:
        assert type(target) in verdict._JUDGES
        line = getattr(target, "line", LINE).removeprefix("shards:")
        assert line in known, line
        if isinstance(target, targets.Bytes):
            assert target.figure in {field.name for field in dataclasses.fields(IdleFigures)} | {"total", "cold_total"}
        if isinstance(target, targets.Ratio):
            assert (target.at_most is None) != (target.at_least is None)
