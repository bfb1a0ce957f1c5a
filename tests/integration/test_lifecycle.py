"""Starting, refusing to start, and ending: exit codes, the one line that says why, signals and drain."""

import ctypes
import errno
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from support.curl import curl
from support.gate import BINARY, PATIENCE, SLOWNESS, Gate, environment, run_ringgate
from support.raw_peer import CLOSE, TEXT, RawPeer, close_payload, connect_device, upgrade_request

SERVE = ("serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--shards", "1")
WAIT_FOR_THREAD = 0x40000000  # __WALL of waitpid(2)
REFUSAL = re.compile(r"^ringgate: [^\n]+; [^\n]+\n$")  # CAUSE; REMEDY


def refused_start(code, *arguments, mentions="", **how):
    """The start must fail within a second, with this exit code and one line on stderr that says cause and remedy."""
    started = time.monotonic()
    done = run_ringgate(*arguments, **how)
    seconds = time.monotonic() - started
    assert done.returncode == code, done
    assert REFUSAL.match(done.stderr), f"stderr: {done.stderr!r}"
    assert mentions in done.stderr, done.stderr
    assert done.stdout == ""
    assert seconds < SLOWNESS, f"took {seconds:.2f} s"


def test_sigterm_closes_everyone_with_1001():
    with Gate({"drain.duration": "1s"}, shards=2) as gate:
        peers = [connect_device(gate, f"drained-{number}") for number in range(50)]
        gate.signal(signal.SIGTERM)
        for peer in peers:
            peer.expect_close(1001)
            peer.send_frame(CLOSE, close_payload(1001))
            peer.expect_end()
        assert gate.wait() == 0
        gate.assert_clean_log()


def test_grace_keeps_accepting_while_not_ready():
    with Gate({"drain.grace": "1s", "drain.duration": "1s"}) as gate:
        assert curl(gate.admin_url("/readyz")).status == 200
        gate.signal(signal.SIGTERM)
        with connect_device(gate, "late") as peer:
            assert curl(gate.admin_url("/readyz")).status == 503
            assert curl(gate.admin_url("/healthz")).status == 200
            peer.send_frame(TEXT, b"still served")
            assert peer.read_frame().payload == b"still served"
            peer.expect_close(1001)
            peer.send_frame(CLOSE, close_payload(1001))
        assert gate.wait() == 0


def test_sigint_skips_the_grace():
    with Gate({"drain.grace": "1h", "drain.duration": "1s"}) as gate, connect_device(gate, "a") as peer:
        gate.signal(signal.SIGINT)
        peer.expect_close(1001)
        peer.send_frame(CLOSE, close_payload(1001))
        assert gate.wait() == 0


def test_second_signal_ends_at_once():
    with Gate({"drain.grace": "1h"}) as gate, connect_device(gate, "a"):
        gate.signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            gate.process.wait(0.3)
        gate.signal(signal.SIGTERM)
        assert gate.wait(2.0) in (0, 1, -signal.SIGTERM)


def test_peer_that_ignores_the_close_does_not_hold_the_end_up():
    with Gate({"limits.close_timeout": "500ms", "drain.duration": "1s"}) as gate, connect_device(gate, "deaf"):
        gate.signal(signal.SIGTERM)
        assert gate.wait(5.0) == 0


def test_handshake_half_done_does_not_hold_the_end_up():
    with Gate({"drain.duration": "1s"}) as gate, RawPeer(gate.device_address) as half, RawPeer(gate.admin_address):
        half.send(upgrade_request("/ws?deviceId=half")[:-2])
        gate.signal(signal.SIGTERM)
        assert gate.wait(8.0) == 0


def stop_thread(process, name):
    """Stops one thread of a process for good, as a handler that never returns would; skips where that is not allowed. Its id."""
    ptrace_seize, ptrace_interrupt = 0x4206, 0x4207
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        if (task / "comm").read_text().strip() != name:
            continue
        if libc.ptrace(ptrace_seize, int(task.name), None, None) != 0:
            pytest.skip(f"no thread may be stopped here: {os.strerror(ctypes.get_errno())}")
        assert libc.ptrace(ptrace_interrupt, int(task.name), None, None) == 0
        os.waitpid(int(task.name), WAIT_FOR_THREAD)
        return int(task.name)
    raise AssertionError(f"no thread {name}")


def test_stuck_shard_is_named_and_does_not_hold_the_end_up():
    with Gate({"limits.close_timeout": "500ms", "drain.duration": "1s"}, shards=2) as gate:
        thread = stop_thread(gate.process, "shard-1")
        started = time.monotonic()
        gate.signal(signal.SIGTERM)
        while os.waitpid(thread, WAIT_FOR_THREAD | os.WNOHANG) == (0, 0):  # whoever stopped it has to see it end
            assert time.monotonic() - started < 2.5 * SLOWNESS
            time.sleep(0.01)
        assert gate.wait() == 1
        stuck = [record for record in gate.records if record["level"] == "error"]
        assert [(record["msg"], record["shard"]) for record in stuck] == [("shard is stuck, stopping without it", 1)]


def test_gate_that_is_stopped_during_its_drain_calls_no_shard_stuck():
    with Gate({"limits.close_timeout": "500ms", "drain.duration": "1s"}) as gate, connect_device(gate, "deaf") as peer:
        gate.signal(signal.SIGTERM)
        peer.expect_close(1001)  # and does not answer it, so that the drain is still on
        gate.signal(signal.SIGSTOP)
        time.sleep(3)  # what the test is about: the drain's time passes while the gate is stopped
        gate.signal(signal.SIGCONT)
        assert gate.wait() == 0
        assert [record for record in gate.records if record["level"] == "error"] == []


def test_unknown_flag():
    refused_start(64, "serve", "--no-such-flag", mentions="no-such-flag")


def test_unknown_command():
    refused_start(64, "dance", mentions="command")


@pytest.mark.parametrize("setting", ["limits.max_mesage=1MiB", "limits.max_message=0", "limits.max_message=many", "nothing=1",
                                     "server.shards=100000", "ring.msg_ring=maybe"])
def test_bad_setting(setting):
    refused_start(78, *SERVE, "--set", setting, mentions=setting.split("=")[0])


def test_bad_setting_in_the_environment():
    refused_start(78, *SERVE, env={"RINGGATE_LIMITS__MAX_MESAGE": "1MiB"}, mentions="RINGGATE_LIMITS__MAX_MESAGE")


def test_bad_key_in_a_file(tmp_path):
    file = tmp_path / "gate.toml"
    file.write_text("[limits]\nmax_message = '1MiB'\nmax_mesage = '1MiB'\n")
    refused_start(78, *SERVE, "--config", str(file), mentions=f"{file}:3")


def test_missing_file():
    refused_start(78, *SERVE, "--config", "/nonexistent/gate.toml", mentions="/nonexistent/gate.toml")


@pytest.mark.parametrize("flag", ["--listen", "--admin"])
def test_port_taken(flag):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        other = "--admin" if flag == "--listen" else "--listen"
        refused_start(71, "serve", flag, address, other, "127.0.0.1:0", "--shards", "1", mentions=address)


def test_more_connections_than_descriptors():
    refused_start(71, *SERVE, "--set", "limits.max_connections=100000000", mentions="max_connections")


def test_port_without_permission():
    if int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        pytest.skip("this kernel lets everyone bind port 80 (net.ipv4.ip_unprivileged_port_start)")
    user = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    refused_start(77, "serve", "--listen", "127.0.0.1:80", "--admin", "127.0.0.1:0", "--shards", "1", mentions="80", **user)


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.ENOSYS])
def test_io_uring_refused(refusal):
    launcher = pathlib.Path(__file__).parent / "support/seccomp_exec.py"
    started = time.monotonic()
    done = subprocess.run([sys.executable, str(launcher), str(refusal), BINARY, *SERVE], env=environment(),
                          capture_output=True, text=True, timeout=10 * PATIENCE, check=False)
    assert done.returncode == 69, done
    assert REFUSAL.match(done.stderr), done.stderr
    assert "io_uring" in done.stderr
    assert time.monotonic() - started < SLOWNESS + 0.5  # the launcher is a Python program


def test_version():
    done = run_ringgate("version")
    assert done.returncode == 0 and done.stderr == "", done
    for word in ("ringgate", "compiler", "liburing", "openssl", "kernel"):
        assert word in done.stdout, done.stdout
    assert run_ringgate("--version").returncode == 0


@pytest.mark.parametrize("command", ["serve", "check-config", "print-config", "version", "doctor"])
def test_help(command):
    done = run_ringgate(command, "--help")
    assert done.returncode == 0 and done.stdout and done.stderr == "", done


def test_doctor():
    done = run_ringgate("doctor")
    assert done.returncode == 0, done
    for word in ("NOFILE", "somaxconn", "multishot"):
        assert word in done.stdout, done.stdout


def test_printed_settings_read_back(tmp_path):
    first = run_ringgate("print-config", "--set", "limits.max_message=2MiB", env={"RINGGATE_LOG__LEVEL": "warning"})
    assert first.returncode == 0 and first.stderr == "", first
    assert "2MiB" in first.stdout and "--set" in first.stdout and "RINGGATE_LOG__LEVEL" in first.stdout
    file = tmp_path / "printed.toml"
    file.write_text(first.stdout)
    second = run_ringgate("print-config", "--config", str(file))

    def settings(text):
        return [line.split("#")[0].strip() for line in text.splitlines()]

    assert settings(second.stdout) == settings(first.stdout)
    assert run_ringgate("check-config", "--config", str(file)).returncode == 0


def test_check_config_names_every_fault(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text("[limits]\nmax_mesage = '1MiB'\nmax_fragments = 0\n[log]\nlevel = 'loud'\n")
    done = run_ringgate("check-config", "--config", str(file))
    assert done.returncode == 78
    lines = done.stderr.splitlines()
    for number in (2, 3, 5):
        assert any(f"{file}:{number}" in line for line in lines), lines


def test_log_is_one_record_a_line_in_logfmt():
    process = subprocess.Popen([BINARY, *SERVE, "--log-format", "logfmt"], env=environment(), stderr=subprocess.PIPE, text=True)
    lines = [process.stderr.readline(), process.stderr.readline()]
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=15 * PATIENCE)[1]
    assert process.returncode == 0
    for line in lines + rest.splitlines(keepends=True):
        assert re.match(r'^ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z level=\w+ msg=', line), line
