"""tools/autobahn: the genuine Autobahn TestSuite against a gate of its own.

Exit codes: 0 every planned case passed, 1 something failed, 64 usage.
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import catalogue
import judge
import report
import self_check
from progress import Progress
from suite import AGENT, SuiteProcess

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
FAULTS_PRINTED = 20
RUNS = REPOSITORY / "build/autobahn/runs"
sys.path.insert(0, str(REPOSITORY / "tests/integration"))
from support.certificates import Root  # noqa: E402
from support.gate import BINARY, Gate  # noqa: E402  the gate under test, as the integration tests start it


class Parser(argparse.ArgumentParser):
    """Ends with 64 on a usage fault, as our other tools do."""

    def error(self, message):
        self.exit(64, f"{self.prog}: {message}; see {self.prog} --help\n")


def parse_arguments():
    parser = Parser(
        prog="tools/autobahn", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs the genuine Autobahn TestSuite against a gate of its own and judges its report.\n"
                    "Passes when every planned case ran once and is OK (INFORMATIONAL in 7.1.6, 7.13.1 and 7.13.2).",
        epilog="examples:\n  tools/autobahn 1-7 9 10            about 15 s\n  tools/autobahn --shards 2          all 517 cases\n"
               "  tools/autobahn 12.1 --set ring.multishot_recv=off\n  tools/autobahn --tls               all 517 cases over wss\n\n"
               "RINGGATE_BINARY names the gate (default build/release/ringgate). More: docs/conformance/README.md")
    parser.add_argument("group", nargs="*", help="1-7, 9, 12.1, 6.4.2, …; all groups without one")
    parser.add_argument("--shards", type=int, default=1, metavar="N", help="serving threads of the gate (default 1)")
    parser.add_argument("--tls", action="store_true",
                        help="over wss, with a certificate made for the run (the suite trusts any certificate)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings", help="any setting of the gate; repeatable")
    parser.add_argument("--jobs", type=int, default=1, metavar="N",
                        help="processes of the suite at a time, for groups 9, 12 and 13 (default 1; best below the number of CPUs)")
    parser.add_argument("--name", help="folder of the run in build/autobahn/runs, replaced if it is there (default the time)")
    parser.add_argument("--junit", type=pathlib.Path, metavar="FILE", help="also write the results as JUnit XML")
    parser.add_argument("--summary", type=pathlib.Path, metavar="FILE",
                        help="run nothing: write a summary of the kept runs named instead of groups")
    parser.add_argument("--self-check", action="store_true", help="prove the judge on a server known to be lax in four cases")
    arguments = parser.parse_args()
    if arguments.jobs < 1 or arguments.shards < 1:
        parser.error("--jobs and --shards begin at 1")
    if arguments.name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", arguments.name):
        parser.error("--name is letters, digits, '.', '_' and '-'")
    for setting in arguments.settings:
        if "=" not in setting:
            parser.error(f"--set {setting}: want KEY=VALUE")
    return parser, arguments


def install():
    """Installs the suite where it is missing; returns the command that starts it."""
    prepared = subprocess.run([HERE / "prepare"], stdout=subprocess.PIPE, text=True, check=False)
    if prepared.returncode != 0:
        sys.exit("tools/autobahn: the suite is not installed; see above")
    return prepared.stdout.strip()


def run_batch(process, progress):
    """Runs one process of the suite to its end; returns its verdicts and the faults of the run."""
    batch = process.batch
    process.run(lambda case: progress.case_begins(batch))
    verdicts = judge.judge(batch.cases, judge.read_index(process.index, AGENT))
    faults = process.faults + judge.compare_plan(batch.cases, process.announced)
    progress.batch_ends(batch, len(faults) + sum(bool(verdict.fault) for verdict in verdicts))
    return verdicts, [f"{batch.name}: {fault}" for fault in faults]


def run_batches(command, batches, url_of, folder, jobs):
    """First the batch that must be alone, then the others, `jobs` at a time. An interrupt ends every process of the suite."""
    progress, verdicts, faults = Progress(batches), [], []
    processes = [SuiteProcess(command, batch, url_of(batch), folder / batch.name) for batch in batches]
    alone = [process for process in processes if process.batch.name == catalogue.ALONE_NAME]
    others = [process for process in processes if process not in alone]
    pool = concurrent.futures.ThreadPoolExecutor(jobs)
    try:
        for together in (alone, others):
            for done in [pool.submit(run_batch, process, progress) for process in together]:
                verdicts += done.result()[0]
                faults += done.result()[1]
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.stop()
        raise
    finally:
        pool.shutdown()
    return verdicts, faults, progress.seconds


def run_against_gate(command, batches, arguments, folder):
    """Starts the gate, runs all batches and ends it. A gate that dies, complains or does not end well is a fault of the run."""
    settings = dict(setting.split("=", 1) for setting in arguments.settings)
    certificate = Root(folder).issue("gate") if arguments.tls else None
    gate = Gate(settings, arguments.shards, arguments=["-c", str(HERE / "gate.toml")], tls=certificate)
    verdicts, faults, seconds = [], [], 0.0
    try:
        with gate:
            verdicts, faults, seconds = run_batches(
                command, batches, lambda batch: gate.device_url(f"autobahn-{batch.name}".replace(",", "_")), folder, arguments.jobs)
            if gate.process.poll() is not None:
                faults.append(f"the gate died: exit code {gate.process.returncode}")
    except AssertionError as fault:
        faults.append(f"gate: {fault}")
    with open(folder / "gate.log", "w", encoding="utf-8") as log:
        log.writelines(json.dumps(record) + "\n" for record in gate.records)
        log.writelines(line + "\n" for line in gate.stray)
    return verdicts, faults, seconds


def run_groups(arguments, batches):
    if not pathlib.Path(BINARY).is_file():
        sys.exit(f"tools/autobahn: there is no gate at {BINARY}; run tools/build")
    command = install()
    date = datetime.datetime.now().astimezone()
    folder = RUNS / (arguments.name or date.strftime("%Y-%m-%d_%H-%M-%S"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    planned = sum(len(batch.cases) for batch in batches)
    print(f"{planned} cases planned; {BINARY}, {arguments.shards} shard(s){' over TLS' if arguments.tls else ''} {' '.join(arguments.settings)}", flush=True)

    verdicts, faults, seconds = run_against_gate(command, batches, arguments, folder)
    title = f"{arguments.shards} shard" + ("" if arguments.shards == 1 else "s")
    facts = {"title": ", ".join([title, *(["TLS"] if arguments.tls else []), *arguments.settings]), "tls": arguments.tls, "date": date.strftime("%Y-%m-%d %H:%M %Z"), "planned": planned,
             "seconds": seconds, "shards": arguments.shards, "settings": arguments.settings, "jobs": arguments.jobs,
             **report.describe_gate(BINARY), **report.describe_machine()}
    result = report.write_result(folder / "result.json", facts, verdicts, faults)
    report.write_summary(folder / "summary.md", [result])
    if arguments.junit:
        report.write_junit(arguments.junit, verdicts, faults)
    return conclude(result, folder)


def conclude(result, folder):
    for fault in result["faults"][:FAULTS_PRINTED]:
        print(f"FAULT {fault}")
    if len(result["faults"]) > FAULTS_PRINTED:
        print(f"and {len(result['faults']) - FAULTS_PRINTED} more faults; the summary has them all")
    passed = sum(row["OK"] + row["INFORMATIONAL"] for row in result["groups"].values())
    print(f"report: {os.path.relpath(folder)}/summary.md, and index.html in the folder of each group")
    print(f"{passed} of {result['planned']} cases passed, {len(result['faults'])} faults, in {result['seconds']:.0f} s")
    return 1 if result["faults"] else 0


def main():
    parser, arguments = parse_arguments()
    if arguments.self_check:
        return self_check.run(install(), RUNS / "self-check", run_batches)
    if arguments.summary:
        kept = [pathlib.Path(run) / "result.json" for run in arguments.group]
        missing = [str(path) for path in kept if not path.is_file()]
        if missing or not kept:
            parser.error(f"--summary needs folders of kept runs; missing: {' '.join(missing) or 'all'}")
        report.write_summary(arguments.summary, [json.loads(path.read_text()) for path in kept])
        return 0
    try:
        batches = catalogue.plan(arguments.group)
    except catalogue.UnknownGroup as fault:
        parser.error(str(fault))
    return run_groups(arguments, batches)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the gate and the suite are ended too
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
