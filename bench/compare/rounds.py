"""One measured round of one server, and the order in which servers take turns."""

import datetime
import re
import urllib.error
import urllib.request

import load
import servers

# Counters of the gate that a budget is set for, as /metrics writes them, and what a round calls them.
GATE_COUNTERS = {
    "enters": re.compile(r"^ringgate_uring_enter_total(?:\{[^}]*\})? (\S+)$", re.MULTILINE),
    "completions": re.compile(r"^ringgate_uring_cqe_total(?:\{[^}]*\})? (\S+)$", re.MULTILINE),
    "messages": re.compile(r'^ringgate_messages_received_total\{[^}]*opcode="(?:text|binary)"[^}]*\} (\S+)$', re.MULTILINE),
}


def turns(contestants, number):
    """The servers in the order of round `number`: as given, and backwards in every second round."""
    return list(contestants) if number % 2 == 0 else list(reversed(contestants))


def warmup_seconds(seconds):
    return min(1.0, max(0.3, seconds / 4))


def echo(contestant, line, seconds, scratch, *, seed=0, rate=None):
    """Starts the server, loads it once, ends it, and returns the round as it is stored."""
    warmup = warmup_seconds(seconds)
    arguments = [*line.arguments(), "--seconds", seconds, "--warmup", warmup, "--seed", seed]
    if rate is not None:
        arguments += ["--rate", round(rate)]
    return loaded(contestant, "run", arguments, seconds + warmup, scratch, open_loop=rate is not None)


def loaded(contestant, scenario, arguments, seconds, scratch, *, open_loop=False, admin=False):
    """A round of any scenario of the load against one server of its own."""
    record = {"began": now(), "error": "", "marks": []}
    try:
        with servers.running(contestant, scratch / f"{contestant.name}.log") as server:
            aimed = load.pinned_arguments(server, admin=admin)
            outcome = load.run(scenario, [*aimed, *arguments], seconds, scratch / f"{contestant.name}.load.json")
            record["load"], record["error"] = outcome.result, outcome.error
            server.check_alive()
            if contestant.kind == "gate":
                record["gate"] = gate_counters(server)
    except (servers.ServerFailed, OSError) as fault:
        record["error"] = str(fault)
    if not record["error"]:
        record["marks"] = load.marks(record["load"], open_loop=open_loop)
        if getattr(contestant, "tls", ()):
            load.without_others(record["load"])
    return record


def gate_counters(server):
    """The counters of the gate since it started, from its admin port; empty if it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.admin_port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, OSError):
        return {}
    return {name: sum(map(float, pattern.findall(text))) for name, pattern in GATE_COUNTERS.items()}


def now():
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
