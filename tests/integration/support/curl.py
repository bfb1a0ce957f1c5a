"""HTTP by the curl program, as a backend's script would use the admin port."""

import json
import pathlib
import re
import subprocess
import tempfile
from dataclasses import dataclass

from .gate import PATIENCE


@dataclass
class Answer:
    status: int
    fields: dict  # lower-case name -> value
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    def problem(self, status, reason):
        """Asserts that this is a problem document (RFC 9457) with our `reason`; returns it."""
        assert self.status == status, self
        assert self.fields["content-type"] == "application/problem+json", self
        problem = self.json
        assert problem["status"] == status and problem["title"], problem
        assert problem["reason"] == reason, problem
        return problem


def curl(url, *arguments, body=None):
    """Runs curl once; `body` goes in as --data-binary from its standard input."""
    with tempfile.TemporaryDirectory() as folder:
        head = pathlib.Path(folder) / "head"
        command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--path-as-is", "--max-time", str(10 * PATIENCE),
                   "--dump-header", str(head), *arguments]
        if body is not None:
            command += ["--data-binary", "@-", "-H", "Expect:"]
        done = subprocess.run([*command, url], input=body or b"", capture_output=True, check=False)
        assert done.returncode == 0, f"curl exit code {done.returncode}: {done.stderr.decode()}"
        blocks = [block for block in head.read_bytes().decode("latin-1").split("\r\n\r\n") if block]
    first, *lines = blocks[-1].split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(first.split(" ")[1]), fields, done.stdout)


def push(gate, device_id, payload, content_type="text/plain", *arguments):
    """POST of one message to one device."""
    return curl(gate.admin_url(f"/v1/devices/{device_id}/messages"), "-H", f"Content-Type: {content_type}", *arguments, body=payload)


def metric(gate, name, **labels):
    """The sum over all series of /metrics that have this name and these labels."""
    wanted = {f'{label}="{value}"' for label, value in labels.items()}
    series = re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", curl(gate.admin_url("/metrics")).body.decode(), re.MULTILINE)
    found = [float(value) for its_name, its_labels, value in series if its_name == name and wanted <= set(its_labels.split(","))]
    assert found, f"/metrics has no {name} with {labels}"
    return sum(found)
