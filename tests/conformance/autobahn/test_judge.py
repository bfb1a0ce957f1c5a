"""The judge refuses whatever is not a full set of passes: each test breaks one thing in a report that passes."""

import json

import judge
import pytest

PLANNED = ["6.4.1", "6.4.2", "7.1.6"]


def entry(behavior="OK", close="OK"):
    return {"behavior": behavior, "behaviorClose": close, "duration": 3, "reportfile": "page.json"}


def passing():
    return {"6.4.1": entry(), "6.4.2": entry(), "7.1.6": entry("INFORMATIONAL", "INFORMATIONAL")}


def faults(path, text):
    """The faults that the judge finds in an index with this text."""
    path = path / "index.json"
    path.write_text(text)
    return {verdict.case: verdict.fault for verdict in judge.judge(PLANNED, judge.read_index(path, "ringgate")) if verdict.fault}


def test_a_full_report_passes(tmp_path):
    assert faults(tmp_path, json.dumps({"ringgate": passing()})) == {}


@pytest.mark.parametrize("verdict", ["NON-STRICT", "FAILED", "UNIMPLEMENTED", "INFORMATIONAL", "FAILED BY CLIENT", "", "ok"])
def test_refuses_any_behavior_but_ok(tmp_path, verdict):
    found = faults(tmp_path, json.dumps({"ringgate": {**passing(), "6.4.2": entry(verdict)}}))
    assert list(found) == ["6.4.2"] and f"behavior {verdict}" in found["6.4.2"] and "page.html" in found["6.4.2"]


@pytest.mark.parametrize("verdict", ["UNCLEAN", "WRONG CODE", "FAILED BY CLIENT", "FAILED", "INFORMATIONAL"])
def test_refuses_any_closing_but_ok(tmp_path, verdict):
    found = faults(tmp_path, json.dumps({"ringgate": {**passing(), "6.4.1": entry("OK", verdict)}}))
    assert list(found) == ["6.4.1"] and f"closing {verdict}" in found["6.4.1"]


@pytest.mark.parametrize("broken", [entry("FAILED", "INFORMATIONAL"), entry("INFORMATIONAL", "UNCLEAN"), entry("NON-STRICT", "OK")])
def test_informational_cases_may_not_fail(tmp_path, broken):
    assert list(faults(tmp_path, json.dumps({"ringgate": {**passing(), "7.1.6": broken}}))) == ["7.1.6"]


@pytest.mark.parametrize("case", PLANNED)
def test_refuses_a_missing_case(tmp_path, case):
    partial = {name: fields for name, fields in passing().items() if name != case}
    assert faults(tmp_path, json.dumps({"ringgate": partial})) == {case: "was planned and did not run"}


def test_refuses_a_case_that_is_reported_twice(tmp_path):
    text = json.dumps({"ringgate": passing()}).replace('"6.4.2"', '"6.4.1"')
    twice = json.dumps({"ringgate": passing()}).replace('"7.1.6"', f'"6.4.1": {json.dumps(entry())}, "7.1.6"')
    assert faults(tmp_path, twice) == {"6.4.1": "is reported 2 times"}
    assert faults(tmp_path, text) == {"6.4.1": "is reported 2 times", "6.4.2": "was planned and did not run"}


def test_refuses_a_case_that_was_not_planned(tmp_path):
    assert faults(tmp_path, json.dumps({"ringgate": {**passing(), "9.9.1": entry()}})) == {"9.9.1": "ran and was not planned"}


def test_refuses_a_report_of_another_server_and_no_report(tmp_path):
    assert list(faults(tmp_path, json.dumps({"other": passing()}))) == PLANNED
    assert judge.read_index(tmp_path / "nowhere" / "index.json", "ringgate") == []
    assert all(verdict.fault for verdict in judge.judge(PLANNED, []))


def test_the_suites_own_list_must_be_ours():
    assert judge.compare_plan(PLANNED, PLANNED) == []
    assert judge.compare_plan(PLANNED, PLANNED[1:]) == ["the suite does not know case 6.4.1"]
    assert judge.compare_plan(PLANNED, [*PLANNED, "8.1"]) == ["the suite has case 8.1, which cases.txt lacks"]
    assert judge.compare_plan(PLANNED, [*PLANNED, "6.4.1"]) == ["the suite announced case 6.4.1 twice"]
    assert len(judge.compare_plan(PLANNED, [])) == 3
