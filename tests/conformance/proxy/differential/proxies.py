"""nginx and haproxy with configurations of their own, in front of one recorder each. They listen on UNIX sockets in a
temporary directory, so that no port can be taken.

Set-ups: how a proxy is configured decides how much of a request it lets through, so each runs as it comes out of the box
and as lenient as it can be made. `direct` is no proxy at all: every byte reaches the gate.
"""

import asyncio
import os
import pathlib
import shutil
import subprocess
import time

CLIENT_SECONDS = 0.3  # how long a proxy waits for the rest of a request; a request that is cut off costs this much
TUNNEL_SECONDS = 1.0  # how long it keeps an upgraded connection on which nothing moves
START_SECONDS = 10.0

NGINX = """
daemon off; master_process off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/proxy.log error;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxied; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  client_header_timeout {client}ms; client_body_timeout {client}ms; keepalive_timeout {client}ms; lingering_timeout {client}ms;
  proxy_http_version 1.1; proxy_next_upstream off; proxy_read_timeout 10s;
  {options}
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  upstream admin_gate {{ server unix:{directory}/admin.gate; keepalive 8; }}
  upstream device_gate {{ server unix:{directory}/device.gate; }}
  server {{
    listen unix:{directory}/admin.sock;
    location / {{ proxy_pass http://admin_gate; proxy_set_header Host $http_host; proxy_set_header Connection ""; }}
  }}
  server {{
    listen unix:{directory}/device.sock;
    location / {{
      proxy_pass http://device_gate; proxy_set_header Host $http_host; proxy_read_timeout {tunnel}ms;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection {connection};
    }}
  }}
}}
"""

HAPROXY = """
global
  maxconn 256
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client {client}ms
  timeout http-request {client}ms
  timeout http-keep-alive {client}ms
  timeout server 10s
  timeout tunnel {tunnel}ms
  retries 0
  http-reuse always
  {options}
frontend admin
  bind unix@{directory}/admin.sock mode 600
  default_backend admin_gate
backend admin_gate
  server gate unix@{directory}/admin.gate
frontend device
  bind unix@{directory}/device.sock mode 600
  default_backend device_gate
backend device_gate
  server gate unix@{directory}/device.gate
"""

NGINX_LENIENT = """proxy_request_buffering off; ignore_invalid_headers off; underscores_in_headers on; merge_slashes off;
  client_max_body_size 0;"""
HAPROXY_LENIENT = "option accept-invalid-http-request"

# name: (program, configuration, options, what the device port is told of Connection)
SETUPS = {
    "nginx-default": ("nginx", NGINX, "proxy_request_buffering on;", "$connection_upgrade"),
    "nginx-lenient": ("nginx", NGINX, NGINX_LENIENT, "$http_connection"),
    "haproxy-default": ("haproxy", HAPROXY, "", ""),
    "haproxy-lenient": ("haproxy", HAPROXY, HAPROXY_LENIENT, ""),
    "direct": (None, "", "", ""),
}


def program_path(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


class Proxy:
    """One running proxy; of `direct`, nothing but the names of the sockets."""

    def __init__(self, setup, directory):
        self.program, self.template, self.options, self.connection = SETUPS[setup]
        self.directory = pathlib.Path(directory)
        self.process = None

    def listening_path(self, listener):
        """Where a client of this listener connects."""
        return str(self.directory / f"{listener}.{'sock' if self.program else 'gate'}")

    def gate_path(self, listener):
        """Where the recorder stands in for the gate."""
        return str(self.directory / f"{listener}.gate")

    async def start(self):
        if self.program is None:
            return
        executable = program_path(self.program)
        if executable is None:
            raise FileNotFoundError(f"{self.program} is not installed; run tools/setup test")
        text = self.template.format(directory=self.directory, options=self.options, connection=self.connection,
                                    client=int(CLIENT_SECONDS * 1000), tunnel=int(TUNNEL_SECONDS * 1000))
        configuration = self.directory / "proxy.conf"
        configuration.write_text(text)
        command = {"nginx": [executable, "-c", configuration, "-p", self.directory, "-e", self.directory / "proxy.log"],
                   "haproxy": [executable, "-db", "-f", configuration]}[self.program]
        output = open(self.directory / "proxy.out", "wb")
        self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        await self._wait_until_it_listens()

    async def _wait_until_it_listens(self):
        deadline = time.monotonic() + START_SECONDS
        for listener in ("admin", "device"):
            while True:
                try:
                    _, writer = await asyncio.open_unix_connection(self.listening_path(listener))
                    writer.close()
                    break
                except OSError:
                    if self.process.poll() is not None or time.monotonic() > deadline:
                        output = (self.directory / "proxy.out").read_text()[-2000:]
                        raise RuntimeError(f"{self.program} does not start: {output}") from None
                    await asyncio.sleep(0.01)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
