"""The examples of embedding in docs/examples, with real clients."""

import asyncio
import contextlib
import pathlib
import re
import subprocess

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from support.gate import BINARY as GATE_BINARY, PATIENCE

EXAMPLES = pathlib.Path(GATE_BINARY).resolve().parents[2] / "docs" / "examples"


@contextlib.contextmanager
def running(name):
    """Runs an example on a free port; yields its address, and expects a clean end."""
    with subprocess.Popen([EXAMPLES / name, "127.0.0.1:0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield re.search(r"127\.0\.0\.1:\d+", process.stdout.readline())[0]
        finally:
            process.stdin.close()
            assert process.wait(timeout=20 * PATIENCE) == 0


@pytest.fixture(scope="module")
def chat():
    with running("chat_room") as address:
        yield address


@pytest.fixture()
def sessions():
    with running("cookie_check") as address:
        yield address


def test_a_room_hears_what_its_devices_say(chat):
    def join(device, room, compression=None):
        return connect(f"ws://{chat}/chat?deviceId={device}&room={room}", compression=compression)

    with join("ann", "garden") as ann, join("bob", "garden", "deflate") as bob, join("eve", "cellar") as eve:
        text = "hello " + 100 * "again "
        ann.send(text)
        assert ann.recv(timeout=5 * PATIENCE) == f"ann: {text}"
        assert bob.recv(timeout=5 * PATIENCE) == f"ann: {text}"
        eve.send("alone")
        assert eve.recv(timeout=5 * PATIENCE) == "eve: alone", "and nothing of the other room"
        bob.close()
        ann.send("who is here?")
        assert ann.recv(timeout=5 * PATIENCE) == "ann: who is here?"


def test_a_room_needs_a_name_and_bounds_its_messages(chat):
    with pytest.raises(InvalidStatus) as refusal:
        connect(f"ws://{chat}/chat?deviceId=ann")
    assert refusal.value.response.status_code == 400
    assert b'"reason":"no_room"' in refusal.value.response.body
    with connect(f"ws://{chat}/chat?deviceId=ann&room=garden", max_size=None) as ann:
        ann.send((16 * 1024 + 1) * "x")
        with pytest.raises(ConnectionClosed) as end:
            ann.recv(timeout=5 * PATIENCE)
        assert end.value.rcvd.code == 1009


def test_a_cookie_is_checked_and_renewed(sessions):
    async def visit():
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), cookies={"session": "first"}) as client:
            for _ in range(3):  # the client keeps each new cookie, as a browser does
                async with client.ws_connect(f"http://{sessions}/me") as device:
                    assert (await device.receive_str()) == "hello ann"
                    await device.send_str("x")
                    assert (await device.receive_str()) == "x"
        async with aiohttp.ClientSession(cookies={"session": "first"}) as client:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                await client.ws_connect(f"http://{sessions}/me")
            assert refusal.value.status == 401

    asyncio.run(asyncio.wait_for(visit(), timeout=20 * PATIENCE))


def test_no_cookie_no_entry(sessions):
    for headers in ({}, {"Cookie": "session=guess"}, {"Cookie": "other=first"}):
        with pytest.raises(InvalidStatus) as refusal:
            connect(f"ws://{sessions}/me?deviceId=ann", additional_headers=headers)
        assert refusal.value.response.status_code == 401
    with connect(f"ws://{sessions}/me?deviceId=somebody", additional_headers={"Cookie": 'a=b; session="second"'}) as device:
        assert device.recv(timeout=5 * PATIENCE) == "hello bob"
        assert "session=next-" in device.response.headers["Set-Cookie"]


def test_the_program_on_the_page_compiles(tmp_path):
    root = pathlib.Path(__file__).resolve().parents[2]
    page = (root / "docs" / "embedding.md").read_text()
    program = next(block for block in re.findall(r"```cpp\n(.*?)```", page, re.S) if "int main" in block)
    (tmp_path / "hello.cc").write_text(program)
    done = subprocess.run(["c++", "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{root / 'include'}",
                           str(tmp_path / "hello.cc")], capture_output=True, text=True, timeout=120 * PATIENCE)
    assert done.returncode == 0, done.stderr
