"""tools/bench compare: ringgate against its rivals and against the ceilings of the machine.

Exit codes: 0 measured (whatever the verdict), 1 rounds failed, 64 usage, 69 nothing to run it with.
"""

import hashlib
import pathlib
import re
import secrets
import subprocess
import sys

import lines
import load
import machine
import rounds
import servers
from command_line import Parser, add_line_option, positive, raise_descriptor_limit
from phases import PHASES, TLS_PHASES, UNGATHERED, Context, ungathered
from progress import Progress, clock
from selection import Selection
from store import Store

RUNS = servers.RESULTS / "compare"
QUICK = {"phase": ["judged"], "rounds": 3, "seconds": 2.0}
OPTIONS_KEPT = ("phase", "line", "peer", "rounds", "seconds", "rivals", "quick", "tls")


def make_parser():
    parser = Parser(
        prog="tools/bench compare",
        description="Compares ringgate with echo servers built on other WebSocket libraries and with bare TCP echo, the ceiling.\n"
        "Server on core 0, load on core 1, rounds in turn. Primary figure: busy time of the server's core per message.",
        epilog="phases:\n"
        + "".join(f"  {phase.name:<11} {phase.about}\n" for phase in PHASES.values())
        + "\nphases with --tls (never for rivals that have no TLS):\n"
        + "".join(f"  {phase.name:<11} {phase.about}\n" for phase in TLS_PHASES.values())
        + "\nRounds are kept in build/results/compare/RUN as they are made; --resume, or --name of a run that is there, goes on.\n"
        "tools/bench peers builds the rivals; those that are not built are named in the report and left out.",
    )
    parser.add_argument(
        "--phase", action="append", default=[], metavar="PHASE", choices=list({**PHASES, **TLS_PHASES}), help="repeatable (default all)"
    )
    add_line_option(parser, "all")
    parser.add_argument(
        "--peer", action="append", default=[], metavar="NAME", help="a rival or ceiling; repeatable (default all)"
    )
    parser.add_argument(
        "--rivals", type=positive(int), default=None, metavar="N", help="fastest rivals kept after the screening (default 3)"
    )
    parser.add_argument(
        "--rounds", type=positive(int), metavar="N", help="rounds of each server and line, in every phase but the screening"
    )
    parser.add_argument("--seconds", type=positive(float), metavar="S", help="seconds of a round, in every phase")
    parser.add_argument(
        "--quick", action="store_true", help="the judged lines, 3 rounds of 2 s, three rivals: about five minutes"
    )
    parser.add_argument(
        "--tls", action="store_true", help="over TLS 1.3, AES-128-GCM, X25519, one P-256 certificate for all, which nobody verifies"
    )
    parser.add_argument(
        "--name", metavar="RUN", help="folder of the run (default the time); goes on where it stopped if it is there"
    )
    parser.add_argument("--resume", action="store_true", help="goes on with the latest run")
    parser.add_argument("--plan", action="store_true", help="only says what would be run, and for how long")
    return parser


def parse_arguments(arguments):
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", options.name):
        parser.error("--name is letters, digits, '.', '_' and '-'")
    if options.resume and options.name is None:
        runs = sorted(RUNS.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
        if not runs:
            parser.error("there is no run to resume")
        options.name = runs[-1].parent.name
    if options.name is None:
        options.name = rounds.now()[:19].replace(":", "").replace("T", "-")
    return parser, options


def settle_options(parser, options, kept):
    """Of a run that goes on, the options are those it began with; others than these would mix two runs."""
    given = {name: getattr(options, name) for name in OPTIONS_KEPT if getattr(options, name)}
    if kept is None:
        quick = {} if not options.quick else {"rounds": 3, "seconds": 1.0} if options.tls else QUICK
        return {**dict.fromkeys(OPTIONS_KEPT), **quick, **given}
    differing = [name for name, value in given.items() if kept.get(name) != value]
    if differing:
        parser.error(f"run {options.name} began with other options (--{', --'.join(differing)}); give it another --name")
    return kept


def certificate_files(store):
    return (str(store.folder / "scratch/certificate.pem"), str(store.folder / "scratch/key.pem"))


def make_certificate(files):
    """A P-256 certificate that signs itself, and its key, for the servers of this run."""
    pathlib.Path(files[0]).parent.mkdir(parents=True, exist_ok=True)
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost".split()
    subprocess.run([*command, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)


def contestants(parser, wanted, tls=()):
    """All servers that can run, by name, with ringgate first; why the others cannot; and the kind of each peer there is."""
    known, absent = {}, {}
    try:
        known = servers.peers(tls)
    except ImportError as fault:
        absent["all peers"] = f"bench/peers cannot be read: {fault}"
    unknown = [name for name in wanted or () if name not in known and name != "ringgate"]
    if unknown:
        parser.error(f"unknown peer '{unknown[0]}'; known: {', '.join(known)}")
    ready = {"ringgate": servers.Gate(tls=tls)}
    for name, peer in known.items():
        if wanted and name not in wanted:
            continue
        reason = peer.missing()
        if reason:
            absent[name] = reason
        else:
            ready[name] = peer
    return ready, absent, {name: peer.kind for name, peer in known.items()}


def about(settled, ready, absent, kinds, seed):
    """What run.json says: everything that a report needs beside the rounds."""
    gate = servers.GATE_BINARY.resolve()
    return {
        "options": settled,
        "began": rounds.now(),
        "seed": seed,
        "machine": machine.describe(),
        "warning": machine.unquiet((servers.SERVER_CPU, servers.LOAD_CPU)),
        "gate_sha256": hashlib.sha256(gate.read_bytes()).hexdigest(),
        "missing": absent,
        "known": kinds,
        "servers": {
            **{name: {"label": each.label, "kind": each.kind, "version": each.version()} for name, each in ready.items()},
            UNGATHERED: {"label": ungathered(gate).label, "kind": "variant", "version": ready["ringgate"].version()},
        },
    }


def planned(phases, context_of, store):
    """The rounds that are still to be made, by phase, as far as can be told now."""
    context = context_of()
    return {phase: [step for step in phase.steps(context) if not store.is_done(step)] for phase in phases}


def state_plan(plan):
    for phase, steps in plan.items():
        print(f"  {phase.name:<11} {len(steps):>5} rounds  {clock(sum(step.seconds for step in steps)):>12}   {phase.about}")
    everything = [step for steps in plan.values() for step in steps]
    print(f"  {'in all':<11} {len(everything):>5} rounds  {clock(sum(step.seconds for step in everything)):>12}", flush=True)
    return everything


def measure_all(phases, context_of, store):
    """Makes every round that is not there yet; returns how many failed."""
    everything = state_plan(planned(phases, context_of, store))
    progress = Progress(sum(step.seconds for step in everything), len(everything))
    failures = 0
    for index, phase in enumerate(phases):
        remaining = planned(phases[index:], context_of, store)
        steps = [step for each in remaining.values() for step in each]
        progress.replan(sum(step.seconds for step in steps), len(steps))
        context = context_of()
        for step in remaining[phase]:
            progress.begins(f"{step.phase} {step.line}: {step.server}, round {step.round + 1}")
            record = phase.measure(context, step)
            store.keep(step, record)
            progress.ends(step.seconds)
            if record["error"]:
                failures += 1
                progress.say(f"failed: {step.phase} {step.line} {step.server} round {step.round + 1}: {record['error']}")
    return failures


def main(arguments):
    parser, options = parse_arguments(arguments)
    store = Store(RUNS / options.name)
    kept = store.read_run()
    settled = settle_options(parser, options, kept and kept["options"])
    phases = TLS_PHASES if settled.get("tls") else PHASES
    unknown = [name for name in settled["phase"] or () if name not in phases]
    if unknown:
        parser.error(f"there is no phase {unknown[0]} {'with' if phases is TLS_PHASES else 'without'} --tls")
    tls = certificate_files(store) if settled.get("tls") else ()
    ready, absent, kinds = contestants(parser, settled["peer"], tls)
    if not options.plan:
        for reason in [ready["ringgate"].missing(), None if load.BINARY.exists() else f"{load.BINARY} is not built"]:
            if reason:
                print(f"tools/bench compare: {reason}", file=sys.stderr)
                return 69
    if tls and not options.plan:
        make_certificate(tls)
    for name, reason in absent.items():
        print(f"without {name}: {reason}")

    seed = kept["seed"] if kept else secrets.randbelow(2**31)

    def context_of():
        selection = Selection(ready, store.records(), rivals_count=settled["rivals"] or 3)
        return Context(
            ready,
            selection,
            tuple(settled["line"] or lines.LINES),
            store.folder / "scratch",
            settled["rounds"],
            settled["seconds"],
            seed,
        )

    chosen = [phase for name, phase in phases.items() if name in (settled["phase"] or phases)]
    if options.plan:
        state_plan(planned(chosen, context_of, store))
        return 0
    raise_descriptor_limit()
    if kept is None:
        store.write_run(about(settled, ready, absent, kinds, seed))
    elif kept["gate_sha256"] != hashlib.sha256(servers.GATE_BINARY.resolve().read_bytes()).hexdigest():
        parser.error(f"run {options.name} began with another build of ringgate; give this one another --name")
    print(f"run {options.name}, seed {seed}, kept in {store.folder}")
    failures = measure_all(chosen, context_of, store)
    write_report(store)
    return 1 if failures else 0


def write_report(store):
    import report  # brings matplotlib, which --help and --plan do without

    report.write(store)


def rerender(arguments):
    """tools/bench report RUN."""
    parser = Parser(
        prog="tools/bench report", description="Writes the table, the JSON and the HTML report of a kept run once more."
    )
    parser.add_argument("run", metavar="RUN", help="its name in build/results/compare, or a folder")
    parser.add_argument(
        "--images", metavar="FOLDER", type=pathlib.Path, help="also write the plots of docs/performance.md there (docs/images)"
    )
    options = parser.parse_args(arguments)
    named = options.run
    folder = pathlib.Path(named) if "/" in named else RUNS / named
    store = Store(folder)
    if store.read_run() is None:
        parser.error(f"{folder} holds no run")
    write_report(store)
    if options.images:
        import showcase

        left_out = showcase.write_all(store, options.images)
        if left_out:
            print(f"not drawn, since the run did not measure it: {', '.join(left_out)}", file=sys.stderr)
            return 1
    return 0
