"""Ratios pair rounds of one number, and marked rounds are left out only while most remain."""

import ratios
from selection import by_round


def record(number, core, marks=(), error=""):
    return {"round": number, "marks": list(marks), "error": error, "load": {"server": {"busy_ns_per_message": core}}}


def core(each):
    return each["load"]["server"]["busy_ns_per_message"]


def test_pairs_rounds_so_that_drift_cancels():
    drifting = {0: 100.0, 1: 200.0, 2: 400.0}
    assert ratios.ratio({number: value * 1.5 for number, value in drifting.items()}, drifting).median == 1.5


def test_leaves_out_rounds_that_one_side_lacks():
    found = ratios.ratio({0: 2.0, 2: 6.0}, {0: 1.0, 1: 1.0, 2: 2.0})
    assert (found.count, found.low, found.high) == (2, 2.0, 3.0)


def test_no_common_round_is_no_ratio():
    assert ratios.ratio({0: 1.0}, {1: 1.0}) is None and ratios.spread([]) is None


def test_one_round_has_its_value_everywhere():
    found = ratios.spread([7.0])
    assert (found.median, found.low, found.high, found.quartile_low, found.quartile_high, found.count) == (
        7.0,
        7.0,
        7.0,
        7.0,
        7.0,
        1,
    )


def test_spread_knows_quartiles_and_extremes():
    found = ratios.spread([5.0, 1.0, 3.0, 2.0, 4.0])
    assert (found.low, found.quartile_low, found.median, found.quartile_high, found.high) == (1.0, 2.0, 3.0, 4.0, 5.0)


def test_steal_is_left_out_while_most_rounds_remain():
    assert by_round([record(0, 1.0), record(1, 9.0, ["steal"]), record(2, 1.0)], core) == {0: 1.0, 2: 1.0}
    assert by_round([record(0, 1.0), record(1, 9.0, ["steal"])], core) == {0: 1.0, 1: 9.0}


def test_other_marks_stay_and_failed_rounds_never_do():
    assert by_round([record(0, 1.0, ["client"]), record(1, 9.0, error="died")], core) == {0: 1.0}
