"""Proves that suite and judge can fail: npm's ws must show exactly its known four NON-STRICT cases, 6.4.1 to 6.4.4.

The groups run hold cases that ws passes as well, so that a judge that fails everything would be noticed too.
"""

import os
import pathlib
import shutil
import subprocess

import catalogue

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
GROUPS = ("6.1", "6.3", "6.4")
EXPECTED = {case: "NON-STRICT" for case in ("6.4.1", "6.4.2", "6.4.3", "6.4.4")}


def run(command, folder, run_batches):
    """Returns the exit code: 0 if the four faults are there and no other."""
    subprocess.run([REPOSITORY / "tests/integration/prepare"], check=True)
    shutil.rmtree(folder, ignore_errors=True)
    modules = str(REPOSITORY / "build/clients/node/node_modules")
    server = subprocess.Popen(["node", HERE / "ws_echo.js"], stdout=subprocess.PIPE, text=True, env={**os.environ, "NODE_PATH": modules})
    try:
        port = int(server.stdout.readline())
        verdicts, faults, _ = run_batches(command, catalogue.plan(GROUPS), lambda batch: f"ws://127.0.0.1:{port}/", folder, 1)
    finally:
        server.kill()
        server.wait()
    found = {verdict.case: verdict.behavior for verdict in verdicts if verdict.fault}
    if found != EXPECTED or faults:
        print(f"self-check FAILED: expected {EXPECTED}, found {found}, faults of the run {faults}")
        return 1
    print(f"self-check passed: {len(verdicts)} cases ran against npm's ws; refused were the known four, {', '.join(EXPECTED)}")
    return 0
