"""Charging stations, by the ocpp library that nobody here wrote: they boot over TLS with Basic, whatever characters their ids have."""

import asyncio
import base64
import contextlib
import hashlib
import json
import ssl
import subprocess
import urllib.parse

import ocpp.v16
import ocpp.v16.call
import ocpp.v201
import ocpp.v201.call
import pytest
import websockets

from support.certificates import Root
from support.gate import PATIENCE, REPOSITORY, Gate

CENTRAL = REPOSITORY / "build/release/docs/examples/ocpp_central"
PASSWORD = bytes([0, 255, 58, 10]) + bytes(range(16))  # 20 raw bytes, a colon and a zero byte among them
STATIONS = ["CP-1", "EVB P*1", "a|b+c=d", "x" * 128]


def user_line(user):
    digest = hashlib.pbkdf2_hmac("sha256", PASSWORD, b"0123456789abcdef", 1000)
    salt = base64.b64encode(b"0123456789abcdef").decode()
    return f"{urllib.parse.quote(user, safe='')}:pbkdf2-sha256$1000${salt}${base64.b64encode(digest).decode()}\n"


@pytest.fixture(name="root", scope="module")
def one_root(tmp_path_factory):
    return Root(tmp_path_factory.mktemp("ocpp"))


@pytest.fixture(name="users", scope="module")
def one_file_of_users(root):
    file = root.folder / "users"
    file.write_text("".join(map(user_line, STATIONS)))
    file.chmod(0o600)
    return file


@pytest.fixture(name="central", scope="module")
def one_central_system(root, users):
    certificate = root.issue("central")
    command = [str(CENTRAL), "127.0.0.1:0", certificate.certificate, certificate.key, str(users)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        assert line.startswith("listening on "), line
        yield line.removeprefix("listening on ").split(";")[0]
        process.stdin.close()
        assert process.wait(30 * PATIENCE) == 0


@contextlib.asynccontextmanager
async def station(address, root, identity, subprotocol, password=PASSWORD):
    token = base64.b64encode(identity.encode() + b":" + password).decode()
    url = f"wss://{address}/ocpp/{urllib.parse.quote(identity, safe='*|+=')}"
    async with websockets.connect(url, subprotocols=[subprotocol], ssl=ssl.create_default_context(cafile=root.file),
                                  additional_headers={"Authorization": f"Basic {token}"}) as stream:
        assert stream.subprotocol == subprotocol
        yield stream


async def boot(charge_point, boot_call, heartbeat_call):
    receiving = asyncio.create_task(charge_point.start())
    try:
        booted = await charge_point.call(boot_call)
        assert booted.status == "Accepted" and booted.interval == 300
        assert (await charge_point.call(heartbeat_call)).current_time.endswith("Z")
    finally:
        receiving.cancel()


@pytest.mark.parametrize("identity", STATIONS)
def test_a_station_of_ocpp_1_6_boots(central, root, identity):
    async def run():
        async with station(central, root, identity, "ocpp1.6") as stream:
            await boot(ocpp.v16.ChargePoint(identity, stream),
                       ocpp.v16.call.BootNotification(charge_point_model="Model", charge_point_vendor="Vendor"), ocpp.v16.call.Heartbeat())
    asyncio.run(run())


@pytest.mark.parametrize("identity", STATIONS)
def test_a_station_of_ocpp_2_0_1_boots(central, root, identity):
    async def run():
        async with station(central, root, identity, "ocpp2.0.1") as stream:
            await boot(ocpp.v201.ChargePoint(identity, stream),
                       ocpp.v201.call.BootNotification(charging_station={"model": "Model", "vendor_name": "Vendor"}, reason="PowerUp"),
                       ocpp.v201.call.Heartbeat())
    asyncio.run(run())


def test_a_station_with_a_wrong_password_is_refused(central, root):
    async def run():
        for password in (PASSWORD[:-1] + b"\0", b"", PASSWORD[:1]):
            with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
                async with station(central, root, "CP-1", "ocpp1.6", password):
                    pass
            assert refused.value.response.status_code == 401
    asyncio.run(run())


def test_the_ids_of_stations_stay_unambiguous(root, users):
    """In the log, in JSON and in paths of the admin port."""
    settings = {"route.0.path": "/ocpp/{id}", "route.0.id_characters": "ocpp", "route.0.auth": "basic", "auth.basic.users": users}
    with Gate(settings, tls=root.issue("gate")) as gate:
        async def run():
            async with contextlib.AsyncExitStack() as stack:
                for identity in STATIONS:
                    stream = await stack.enter_async_context(
                        websockets.connect(f"wss://{gate.devices}/ocpp/{urllib.parse.quote(identity, safe='')}",
                                           ssl=ssl.create_default_context(cafile=root.file), additional_headers={
                                               "Authorization": "Basic " + base64.b64encode(identity.encode() + b":" + PASSWORD).decode()}))
                    assert gate.wait_for_log("device connected", device_id=identity)
                    path = f"/v1/devices/{urllib.parse.quote(identity, safe='')}"
                    asked = await asyncio.to_thread(subprocess.run, ["curl", "-sS", "--cacert", root.file, f"https://{gate.admin}{path}"],
                                                    capture_output=True, check=True)
                    assert json.loads(asked.stdout)["device_id"] == identity
                    await stream.send("x")
                    assert await stream.recv() == "x"
        asyncio.run(run())
