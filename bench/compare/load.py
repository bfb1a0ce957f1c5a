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


@dataclasses.dataclass(frozen=True)
class Outcome:
    result: dict | None
    error: str = ""


def run(scenario, arguments, seconds, json_path):
    """Runs one scenario of the load generator; `seconds` is how long it means to take."""
    return finish(start(scenario, arguments, json_path), seconds, json_path)


def start(scenario, arguments, json_path):
    json_path.unlink(missing_ok=True)
    return subprocess.Popen([BINARY, scenario, *map(str, arguments), "--json", str(json_path), "--quiet"], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(process, seconds, json_path):
    try:
        _, spoken = process.communicate(timeout=seconds + SLACK_SECONDS)
    except subprocess.TimeoutExpired:
        return Outcome(None, f"the load did not end within {seconds + SLACK_SECONDS:.0f} s")
    finally:
        end(process)
    words = (spoken.strip().splitlines() or [""])[-1][:300]
    try:
        result = json.loads(json_path.read_text())
    except (OSError, ValueError):
        return Outcome(None, f"the load ended with {process.returncode} and no result: {words}")
    finally:
        json_path.unlink(missing_ok=True)
    if process.returncode != 0 or result.get("errors") or result.get("connect_failures"):
        return Outcome(result, result.get("error_text") or words or f"the load ended with {process.returncode}")
    if not result.get("messages"):
        return Outcome(result, "not one message came back within the measured time")
    return Outcome(result)


def end(process):
    if process.poll() is None:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=5)


def pinned_arguments(server, *, load_cpu=LOAD_CPU, server_cpu=SERVER_CPU, admin=False):
    """Where the load is aimed and pinned, and whose time it records."""
    arguments = ["--target", f"127.0.0.1:{server.port}", "--cpu", load_cpu, "--server-cpu", server_cpu, "--server-pid", server.pid]
    if server.contestant.protocol != "websocket":
        arguments += ["--protocol", server.contestant.protocol]
    return arguments + (["--admin", f"127.0.0.1:{server.admin_port}"] if admin else [])


def marks(result, *, open_loop):
    """Why the figures of this round are to be taken with care: 'steal', 'client', or nothing."""
    server, found = result.get("server", {}), []
    wall = server.get("busy_ns", 0) + server.get("idle_ns", 0) + server.get("steal_ns", 0)
    if wall and server.get("steal_ns", 0) / wall > STEAL_SHARE_MAX:
        found.append("steal")
    starved = not open_loop and wall and server["busy_ns"] / wall < SATURATED_SHARE
    if starved or result.get("client", {}).get("is_bottleneck"):
        found.append("client")
    return found
