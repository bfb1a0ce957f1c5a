"""Holders hold, see what has gone, and end; a server that refuses or closes is an error in words."""

import pathlib

import pytest

import idle
import servers
from servers import Gate

FAKES = pathlib.Path(__file__).resolve().parent / "fakes"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    for name in ("SETTLE_SECONDS", "COLD_SECONDS"):
        monkeypatch.setattr(idle, name, 0.05)


def test_bare_pairs_cost_slabs():
    record = idle.measure_bare(500)
    assert record["error"] == "" and record["idle"]["connections"] == 500


def test_a_holder_sees_that_the_far_end_is_gone():
    with idle.holder("accept", 3) as far:
        port = far.expect("port ", 10).split()[1]
        with idle.holder("connect", port, 3, "raw") as near:
            far.expect("holding 3", 10)
            near.expect("holding 3", 10)
            near.tell("?")
            near.expect("open 3", 10)
            far._process.kill()
            far._process.wait()
            near.tell("?")
            with pytest.raises(idle.HolderFailed, match="open 0"):
                near.expect("open 3", 10)


def test_a_server_that_closes_is_an_error(tmp_path):
    record = idle.measure(Gate(binary=FAKES / "ringgate"), tmp_path, 5)
    assert "wanted 'holding 5'" in record["error"]


@pytest.mark.parametrize(("tls", "pings"), [((), True), (("certificate", "key"), False)])
def test_nobody_is_pinged_who_cannot_answer(monkeypatch, tmp_path, tls, pings):
    commands = []

    def refuse(contestant, log):
        commands.append(contestant.command(1, 2))
        raise servers.ServerFailed("enough is known")

    monkeypatch.setattr(servers, "running", refuse)
    assert idle.measure(Gate(binary=FAKES / "ringgate", tls=tls), tmp_path, 5)["error"] == "enough is known"
    assert (idle.WITHOUT_PINGS in commands[0]) != pings
