"""Settings that a running gate reads again: from its file, on SIGHUP."""

import os
import signal
import socket
import threading

import pytest

from support.certificates import Root
from support.curl import curl
from support.gate import Gate, run_ringgate


def settle(gate, message):
    """The log lines from a SIGHUP to `message`, which ends the reload."""
    seen = len(gate.records)
    gate.signal(signal.SIGHUP)
    gate.wait_for_log(message)
    return gate.records[seen:]


def changes(records, message):
    return [(record["key"], record["before"], record["after"]) for record in records if record["msg"] == message]


def test_a_hang_up_signal_reads_the_file_again(tmp_path):
    file = tmp_path / "gate.toml"
    file.write_text("[log]\nlevel = 'info'\n")
    with Gate(arguments=["-c", str(file)], warnings_allowed=True) as gate:
        assert changes(settle(gate, "reloaded"), "setting changed") == []

        file.write_text("[log]\nlevel = 'debug'\n[limits]\nmax_message = '4KiB'\n")
        for expected in ([("log.level", '"info"', '"debug"')], []):
            records = settle(gate, "reloaded")
            assert changes(records, "setting changed") == expected
            assert changes(records, "setting needs a restart") == [
                ("limits.max_message", '"1MiB"', '"4KiB"'), ("limits.max_push", '"1MiB"', '"4KiB"')]


def test_a_broken_file_changes_nothing(tmp_path):
    file = tmp_path / "gate.toml"
    file.write_text("[log]\nlevel = 'info'\n")
    failure = "not reloaded, everything of before stays in force"
    with Gate(arguments=["-c", str(file)], warnings_allowed=True) as gate:
        for text, cause in (("[log]\nlevel = 'debug'\n[limits]\nmax_mesage = '4KiB'\n", "unknown key"),
                            ("[log\n", "gate.toml:1"),
                            ("[log]\nlevel = 'debug'\n[drain]\nrate = 0\n", "drain.rate")):
            file.write_text(text)
            record = settle(gate, failure)[-1]
            assert cause in record["cause"], record
            assert record["remedy"]
        file.unlink()
        assert "no such file" in settle(gate, failure)[-1]["cause"]
        file.write_text("[log]\nlevel = 'debug'\n")
        assert changes(settle(gate, "reloaded"), "setting changed") == [("log.level", '"info"', '"debug"')]
        gate.records[:] = [record for record in gate.records if record.get("level") != "error"]


def test_flags_win_over_the_file_as_at_the_start(tmp_path):
    file = tmp_path / "gate.toml"
    file.write_text("")
    with Gate(arguments=["-c", str(file), "--log-level", "info"]) as gate:
        file.write_text("[log]\nlevel = 'debug'\n")
        assert changes(settle(gate, "reloaded"), "setting changed") == []


def test_tls_is_switched_on_and_off_only_at_the_start(tmp_path):
    certificate = Root(tmp_path).issue("gate")
    tls = f"[[listener]]\nbind = '127.0.0.1:0'\ntls.cert = ['{certificate.certificate}']\ntls.key = ['{certificate.key}']\n"
    plain = "[[listener]]\nbind = '127.0.0.1:0'\n"
    file = tmp_path / "gate.toml"
    for before, after in ((plain, tls), (tls, plain)):
        file.write_text(before)
        with Gate(arguments=["-c", str(file)], listen=None, warnings_allowed=True) as gate:
            file.write_text(after)
            needed = [key for key, *_ in changes(settle(gate, "reloaded"), "setting needs a restart")]
            assert needed == ["listener.0.tls.cert", "listener.0.tls.key"]


def test_a_reload_names_the_files_of_secrets_that_hold_something_else(tmp_path):
    files = {key: tmp_path / key for key in ("auth.token.tokens", "auth.basic.users", "auth.hmac.keys", "admin.tokens")}
    makers = {"auth.token.tokens": ("device", "a"), "auth.basic.users": ("basic", "u"), "auth.hmac.keys": ("keys", "hmac"),
              "admin.tokens": ("admin", "--name", "n", "--scopes", "read")}
    for key, file in files.items():
        assert run_ringgate("token", *makers[key], "--append", str(file)).returncode == 0
    with Gate(settings={key: str(file) for key, file in files.items()}) as gate:
        assert changes(settle(gate, "reloaded"), "setting changed") == []
        for key, file in files.items():
            file.write_text(file.read_text() + "# as many credentials as before\n")
            records = settle(gate, "reloaded")
            ((changed, before, after),) = changes(records, "setting changed")
            assert changed == key and records[-1]["changed"] == 1
            assert f"{file}, {file.stat().st_size} bytes of " in after
            assert before.startswith(f"{file}, ") and before != after


# -- Files that are none

def expect_kept(gate, cause):
    record = settle(gate, "not reloaded, everything of before stays in force")[-1]
    assert cause in record["cause"] and record["remedy"], record
    assert curl(gate.admin_url("/healthz")).status == 200


def forget_errors(gate):
    gate.records[:] = [record for record in gate.records if record.get("level") != "error"]


def test_a_reload_takes_settings_from_nothing_but_a_file(tmp_path):
    file, other = tmp_path / "gate.toml", tmp_path / "other"
    file.write_text("[log]\nlevel = 'info'\n")
    with Gate(arguments=["-c", str(file)]) as gate:
        for make, cause in ((os.mkfifo, "it is a pipe"), (os.mkdir, "it is a directory"),
                            (lambda path: os.symlink("/dev/zero", path), "it is a device"), (listen_at, "it is a socket")):
            file.unlink()
            make(file)
            expect_kept(gate, f"{file}: {cause}")
            file.rename(other) if cause != "it is a directory" else file.rmdir()
            file.write_text("[log]\nlevel = 'info'\n")
            settle(gate, "reloaded")
        forget_errors(gate)


def listen_at(path):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


def test_a_start_may_take_settings_from_a_pipe_once(tmp_path):
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as settings:
        settings.write("[limits]\nmax_message = '3KiB'\n")
    done = run_ringgate("print-config", "-c", "/dev/stdin", stdin=reader)
    os.close(reader)
    assert done.returncode == 0 and 'max_message = "3KiB"' in done.stdout, done
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=lambda: pipe.write_text("[log]\nlevel = 'debug'\n"), daemon=True).start()
    with Gate(arguments=["-c", str(pipe)]) as gate:
        expect_kept(gate, f"{pipe}: it is a pipe")
        expect_kept(gate, f"{pipe}: it is a pipe")
        forget_errors(gate)


def test_a_pipe_that_nobody_writes_to_does_not_hold_the_start_up(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = run_ringgate("serve", "-c", str(pipe))
    assert done.returncode == 78 and done.stderr.count("\n") == 1, done
    assert f"{pipe}: nothing came through the pipe" in done.stderr
    for file, cause in (("/dev/zero", "it is a device"), (str(tmp_path), "it is a directory")):
        done = run_ringgate("serve", "-c", file)
        assert done.returncode == 78 and f"{file}: {cause}" in done.stderr, done
    assert run_ringgate("check-config", "-c", "/dev/null").returncode == 0


@pytest.mark.parametrize("what", ["listener.0.tls.cert", "listener.0.tls.key", "listener.0.tls.client_ca", "listener.0.tls.crl",
                                  "listener.0.tls.ticket_keys", "admin.tokens"])
def test_files_of_settings_that_become_pipes_do_not_block_a_reload(tmp_path, what):
    root = Root(tmp_path)
    certificate = root.issue("gate")
    secret, tokens = tmp_path / "tickets", tmp_path / "tokens"
    secret.write_bytes(os.urandom(32))
    secret.chmod(0o600)
    tokens.write_text(f"sha256:{'0' * 64} name=x scopes=read\n")
    tokens.chmod(0o600)
    files = {"listener.0.tls.cert": certificate.certificate, "listener.0.tls.key": certificate.key, "listener.0.tls.client_ca": root.file,
             "listener.0.tls.crl": str(root.revoke()), "listener.0.tls.ticket_keys": str(secret), "admin.tokens": str(tokens)}
    with Gate({**files, "listener.0.tls.client": "optional"}) as gate:
        settle(gate, "reloaded")
        os.unlink(files[what])
        os.mkfifo(files[what], 0o600)
        expect_kept(gate, files[what])
        forget_errors(gate)
