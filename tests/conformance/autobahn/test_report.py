"""What a run leaves behind says the same as its verdicts."""

import json
import xml.etree.ElementTree as ElementTree

import report
from judge import Verdict

FACTS = {"title": "1 shard", "date": "2026-01-31 12:00 UTC", "planned": 3, "seconds": 4.5, "shards": 1, "settings": ["a.b=c"], "jobs": 1,
         "version": "ringgate 0", "commit": "abc", "kernel": "6.1", "machine": "x86_64", "cpus": 2}
VERDICTS = [Verdict("6.4.1", "OK", "", 1500), Verdict("7.1.6", "INFORMATIONAL", "", 5), Verdict("12.1.1", "OK", "is reported 2 times", 10)]


def test_a_fault_is_counted_as_other_whatever_the_suite_said():
    counts = report.count(VERDICTS)
    assert counts["6"] == {"OK": 1, "INFORMATIONAL": 0, "other": 0, "seconds": 1.5}
    assert counts["7"]["INFORMATIONAL"] == 1
    assert (counts["12.1"]["OK"], counts["12.1"]["other"]) == (0, 1)


def test_the_result_names_every_fault(tmp_path):
    result = report.write_result(tmp_path / "result.json", FACTS, VERDICTS, ["gate: died"])
    assert result["faults"] == ["gate: died", "12.1.1 is reported 2 times"]
    assert json.loads((tmp_path / "result.json").read_text()) == result


def test_junit_has_every_case_and_the_run_itself(tmp_path):
    report.write_junit(tmp_path / "a.xml", VERDICTS, ["gate: died"])
    cases = {case.get("name"): case.find("failure") for case in ElementTree.parse(tmp_path / "a.xml").iter("testcase")}
    assert list(cases) == ["6.4.1", "7.1.6", "12.1.1", "run"]
    assert [name for name, failure in cases.items() if failure is not None] == ["12.1.1", "run"]


def test_the_summary_states_a_failed_run_as_failed(tmp_path):
    for faults, word in (([], "Passed"), (["gate: died"], "FAILED")):
        result = report.write_result(tmp_path / "result.json", FACTS, VERDICTS[:2], faults)
        report.write_summary(tmp_path / "summary.md", [result, result])
        text = (tmp_path / "summary.md").read_text()
        assert text.count(f"- {word}: 3 cases planned, 1 OK, 1 INFORMATIONAL, 0 other or missing, in 4 s") == 2
