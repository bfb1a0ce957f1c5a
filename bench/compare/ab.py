"""tools/bench ab: two binaries of ringgate in turn on the same lines; is the second cheaper?

Exit codes: 0 compared, 1 rounds failed, 64 usage, 69 nothing to run it with.
"""

import pathlib
import secrets
import sys

import lines
import load
import ratios
import rounds
from command_line import Parser, add_line_option, positive, raise_descriptor_limit
from progress import Progress, clock
from servers import RESULTS, Gate
from store import Step, Store

OVERHEAD_SECONDS = 0.6


def parse_arguments(arguments):
    parser = Parser(
        prog="tools/bench ab",
        description="Alternates two binaries of ringgate (A B, B A, ...) over the lines and prints, for each line, the busy time of the\n"
        "server's core per message and the median over rounds of B/A: below 1, B is cheaper.",
        epilog="examples:\n  tools/bench ab --a /tmp/before --b build/release/ringgate\n"
        "  tools/bench ab --a build/release/ringgate --b build/release/ringgate --b-set ring.busy_poll=50us --line binary-20B-64x1",
    )
    parser.add_argument("--a", type=pathlib.Path, required=True, metavar="BINARY", help="the binary that is the measure")
    parser.add_argument("--b", type=pathlib.Path, required=True, metavar="BINARY", help="the binary that is judged")
    parser.add_argument("--a-set", action="append", default=[], metavar="KEY=VALUE", help="a setting for A; repeatable")
    parser.add_argument("--b-set", action="append", default=[], metavar="KEY=VALUE", help="a setting for B; repeatable")
    add_line_option(parser, "the judged lines")
    parser.add_argument("--rounds", type=positive(int), default=7, metavar="N", help="rounds of each (default 7)")
    parser.add_argument("--seconds", type=positive(float), default=3.0, metavar="S", help="seconds of a round (default 3)")
    parser.add_argument("--seed", type=int, default=None, help="replays payloads and masks; random unless given")
    options = parser.parse_args(arguments)
    options.seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    return options


def compare(options, store):
    """Makes all rounds and returns {line: {"a": {round: record}, "b": {...}}}."""
    pair = [
        Gate("a", options.a.resolve(), settings=tuple(options.a_set)),
        Gate("b", options.b.resolve(), settings=tuple(options.b_set)),
    ]
    names = options.line or lines.JUDGED
    round_seconds = options.seconds + rounds.warmup_seconds(options.seconds) + OVERHEAD_SECONDS
    count = len(names) * options.rounds * 2
    print(f"{count} rounds of {options.seconds:g} s, seed {options.seed}, about {clock(count * round_seconds)}", flush=True)
    progress = Progress(count * round_seconds, count)
    results = {}
    for name in names:
        results[name] = {"a": {}, "b": {}}
        for number in range(options.rounds):
            for gate in rounds.turns(pair, number):
                progress.begins(f"{name}: {gate.name}, round {number + 1}")
                record = rounds.echo(gate, lines.LINES[name], options.seconds, store.scratch, seed=options.seed + number)
                store.keep(Step("ab", name, gate.name, number), record)
                results[name][gate.name][number] = record
                progress.ends(round_seconds)
        progress.say(row(name, results[name]))
    return results


def busy(records):
    return {number: record["load"]["server"]["busy_ns_per_message"] for number, record in records.items() if not record["error"]}


def row(name, both):
    a, b = busy(both["a"]), busy(both["b"])
    found = ratios.ratio(b, a)
    if found is None:
        fault = next(record["error"] for record in [*both["a"].values(), *both["b"].values()] if record["error"])
        return f"{name:<22} no round that both ended: {fault}"
    marked = sum(bool(record["marks"] or record["error"]) for records in both.values() for record in records.values())
    kinds = sorted({mark for records in both.values() for record in records.values() for mark in record["marks"]})
    return (
        f"{name:<22} A {ratios.spread(a.values()).median:9.1f} ns  B {ratios.spread(b.values()).median:9.1f} ns  "
        f"B/A {found.median:6.3f}  quartiles {found.quartile_low:.3f}..{found.quartile_high:.3f}  "
        f"all {found.low:.3f}..{found.high:.3f}  of {found.count}"
        + (f"  ({marked} marked{': ' if kinds else ''}{', '.join(kinds)})" if marked else "")
    )


def main(arguments):
    options = parse_arguments(arguments)
    for gate in (Gate("a", options.a), Gate("b", options.b)):
        if gate.missing():
            print(f"tools/bench ab: {gate.missing()}", file=sys.stderr)
            return 69
    raise_descriptor_limit()
    store = Store(RESULTS / "ab" / rounds.now().replace(":", ""))
    results = compare(options, store)
    print(f"\nbusy time of the server's core per message; load: {load.BINARY}; rounds: {store.folder}")
    for name, both in results.items():
        print(row(name, both))
    failed = [
        record["error"]
        for both in results.values()
        for records in both.values()
        for record in records.values()
        if record["error"]
    ]
    for fault in sorted(set(failed)):
        print(f"{failed.count(fault)} rounds failed: {fault}")
    return 1 if failed else 0
