"""A browser as a device: headless Chromium opens WebSockets with queries as pages write them. Skipped, and says so, without one."""

import contextlib
import http.server
import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import tempfile
import threading

import pytest

from support.certificates import Root
from support.gate import PATIENCE, Gate

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CERTUTIL = shutil.which("certutil")  # of NSS
# No sandbox: the tests may run as root. The rest keeps the browser from talking to anybody but us.
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage")
QUERIES = {
    "plain": "deviceId=b1",
    "other spelling": "deviceID=b2",
    "brackets and braces": "deviceId=b3&filter[kind]={a,b}",
    "bar, backslash, caret, backtick": "deviceId=b4&x=a|b\\c^d`e",
    "stray percent": "deviceId=b5&discount=50%&broken=%zz",
    "escaped id": "deviceId=b%36",
    "not ASCII, which the browser escapes": "deviceId=b7&name=é€",
}
PAGE = """<!doctype html><meta charset="utf-8"><script>
const [url, queries] = [%(url)s, %(queries)s];
function tried(name, query) {
  return new Promise((done) => {
    const socket = new WebSocket(`${url}?${query}`);
    socket.onopen = () => socket.send(`hello ${name}`);
    socket.onmessage = (event) => { socket.onclose = () => done([name, event.data]); socket.close(1000, 'enough'); };
    socket.onclose = (event) => done([name, `closed with ${event.code}`]);
  });
}
Promise.all(Object.entries(queries).map(([name, query]) => tried(name, query)))
  .then((results) => fetch('/result', { method: 'POST', body: JSON.stringify(Object.fromEntries(results)) }));
</script>"""


class Site:
    """Serves one page and takes what its script found out."""

    def __init__(self):
        self.results = queue.Queue()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = site.page.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                site.results.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                """Silent."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.page = ""

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def trust(home, root):
    """Puts a root into the store that a Chromium with this home directory reads (NSS)."""
    store = pathlib.Path(home) / ".pki/nssdb"
    store.mkdir(parents=True)
    for arguments in (["-N", "--empty-password"], ["-A", "-n", "test root", "-t", "C,,", "-i", root]):
        subprocess.run([CERTUTIL, "-d", f"sql:{store}", *arguments], check=True, capture_output=True, timeout=30 * PATIENCE)


@contextlib.contextmanager
def browser_at(site, root=None):
    """A fresh browser that shows the site's page; yields the lines that it says. root: the file of a root that it trusts."""
    # Its helpers may still write there for a moment after they were killed.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        if root is not None:
            trust(profile, root)
        browser = subprocess.Popen([CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", site.origin],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
                                   env={**os.environ, "HOME": profile})
        said = []
        threading.Thread(target=lambda: said.extend(browser.stderr), daemon=True).start()
        try:
            yield said
        finally:
            os.killpg(browser.pid, signal.SIGKILL)  # its helpers too
            browser.wait()


def browse(site, seconds, root=None):
    """Opens the site's page in a fresh browser and returns what its script posted."""
    with browser_at(site, root) as said:
        try:
            return site.results.get(timeout=seconds * PATIENCE)
        except queue.Empty:
            raise AssertionError(f"no word from the page in {seconds} s; the browser said: {said[-10:]}") from None


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_page_connects_with_every_query_that_browsers_send():
    with Site() as site, Gate({"route.0.origin": "list", "route.0.allowed_origins": site.origin}) as gate:
        site.page = PAGE % {"url": json.dumps(f"ws://{gate.devices}/ws"), "queries": json.dumps(QUERIES)}
        assert browse(site, 60) == {name: f"hello {name}" for name in QUERIES}
        connected = {record["device_id"] for record in gate.records if record.get("msg") == "device connected"}
        assert connected == {f"b{number}" for number in range(1, len(QUERIES) + 1)}


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_page_of_another_origin_is_kept_out():
    with Site() as site, Gate() as gate:
        site.page = PAGE % {"url": json.dumps(f"ws://{gate.devices}/ws"), "queries": json.dumps({"foreign": "deviceId=x"})}
        assert browse(site, 60) == {"foreign": "closed with 1006"}


@pytest.mark.skipif(CHROMIUM is None or CERTUTIL is None, reason="no Chromium is installed, or no certutil")
def test_a_page_connects_over_tls_if_the_browser_trusts_the_root(tmp_path):
    root = Root(tmp_path)
    with Site() as site, Gate({"route.0.origin": "list", "route.0.allowed_origins": site.origin}, tls=root.issue("gate")) as gate:
        port = gate.device_address[1]
        site.page = PAGE % {"url": json.dumps(f"wss://localhost:{port}/ws"), "queries": json.dumps(QUERIES)}
        assert browse(site, 60, root.file) == {name: f"hello {name}" for name in QUERIES}


@pytest.mark.skipif(CHROMIUM is None or CERTUTIL is None, reason="no Chromium is installed, or no certutil")
def test_a_page_does_not_connect_to_a_certificate_of_nobody(tmp_path):
    """Proves that the browser of the test before looks at the certificate at all."""
    root = Root(tmp_path)
    with Site() as site, Gate({"route.0.origin": "list", "route.0.allowed_origins": site.origin}, tls=root.issue("gate")) as gate:
        port = gate.device_address[1]
        site.page = PAGE % {"url": json.dumps(f"wss://localhost:{port}/ws"), "queries": json.dumps({"untrusted": "deviceId=x"})}
        assert browse(site, 60) == {"untrusted": "closed with 1006"}
