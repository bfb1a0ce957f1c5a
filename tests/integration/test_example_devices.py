"""The devices of docs/examples/clients against a gate that restarts, replaces and refuses them."""

import json
import queue
import re
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from test_browser import CHROMIUM, Site, browser_at
from websockets.sync.client import connect

from support.gate import PATIENCE, REPOSITORY, Gate

EXAMPLES = REPOSITORY / "docs/examples/clients"
BUILT = REPOSITORY / "build/clients/examples"
PAGE = """<!doctype html><meta charset="utf-8"><script type="module">
%(module)s
const say = (line) => fetch('/result', { method: 'POST', body: JSON.stringify([Date.now() / 1000, line]) });
const device = new Device(%(url)s, {
  onOpen: () => { say('open'); device.send('hello'); },
  onMessage: (data) => say(`message ${data}`),
  onWait: (code, reason, delay) => say(`wait ${delay} ms after ${code} ${reason}`),
  onEnd: (code, reason) => say(`end ${code} ${reason}`),
});
</script>"""


class Program:
    """An example that runs and says what happens to it, line by line."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put((time.monotonic(), line.rstrip()))

    def next(self, timeout=15):
        return self.lines.get(timeout=timeout * PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Page(Program):
    """The same for the page in a browser."""

    def __init__(self, site, url):
        self.site = site
        site.page = PAGE % {"module": (EXAMPLES / "browser/device.js").read_text(), "url": json.dumps(url)}
        self.browser = browser_at(site)

    def next(self, timeout=15):
        return self.site.results.get(timeout=timeout * PATIENCE)

    def __enter__(self):
        self.browser.__enter__()
        return self

    def __exit__(self, *fault):
        self.browser.__exit__(*fault)


def command_of(language, gate, path):
    host, port = gate.device_address
    return {
        "python": [sys.executable, str(EXAMPLES / "python/device.py"), f"ws://{host}:{port}{path}"],
        "go": [str(BUILT / "device_go"), f"ws://{host}:{port}{path}"],
        "cpp": [str(BUILT / "device_cpp"), host, str(port), path],
        "c": [str(BUILT / "device_c"), host, str(port), path],
    }[language]


LANGUAGES = [
    "python", "go", "c",
    pytest.param("cpp", marks=pytest.mark.skipif(not (BUILT / "device_cpp").exists(), reason="no Boost.Beast (Debian: libboost-dev) is installed")),
    pytest.param("browser", marks=pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")),
]


def push(gate, device, text):
    request = urllib.request.Request(gate.admin_url(f"/v1/devices/{device}/messages"), data=text.encode(), headers={"Content-Type": "text/plain"})
    with urllib.request.urlopen(request, timeout=10 * PATIENCE) as reply:
        return json.load(reply)["status"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_device_comes_back_after_a_restart_and_stays_away_when_replaced(language):
    with Site() as site:
        settings = {"route.0.origin": "list", "route.0.allowed_origins": site.origin, "drain.grace": "0s"}
        with Gate(settings) as gate:
            path = "/ws?deviceId=example"
            device = Page(site, f"ws://{gate.devices}{path}") if language == "browser" else Program(command_of(language, gate, path))
            with device:
                assert device.next(60)[1] == "open"
                assert device.next()[1] == "message hello"
                assert push(gate, "example", "pushed") == "delivered"
                assert device.next()[1] == "message pushed"
                listen = gate.devices
                gate.stop()
                told_at, line = device.next()
                told = re.fullmatch(r"wait (\d+) ms after 1001 restart; retry_after_ms=(\d+)", line)
                assert told and told[1] == told[2], line
                with Gate(settings, listen=listen) as again:
                    came_at, line = device.next(30)
                    while line.startswith("wait"):  # it was back before the new gate was
                        came_at, line = device.next(30)
                    assert line == "open"
                    assert came_at - told_at > int(told[1]) / 1000 - 0.1
                    assert device.next()[1] == "message hello"
                    with connect(again.device_url("example")):
                        assert device.next()[1] == "end 4409 replaced"
                    if language != "browser":
                        assert device.process.wait(10 * PATIENCE) == 0


@pytest.mark.parametrize("language", ["python", "go", "c", LANGUAGES[3]])
def test_a_device_that_is_refused_for_good_stays_away(language, gate):
    with Program(command_of(language, gate, "/nowhere?deviceId=lost")) as device:
        assert device.next()[1].startswith("end 404 ")
        assert device.process.wait(10 * PATIENCE) == 0


@pytest.mark.parametrize("language", ["python", "go", "c", LANGUAGES[3]])
def test_a_device_that_meets_a_busy_gate_obeys_retry_after(language):
    with Gate({"limits.max_connections": 1}) as gate, connect(gate.device_url("first")):
        with Program(command_of(language, gate, "/ws?deviceId=second")) as device:
            told = re.match(r"wait (\d+) ms after 503 ", device.next()[1])
            assert told and int(told[1]) >= 1000


def test_the_c_device_does_on_a_stub_what_its_gate_tells():
    assert subprocess.run([BUILT / "stub_test"], capture_output=True, text=True, timeout=30 * PATIENCE, check=True).stdout == "ok\n"
