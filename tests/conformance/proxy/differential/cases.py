"""Case N of seed S: the octets a client sends, and how they came about. The same two numbers always give the same case."""

import dataclasses
import random as random_module

from . import bases, break_framing, break_head, break_upgrade  # noqa: F401  the break_* modules register themselves
from .break_octets import ON_OCTETS
from .mutations import fitting


@dataclasses.dataclass(frozen=True)
class Case:
    number: int
    listener: str  # admin | device: which port of the gate it is meant for
    octets: bytes
    mutations: tuple  # names, in the order they were done

    def __str__(self):
        return f"case {self.number} ({self.listener}: {'; '.join(self.mutations)})"


def make(seed, number):
    random = random_module.Random(f"{seed}/{number}")
    listener = "device" if random.random() < 0.2 else "admin"
    requests = bases.upgrade(random, number) if listener == "device" else bases.pipeline(random, number)
    wanted = random.choices((1, 2, 3), (70, 22, 8))[0]
    on_octets = sum(random.random() < 0.2 for _ in range(wanted))

    names = []
    for _ in range(wanted - on_octets):
        place = random.randrange(len(requests))
        name, change = random.choice(fitting(requests[place]))
        change(random, requests[place])
        names.append(f"{name} in {place}")
    octets = b"".join(request.octets() for request in requests)
    for _ in range(on_octets):
        name, change = random.choice(list(ON_OCTETS.items()))
        octets = change(random, octets) or b"\r\n"
        names.append(name)
    return Case(number, listener, octets, tuple(names))
