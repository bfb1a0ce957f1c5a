"""The regression guard: user-mode instructions of fixed scenarios, against bench/guard/baseline.json.

usage: tools/bench guard [SCENARIO…]        compares (all scenarios unless some are named); fails on more than 5 % growth
       tools/bench guard --update           counts, and writes the baseline
       tools/bench guard --self-check       plants instructions, and fails unless they are found out
       tools/bench guard --profile SCENARIO what the gate's functions spend per unit; [--top N]
       [--junit FILE]                       the result for tools/lib/tally, one case a scenario
       [--executable FILE]                  build/release/bench/guard/guard

Exit code: 0 nothing grew (or: not compared, and why), 1 something grew, 2 could not count, 64 usage.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import platform
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import callgrind
import comparison
from callgrind import GuardFault

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
OUTPUT = REPOSITORY / "build/results/guard"
BASELINE = HERE / "baseline.json"
SELF_CHECK_SCENARIO = "echo_single_20"
PLANTED_ROUND_INSTRUCTIONS = 3  # of the loop in PlantedEcho: nop, subtract, jump


def read_list(executable):
    lines = subprocess.run([executable, "list"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {name: {"unit": unit, "rounds": int(rounds)} for name, unit, rounds in map(str.split, lines)}


def count_one(executable, name, rounds, planted=0):
    """(instructions per unit, Profile)"""
    suffix = f"-planted-{planted}" if planted else ""
    units, profile = callgrind.run(executable, [name, rounds, planted], OUTPUT / f"callgrind.{name}{suffix}")
    return callgrind.gate_instructions(profile) / units, profile


def count_all(executable, scenarios):
    """{name: {"unit", "instructions"}}, counted on all cores at once: other processes do not change the counts."""
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        jobs = {name: pool.submit(count_one, executable, name, facts["rounds"]) for name, facts in scenarios.items()}
        return {name: {"unit": scenarios[name]["unit"], "instructions": round(job.result()[0], 2)} for name, job in jobs.items()}


def describe(executable):
    header = callgrind.describe(executable)
    if not header.pop("optimized"):
        raise GuardFault("the executable was built without optimisation")
    header["machine"] = platform.machine()
    header["valgrind"] = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    header["options"] = build_options(executable)
    return header


def build_options(executable):
    """Those that change code, as meson knows them."""
    build = pathlib.Path(executable).resolve().parents[2]
    listed = subprocess.run(["meson", "introspect", "--buildoptions", build], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise GuardFault(f"meson does not know the build {build}")
    wanted = ("buildtype", "optimization", "b_lto", "b_ndebug", "b_pgo", "cpp_args")
    options = {each["name"]: each["value"] for each in json.loads(listed.stdout)}
    return {name: options[name] for name in wanted if name in options}


def write_junit(path, rows, reason):
    """`reason`: why nothing was compared, or None."""
    root = ElementTree.Element("testsuite", name="guard")
    for row in rows:
        case = ElementTree.SubElement(root, "testcase", classname="guard", name=row.name)
        if reason:
            ElementTree.SubElement(case, "skipped", message=f"not compared: {reason}")
        elif row.fault:
            ElementTree.SubElement(case, "failure", message=row.fault)
    ElementTree.ElementTree(root).write(path)


def guard(executable, names, junit):
    scenarios = read_list(executable)
    unknown = [name for name in names if name not in scenarios]
    if unknown:
        print(f"guard: no scenario {', '.join(unknown)}; there are {', '.join(scenarios)}", file=sys.stderr)
        return 64
    chosen = {name: scenarios[name] for name in names or scenarios}
    baseline = json.loads(BASELINE.read_text())
    header = describe(executable)
    reason = comparison.reason_not_to_compare(baseline["header"], header)
    counts = count_all(executable, chosen)
    expected = {name: old for name, old in baseline["scenarios"].items() if not names or name in names}
    rows = comparison.compare(expected, counts)
    print(comparison.table(rows))
    if junit:
        write_junit(junit, rows, reason)
    if reason:
        print(f"guard: not compared: {reason}")
        return 0
    for remark in comparison.remarks(baseline["header"], header):
        print(f"guard: differs, compared all the same: {remark}")
    stale = [row.name for row in rows if row.is_stale]
    if stale:
        print(f"guard: {', '.join(stale)} shrank by more than {comparison.TOLERANCE:.0%}: "
              "keep the gain with tools/bench guard --update, and commit the baseline")
    for row in rows:
        if row.fault:
            print(f"guard: {row.name} {row.fault}", file=sys.stderr)
    return 1 if any(row.fault for row in rows) else 0


def update(executable):
    baseline = {"header": describe(executable), "scenarios": count_all(executable, read_list(executable))}
    old = json.loads(BASELINE.read_text())["scenarios"] if BASELINE.exists() else {}
    BASELINE.write_text(json.dumps(baseline, indent=1) + "\n")
    print(comparison.table(comparison.compare(old, baseline["scenarios"])))
    print(f"guard: written to {BASELINE.relative_to(REPOSITORY)}; say in the commit why the counts changed")
    return 0


def self_check(executable):
    """Instructions planted into the handler: twice the tolerance must be found out, a quarter of it must not be."""
    facts = read_list(executable)[SELF_CHECK_SCENARIO]

    def counted(planted):
        return {SELF_CHECK_SCENARIO: {"unit": facts["unit"],
                                      "instructions": count_one(executable, SELF_CHECK_SCENARIO, facts["rounds"], planted)[0]}}

    plain = counted(planted=1)
    faults = []
    for factor, must_fail in ((0.25, False), (2, True)):
        growth = comparison.TOLERANCE * factor
        planted = round(plain[SELF_CHECK_SCENARIO]["instructions"] * growth / PLANTED_ROUND_INSTRUCTIONS)
        row = comparison.compare(plain, counted(1 + planted))[0]
        print(f"guard: planted {growth:.2%}: counted {row.change:+.2%}, {row.fault or 'passes'}")
        if (row.fault is not None) != must_fail:
            faults.append(f"a growth of {growth:.2%} was {'not found out' if must_fail else 'taken for too much'}")
        if abs(row.change - growth) > 0.002:
            faults.append(f"{growth:.2%} were planted, {row.change:.2%} counted")
    for fault in faults:
        print(f"guard: self-check: {fault}", file=sys.stderr)
    return 1 if faults else 0


def show_profile(executable, name, top):
    scenarios = read_list(executable)
    if name not in scenarios:
        print(f"guard: no scenario {name}", file=sys.stderr)
        return 64
    units, profile = callgrind.run(executable, [name, scenarios[name]["rounds"]], OUTPUT / f"callgrind.{name}")
    total = callgrind.gate_instructions(profile)
    print(f"{name}: {total / units:,.1f} instructions per {scenarios[name]['unit']}, without the fake ring and what it calls")
    for function, cost in sorted(callgrind.own_of_gate(profile).items(), key=lambda item: -item[1])[:top]:
        print(f"{cost / units:12,.1f} {cost / total:7.1%}  {function}")
    return 0


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"guard: {message}; see tools/bench guard --help", file=sys.stderr)
        sys.exit(64)


def main():
    parser = Parser(add_help=False)
    parser.add_argument("names", nargs="*")
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--self-check", action="store_true")
    parser.add_argument("--profile", metavar="SCENARIO")
    parser.add_argument("--top", type=int, default=30)
    parser.add_argument("--junit", type=pathlib.Path)
    parser.add_argument("--executable", default=REPOSITORY / "build/release/bench/guard/guard")
    options = parser.parse_args()
    if options.help:
        print(__doc__.strip())
        return 0
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        if options.update:
            return update(options.executable)
        if options.self_check:
            return self_check(options.executable)
        if options.profile:
            return show_profile(options.executable, options.profile, options.top)
        return guard(options.executable, options.names, options.junit)
    except GuardFault as fault:
        print(f"guard: {fault}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
