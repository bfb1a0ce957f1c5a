"""The plan: 517 cases, each in one process exactly once, whatever groups are asked for."""

import re

import catalogue
import pytest

COUNTS = {"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1, "12": 90, "13": 126}


def planned(*groups):
    return [case for batch in catalogue.plan(groups) for case in batch.cases]


def suite_selects(patterns):
    """What the suite makes of patterns: a star is any text, everything else stands for itself, the end is open."""
    expressions = [re.compile(pattern.replace(".", r"\.").replace("*", ".*") if "*" in pattern else re.escape(pattern) + "$")
                   for pattern in patterns]
    return [case for case in catalogue.load() if any(expression.match(case) for expression in expressions)]


def test_the_catalogue_is_that_of_the_release():
    cases = catalogue.load()
    assert len(cases) == len(set(cases)) == 517
    assert {name: len(planned(name)) for name in COUNTS} == COUNTS


def test_every_case_runs_once_without_groups():
    assert sorted(planned()) == sorted(catalogue.load())
    assert [batch.name for batch in catalogue.plan()] == [
        "1-7,10", "9", *(f"12.{n}" for n in range(1, 6)), *(f"13.{n}" for n in range(1, 8))]


@pytest.mark.parametrize("groups", [[], ["1-7", "9", "10"], ["12"], ["12.1", "13.3"], ["7.1"], ["2.1"], ["6.4.2"], ["6", "6.4", "12.1.3"],
                                    ["10", "1"], ["13.7.18", "13"]])
def test_patterns_select_what_is_planned(groups):
    for batch in catalogue.plan(groups):
        assert suite_selects(batch.patterns) == list(batch.cases)


def test_prefixes_end_at_a_dot():
    assert planned("7.1") == [f"7.1.{n}" for n in range(1, 7)]
    assert planned("2.1") == ["2.1"]


def test_overlapping_groups_plan_a_case_once():
    assert planned("6.4", "6.4.1", "6.4.1") == ["6.4.1", "6.4.2", "6.4.3", "6.4.4"]


@pytest.mark.parametrize("group", ["8", "11", "9.9", "1-8", "7.2", "12.1.19", "x", "", "1.", "*"])
def test_a_group_without_cases_is_refused(group):
    with pytest.raises(catalogue.UnknownGroup):
        catalogue.plan([group])
