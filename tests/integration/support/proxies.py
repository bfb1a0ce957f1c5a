"""haproxy and nginx in front of a gate, each with a configuration of its own, on free loopback ports."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from .gate import PATIENCE

STREAM_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")  # built in where there is no such file

NGINX = """{module}
daemon off; master_process off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/proxy.log warn;
events {{ worker_connections 256; }}
"""
NGINX_HTTP = """http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxied; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
"""

HAPROXY = """
global
  maxconn 256
  nbthread 1
defaults
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout tunnel 30s
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy:
    """One running proxy. `program`: haproxy, nginx-http or nginx-stream; `rest`: what its configuration says beside the head, with
    {listen} where clients connect, {gate} where the gate is, and {directory}."""

    def __init__(self, program, rest, gate):
        self.program = program.partition("-")[0]
        is_http = program == "nginx-http"
        head = HAPROXY if self.program == "haproxy" else NGINX + (NGINX_HTTP if is_http else "")
        self.template = head + rest + ("\n}}" if is_http else "")
        self.gate = gate
        self.port = free_port()

    @property
    def address(self):
        return "127.0.0.1", self.port

    def __enter__(self):
        executable = shutil.which(self.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        assert executable is not None, f"{self.program} is not installed; run tools/setup test"
        self.directory = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.directory.name)
        configuration = folder / "proxy.conf"
        module = f"load_module {STREAM_MODULE};" if STREAM_MODULE.exists() else ""
        configuration.write_text(self.template.format(directory=folder, listen=f"127.0.0.1:{self.port}", gate=self.gate, module=module))
        command = {"nginx": [executable, "-c", configuration, "-p", folder, "-e", folder / "proxy.log"],
                   "haproxy": [executable, "-db", "-f", configuration]}[self.program]
        self.output = folder / "proxy.out"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self._wait_until_it_listens()
        return self

    def _wait_until_it_listens(self):
        deadline = time.monotonic() + 10 * PATIENCE
        while not self._listens():
            said = self.output.read_text()[-2000:]
            assert self.process.poll() is None and time.monotonic() < deadline, f"{self.program} does not start: {said}"
            time.sleep(0.02)

    def _listens(self):
        """As the kernel tells, since a connection would reach the gate."""
        wanted = f"0100007F:{self.port:04X} 00000000:0000 0A"
        return wanted in pathlib.Path("/proc/net/tcp").read_text()

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10 * PATIENCE)
        self.directory.cleanup()
