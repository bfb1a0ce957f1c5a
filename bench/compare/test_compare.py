"""The whole command against stand-ins of the gate, the load generator and the peers (fakes/)."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

import pytest
import servers

PATIENCE_S = 300  # a bound for what hangs, not a measure of speed: the machine may be busy
HERE = pathlib.Path(__file__).resolve().parent
LINES = ("--line", "binary-20B-64x1", "--line", "binary-64KiB-64x1")


@pytest.fixture
def compare(tmp_path):
    """Runs the command in a folder of its own; `start` leaves it running, `folder` is where runs are kept."""

    def start(*arguments, command="compare", **environment):
        environment = {
            **os.environ,
            "BENCH_LOAD": str(HERE / "fakes/ringgate-load"),
            "BENCH_PEERS": str(HERE / "fakes"),
            "RINGGATE_BINARY": str(HERE / "fakes/ringgate"),
            "BENCH_RESULTS": str(tmp_path),
            **environment,
        }
        return subprocess.Popen(
            [sys.executable, HERE / "run.py", command, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(*arguments, **environment):
        with start(*arguments, **environment) as process:
            try:
                output, errors = process.communicate(timeout=PATIENCE_S)
            finally:
                process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    run.start = start
    run.folder = tmp_path / "compare"
    return run


def quick(run, *more, name="one", **environment):
    return run(
        "--quick",
        "--seconds",
        "0.05",
        "--rounds",
        "2",
        "--name",
        name,
        *LINES,
        "--peer",
        "raw_uring",
        "--peer",
        "gorilla",
        "--peer",
        "libwebsockets",
        *more,
        **environment,
    )


def stored(folder):
    return {path.relative_to(folder): json.loads(path.read_text()) for path in sorted((folder / "rounds").glob("*/*/*.json"))}


def running(fake):
    return [path for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if str(HERE / "fakes" / fake).encode() in _bytes(path)]


def left_over():
    """Servers of ours that still run."""
    return running("server.py")


def _bytes(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_measures_all_rounds_and_leaves_nothing_running(compare):
    done = quick(compare)
    assert done.returncode == 0, done.stdout + done.stderr
    records = stored(compare.folder / "one")
    assert len(records) == 2 * 2 * 3 and not any(record["error"] for record in records.values())
    assert "without libwebsockets: not built" in done.stdout and re.search(r"in all +12 rounds", done.stdout)
    assert left_over() == []


def test_results_are_kept_where_no_build_goes():
    """A build that is configured anew empties its folder."""
    told = subprocess.run([servers.REPOSITORY / "tools/build", "--help"], capture_output=True, text=True, check=True).stdout
    kinds = re.findall(r"(?:^|  )(\w+)  ", told, re.MULTILINE)
    assert {"release", "bench", "asan"} <= set(kinds)
    assert (servers.REPOSITORY / "build/results") not in [servers.REPOSITORY / "build" / kind for kind in kinds]
    assert servers.RESULTS == servers.REPOSITORY / "build/results"


def test_ports_are_none_that_an_outgoing_connection_may_get():
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = servers.free_ports(8)
    assert len(set(ports)) == 8 and all(1024 <= port < lowest for port in ports)


def test_servers_alternate_and_turn_round(compare):
    quick(compare)
    first_line = [record for record in stored(compare.folder / "one").values() if record["line"] == "binary-20B-64x1"]
    assert {record["load"]["server"]["busy_ns_per_message"] > 0 for record in first_line} == {True}
    assert {record["server"] for record in first_line} == {"ringgate", "raw_uring", "gorilla"}


def test_reports_in_three_forms(compare):
    quick(compare)
    folder = compare.folder / "one"
    table, page = (folder / "table.md").read_text(), (folder / "report.html").read_text()
    assert "### Verdict" in table and "raw TCP echo, io_uring" in table
    assert json.loads((folder / "results.json").read_text())["echo"]["binary-20B-64x1"]["gorilla"]["ratio"]["count"] == 2
    assert "<svg" in page and "libwebsockets" in page
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        xml.etree.ElementTree.fromstring(drawing)
    assert not re.search(r"(src|href)=['\"](?!#)", page) and "@import" not in page and not re.search(r"url\((?!#)", page)


def test_an_interrupted_run_goes_on_where_it_stopped(compare):
    quick(compare)
    folder = compare.folder / "one"
    before = stored(folder)
    lost = list(before)[3]
    (folder / "rounds").joinpath(*lost.parts[1:]).unlink()
    again = compare("--resume")
    assert again.returncode == 0 and re.search(r"in all +1 rounds", again.stdout), again.stdout
    after = stored(folder)
    assert after.keys() == before.keys() and all(after[path] == before[path] for path in before if path != lost)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_run_told_to_end_takes_its_server_with_it(compare, ending):
    with compare.start("--quick", "--peer", "gorilla", *LINES, FAKE_LOAD_FAULT="hang") as process:
        deadline = time.monotonic() + PATIENCE_S
        # A server alone may be one that found its port taken and is about to end.
        while not (running("ringgate-load") and left_over()) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process.poll() is None and time.monotonic() < deadline, "no load was started"
        process.send_signal(ending)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1 and "what was measured is kept" in errors
    assert left_over() == []


def test_a_run_is_not_mixed_with_other_options(compare):
    quick(compare)
    refused = compare("--name", "one", "--rounds", "9")
    assert refused.returncode == 64 and "other options (--rounds)" in refused.stderr


def test_a_server_that_dies_is_a_row_and_not_the_end(compare):
    done = quick(compare, "--peer", "fastwebsockets")
    assert done.returncode == 1
    assert "fastwebsockets ended with 1: cannot serve today" in (compare.folder / "one/table.md").read_text()
    assert sum(bool(record["error"]) for record in stored(compare.folder / "one").values()) == 4


@pytest.mark.parametrize(
    ("fault", "words"), [("lost", "one byte was wrong"), ("nothing", "ended with 1 and no result: could not run")]
)
def test_a_load_that_fails_is_shown_as_such_and_made_again(compare, fault, words):
    done = quick(compare, FAKE_LOAD_FAULT=fault)
    assert done.returncode == 1 and words in done.stdout
    assert all(words in record["error"] for record in stored(compare.folder / "one").values())
    assert quick(compare).returncode == 0
    assert not any(record["error"] for record in stored(compare.folder / "one").values())


@pytest.mark.parametrize(("fault", "mark"), [("steal", "steal"), ("idle", "client")])
def test_spoilt_rounds_are_marked(compare, fault, mark):
    quick(compare, FAKE_LOAD_FAULT=fault)
    assert all(mark in record["marks"] for record in stored(compare.folder / "one").values())
    assert f"2 {mark}" in (compare.folder / "one/table.md").read_text()


def test_screening_open_loop_handshakes_and_shards(compare):
    done = compare(
        "--name",
        "more",
        "--seconds",
        "0.05",
        "--rounds",
        "1",
        "--line",
        "binary-20B-64x1",
        "--peer",
        "gorilla",
        "--peer",
        "gws",
        "--phase",
        "screen",
        "--phase",
        "open",
        "--phase",
        "handshakes",
        "--phase",
        "push",
        "--phase",
        "shards",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = (compare.folder / "more/table.md").read_text()
    for title in ("Open loop, 70 %", "Handshakes", "Push through the admin port", "Two shards on two cores"):
        assert f"### {title}" in table
    assert "the load itself sent 30.0 µs late at p99.9" in table
    rates = {
        record["server"]: record["rate"] for record in stored(compare.folder / "more").values() if record["line"] == "open-50"
    }
    assert len(rates) == 4 and len(set(rates.values())) == 1


def over_tls(run, **environment):
    phases = ("--phase", "echo", "--phase", "handshakes")
    return run("--tls", "--seconds", "0.05", "--rounds", "2", "--name", "tls", *phases, *LINES, **environment)


def test_over_tls_only_servers_that_have_it_meet(compare):
    done = over_tls(compare)
    assert done.returncode == 0, done.stdout + done.stderr
    records = stored(compare.folder / "tls").values()
    assert {record["server"] for record in records} == {"ringgate", "gorilla"}
    assert len(records) == 2 * 2 * 2 + 2 * 2 * 2 and all(record["load"]["tls"] for record in records)
    table = (compare.folder / "tls/table.md").read_text()
    assert "### Handshakes that resume a TLS session" in table and "Verdict" not in table
    assert all(record["load"]["resumed"] == 0 for record in records if record["line"] == "handshakes")


def test_full_handshakes_do_not_pass_for_resumed_ones(compare):
    assert over_tls(compare, FAKE_LOAD_FAULT="full").returncode == 1
    records = stored(compare.folder / "tls").values()
    assert {bool(record["error"]) for record in records if record["line"] == "handshakes-resumed"} == {True}
    assert not any(record["error"] for record in records if record["line"] == "handshakes")


def test_report_is_made_again(compare):
    quick(compare)
    (compare.folder / "one/report.html").unlink()
    assert compare("one", command="report").returncode == 0 and (compare.folder / "one/report.html").exists()
    assert compare("none", command="report").returncode == 64


def test_a_plan_measures_nothing(compare):
    done = compare("--plan")
    assert done.returncode == 0 and re.search(r"in all +\d+ rounds", done.stdout) and not compare.folder.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--phase", "none"),
        ("--phase", "echo"),
        ("--tls", "--phase", "push"),
        ("--line", "none"),
        ("--peer", "none"),
        ("--rounds", "0"),
        ("--name", "../x"),
        ("--resume",),
        ("--unknown",),
    ],
)
def test_usage_faults_end_with_64(compare, arguments):
    assert compare(*arguments).returncode == 64


def test_ab_prints_the_ratio_and_keeps_its_rounds(compare):
    gate = str(HERE / "fakes/ringgate")
    done = compare("--a", gate, "--b", gate, "--rounds", "3", "--seconds", "0.05", "--line", "binary-20B-64x1", command="ab")
    assert done.returncode == 0, done.stdout + done.stderr
    ratio = float(re.search(r"B/A +([0-9.]+)", done.stdout).group(1))
    assert 0.97 < ratio < 1.03 and len(list((compare.folder.parent / "ab").glob("*/rounds/ab/*/*.json"))) == 6


def test_ab_without_a_binary_says_so(compare):
    done = compare("--a", "/nonexistent", "--b", "/nonexistent", command="ab")
    assert done.returncode == 69 and "not built" in done.stderr


def test_the_plots_of_the_documentation_are_drawn_for_light_and_dark(compare, tmp_path):
    quick(compare)
    images = tmp_path / "images"
    with compare.start("one", "--images", images, command="report") as process:
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1 and "latency, idle-memory" in errors, "what the run did not measure is said"
    light, dark = (images / "message-cost-light.svg").read_text(), (images / "message-cost-dark.svg").read_text()
    for drawn, ours, other in ((light, "#d9480f", "#ff8a4c"), (dark, "#ff8a4c", "#d9480f")):
        assert xml.etree.ElementTree.fromstring(drawn).tag.endswith("svg")
        assert ours in drawn and other not in drawn and "gorilla" in drawn
