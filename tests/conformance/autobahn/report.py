"""Writes what a run found: result.json for us, JUnit for tools/lib/tally, Markdown for readers. It judges nothing."""

import collections
import json
import os
import pathlib
import platform
import subprocess
import xml.etree.ElementTree as ElementTree

from catalogue import group_of

SOURCES = pathlib.Path(__file__).resolve().parents[3]
TESTSUITE = "25.10.1"
COLUMNS = ("OK", "INFORMATIONAL", "other")  # each case is in one of them; a missing one is other


def describe_machine():
    return {"kernel": platform.release().partition("-")[0], "cpus": len(os.sched_getaffinity(0)), "machine": platform.machine()}


def describe_gate(binary):
    """The version the binary states, and the commit of the source tree, with a + where the gate's sources were edited since."""
    def output(*command):
        return subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, check=False).stdout.strip()

    edited = "+" if output("git", "status", "--porcelain", "--", "src", "include") else ""
    return {"version": output(binary, "--version"), "commit": output("git", "rev-parse", "--short=10", "HEAD") + edited}


def count(verdicts):
    """{group: {OK, INFORMATIONAL, other, seconds}}; what did not pass is `other`, whatever the suite said of it."""
    groups = {}
    for verdict in verdicts:
        row = groups.setdefault(group_of(verdict.case), dict.fromkeys((*COLUMNS, "seconds"), 0))
        row["other" if verdict.fault else verdict.behavior] += 1
        row["seconds"] += verdict.milliseconds / 1000
    return groups


def write_result(path, facts, verdicts, faults):
    """Keeps a run: `facts` about it (date, settings, …), counts for each group, and every fault in words."""
    texts = [f"{verdict.case} {verdict.fault}" for verdict in verdicts if verdict.fault]
    result = {**facts, "groups": count(verdicts), "faults": [*faults, *texts]}
    path.write_text(json.dumps(result, indent=1) + "\n")
    return result


def write_junit(path, verdicts, faults):
    """One case for each case of the suite, and one for the run as a whole (the gate, the suite, the plan)."""
    root = ElementTree.Element("testsuite", name="autobahn")
    for verdict in verdicts:
        case = ElementTree.SubElement(root, "testcase", classname="autobahn", name=verdict.case,
                                      time=f"{verdict.milliseconds / 1000:.3f}")
        if verdict.fault:
            ElementTree.SubElement(case, "failure", message=verdict.fault)
    case = ElementTree.SubElement(root, "testcase", classname="autobahn", name="run")
    if faults:
        ElementTree.SubElement(case, "failure", message="; ".join(faults))
    ElementTree.ElementTree(root).write(path)


def write_summary(path, results):
    """The Markdown page of one or more kept runs."""
    lines = ["# Autobahn TestSuite: summary", "",
             "Written by `tools/autobahn --summary`; not edited by hand. How to read it: [README.md](README.md).", ""]
    for result in results:
        lines += describe_run(result)
    path.write_text("\n".join(lines))


def describe_run(result):
    total = collections.Counter()
    for row in result["groups"].values():
        total.update(row)
    settings = ", ".join(f"`{setting}`" for setting in result["settings"]) or "none"
    lines = [f"## {result['title']}", "",
             f"- {'Passed' if not result['faults'] else 'FAILED'}: {result['planned']} cases planned, {total['OK']} OK, "
             f"{total['INFORMATIONAL']} INFORMATIONAL, {total['other']} other or missing, in {result['seconds']:.0f} s",
             f"- {result['date']}, {result['version']} (commit {result['commit']}), Autobahn TestSuite {TESTSUITE}",
             f"- Linux {result['kernel']} on {result['machine']}, {result['cpus']} CPUs; processes of the suite at a time: {result['jobs']}",
             f"- Settings: `tests/conformance/autobahn/gate.toml`; shards: {result['shards']}; TLS: {'yes' if result.get('tls') else 'no'}; --set: {settings}", ""]
    if result["faults"]:
        lines += [*(f"- {fault}" for fault in result["faults"]), ""]
    lines += ["| group | cases | OK | INFORMATIONAL | other or missing | seconds |", "|---|---|---|---|---|---|"]
    for group, row in result["groups"].items():
        lines.append(f"| {group} | {sum(row[column] for column in COLUMNS)} | "
                     + " | ".join(str(row[column]) for column in COLUMNS) + f" | {row['seconds']:.1f} |")
    return [*lines, ""]
