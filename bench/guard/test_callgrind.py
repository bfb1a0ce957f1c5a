"""Reading callgrind's output: what counts as the gate, and what as the fake ring."""

import pytest

import callgrind

# The turn spends 100 itself, 10 in malloc, and 100 in a call of the ring: 20 there, 10 in the call that this one makes, 70 in
# malloc. Outside of the turn the simulated gate asks the ring for 5.
PROFILE = """\
events: Ir

fn=(1) ringgate::server::Shard::turn()
12 60
+3 40
cfn=(2) ringgate::ring::Ring::accept_one(unsigned int)
calls=3 0
15 100
cob=(4) /usr/lib/libc.so.6
cfi=(5) ./malloc.c
cfn=(3) malloc
calls=1 0
16 10

fn=(2)
0 20
cfn=(4) ringgate::ring::Ring::accept(unsigned int)
calls=3 0
0 80

fn=(4)
0 10
cfn=(3)
calls=3 0
0 70

fn=(3)
* 80

fn=(6) ringgate::simulated::Gate::turn(unsigned long)
0 7
cfn=(1)
calls=1 0
0 210
cfn=(7) ringgate::ring::Ring::buffers_lent() const
calls=1 0
0 5

fn=(7)
0 5
"""


def test_the_gate_is_the_turn_without_what_the_ring_spends():
    assert callgrind.gate_instructions(callgrind.parse(PROFILE)) == 110


def test_a_function_of_both_counts_by_its_calls_from_the_gate():
    own = callgrind.own_of_gate(callgrind.parse(PROFILE))
    assert own == {"ringgate::server::Shard::turn()": 100, "malloc": pytest.approx(10)}


def test_a_profile_without_turns_or_without_the_ring_is_a_fault():
    for renamed in ("server::Shard::turn", "ring::Ring::"):
        with pytest.raises(callgrind.GuardFault, match="inlined or renamed"):
            callgrind.gate_instructions(callgrind.parse(PROFILE.replace(renamed, "other::thing")))
