"""Runs `ringgate-load` once and says what came of it: its JSON, or in words why there is none.

Invariant: never runs longer than it was told to, and never raises because a load failed: a failed load is a result.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess

from servers import LOAD_CPU, REPOSITORY, SERVER_CPU

BINARY = pathlib.Path(os.environ.get("BENCH_LOAD", REPOSITORY / "build/release/tools/load/ringgate-load"))
# What connecting, and ending, may take beyond the seconds of the load itself.
SLACK_SECONDS = 30
STEAL_SHARE_MAX = 0.01
SATURATED_SHARE = 0.97
# What other processes may take of either core before a round is marked.
OTHERS_SHARE_MAX = 0.10
# What a scenario counts where it does not count messages.
COUNTED = {"handshakes": ("handshakes", "handshake"), "pushes": ("deliveries", "delivery")}


@dataclasses.dataclass(frozen=True)
class Outcome:
    result: dict | None
    error: str = ""


def run(scenario, arguments, seconds, json_path):
    """Runs one scenario of the load generator; `seconds` is how long it means to take."""
    return finish(start(scenario, arguments, json_path), seconds, json_path)


def start(scenario, arguments, json_path):
    json_path.unlink(missing_ok=True)
    return subprocess.Popen(
        [BINARY, scenario, *map(str, arguments), "--json", str(json_path), "--quiet"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, seconds, json_path):
    try:
        _, spoken = process.communicate(timeout=seconds + SLACK_SECONDS)
    except subprocess.TimeoutExpired:
        return Outcome(None, f"the load did not end within {seconds + SLACK_SECONDS:.0f} s")
    finally:
        end(process)
    # What it said last says why it failed.
    words = (spoken.strip().splitlines() or [""])[-1][:300]
    try:
        result = counted_as_messages(json.loads(json_path.read_text()))
    except (OSError, ValueError, KeyError):
        return Outcome(None, f"the load ended with {process.returncode} and no result: {words}")
    finally:
        json_path.unlink(missing_ok=True)
    if process.returncode != 0 or result.get("errors") or result.get("connect_failures"):
        return Outcome(result, result.get("error_text") or words or f"the load ended with {process.returncode}")
    if not result.get("messages"):
        return Outcome(result, "not one message came back within the measured time")
    return Outcome(result)


def counted_as_messages(result):
    """The same result with `messages` and its kin, whatever the scenario counts."""
    if result.get("scenario") in COUNTED:
        plural, singular = COUNTED[result["scenario"]]
        result["messages"], result["messages_per_second"] = result[plural], result[f"{plural}_per_second"]
        if "server" in result and f"busy_ns_per_{singular}" in result["server"]:
            result["server"]["busy_ns_per_message"] = result["server"][f"busy_ns_per_{singular}"]
    return result


def without_others(result):
    """The same result with the CPU time of the server's process for its core time: what else ran on the core does not count.

    The kernel counts interrupts that hit a process as its time, unless it was built with IRQ_TIME_ACCOUNTING.
    """
    server = result["server"]
    if "process_cpu_ns" in server and result.get("messages"):
        server["busy_ns_per_message"] = server["process_cpu_ns"] / result["messages"]
    return result


def end(process):
    if process.poll() is None:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=5)


def pinned_arguments(server, *, load_cpu=LOAD_CPU, server_cpu=SERVER_CPU, admin=False):
    """Where the load is aimed and pinned, and whose time it records."""
    arguments = [
        "--target",
        f"127.0.0.1:{server.port}",
        "--cpu",
        load_cpu,
        "--server-cpu",
        server_cpu,
        "--server-pid",
        server.pid,
    ]
    if server.contestant.protocol != "websocket":
        arguments += ["--protocol", server.contestant.protocol]
    if getattr(server.contestant, "tls", ()):
        arguments.append("--tls")
    return arguments + (["--admin", f"127.0.0.1:{server.admin_port}"] if admin else [])


def marks(result, *, open_loop):
    """Why the figures of this round are to be taken with care: 'steal', 'client', 'others', or nothing."""
    server, client, found = result.get("server", {}), result.get("client", {}), []
    busy = server.get("busy_ns", 0)
    wall = busy + server.get("idle_ns", 0) + server.get("steal_ns", 0)
    if wall and server.get("steal_ns", 0) / wall > STEAL_SHARE_MAX:
        found.append("steal")
    starved = not open_loop and wall and busy / wall < SATURATED_SHARE
    if starved or client.get("is_bottleneck"):
        found.append("client")
    if client.get("others_share", 0) > OTHERS_SHARE_MAX or _unaccounted(server) > OTHERS_SHARE_MAX * wall:
        found.append("others")
    return found


def _unaccounted(server):
    """Busy time of the server's core that neither the server nor interrupts account for."""
    if "process_cpu_ns" not in server:
        return 0
    return server["busy_ns"] - server["process_cpu_ns"] - server.get("irq_ns", 0) - server.get("softirq_ns", 0)
