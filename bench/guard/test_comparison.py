"""What the guard lets pass, what it fails, and when it does not compare."""

import xml.etree.ElementTree as ElementTree

import pytest

import comparison
import guard

HEADER = {"compiler": "gcc 12", "libc": "glibc 2.36", "features": "avx2", "options": {"b_lto": False}}


def row(baseline, now):
    return comparison.compare({"echo": {"unit": "message", "instructions": baseline}},
                              {"echo": {"unit": "message", "instructions": now}})[0]


@pytest.mark.parametrize(("now", "fails", "stale"), [
    (1000.0, False, False), (1049.9, False, False), (1050.1, True, False), (5000.0, True, False),
    (951.0, False, False), (949.0, False, True)])
def test_growth_beyond_the_tolerance_fails_and_a_gain_asks_to_be_kept(now, fails, stale):
    assert (row(1000.0, now).fault is not None) == fails
    assert row(1000.0, now).is_stale == stale


def test_a_fault_says_by_how_much_of_what():
    assert row(1000.0, 1100.0).fault == "grew by 10.0%: 1000.0 to 1100.0 instructions per message"


def test_a_scenario_on_one_side_only_fails():
    count = {"unit": "push", "instructions": 5.0}
    gone, = comparison.compare({"old": count}, {})
    new, = comparison.compare({}, {"new": count})
    assert "was not run" in gone.fault and "--update" in new.fault


@pytest.mark.parametrize("key", comparison.DECISIVE)
def test_another_compiler_libc_or_kernel_is_not_compared_and_named(key):
    assert comparison.reason_not_to_compare(HEADER, HEADER) is None
    reason = comparison.reason_not_to_compare(HEADER, {**HEADER, key: "other"})
    assert key in reason and "'other'" in reason and repr(HEADER[key]) in reason


def test_other_differences_are_remarked_only():
    other = {**HEADER, "options": {"b_lto": True}}
    assert comparison.reason_not_to_compare(HEADER, other) is None
    assert comparison.remarks(HEADER, other) == ["options: {'b_lto': True}; the baseline's: {'b_lto': False}"]


def test_the_table_marks_what_grew_and_what_shrank():
    lines = comparison.table([row(1000.0, 1100.0), row(1000.0, 900.0), row(1000.0, 1001.0)]).splitlines()
    assert lines[1].endswith("+10.0%  GREW") and lines[2].endswith("-10.0%  shrank") and lines[3].endswith("+0.1%")


def outcomes(path):
    return [child.tag for case in ElementTree.parse(path).iter("testcase") for child in case] or ["passed"]


def test_junit_fails_what_grew_and_skips_with_the_reason_what_was_not_compared(tmp_path):
    path = tmp_path / "guard.xml"
    guard.write_junit(path, [row(1000.0, 1001.0)], None)
    assert outcomes(path) == ["passed"]
    guard.write_junit(path, [row(1000.0, 1100.0)], None)
    assert outcomes(path) == ["failure"]
    guard.write_junit(path, [row(1000.0, 1100.0)], "libc is other")
    assert outcomes(path) == ["skipped"]
    assert ElementTree.parse(path).find(".//skipped").get("message") == "not compared: libc is other"


# -- The command, with counts given instead of counted.

@pytest.fixture(name="counted")
def fixture_counted(monkeypatch, tmp_path):
    """Sets what the scenarios cost and where they run; returns the settings, to be changed."""
    settings = {"header": HEADER, "echo": 1000.0}
    baseline = tmp_path / "baseline.json"
    baseline.write_text('{"header": %s, "scenarios": {"echo": {"unit": "message", "instructions": 1000.0}}}'
                        % guard.json.dumps(HEADER))
    monkeypatch.setattr(guard, "BASELINE", baseline)
    monkeypatch.setattr(guard, "read_list", lambda executable: {"echo": {"unit": "message", "rounds": 1}})
    monkeypatch.setattr(guard, "describe", lambda executable: settings["header"])
    monkeypatch.setattr(guard, "count_all", lambda executable, scenarios: {
        name: {"unit": "message", "instructions": settings[name]} for name in scenarios})
    return settings


def test_the_command_fails_on_growth_only(counted):
    assert guard.guard("unused", [], None) == 0
    counted["echo"] = 1060.0
    assert guard.guard("unused", [], None) == 1
    counted["echo"] = 500.0
    assert guard.guard("unused", [], None) == 0


def test_the_command_says_why_it_does_not_compare_and_passes(counted, capsys):
    counted["echo"], counted["header"] = 2000.0, {**HEADER, "libc": "glibc 2.41"}
    assert guard.guard("unused", [], None) == 0
    assert "not compared: libc is 'glibc 2.41', the baseline's 'glibc 2.36'" in capsys.readouterr().out


def test_an_unknown_scenario_is_a_usage_fault(counted):
    assert counted and guard.guard("unused", ["nonsense"], None) == 64
