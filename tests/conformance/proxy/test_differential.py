"""The differential itself: its cases repeat, its rules apply where they should and nowhere else, and a gate that is wrong is found."""

import asyncio
import random

import pytest
from wrong_gate import WrongGate

from differential import bases, campaign, cases, judge, licences, model, reference
from differential.cases import Case
from differential.lane import Lane
from differential.recorder import Tape

GOOD = b"POST /v1/devices/d0/messages HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
GOOD_CHUNKED = b"POST /v1/devices/d0/messages HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
DELIVERED = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"device_id":"d0"}'
REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def test_a_case_is_the_same_every_time_and_each_is_another():
    first = [cases.make(7, number) for number in range(200)]
    assert first == [cases.make(7, number) for number in range(200)]
    assert len({case.data for case in first} | {cases.make(8, number).data for number in range(200)}) == 400


def test_unmutated_requests_are_read_whole_and_fall_under_no_rule():
    for number in range(200):
        for base in (bases.pipeline, bases.upgrade, bases.health):
            requests = base(random.Random(number), number)
            reading = reference.read_requests(b"".join(request.data() for request in requests[:-1]) + requests[-1].data())
            assert not reading.rewrites
            for sent, read in zip(requests, reading.requests):
                assert (sent.payload, sent.target, []) == (read.body, read.target, licences.licences_for(read))


# -- Rules


LICENSED = {
    "bare_line_feed": GOOD.replace(b"h\r\n", b"h\n"),
    "line_folding": GOOD.replace(b"Host: h", b"Host: h\r\nX: a\r\n b"),
    "both_framings": GOOD_CHUNKED.replace(b"Host: h", b"Host: h\r\nContent-Length: 2"),
    "repeated_length": GOOD.replace(b": 2", b": 2\r\nContent-Length: 2"),
    "coding_in_http10": GOOD_CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "control_byte": GOOD.replace(b"Host: h", b"Host: h\r\nX: a\x01b"),
    "target_grammar": GOOD.replace(b"/messages", b"/messages#x"),
    "host_grammar": GOOD.replace(b"Host: h", b"Host: a,b"),
    "target_of_another_host": GOOD.replace(b"/v1", b"http://g/v1"),
    "another_spelling": GOOD.replace(b": 2", b": 02"),
    "forbidden_trailer": GOOD_CHUNKED.replace(b"0\r\n\r\n", b"0\r\nHost: h\r\n\r\n"),
    "other_expectation": GOOD.replace(b"Host: h", b"Host: h\r\nExpect: x"),
    "other_version": GOOD.replace(b"HTTP/1.1", b"HTTP/2.0"),
    "chunk_line_grammar": GOOD_CHUNKED.replace(b"2\r\nok", b"2;\r\nok"),
    "beyond_a_limit": GOOD.replace(b"Host: h", b"Host: h\r\nX: " + b"v" * 16384),
}


def test_every_rule_has_its_example():
    assert set(LICENSED) == {rule.__name__ for rule in licences.LICENCES}


@pytest.mark.parametrize("name", LICENSED)
def test_a_refusal_agrees_under_a_rule_and_the_rule_alone_applies(name):
    (request,) = reference.read_requests(LICENSED[name]).requests
    assert licences.licences_for(request) == [name]
    assert judge.judge_admin(LICENSED[name], REFUSED, ["d0"]).faults == []


REWRITTEN = {
    "one_empty_line": b"\r\n" + GOOD,
    "empty_list_members": GOOD_CHUNKED.replace(b" chunked", b" ,chunked,"),
    "blanks_before_an_extension": GOOD_CHUNKED.replace(b"2\r\nok", b"2 ;a=b\r\nok"),
}


@pytest.mark.parametrize("rule", licences.REWRITES, ids=lambda rule: rule.__name__)
def test_what_a_server_may_accept_is_read_as_what_it_means(rule):
    reading = reference.read_requests(REWRITTEN[rule.__name__] + GOOD)
    assert (reading.rewrites, reading.end, [request.body for request in reading.requests]) == ({rule.__name__}, "boundary", [b"ok", b"ok"])


# -- Verdicts on what two ends have said


@pytest.mark.parametrize("forwarded, answered, faults", [
    (GOOD, DELIVERED, 0),
    (GOOD + GOOD, DELIVERED + DELIVERED, 0),
    (GOOD + GOOD, DELIVERED, 1),  # one is missing
    (GOOD, DELIVERED + DELIVERED, 1),  # one too many
    (GOOD, DELIVERED.replace(b"d0", b"d1"), 1),  # of another request
    (GOOD, REFUSED, 1),  # there is no rule by which it may be refused
    (GOOD, b"what is this", 2),
    (b"GET / nonsense\r\n\r\n" + GOOD, REFUSED, 0),
    (b"GET / nonsense\r\n\r\n" + GOOD, DELIVERED, 1),  # what is no request was served
    (b"GET / nonsense\r\n\r\n" + GOOD, REFUSED + DELIVERED, 1),  # something was read behind it
    (LICENSED["both_framings"] + GOOD, REFUSED + DELIVERED, 1),
    (GOOD[:-1], b"", 0),
    (GOOD[:-1], DELIVERED, 1),  # half a request was served
], ids=str)
def test_verdict_on_the_admin_port(forwarded, answered, faults):
    assert len(judge.judge_admin(forwarded, answered, ["d0"]).faults) == faults


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
READY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
UPGRADES = b"/healthz HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"


@pytest.mark.parametrize("forwarded, answered, faults", [
    (HEALTH, READY, 0),
    (HEALTH.replace(b"1.1", b"1.0"), READY, 0),
    (HEALTH + HEALTH, READY, 0),
    (HEALTH + HEALTH, READY + READY, 1),  # something was read behind the answer that ends the connection
    (HEALTH, READY.replace(b"Connection: close\r\n", b""), 1),
    (HEALTH, REFUSED, 1),
    (HEALTH.replace(b": h", b": a,b"), REFUSED, 0),
    (HEALTH.replace(b"healthz", b"ws"), READY, 1),  # 200 is no answer to anything else
    (HEALTH.replace(b"/healthz HTTP/1.1\r\n", UPGRADES), READY, 1),  # a handshake is no question for health
    (HEALTH.replace(b"/healthz HTTP/1.1\r\n", UPGRADES), REFUSED, 0),
], ids=str)
def test_verdict_on_a_device_port_that_is_asked_for_health(forwarded, answered, faults):
    assert len(judge.judge_device(forwarded, answered).faults) == faults


@pytest.mark.parametrize("version, status", [(b"HTTP/1.1", 404), (b"HTTP/1.0", 200)])
def test_an_upgrade_of_the_admin_port_counts_only_from_http_1_1_on(version, status):
    (request,) = reference.read_requests(b"GET /healthz " + version + b"\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").requests
    assert model.admin(request, []).statuses == (status,)


@pytest.mark.parametrize("media_type, kind", [
    (b"text/plain", "text"), (b"application/json", "text"), (b"application/a+json", "text"), (b"application/octet-stream", "binary"),
    (b"text/", None), (b"text/,plain", None), (b"text/plain: 22", None), (b"application/+json", None), (b"application/a b+json", None),
])
def test_kind_of_a_push_by_a_media_type_whose_subtype_is_a_token(media_type, kind):
    assert model.kind_of(media_type) == kind


def test_requests_on_several_connections_are_put_in_the_order_they_came():
    first, second = Tape("admin"), Tape("admin")
    for tape in (first, second, first):
        tape.forward(b"0123456789")
    assert first.arrival_of(1) == first.arrival_of(10) < second.arrival_of(10) < first.arrival_of(11) == first.arrival_of(20)


# -- Wrong gates


async def faults_of(setup, gate, data):
    lane = Lane(setup, gate)
    try:
        await lane.start()
        outcome = await lane.run(Case(1, "admin", data, ()))
        assert outcome.forwarded
        return outcome.faults
    finally:
        await lane.stop()


SMUGGLED = b"POST /v1/devices/d1/messages HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nsmuggled"
LAST = GOOD.replace(b"Host: h", b"Host: h\r\nConnection: close")
TWO_LENGTHS = GOOD.replace(b": 2\r\n\r\nok", b": %d\r\nContent-Length: 2\r\n\r\nok" % (2 + len(SMUGGLED))) + SMUGGLED
GET_WITH_BODY = b"GET /v1/devices/d0 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED + LAST
OTHER_ID = GOOD.replace(b"/d0/", b"/d2/") + LAST


@pytest.mark.parametrize("fault, setup, data", [
    ("last_length", "direct", TWO_LENGTHS),
    ("bodyless_get", "direct", GET_WITH_BODY),
    ("bodyless_get", "nginx-default", GET_WITH_BODY),
    ("bodyless_get", "nginx-lenient", GET_WITH_BODY),
    ("bodyless_get", "haproxy-default", GET_WITH_BODY),
    ("bodyless_get", "haproxy-lenient", GET_WITH_BODY),
    ("answers_swapped", "direct", OTHER_ID),
])
def test_a_wrong_gate_is_found_out_and_a_right_one_is_not(fault, setup, data):
    with WrongGate() as right:
        faults = asyncio.run(faults_of(setup, right, data))
        assert faults == [], "\n".join(faults)
    with WrongGate(fault) as wrong:
        assert asyncio.run(faults_of(setup, wrong, data)) != []


def test_a_run_against_a_wrong_gate_counts_keeps_and_ends_early(tmp_path):
    said = []
    run = campaign.Campaign("direct", 1, lambda: WrongGate("bodyless_get"), tmp_path)
    count = asyncio.run(run.run(range(500), 500, 2, said.append))
    assert campaign.DISAGREEMENTS_MAX <= len(count.disagreements) <= campaign.DISAGREEMENTS_MAX + 2 and count.samples < 500
    assert len(said) >= campaign.DISAGREEMENTS_MAX
    for folder in tmp_path.iterdir():
        number = int(folder.name.rpartition("-")[2])
        assert (folder / "sent").read_bytes() == cases.make(1, number).data
