"""Writes what a run came to: table.md, results.json and report.html in its folder."""

import figures as figures_module
import page
import tables
from store import write_json

METHOD = (
    "Each round starts a server afresh on core 0 (all its threads) and a load generator on core 1, which checks every byte that comes "
    "back. Servers take turns, backwards in every second round, so that drift of the machine hits all alike.",
    "Primary figure: busy time of the server's core (user, system, irq, softirq of /proc/stat) per message. On loopback each side's send "
    "runs the other's receive path, so a process's own time would tell half of it.",
    "Ratios are taken between rounds of the same number and then their median; spread is the smallest and the largest. Rounds in "
    "which the hypervisor took more than 1 % (steal) are left out, of each server for itself, where more than half of its rounds "
    "remain without them; a ratio is of the rounds that both have left.",
    "A round is marked `client` where the load generator was the limit, or the server's core was less than 97 % busy in a closed "
    "loop: its throughput is then not the server's maximum. It is marked `others` where other processes took more than a tenth of either core.",
    "Every server runs on one core, without compression and without logging; ringgate writes no log lines below warnings.",
)
TLS_METHOD = (
    "Over TLS: TLS 1.3 with AES-128-GCM, X25519 and one P-256 certificate for all. The load verifies no certificate.",
    "Here core time is the CPU time of the server's process, with the interrupts that hit it, so that other processes do not count.",
)
CAVEATS = (
    "Loopback: the kernel's TCP path is most of the cost of a small message, and both ends share it. Zero-copy sends, interrupt "
    "steering and offloads of a network card cannot be judged here.",
    "The kernel accounts CPU time by ticks, hence the long rounds under partial load. Closed-loop latency tells of "
    "queues, not of users; the open loop's counts from the intended send time.",
    "uWebSockets is measured as the npm package inside Node.js, which costs it something.",
    "Nanoseconds belong to this machine; the ratios are the claim.",
)


def write(store):
    figures = figures_module.gather(store)
    named = list(tables.measured(figures))
    markdown = "\n".join(table.markdown() for _, table in named)
    if figures.about["warning"]:
        markdown = f"Not a quiet machine: {figures.about['warning']}.\n\n{markdown}"
    (store.folder / "table.md").write_text(markdown)
    write_json(store.folder / "results.json", figures_module.as_json(figures) | {"verdict": dict(named)["verdict"].rows if not figures.is_tls else []})
    method = (*METHOD, *TLS_METHOD) if figures.is_tls else METHOD
    (store.folder / "report.html").write_text(page.render(figures, named, method, CAVEATS))
    print(f"\n{markdown}\nwritten: {store.folder}/table.md, results.json, report.html")
