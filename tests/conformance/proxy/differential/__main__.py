"""The command line of the differential; tools/differential says how it is used."""

import argparse
import asyncio
import itertools
import pathlib
import random
import sys
from xml.etree import ElementTree

REPOSITORY = pathlib.Path(__file__).resolve().parents[4]
sys.path.insert(0, str(REPOSITORY / "tests/integration"))

from support.gate import Gate  # noqa: E402  the integration tests' gate

from . import cases  # noqa: E402
from .campaign import Campaign  # noqa: E402
from .proxies import SETUPS, program_path  # noqa: E402

EVIDENCE = REPOSITORY / "build/differential/cases"
CHOICES = {"nginx": ["nginx-default", "nginx-lenient"], "haproxy": ["haproxy-default", "haproxy-lenient"],
           "all": ["nginx-default", "nginx-lenient", "haproxy-default", "haproxy-lenient"]}


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"tools/differential: {message}; see tools/differential --help", file=sys.stderr)
        sys.exit(64)


def parse_arguments():
    parser = Parser(prog="tools/differential", add_help=False)
    parser.add_argument("--proxy", choices=[*CHOICES, *SETUPS], default="all")
    parser.add_argument("--samples", type=int, default=10000)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--case", type=int)
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--junit", type=pathlib.Path)
    return parser.parse_args()


def say(text):
    print(text, flush=True)


def plan(choice, samples):
    """Set-ups with their share of the samples: for each proxy, as many as were asked for."""
    programs = {}
    for setup in CHOICES.get(choice, [choice]):
        programs.setdefault(SETUPS[setup][0], []).append(setup)
    return [(setup, samples // len(setups) + (i < samples % len(setups)))
            for setups in programs.values() for i, setup in enumerate(setups)]


def run_all(arguments, seed):
    counts = []
    for setup, samples in plan(arguments.proxy, arguments.samples):
        campaign = Campaign(setup, seed, lambda: Gate({"admin.allowed_hosts": "gate.example,other.example,h"}, shards=1), EVIDENCE, keep_all=arguments.case is not None)
        if arguments.case is None:
            count = asyncio.run(campaign.run(itertools.count(), samples, arguments.lanes, say))
        else:
            case = cases.make(seed, arguments.case)
            say(str(case))
            count = asyncio.run(campaign.run([arguments.case], 1, 1, say))
        say(str(count))
        counts.append(count)
    return counts


def write_junit(counts, path):
    suite = ElementTree.Element("testsuite", name="differential")
    for count in counts:
        name = f"{count.setup}, {count.samples} samples, seed {count.seed}"
        case = ElementTree.SubElement(suite, "testcase", classname="differential", name=name)
        if count.disagreements:
            ElementTree.SubElement(case, "failure", message="; ".join(str(outcome.case) for outcome in count.disagreements))
    ElementTree.ElementTree(suite).write(path)


def main():
    arguments = parse_arguments()
    for program in {SETUPS[setup][0] for setup, _ in plan(arguments.proxy, 1)} - {None}:
        if program_path(program) is None:
            say(f"tools/differential: {program} is not installed; run tools/setup test")
            return 1
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 32)
    say(f"seed {seed}")
    counts = run_all(arguments, seed)
    for name, number in sorted(sum((count.rules for count in counts), start=type(counts[0].rules)()).items()):
        say(f"let pass by rule: {name} {number} times")
    if arguments.junit:
        write_junit(counts, arguments.junit)
    disagreed = sum(len(count.disagreements) for count in counts)
    say(f"{sum(count.samples for count in counts)} samples, {disagreed} disagreements")
    return 1 if disagreed else 0


if __name__ == "__main__":
    sys.exit(main())
