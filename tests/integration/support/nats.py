"""NATS servers for tests: real ones, each on a free port of loopback, alone or as a cluster."""

import os
import shutil
import signal
import socket
import subprocess
import time

from support.gate import PATIENCE

# Debian puts it where users do not look.
BINARY = os.environ.get("RINGGATE_NATS_SERVER") or shutil.which("nats-server", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/bin")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NatsServer:
    """One server. Use it as a context manager, or start and kill it as the test wants: it keeps its port."""

    def __init__(self, folder, arguments=()):
        self.port = free_port()
        self.log = folder / f"nats-{self.port}.log"
        self.arguments = list(arguments)
        self.process = None

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def start(self):
        # A dead client is found soon: by default its subscriptions stay for minutes.
        self.process = subprocess.Popen([BINARY, "-a", "127.0.0.1", "-p", str(self.port), "-l", str(self.log), *self.arguments])
        deadline = time.monotonic() + 10 * PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.01)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.resume()
            self.kill()


def server_cluster(folder, count):
    """Servers that know each other; not started."""
    routes = [free_port() for _ in range(count)]
    listed = ",".join(f"nats://127.0.0.1:{port}" for port in routes)
    return [NatsServer(folder, ["--cluster_name", "test", "--cluster", f"nats://127.0.0.1:{port}", "--routes", listed]) for port in routes]
