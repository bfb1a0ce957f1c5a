"""What a report says of the machine, so that its figures can be judged: hardware, kernel, compiler, and how quiet it was."""

import os
import pathlib
import platform
import re
import subprocess
import time

# A core that does more than this before anything is measured is not quiet.
QUIET_SHARE = 0.10


def describe():
    kilobytes = _found(r"^MemTotal:\s+(\d+) kB", "/proc/meminfo") or 0
    return {
        "cpu": _found(r"^model name\s*: (.*)$", "/proc/cpuinfo"),
        "cores": os.cpu_count(),
        "memory": f"{int(kilobytes) / 2**20:.1f} GiB",
        "hypervisor": "yes" if re.search(r"^flags.*\bhypervisor\b", _text("/proc/cpuinfo"), re.MULTILINE) else "no",
        "kernel": platform.release(),
        "system": _found(r'^PRETTY_NAME="(.*)"$', "/etc/os-release"),
        "congestion control": _text("/proc/sys/net/ipv4/tcp_congestion_control").strip(),
        "governor": _text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or "not told",
        "compiler": compiler(),
        "python": platform.python_version(),
    }


def compiler():
    """The one that the release build was made with, as meson noted it; else the one that is there."""
    log = _found(r'^C\+\+ compiler for the host machine: .*"(.*)"\)$', "build/release/meson-logs/meson-log.txt")
    if log:
        return log
    try:
        return subprocess.run(["c++", "--version"], capture_output=True, text=True, timeout=10, check=False).stdout.splitlines()[
            0
        ]
    except (OSError, IndexError):
        return "unknown"


def busy_shares(cpus, seconds=1.0):
    """How busy each of the CPUs is while we do nothing, from 0 to 1."""
    before = {cpu: _ticks(cpu) for cpu in cpus}
    time.sleep(seconds)
    shares = {}
    for cpu in cpus:
        delta = [after - earlier for after, earlier in zip(_ticks(cpu), before[cpu], strict=True)]
        total = sum(delta) or 1
        shares[cpu] = 1 - (delta[3] + delta[4]) / total
    return shares


def unquiet(cpus):
    """A warning for the report, or an empty text."""
    loud = {cpu: share for cpu, share in busy_shares(cpus).items() if share > QUIET_SHARE}
    if not loud:
        return ""
    return "before the run began, " + " and ".join(f"core {cpu} was {share:.0%} busy" for cpu, share in loud.items())


def _ticks(cpu):
    for line in _text("/proc/stat").splitlines():
        if line.startswith(f"cpu{cpu} "):
            return [int(field) for field in line.split()[1:9]]
    raise OSError(f"/proc/stat has no cpu{cpu}")


def _text(path):
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _found(pattern, path):
    match = re.search(pattern, _text(path), re.MULTILINE)
    return match.group(1) if match else ""
