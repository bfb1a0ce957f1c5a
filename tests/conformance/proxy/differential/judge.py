"""Compares the two readings of one upstream connection: what h11 reads in the forwarded bytes, and what the gate answered and did.

Agreement is the same number of requests, in the same order, with the same bodies and ids. What was pushed to the devices is
compared by the lane, over all connections of a case. Invariant: a fault is one sentence; no fault is agreement.
"""

import base64
import collections
import dataclasses
import hashlib
import json

from . import licences, model
from .reference import read_answers, read_messages, read_requests

ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


@dataclasses.dataclass
class Verdict:
    faults: list = dataclasses.field(default_factory=list)
    pushes: list = dataclasses.field(default_factory=list)  # (end of the request, (device, type, body)) of what was delivered
    upgraded: list = dataclasses.field(default_factory=list)  # device ids
    requests: int = 0
    rules: collections.Counter = dataclasses.field(default_factory=collections.Counter)


def is_settled(forwarded, answered):
    """Has every whole request its answer, and is nothing in between?"""
    reading = read_requests(forwarded)
    answers, rest = read_answers(answered, reading.methods)
    return reading.end == "boundary" and len(answers) == len(reading.requests) and not rest


def judge_admin(forwarded, answered, devices):
    reading = read_requests(forwarded)
    answers, rest = read_answers(answered, reading.methods)
    verdict = Verdict(requests=len(reading.requests), rules=collections.Counter(reading.rewrites))
    if rest:
        verdict.faults.append(f"bytes that are no answer: {rest[:80]!r}")
    for place, request in enumerate(reading.requests):
        if place == len(answers):
            verdict.faults.append(f"request {place} has no answer, and nothing before it ended the connection")
            return verdict
        if _judge_request(verdict, place, request, answers[place], devices):
            _nothing_behind(verdict, answers, place + 1)
            return verdict
    _judge_rest(verdict, reading, answers)
    return verdict


def _judge_request(verdict, place, request, answer, devices):
    """True if nothing behind this request may be read."""
    owed = model.admin(request, devices)
    if answer.status not in owed.statuses:
        _judge_refusal(verdict, f"request {place}", request, answer, f"{owed.statuses} was owed")
        return answer.closes
    if answer.status == 200:
        verdict.pushes += [(request.end, push) for push in owed.pushes]
        if owed.device_id is not None and json.loads(answer.body).get("device_id") != owed.device_id:
            verdict.faults.append(f"request {place} names {owed.device_id}, its answer {answer.body[:100]!r}")
    is_refused_before_its_body = answer.status >= 400 and b"100-continue" in request.tokens(b"expect")
    if request.closes and not answer.closes:
        verdict.faults.append(f"request {place} ends the connection, its answer does not")
    if answer.closes and not (request.closes or owed.may_end or is_refused_before_its_body):
        _judge_refusal(verdict, f"request {place}", request, answer, "it should not have ended the connection")
    return answer.closes


def _judge_refusal(verdict, name, request, answer, otherwise):
    """An answer that was not owed is a refusal of the bytes themselves, and needs a rule by which they may be refused."""
    rules = licences.licences_for(request)
    if answer.status < 400 or not answer.closes or not rules:
        verdict.faults.append(f"{name} was answered {answer.status} {answer.body[:120]!r}; {otherwise}")
    verdict.rules.update(rules)


def _nothing_behind(verdict, answers, place):
    if len(answers) > place:
        verdict.faults.append(f"{len(answers) - place} answers behind the one that ended the connection")


def _judge_rest(verdict, reading, answers):
    """What h11 takes for no request, or for the beginning of one, may be refused once, and never be served."""
    behind = answers[len(reading.requests):]
    if not behind:
        if reading.end == "error":
            verdict.faults.append(f"bytes that are no request have no answer: {reading.rest[:80]!r}")
        return
    if reading.end == "boundary" or len(behind) > 1 or behind[0].status < 400 or not behind[0].closes:
        verdict.faults.append(f"{len(reading.requests)} requests and {reading.end}, but {len(answers)} answers, "
                              f"the last {behind[-1].status}")


# -- Devices


def judge_device(forwarded, answered):
    reading = read_requests(forwarded)
    answers, rest = read_answers(answered, reading.methods)
    verdict = Verdict(requests=min(1, len(reading.requests)), rules=collections.Counter(reading.rewrites))
    if not reading.requests:
        _judge_rest(verdict, reading, answers)
        return verdict
    if not answers:
        verdict.faults.append("the request has no answer")
        return verdict
    request, answer = reading.requests[0], answers[0]
    _nothing_behind(verdict, answers, 1)
    expected = model.is_upgrade(request)
    if model.asks_for_health(request):
        if answer.status != 200 or not answer.closes:
            _judge_refusal(verdict, "the question for health", request, answer, "200 and the end were owed")
    elif answer.status == 101:
        _judge_upgrade(verdict, request, answer, forwarded, rest, expected)
    elif answer.status < 400 or not answer.closes:
        if answer.status != 426:
            verdict.faults.append(f"answered {answer.status}, which neither upgrades nor ends the connection")
    elif expected:
        _judge_refusal(verdict, "the request", request, answer, "101 was owed")
    return verdict


def _judge_upgrade(verdict, request, answer, forwarded, frames, expected):
    if expected is False:
        verdict.faults.append("an upgrade that is none was answered 101")
        return
    accept = base64.b64encode(hashlib.sha1(request.values(b"sec-websocket-key")[0] + ACCEPT_SUFFIX).digest())
    if (b"sec-websocket-accept", accept) not in answer.fields:
        verdict.faults.append("the 101 belongs to another key")
    verdict.upgraded.append(model.device_id_of(model.target_parts(request.target)[1]))
    behind = forwarded[forwarded.index(request.raw) + len(request.raw):]
    sent, echoed = read_messages(behind, from_client=True), read_messages(frames, from_client=False)
    if sent != echoed:
        verdict.faults.append(f"{len(sent)} messages were sent and {len(echoed)} came back, or others: {sent[:3]} {echoed[:3]}")
