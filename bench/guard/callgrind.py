"""Runs a scenario of the guard under callgrind and tells what the gate spent in it.

The fake ring must not count, nor what it calls (malloc, memcpy, the containers it shares with the gate), nor the test's own
driving. Functions say that exactly: callgrind notes for every caller and callee what was spent inside the call. So

    the gate = inside Shard::turn, less inside every call from the gate to a member of class Ring (the door of the fake)

which holds for calls that nest, whoever is called in there. Set-up and warm-up are not collected at all: collecting is on only
inside guard::counted_turns. What the kernel's backend of class Ring spends (src/ring/kernel) is not seen by this.
"""

import collections
import dataclasses
import json
import pathlib
import re
import subprocess

COUNTED = "ringgate::guard::counted_turns*"
TURN = re.compile(r"ringgate::server::Shard::turn\(\)")
DOOR = re.compile(r"ringgate::ring::Ring::(?!Backend)")
FAKE = re.compile(r"ringgate::ring::(Ring\b|Fake)")  # callers that are inside already
SECONDS_MAX = 120  # of one scenario; it takes one to three on a free core


class GuardFault(Exception):
    """What keeps the guard from counting, in words."""


@dataclasses.dataclass
class Profile:
    own: collections.Counter  # by function: spent in its own instructions
    calls: collections.Counter  # by (caller, callee): spent inside the call


def parse(text):
    """Reads callgrind's output. Names are given once and then by number: "fn=(12) name", "fn=(12)"."""
    profile, names = Profile(collections.Counter(), collections.Counter()), {}
    function = callee = None
    is_call = False

    def name_of(reference):
        number, _, name = reference.partition(" ")
        if name:
            names[number] = name
        return names[number]

    for line in text.splitlines():
        if line.startswith("fn="):
            function = name_of(line[3:])
        elif line.startswith("cfn="):
            callee = name_of(line[4:])
        elif line.startswith("calls="):
            is_call = True
        elif line[:1].isdigit() or line[:1] in ("+", "-", "*"):
            fields = line.split()
            cost = int(fields[1]) if len(fields) > 1 else 0
            if is_call:
                profile.calls[function, callee] += cost
            else:
                profile.own[function] += cost
            is_call = False
    return profile


def gate_instructions(profile):
    turns = sum(cost for (caller, callee), cost in profile.calls.items() if TURN.match(callee) and not TURN.match(caller))
    doors = sum(cost for (caller, callee), cost in profile.calls.items()
                if DOOR.match(callee) and not FAKE.match(caller) and not caller.startswith("ringgate::simulated::"))
    if turns == 0 or doors == 0:
        raise GuardFault("the profile shows no turn, or no call of the ring: were their functions inlined or renamed?")
    return turns - doors


def own_of_gate(profile):
    """What each function spent for the gate: a function that the fake uses too counts by the share of its calls from the gate."""
    into = collections.defaultdict(list)
    for (caller, callee), cost in profile.calls.items():
        if caller != callee:
            into[callee].append((caller, cost))

    def fixed(name):
        if TURN.match(name):
            return 1.0
        if FAKE.match(name) or name.startswith(("ringgate::simulated::", "ringgate::guard::counted")):
            return 0.0
        return None

    share = {name: fixed(name) or 0.0 for name in {*profile.own, *into, *(caller for caller, _ in profile.calls)}}
    for _ in range(50):  # call chains are shorter
        for name, callers in into.items():
            total = sum(cost for _, cost in callers)
            if fixed(name) is None and total > 0:
                share[name] = sum(share[caller] * cost for caller, cost in callers) / total
    return {name: cost * share[name] for name, cost in profile.own.items() if cost * share[name] > 0}


def run(executable, arguments, output):
    """Plays `executable arguments` under callgrind; returns (units, Profile). The environment, and so every address, is fixed."""
    pathlib.Path(output).unlink(missing_ok=True)
    command = ["timeout", "-k", "5", str(SECONDS_MAX), "env", "-i", "LD_BIND_NOW=1", "LC_ALL=C", "PATH=/usr/bin:/bin",
               "valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}", f"--toggle-collect={COUNTED}",
               str(executable), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise GuardFault(f"{' '.join(map(str, arguments))} ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)["units"], parse(pathlib.Path(output).read_text(encoding="utf-8", errors="replace"))


def describe(executable):
    """What the program says of itself where callgrind runs it: valgrind hides AVX-512 from run-time dispatch."""
    done = subprocess.run(["env", "-i", "PATH=/usr/bin:/bin", "valgrind", "--quiet", "--tool=none", str(executable), "describe"],
                          capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
    if done.returncode != 0:
        raise GuardFault(f"describe ended with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)
