"""Reloads under load: certificates, tokens, passwords, keys and limits change again and again while devices connect and talk.

usage: tools/stress reloads [--seconds-between S] [--reloads N] [--handshakes PER_SECOND] [--seed N]
Nine handshakes of ten have a credential that is good before and after the reload that may be under way, and must succeed. The tenth has one that
is never good, or has not been for two reloads, and must be answered 401. Ends with PASS or FAIL and figures.
"""

import argparse
import asyncio
import base64
import hashlib
import itertools
import json
import pathlib
import random
import signal
import ssl
import sys
import tempfile
import time
import urllib.request

import jwt
import websockets
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from support.certificates import Root  # noqa: E402
from support.gate import Gate  # noqa: E402

TALKERS = 50  # devices that stay connected and talk all the time


class Files:
    """What a reload reads. What devices use stays good; what stands beside it changes each time."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.root = Root(self.folder)
        self.settings = self.folder / "gate.toml"
        self.keys = [ec.generate_private_key(ec.SECP256R1())]
        self.stranger = ec.generate_private_key(ec.SECP256R1())
        self.number = 0
        self.pairs = [self.root.issue(f"gate-{i}") for i in range(4)]
        self.write(0)

    def put(self, name, text):
        """Replaced as a whole, as whoever administers a gate should do."""
        fresh = self.folder / f"{name}.new"
        fresh.write_bytes(text if isinstance(text, bytes) else text.encode())
        fresh.chmod(0o600)
        fresh.rename(self.folder / name)

    def write(self, number):
        self.number = number
        pair = self.pairs[number % len(self.pairs)]
        self.put("gate.pem", pathlib.Path(pair.certificate).read_bytes())
        self.put("gate.key", pathlib.Path(pair.key).read_bytes())
        tokens = ["the-token", f"another-token-{number}"]
        self.put("tokens", "".join(f"sha256:{hashlib.sha256(token.encode()).hexdigest()} group=g name=n{i}\n" for i, token in enumerate(tokens)))
        digest = base64.b64encode(hashlib.pbkdf2_hmac("sha256", b"password", b"0123456789abcdef", 10)).decode()
        salt = base64.b64encode(b"0123456789abcdef").decode()
        self.put("users", "".join(f"b{i}:pbkdf2-sha256$10${salt}${digest}\n" for i in range(100 + number % 7)))
        self.keys = [self.keys[0], ec.generate_private_key(ec.SECP256R1())]
        self.put("jwt.pem", b"".join(key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
                                     for key in self.keys))
        path = self.folder
        self.put("gate.toml", f"""
[[listener]]
bind = "127.0.0.1:0"
tls.cert = ["{path}/gate.pem"]
tls.key = ["{path}/gate.key"]
[[route]]
path = "/ws"
auth = ["jwt", "token", "basic"]
[auth]
token.tokens = "{path}/tokens"
basic.users = "{path}/users"
jwt.keys = ["{path}/jwt.pem"]
expiry_grace = "{1 + number % 9}s"
[limits]
flap_connects = "off"            # a hundred users come back all the time
message_rate = {100_000 + number}
auth_failures = {900_000 + number}   # each tenth handshake fails
[log]
level = "{'debug' if number % 2 else 'info'}"
""")

    def credential(self, chooser):
        """An id and an Authorization field for it."""
        kind = chooser.randrange(3)
        if kind == 0:
            return f"t{chooser.randrange(10 ** 9)}", "Bearer the-token"
        if kind == 1:
            user = f"b{chooser.randrange(100)}"
            return user, "Basic " + base64.b64encode(f"{user}:password".encode()).decode()
        device = f"j{chooser.randrange(10 ** 9)}"
        return device, "Bearer " + jwt.encode({"sub": device, "exp": int(time.time()) + 600}, self.keys[0], "ES256")

    def bad_credential(self, chooser):
        """One that no state of the files lets in, but for the one that a reload under way replaces."""
        kind = chooser.randrange(4)
        if kind == 0:
            return "Bearer the-tokem"
        if kind == 1 and self.number >= 2:
            return f"Bearer another-token-{self.number - 2}"
        if kind == 2:
            return "Basic " + base64.b64encode(b"b1:passwort").decode()
        return "Bearer " + jwt.encode({"sub": "b1", "exp": int(time.time()) + 600}, self.stranger, "ES256")


class Load:
    def __init__(self, files, gate, chooser):
        self.files, self.gate, self.chooser = files, gate, chooser
        self.context = ssl.create_default_context(cafile=files.root.file)
        self.handshakes = self.refused = self.messages = self.replaced = 0
        self.failures = []
        self.over = False

    def connect(self, device, field):
        return websockets.connect(f"wss://{self.gate.devices}/ws?deviceId={device}", ssl=self.context, open_timeout=20,
                                  additional_headers={"Authorization": field}, compression=None)

    async def come_and_go(self):
        device, field = self.files.credential(self.chooser)
        try:
            async with self.connect(device, field) as stream:
                self.handshakes += 1
                await stream.send(device)
                assert await stream.recv() == device
        except websockets.exceptions.ConnectionClosed as closed:
            if closed.rcvd is not None and closed.rcvd.code == 4409:
                self.replaced += 1  # another handshake drew the same user
            else:
                self.failures.append(repr(closed))
        except Exception as error:  # whatever it is, it is a failure
            self.failures.append(repr(error))

    async def come_wrongly(self):
        field = self.files.bad_credential(self.chooser)
        try:
            async with self.connect("b1", field):
                self.failures.append(f"let in with {field[:40]}")
        except websockets.exceptions.InvalidStatus as answer:
            if answer.response.status_code == 401:
                self.refused += 1
            else:
                self.failures.append(f"{answer.response.status_code} instead of 401")
        except Exception as error:
            self.failures.append(repr(error))

    async def talk(self, number):
        try:
            async with self.connect(f"talker-{number}", "Bearer the-token") as stream:
                for count in itertools.count():
                    if self.over:
                        return
                    await stream.send(f"{number}/{count}")
                    assert await stream.recv() == f"{number}/{count}"
                    self.messages += 1
                    await asyncio.sleep(0.02)
        except Exception as error:
            self.failures.append(f"talker: {error!r}")

    async def open_at(self, per_second):
        """An open loop: late handshakes do not slow down those behind them."""
        running, begin = set(), time.monotonic()
        for count in itertools.count():
            if self.over:
                break
            await asyncio.sleep(max(0.0, begin + count / per_second - time.monotonic()))
            task = asyncio.create_task(self.come_wrongly() if count % 10 == 9 else self.come_and_go())
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)


async def reload_often(files, gate, load, options):
    refused = 0
    for number in range(1, options.reloads + 1):
        await asyncio.sleep(options.seconds_between)
        files.write(number)
        seen = len(gate.records)
        gate.signal(signal.SIGHUP)
        deadline = time.monotonic() + 30
        while not any(record["msg"] == "reloaded" or record["msg"].startswith("not reloaded") for record in gate.records[seen:]):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.01)
        refused += any(record["msg"].startswith("not reloaded") for record in gate.records[seen:])
        if number % 10 == 0:
            print(f"  {number} reloads, {load.handshakes} handshakes, {load.messages} messages, {len(load.failures)} failures", flush=True)
    load.over = True
    return refused


def reloads_done(gate):
    with urllib.request.urlopen(f"http://{gate.admin}/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith('ringgate_reloads_total{result="done"}'):
                return int(float(line.split()[1]))
    return 0


async def run(options, files, gate):
    load = Load(files, gate, random.Random(options.seed))
    talkers = [asyncio.create_task(load.talk(i)) for i in range(TALKERS)]
    opener = asyncio.create_task(load.open_at(options.handshakes))
    began = time.monotonic()
    refused = await reload_often(files, gate, load, options)
    await asyncio.gather(opener, *talkers)
    seconds = time.monotonic() - began
    done = reloads_done(gate)
    return load, {"reloads": done, "reloads_refused": refused, "handshakes": load.handshakes, "refused": load.refused,
                  "handshakes_per_second": round((load.handshakes + load.refused) / seconds, 1), "messages": load.messages,
                  "replaced": load.replaced, "failures": len(load.failures), "seconds": round(seconds, 1)}


def main():
    parser = argparse.ArgumentParser(prog="tools/stress reloads", description=__doc__.splitlines()[0])
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--handshakes", type=float, default=200, help="a second")
    parser.add_argument("--seconds-between", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=random.randrange(2 ** 32))
    parser.add_argument("--sample", action="store_true", help="ten reloads")
    options = parser.parse_args()
    if options.sample:
        options.reloads = 10
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        files = Files(folder)
        gate = Gate(arguments=["-c", str(files.settings)], shards=2, listen=None, warnings_allowed=True)
        with gate:
            load, figures = asyncio.run(run(options, files, gate))
    for failure in load.failures[:10]:
        print("  " + failure)
    good = not load.failures and load.refused > 0 and figures["reloads"] == options.reloads and figures["reloads_refused"] == 0
    print("PASS" if good else "FAIL", "reloads:", json.dumps(figures))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
