"""A gate under test: a real `ringgate serve` on free ports, its log, and the proof that it ended well."""

import json
import os
import pathlib
import queue
import signal
import subprocess
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
BINARY = str(REPOSITORY / os.environ.get("RINGGATE_BINARY", "build/release/ringgate"))
# Deadlines by which something must have happened are stretched, never deadlines of the gate. SLOWNESS: how much later it may happen in
# this build, where a test measures how soon; sanitizers slow the gate down. PATIENCE: how much longer we wait before we take something
# as not happening, where a test only must not hang; the machine may be busy too.
SLOWNESS = 1.0 if "release" in BINARY else 4.0
PATIENCE = 4 * SLOWNESS
RING_FEATURES = ("multishot_recv", "direct_descriptors", "silent_sends", "incremental_buffers", "msg_ring", "zero_copy_sends")


def run_ringgate(*arguments, env=None, timeout=10.0, **popen):
    """Runs the binary to its end; returns the CompletedProcess with text output."""
    return subprocess.run([BINARY, *arguments], env=environment(env), capture_output=True, text=True,
                          timeout=timeout * PATIENCE, check=False, **popen)


def environment(extra=None):
    """The caller's environment without settings of a gate, plus `extra`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RINGGATE_")}
    return {**clean, **(extra or {})}


class Gate:
    """One running gate. Use it as a context manager: leaving it asserts exit code 0 and a clean log.

    settings: {"limits.max_message": "16MiB", ...}, passed by --set; None leaves a key alone. Warnings in the log are
    faults unless `warnings_allowed`.
    listen: None leaves the listeners to a file of settings. tls: a certificate (support/certificates.py) for both ports.
    listen, admin: where devices and backends connect, also "unix:/PATH".
    """

    def __init__(self, settings=None, shards=1, warnings_allowed=False, arguments=(), listen="127.0.0.1:0", admin="127.0.0.1:0", tls=None):
        # Clients reconnect with one id at once: only tests of that limit want it.
        self.settings = {"limits.max_connections": 2000, "limits.flap_connects": "off", **(settings or {})}
        if tls is not None:
            self.settings |= {f"{port}.tls.{what}": path for port in ("listener.0", "admin")
                              for what, path in (("cert", tls.certificate), ("key", tls.key))}
        if listen and not listen.startswith(("127.", "[::1]", "unix:")):
            self.settings.setdefault("route.0.auth", "none")  # off loopback a route must say so, and is warned of
        self.scheme_end = "" if tls is None else "s"
        self.shards = shards
        self.warnings_allowed = warnings_allowed
        self.arguments = list(arguments)
        self.listen = listen
        self.admin_bind = admin
        self.records = []  # every log line so far, parsed
        self.stray = []  # lines of stderr that are no JSON records
        self._arrived = queue.Queue()

    def __enter__(self):
        command = [BINARY, "serve", *(["--listen", self.listen] if self.listen else []), "--admin", self.admin_bind, "--shards", str(self.shards),
                   "--log-format", "json", *self.arguments]
        for key, value in self.settings.items():
            if value is not None:
                command += ["--set", f"{key}={value}"]
        self.process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self.devices = self.wait_for_log("listening", listener="devices")["address"]
        self.admin = self.wait_for_log("listening", listener="admin")["address"]
        return self

    def __exit__(self, kind, *_):
        if kind is not None:  # the test failed already: say what the gate said, and do not judge its end
            self.kill()
            print("\n".join(json.dumps(record) for record in self.records[-40:]), *self.stray, sep="\n")
        elif self.process.returncode is None:
            self.stop()

    def _read_log(self):
        for line in self.process.stderr:
            try:
                record = json.loads(line)
                self.records.append(record)
                self._arrived.put(record)
            except json.JSONDecodeError:
                self.stray.append(line.rstrip("\n"))
        self._arrived.put(None)

    def wait_for_log(self, message, timeout=10.0, **fields):
        """Waits for a log record with this msg and these fields; records in between are passed over."""
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            try:
                record = self._arrived.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no log line msg={message!r} {fields} in {timeout} s; log: {self.records}") from None
            if record is None:
                raise AssertionError(f"the gate ended: exit code {self.process.wait()}, stderr {self.stray}")
            if record.get("msg") == message and all(record.get(key) == value for key, value in fields.items()):
                return record

    @property
    def device_address(self):
        return split_address(self.devices)

    @property
    def admin_address(self):
        return split_address(self.admin)

    def device_url(self, device_id, path="/ws"):
        return f"ws{self.scheme_end}://{self.devices}{path}?deviceId={device_id}"

    def admin_url(self, path):
        return f"http{self.scheme_end}://{self.admin}{path}"

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=15.0):
        """Waits for the end; returns the exit code."""
        code = self.process.wait(timeout * PATIENCE)
        self._reader.join(5.0)
        return code

    def stop(self):
        """SIGTERM, then: exit code 0, nothing stray on stderr, no warning or error in the log."""
        self.signal(signal.SIGTERM)
        code = self.wait()
        assert code == 0, f"exit code {code} after SIGTERM; stderr {self.stray}"
        self.assert_clean_log()

    def assert_clean_log(self):
        assert self.stray == [], f"stderr has lines that are no log records: {self.stray[:20]}"
        bad = {"error"} if self.warnings_allowed else {"warning", "error"}
        exposures = ("whoever reaches this route may connect as any device", "credentials of devices travel without encryption",
                     "tokens of backends travel without encryption")
        faults = [record for record in self.records if record.get("level") in bad and record["msg"] not in exposures]
        assert faults == [], f"the log complains: {faults[:5]}"

    def kill(self):
        if self.process.returncode is None:
            self.process.kill()
            self.wait()


def split_address(text):
    """(host, port), or the path of a Unix socket."""
    if text.startswith("unix:"):
        return text.removeprefix("unix:")
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)
