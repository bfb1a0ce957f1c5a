"""The registry of mutations: what each breaks, by name, and which requests it fits.

A mutation changes one request in place. `on` says which: requests with a length, with chunks, with an upgrade, or any.
The mutations themselves are in the modules named `break_*`; those of whole byte strings are in break_bytes.
"""

REGISTRY = {"any": {}, "body": {}, "chunks": {}, "upgrade": {}}


def mutation(on, name=None):
    """Registers `change(random, request)` under its own name, or under the one given."""

    def register(change):
        REGISTRY[on][name or change.__name__] = change
        return change

    return register


def variants(on, prefix, values):
    """Registers one mutation for each value: `change(random, request, value)`."""

    def register(change):
        for value in values:
            label = f"{prefix} {value!r}" if len(repr(value)) < 60 else f"{prefix} {value[:20]!r}.. of {len(value)}"
            REGISTRY[on][label] = lambda random, request, value=value: change(random, request, value)
        return change

    return register


def fitting(request):
    """Names and mutations that fit this request; what is special to it is named twice, so that it is chosen more often."""
    groups = ["any"]
    if request.index(b"Upgrade") is not None:
        groups += ["upgrade", "upgrade"]
    elif request.chunks is not None:
        groups += ["body", "chunks", "chunks"]
    elif request.index(b"Content-Length") is not None:
        groups += ["body", "body"]
    return [entry for group in groups for entry in REGISTRY[group].items()]
