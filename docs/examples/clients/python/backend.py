#!/usr/bin/env python3
"""A backend in Python, with nothing but the standard library: reads the event stream, receives webhooks, pushes with receipts.

usage: backend.py events URL                    such as http://127.0.0.1:8081/v1/events?type=device.message
       backend.py webhook PORT SECRET           answers each message of a device with "got N bytes"
       backend.py push URL DEVICE TEXT          such as http://127.0.0.1:8081
The admin port's token, if it asks for one, is taken from RINGGATE_TOKEN.
"""

import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid


def request(url, headers=None, **more):
    token = os.environ.get("RINGGATE_TOKEN")
    return urllib.request.Request(url, headers={**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}, **more)


def events(url):
    """Yields events for ever. After a break it goes on behind the last one; an event of type `gap` tells what was lost."""
    last = None
    while True:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        try:
            with urllib.request.urlopen(request(url, headers), timeout=60) as stream:
                data, ident = [], None
                for raw in stream:
                    field, _, value = raw.decode().rstrip("\r\n").partition(":")
                    value = value.removeprefix(" ")
                    if field == "data":
                        data.append(value)
                    elif field == "id":
                        ident = value
                    elif raw.strip() == b"" and data:
                        yield json.loads("\n".join(data))
                        last, data = ident or last, []  # only now: what was not handled comes again
        except urllib.error.HTTPError as refusal:
            if refusal.code not in (429, 503):
                raise
            time.sleep(int(refusal.headers.get("Retry-After", "1")))
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(1)


def secret_of(text):
    """The bytes of a secret: what follows `whsec_` is base64, any other text is the secret itself."""
    return base64.b64decode(text.removeprefix("whsec_")) if text.startswith("whsec_") else text.encode()


def is_signed(header, body, secrets, now, tolerance=300):
    """Whether `Ringgate-Signature: t=SECONDS,v1=HEX[,v1=HEX]` is ours: HMAC-SHA256 over `t.body`, by any live secret, not too old."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for key, _, value in parts if key == "t"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdigit() or abs(now - int(times[0])) > tolerance:
        return False
    signed = times[0].encode() + b"." + body
    good = [hmac.new(secret, signed, hashlib.sha256).hexdigest() for secret in secrets]
    return any(hmac.compare_digest(value.encode(), one.encode()) for key, _, value in parts if key == "v1" for one in good)


class Webhook(http.server.BaseHTTPRequestHandler):
    """Takes CloudEvents in binary mode: the type is in `ce-type`, the body is the event's data."""

    protocol_version = "HTTP/1.1"
    secrets = []
    seen = {}  # ids, in the order in which they came: a delivery whose answer was lost comes again

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self):
        """The gate asks first whether it may send here (CloudEvents webhooks, section 4)."""
        self.answer(200, WebHook_Allowed_Origin=self.headers.get("WebHook-Request-Origin", "*"), Allow="POST")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if not is_signed(self.headers.get("Ringgate-Signature", ""), body, self.secrets, time.time()):
            return self.answer(401)
        ident = self.headers.get("ce-id")
        if ident in self.seen:
            return self.answer(204)
        self.seen[ident] = None
        if len(self.seen) > 10_000:
            del self.seen[next(iter(self.seen))]
        print(self.headers.get("ce-type"), self.headers.get("ce-subject"), body.decode(errors="replace"), flush=True)
        if self.headers.get("ce-type", "").endswith("device.message"):
            return self.answer(200, f"got {len(body)} bytes".encode())  # goes to the device
        return self.answer(204)

    def log_message(self, *_):
        """Silent."""


def push(base, device, text, wait="ponged", tries=5):
    """Pushes until it is known what became of the message. The key makes repeating safe: the device gets it once."""
    url = f"{base}/v1/devices/{urllib.parse.quote(device, safe='')}/messages?wait={wait}&timeout=5s"
    headers = {"Content-Type": "text/plain; charset=utf-8", "Idempotency-Key": str(uuid.uuid4()), "Ringgate-Ttl": "60"}
    for attempt in range(1, tries + 1):
        try:
            with urllib.request.urlopen(request(url, headers, data=text.encode(), method="POST"), timeout=10) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as refusal:
            if refusal.code not in (429, 503, 504) or attempt == tries:
                return refusal.code, json.load(refusal)
            time.sleep(int(refusal.headers.get("Retry-After", "1")))
        except OSError:
            if attempt == tries:
                raise
            time.sleep(1)
    return None


if __name__ == "__main__":
    if {"events": 1, "webhook": 2, "push": 3}.get("".join(sys.argv[1:2])) != len(sys.argv) - 2:
        sys.exit(__doc__)
    what, *arguments = sys.argv[1:]
    if what == "events":
        for event in events(arguments[0]):
            print(json.dumps(event), flush=True)
    elif what == "webhook":
        Webhook.secrets = [secret_of(arguments[1])]
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(arguments[0])), Webhook)
        print("listening", server.server_port, flush=True)
        server.serve_forever()
    elif what == "push":
        print(*push(*arguments))
