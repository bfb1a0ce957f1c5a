"""Two shards on two cores against one, with the load on the same two cores: what does a message cost both cores together?

The load is two processes, one pinned to each core, each recording its core over the same window. The gate's time and the load's
cannot be told apart on a shared core, so both count.
"""

import lines
import load
import rounds
import servers

LINES = ("binary-20B-64x1", "binary-20B-64x16")
VARIANTS = {"one-shard": (1, "0"), "two-shards": (2, "0,1")}
CPUS = (servers.SERVER_CPU, servers.LOAD_CPU)


def measure(binary, variant, line, seconds, scratch):
    shards, cpus = VARIANTS[variant]
    gate = servers.Gate(variant, binary, variant, shards, cpus)
    warmup = rounds.warmup_seconds(seconds)
    record = {"began": rounds.now(), "error": "", "marks": []}
    try:
        with servers.running(gate, scratch / f"{variant}.log") as server:
            outcomes = _both_loads(server, line, seconds, warmup, scratch)
            server.check_alive()
    except (servers.ServerFailed, OSError) as fault:
        return {**record, "error": str(fault)}
    faults = [outcome.error for outcome in outcomes if outcome.error]
    if faults:
        return {**record, "error": faults[0]}
    results = [outcome.result for outcome in outcomes]
    # Whether a shared core is the server's or the client's limit has no meaning here, so only steal is marked.
    marks = sorted({mark for result in results for mark in load.marks(result, open_loop=True) if mark == "steal"})
    return {**record, "marks": marks, "load": merge(results)}


def _both_loads(server, line, seconds, warmup, scratch):
    processes = []
    try:
        for cpu in CPUS:
            json_path = scratch / f"shards.{cpu}.json"
            arguments = [
                *lines.LINES[line].arguments(),
                "--seconds",
                seconds,
                "--warmup",
                warmup,
                "--id-prefix",
                f"load{cpu}-",
                *load.pinned_arguments(server, load_cpu=cpu, server_cpu=cpu),
            ]
            processes.append((load.start("run", arguments, json_path), json_path))
        return [load.finish(process, seconds + warmup, json_path) for process, json_path in processes]
    finally:
        for process, _ in processes:
            load.end(process)


def merge(results):
    """The sum of both cores, in the shape of one result."""
    messages = sum(result["messages"] for result in results)
    busy = sum(result["server"]["busy_ns"] for result in results)
    return {
        "messages": messages,
        "messages_per_second": sum(result["messages_per_second"] for result in results),
        "latency_ns": {name: max(result["latency_ns"][name] for result in results) for name in ("p50", "p99", "p999")},
        "server": {
            "busy_ns": busy,
            "busy_ns_per_message": busy / messages,
            # Each load records the whole process, over the same window.
            "process_cpu_ns": results[0]["server"].get("process_cpu_ns"),
        },
    }
