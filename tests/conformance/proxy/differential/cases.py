"""Case N of seed S: the bytes a client sends, and how they came about. The same two numbers always give the same case."""

import dataclasses
import random as random_module

from . import bases, break_framing, break_head, break_upgrade  # noqa: F401  the break_* modules register themselves
from .break_bytes import ON_BYTES
from .mutations import fitting


@dataclasses.dataclass(frozen=True)
class Case:
    number: int
    listener: str  # admin | device: which port of the gate it is meant for
    data: bytes
    mutations: tuple  # names, in the order they were done

    def __str__(self):
        return f"case {self.number} ({self.listener}: {'; '.join(self.mutations)})"


def make(seed, number):
    random = random_module.Random(f"{seed}/{number}")
    listener = "device" if random.random() < 0.2 else "admin"
    kind = random.choices((bases.upgrade, bases.health), (9, 1))[0] if listener == "device" else bases.pipeline
    requests = kind(random, number)
    wanted = random.choices((1, 2, 3), (70, 22, 8))[0]
    on_bytes = sum(random.random() < 0.2 for _ in range(wanted))

    names = []
    for _ in range(wanted - on_bytes):
        place = random.randrange(len(requests))
        name, change = random.choice(fitting(requests[place]))
        change(random, requests[place])
        names.append(f"{name} in {place}")
    data = b"".join(request.data() for request in requests)
    for _ in range(on_bytes):
        name, change = random.choice(list(ON_BYTES.items()))
        data = change(random, data) or b"\r\n"
        names.append(name)
    return Case(number, listener, data, tuple(names))
