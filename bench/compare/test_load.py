"""What a round of the load generator says becomes an outcome, and what spoils it a mark."""

import pytest

import load


def result(*, busy=0.99, steal=0.0, process=0.95, client=None):
    return {
        "messages": 100,
        "client": client or {"is_bottleneck": False, "others_share": 0.0},
        "server": {
            "busy_ns": busy * 1e9,
            "steal_ns": steal * 1e9,
            "idle_ns": (1 - busy - steal) * 1e9,
            "process_cpu_ns": process * 1e9,
            "irq_ns": 0,
            "softirq_ns": 0,
        },
    }


def test_a_saturated_quiet_round_has_no_mark():
    assert load.marks(result(), open_loop=False) == []


@pytest.mark.parametrize(
    ("spoilt", "marks"),
    [
        (result(busy=0.97, steal=0.02), ["steal"]),
        (result(busy=0.9, process=0.85), ["client"]),
        (result(client={"is_bottleneck": True}), ["client"]),
        (result(client={"is_bottleneck": False, "others_share": 0.2}), ["others"]),
        (result(process=0.5), ["others"]),
    ],
)
def test_marks_what_spoils_a_round(spoilt, marks):
    assert load.marks(spoilt, open_loop=False) == marks


def test_an_open_loop_need_not_saturate():
    assert load.marks(result(busy=0.5, process=0.45), open_loop=True) == []


def test_over_tls_the_time_of_other_processes_does_not_count():
    spoilt = load.without_others(result(busy=0.99, process=0.5))
    assert spoilt["server"]["busy_ns_per_message"] == pytest.approx(0.5e9 / 100)


def test_handshakes_and_deliveries_count_as_messages():
    handshakes = load.counted_as_messages(
        {"scenario": "handshakes", "handshakes": 5, "handshakes_per_second": 2.5, "server": {"busy_ns_per_handshake": 7.0}}
    )
    assert (handshakes["messages"], handshakes["messages_per_second"], handshakes["server"]["busy_ns_per_message"]) == (
        5,
        2.5,
        7.0,
    )
    pushes = load.counted_as_messages(
        {
            "scenario": "pushes",
            "pushes": 1,
            "deliveries": 10,
            "deliveries_per_second": 5.0,
            "server": {"busy_ns_per_push": 100.0, "busy_ns_per_delivery": 10.0},
        }
    )
    assert (pushes["messages"], pushes["server"]["busy_ns_per_message"]) == (10, 10.0)
