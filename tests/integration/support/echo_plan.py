"""What the echo matrix consists of, and how a client program is given its part.

A plan is {url, sizes, fragments, pings}; a client sends each size as text and as binary, in each number of fragments, with and
without pings between, checks bytes, type and pongs, and prints {client, echoes, bytes, pongs, failures} as one JSON line.
"""

import json
import subprocess

from .gate import PATIENCE, REPOSITORY, environment

CLIENTS = REPOSITORY / "build/clients"
SOURCES = REPOSITORY / "tests/integration/clients"
COMMANDS = {
    "ws": ["node", str(SOURCES / "node/echo_matrix.js")],
    "websockets": [str(CLIENTS / "python/bin/python"), str(SOURCES / "python/echo_matrix.py")],
    "gorilla": [str(CLIENTS / "gorilla")],
}

WHOLE = [*range(301), *range(65_530, 65_541), 1024 * 1024, 16 * 1024 * 1024]
SAMPLE = [*range(0, 301, 13), 125, 126, 127, 65_535, 65_536, 1024 * 1024]
SETTINGS = {"limits.max_message": "16MiB"}

verdicts = []  # of every run so far, for the summary


def run_client(client, url, sizes, root=None):
    """Runs one client over the sizes; asserts that nothing failed and nothing was left out. root: the file of the root that it trusts."""
    plan = {"url": url, "sizes": sizes, "fragments": [1, 2, 3, 64], "pings": [False, True]}
    done = subprocess.run([*COMMANDS[client], json.dumps(plan)], capture_output=True, text=True, timeout=300 * PATIENCE,
                          check=False, env=environment({"NODE_PATH": str(CLIENTS / "node/node_modules"), **trusting(root)}))
    assert done.stdout, f"{client} exit code {done.returncode}: {done.stderr}"
    verdict = json.loads(done.stdout.splitlines()[-1])
    assert verdict["failures"] == [], verdict
    assert verdict["echoes"] == len(sizes) * 2 * 4 * 2, verdict
    verdicts.append(verdict)


def trusting(root):
    """The environment in which Node.js, Python and Go trust the root in this file."""
    return {} if root is None else {"NODE_EXTRA_CA_CERTS": root, "SSL_CERT_FILE": root}


def summary():
    """One line a client: what it sent and got back, over all runs."""
    for client in sorted({verdict["client"] for verdict in verdicts}):
        own = [verdict for verdict in verdicts if verdict["client"] == client]
        echoes, echoed_bytes, pongs = (sum(verdict[what] for verdict in own) for what in ("echoes", "bytes", "pongs"))
        yield f"{client}: {len(own)} runs, {echoes} messages and {echoed_bytes} bytes echoed, {pongs} pongs"
