"""Gathers the JSON of the micro-benchmarks into one file and prints the medians beside their references.

usage: table.py OUTPUT INPUT...    (each input: what TARGET_bench wrote to TARGET.json)

Ratio: rate over the reference's rate, so above 1 is faster than the reference.
"""

import json
import pathlib
import re
import sys

# How a benchmark's name becomes that of its reference, and what its items are.
REFERENCES = {
    "cancel": (r":\d+$", ":16"),
    "deflate": (r"^(deflate|inflate)/\w+/", r"\1/zlib/"),
    "device_map": ("LockFreeMap", "LockedMap"),
    "frame_reader": (r"^reader/", "naive/"),
    "mailbox": ("Boxed", "Locked"),
    "push": (r"/\d+/", "/1/"),
    "request_head": (r"^parse_\w+$", "scan_for_end"),
    "unmask": (r"^(in_place|copied|kernel_\w+)/", "plain_memcpy/"),
    "utf8": (r"^(whole|streamed_in_two|unmasked_\w+)/", "reference/"),
}
ITEMS = {"device_map": "calls", "frame_reader": "frames", "mailbox": "pushes", "request_head": "heads"}
# What a benchmark counts beside time (the head of its file says what it is), and how it is shown.
COUNTERS = {"bytes": "{:.0f} bytes", "weight_bytes": "weighs {:.0f}", "memory_bytes": "said {:.0f}", "reckoned": "reckoned {:.2f}"}


def medians(results):
    return {each["run_name"]: each for each in results["benchmarks"] if each.get("aggregate_name") == "median"}


def nanoseconds(result):
    """Per item where items are counted, else per round. Wall time where threads wait for each other, the time that a benchmark
    takes itself where it does, else CPU time."""
    if "items_per_second" in result:
        return 1e9 / result["items_per_second"]
    own_clock = any(word in result["run_name"] for word in ("real_time", "manual_time"))
    return result["real_time" if own_clock else "cpu_time"]


def rate(target, result):
    if "bytes_per_second" in result:
        return f"{result['bytes_per_second'] / 1e9:.2f} GB/s"
    if "items_per_second" in result:
        return f"{result['items_per_second'] / 1e6:.2f} M {ITEMS[target]}/s"
    return ""


def ratio(target, name, results):
    pattern, replacement = REFERENCES[target]
    reference = results.get(re.sub(pattern, replacement, name))
    if reference is None or reference is results[name]:
        return ""
    return f"{nanoseconds(reference) / nanoseconds(results[name]):.2f}"


def counted(result):
    return ", ".join(shape.format(result[name]) for name, shape in COUNTERS.items() if name in result)


def main(output, *inputs):
    gathered = {}
    print(f"\n{'benchmark':<52} {'ns':>12} {'rate':>20} {'ratio':>8}  counted")
    for path in map(pathlib.Path, inputs):
        text = path.read_text()
        if not text.strip():
            continue  # the filter left nothing of this target
        gathered[path.stem] = json.loads(text)
        results = medians(gathered[path.stem])
        for name, result in results.items():
            columns = f"{nanoseconds(result):12.2f} {rate(path.stem, result):>20} {ratio(path.stem, name, results):>8}"
            print(f"{path.stem + ' ' + name:<52} {columns}  {counted(result)}".rstrip())
    pathlib.Path(output).write_text(json.dumps(gathered, indent=1) + "\n")
    print(f"\nwritten to {output}")


if __name__ == "__main__":
    main(*sys.argv[1:])
