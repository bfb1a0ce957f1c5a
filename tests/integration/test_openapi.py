"""docs/openapi.yaml against the running gate: a linter, and schemathesis with all its checks.

schemathesis makes requests from the description, valid and invalid ones, and judges the answers by it; also sequences, such as asking for
what was deleted. A longer run: RINGGATE_SCHEMATHESIS_EXAMPLES=500 tests/integration/run test_openapi.py
"""

import os
import re
import subprocess
import sys
import urllib.request

import pytest
import yaml
from openapi_spec_validator import validate
from test_admin_access import make_token
from websockets.sync.client import connect

from support.gate import PATIENCE, REPOSITORY, Gate

DESCRIPTION = REPOSITORY / "docs/openapi.yaml"
STREAMS = ("streamEvents", "openStream", "headStream", "pushBatch")  # operations that go on for as long as the caller likes
EXAMPLES = int(os.environ.get("RINGGATE_SCHEMATHESIS_EXAMPLES", "20"))
# Each request is another client's of one proxy: wrong tokens are not the tenth of one address then, which would be answered 429.
HOOKS = '''
import itertools
import schemathesis
numbers = itertools.count()

@schemathesis.hook
def before_call(context, case, kwargs):
    number = next(numbers)
    case.headers = {**(case.headers or {}), "X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}
'''


def test_the_description_is_openapi_3_1():
    validate(yaml.safe_load(DESCRIPTION.read_text()))


def test_the_gate_serves_its_description(gate):
    with urllib.request.urlopen(gate.admin_url("/v1/openapi.yaml"), timeout=10 * PATIENCE) as reply:
        assert reply.headers["Content-Type"] == "application/yaml"
        assert reply.read() == DESCRIPTION.read_bytes()


@pytest.fixture
def described(tmp_path):
    """A gate where every id of the description is valid, and its token for everything."""
    token = make_token(tmp_path / "admin.tokens", "everything", "admin")
    settings = {"admin.tokens": tmp_path / "admin.tokens", "admin.trusted_proxies": "127.0.0.1", "route.0.id_characters": "printable"}
    with Gate(settings, shards=2) as gate:
        yield gate, token


def test_the_gate_does_what_its_description_says(described, tmp_path):
    gate, token = described
    (tmp_path / "hooks.py").write_text(HOOKS)
    (tmp_path / "schemathesis.toml").write_text(f'''
[auth.openapi.bearer]
bearer = "{token}"

# That at least one of several parameters must be there, OpenAPI cannot say.
[[operations]]
include-operation-id = "closeDevices"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "503"]
''')
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(DESCRIPTION), "--url", gate.admin_url(""), "--checks", "all", "--max-examples", str(EXAMPLES), "--generation-database", "none", "--suppress-health-check", "all",
               "--continue-on-failure", "--generation-codec", "ascii", "--request-timeout", "10", "--no-color"]
    for name in STREAMS:
        command += ["--exclude-operation-id", name]
    with connect(gate.device_url("pump-7")):
        done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(tmp_path)},
                              capture_output=True, text=True, timeout=(120 + 5 * EXAMPLES) * PATIENCE, check=False)
    print(done.stdout[-20000:], done.stderr[-2000:])
    assert done.returncode == 0
    cases = int(re.search(r"([0-9,]+) generated", done.stdout)[1].replace(",", ""))
    assert cases > 25 * EXAMPLES, cases
    print(f"{cases} cases")
