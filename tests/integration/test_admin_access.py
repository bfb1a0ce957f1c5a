"""The admin port as a gate: tokens, scopes and restrictions, audit lines, reloads, and starts that are refused."""

import hashlib
import http.client
import json
import signal
import ssl
import threading
import time

import pytest
from websockets.sync.client import connect

from support.certificates import Root
from support.gate import PATIENCE, SLOWNESS, Gate, run_ringgate, split_address


def make_token(file, name, scopes, *more):
    """A token whose line is appended to the file."""
    done = run_ringgate("token", "admin", "--name", name, "--scopes", scopes, "--append", str(file), *more)
    assert done.returncode == 0, done
    return done.stdout.split()[0]


def ask(gate, method, path, token=None, body=None, fields=None):
    """Status, body and fields of the answer to one request on a connection of its own."""
    connection = http.client.HTTPConnection(*gate.admin_address, timeout=10 * PATIENCE)
    try:
        headers = {"Content-Type": "text/plain"} if body is not None else {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        connection.request(method, path, body=body, headers=headers | (fields or {}))
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    file = tmp_path_factory.mktemp("tokens") / "admin.tokens"
    made = {scope: make_token(file, scope, scope) for scope in ("push", "read", "admin")}
    made["plant-a"] = make_token(file, "plant-a", "admin", "--prefix", "a-")
    made["ws"] = make_token(file, "ws", "push,read", "--route", "/ws")
    made["file"] = str(file)
    return made


@pytest.fixture(scope="module")
def guarded(tokens):
    with Gate(shards=2, settings={"admin.tokens": tokens["file"]}) as gate:
        yield gate


# By endpoint: the answer without a token, and to tokens of push, read, admin and one restricted to ids that begin with a-.
MATRIX = [
    ("GET", "/healthz", (200, 200, 200, 200, 200)),
    ("GET", "/readyz", (200, 200, 200, 200, 200)),
    ("GET", "/metrics", (401, 403, 200, 200, 403)),
    ("HEAD", "/v1/events", (401, 403, 200, 200, 200)),
    ("GET", "/v1/stats", (401, 403, 200, 200, 403)),
    ("GET", "/v1/devices", (401, 403, 200, 200, 200)),
    ("GET", "/v1/devices/a-1", (401, 403, 200, 200, 200)),
    ("GET", "/v1/devices/b-1", (401, 403, 200, 200, 403)),
    ("POST", "/v1/devices/a-1/messages", (401, 200, 403, 200, 200)),
    ("POST", "/v1/devices/b-1/messages", (401, 200, 403, 200, 403)),
    ("POST", "/v1/broadcast", (401, 200, 403, 200, 200)),
    ("DELETE", "/v1/devices/a-gone", (401, 403, 403, 404, 404)),
    ("DELETE", "/v1/devices/b-gone", (401, 403, 403, 404, 403)),
    ("POST", "/v1/reload", (401, 403, 403, 200, 403)),
    ("GET", "/v1/bans/a-gone", (401, 403, 404, 404, 404)),
    ("GET", "/v1/bans/b-gone", (401, 403, 404, 404, 403)),
    ("DELETE", "/v1/bans/a-gone", (401, 403, 403, 404, 404)),
    ("DELETE", "/v1/bans/b-gone", (401, 403, 403, 404, 403)),
    ("PUT", "/v1/bans/a-gone", (401, 403, 403, 200, 200)),
    ("PUT", "/v1/bans/b-gone", (401, 403, 403, 200, 403)),
    ("PUT", "/v1/devices/b-gone/credential", (401, 403, 403, 400, 403)),
    ("PUT", "/v1/revocations", (401, 403, 403, 400, 403)),
]


def test_each_scope_opens_its_endpoints(guarded, tokens):
    with connect(guarded.device_url("a-1")), connect(guarded.device_url("b-1")):
        for method, path, answers in MATRIX:
            for who, expected in zip((None, "push", "read", "admin", "plant-a"), answers):
                body = "x" if method == "POST" else None
                status, text, fields = ask(guarded, method, path, tokens.get(who), body)
                assert status == expected, (method, path, who, text)
                if status == 401:
                    assert fields["WWW-Authenticate"] == 'Bearer realm="ringgate"'


def test_a_restricted_token_sees_only_its_devices(guarded, tokens):
    with connect(guarded.device_url("a-2")), connect(guarded.device_url("b-2")):
        def listed(who):
            return {device["device_id"] for device in json.loads(ask(guarded, "GET", "/v1/devices", tokens[who])[1])["devices"]}

        assert listed("read") >= {"a-2", "b-2"}
        assert "b-2" not in listed("plant-a") >= {"a-2"}
        assert listed("ws") >= {"a-2", "b-2"}
        assert ask(guarded, "POST", "/v1/devices/b-2/messages", tokens["ws"], "x")[0] == 200
        assert ask(guarded, "POST", "/v1/broadcast?prefix=b-", tokens["plant-a"], "x")[1] == b'{"matched":0,"delivered":0,"refused":0}'


def test_a_token_of_a_group_reaches_devices_whose_credential_names_it(tmp_path):
    devices, admins = tmp_path / "devices", tmp_path / "admins"
    devices.write_text(f"sha256:{hashlib.sha256(b'of-the-fleet').hexdigest()} group=fleet name=fleet\n")
    devices.chmod(0o600)
    token = make_token(admins, "fleet-backend", "admin", "--group", "fleet")
    settings = {"admin.tokens": str(admins), "auth.token.tokens": str(devices), "route.0.path": "/ws", "route.0.auth": "token,none"}
    with Gate(settings, shards=2) as gate:
        with connect(gate.device_url("f-1"), additional_headers={"Authorization": "Bearer of-the-fleet"}), \
                connect(gate.device_url("x-1")):
            listed = json.loads(ask(gate, "GET", "/v1/devices", token)[1])["devices"]
            assert [device["device_id"] for device in listed] == ["f-1"]
            assert ask(gate, "POST", "/v1/devices/f-1/messages", token, "x")[0] == 200
            assert ask(gate, "POST", "/v1/devices/x-1/messages", token, "x")[0] == 403
            lines = "\n".join(json.dumps({"device": device, "text": "x"}) for device in ("f-1", "x-1", "nobody"))
            status, body, _ = ask(gate, "POST", "/v1/messages:batch", token, lines, {"Content-Type": "application/x-ndjson"})
            results = sorted((json.loads(line) for line in body.splitlines()), key=lambda result: result.get("line", 9))
            assert status == 200 and results[-1] == {"lines": 3, "delivered": 1}
            assert [result.get("reason") for result in results[:-1]] == [None, "not_covered", "unknown_device"]
            status, body, _ = ask(gate, "POST", "/v1/devices:presence", token, '["f-1", "x-1", "nobody"]', {"Content-Type": "application/json"})
            assert status == 200
            assert [entry["online"] for entry in json.loads(body)["devices"]] == [True, None, False]
            assert ask(gate, "DELETE", "/v1/devices/x-1", token)[0] == 403
            assert ask(gate, "DELETE", "/v1/devices/f-1", token)[0] == 204


def test_tokens_count_only_in_one_authorization_field(guarded, tokens):
    assert ask(guarded, "GET", f"/v1/devices?access_token={tokens['read']}")[0] == 401
    connection = http.client.HTTPConnection(*guarded.admin_address, timeout=10 * PATIENCE)
    connection.putrequest("GET", "/v1/devices")
    for _ in range(2):
        connection.putheader("Authorization", f"Bearer {tokens['read']}")
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


def test_figures_are_those_of_the_metrics(guarded, tokens):
    stats = json.loads(ask(guarded, "GET", "/v1/stats", tokens["read"])[1])
    metrics = ask(guarded, "GET", "/metrics", tokens["read"])[1].decode()
    assert f'ringgate_handshakes_total{{result="accepted"}} {stats["gate"]["handshakes_total"]["accepted"]}\n' in metrics
    assert len(stats["shards"]) == 2
    assert stats["uptime_seconds"] >= 0


def test_changing_calls_leave_a_line_that_names_who(tokens):
    with Gate(settings={"admin.tokens": tokens["file"]}) as gate:
        with connect(gate.device_url("a-1")):
            assert ask(gate, "POST", "/v1/devices/a-1/messages", tokens["push"], "x")[0] == 200
            assert ask(gate, "DELETE", "/v1/devices/a-1", tokens["push"])[0] == 403
            expecting = {"Content-Type": "application/json", "Expect": "100-continue"}
            assert ask(gate, "PUT", "/v1/bans/a-1", tokens["push"], '{"for":"10m"}', expecting)[0] == 403
            assert ask(gate, "DELETE", "/v1/devices/a-1?code=4001", tokens["plant-a"])[0] == 204
        assert ask(gate, "POST", "/v1/broadcast", tokens["admin"], "x")[0] == 200
        assert ask(gate, "POST", "/v1/reload", tokens["admin"])[0] == 200
        assert ask(gate, "GET", "/v1/devices", "wrong")[0] == 401
        gate.wait_for_log("admin access refused", reason="token_unknown")
        calls = [record for record in gate.records if record["msg"] == "admin call"]
        assert [(call["who"], call["what"], call["outcome"], call.get("device_id")) for call in calls] == [
            ("push", "DELETE /v1/devices/{id}", 403, "a-1"),
            ("push", "PUT /v1/bans/{id}", 403, "a-1"),
            ("plant-a", "DELETE /v1/devices/{id}", 204, "a-1"),
            ("admin", "POST /v1/broadcast", 200, None),
            ("admin", "POST /v1/reload", 200, None)]
        assert all(call["remote"].startswith("127.0.0.1:") and call["level"] == "info" for call in calls)
        text = json.dumps(gate.records)
        assert not any(secret in text for name, secret in tokens.items() if name != "file")


def test_single_pushes_leave_a_line_at_debug(tokens):
    with Gate(settings={"admin.tokens": tokens["file"], "log.level": "debug"}) as gate, connect(gate.device_url("a-1")):
        assert ask(gate, "POST", "/v1/devices/a-1/messages", tokens["push"], "x")[0] == 200
        call = gate.wait_for_log("admin call")
        assert (call["who"], call["what"], call["outcome"], call["level"]) == (
            "push", "POST /v1/devices/{id}/messages", 200, "debug")


def test_guessing_is_slowed_down(tokens):
    with Gate(settings={"admin.tokens": tokens["file"]}) as gate:
        assert ask(gate, "GET", "/v1/devices", tokens["read"])[0] == 200
        answers = [ask(gate, "GET", "/v1/devices", f"guess{number}")[0] for number in range(14)]
        assert answers[:10] == [401] * 10 and answers[-1] == 429
        status, _, fields = ask(gate, "GET", "/v1/devices", "guess")
        assert status == 429 and int(fields["Retry-After"]) > 0
        assert ask(gate, "GET", "/v1/devices", tokens["read"])[0] == 200


def test_guesses_are_counted_for_the_gate_not_for_a_shard(tokens):
    with Gate(shards=4, settings={"admin.tokens": tokens["file"]}) as gate:
        assert ask(gate, "GET", "/v1/devices", tokens["read"])[0] == 200
        began = time.monotonic()
        answers = [ask(gate, "GET", "/v1/devices", f"guess{number}")[0] for number in range(60)]
        earned = int((time.monotonic() - began) / 6) + 1  # a try more for every six seconds
        assert answers[:10] == [401] * 10 and 10 <= answers.count(401) <= 10 + earned
        assert answers.count(401) + answers.count(429) == 60
        # Whichever shard it meets: the token that was good from here before still is, another one is not told from a guess.
        assert [ask(gate, "GET", "/v1/devices", tokens["read"])[0] for _ in range(20)] == [200] * 20
        assert ask(gate, "GET", "/v1/devices", tokens["push"])[0] == 429


def test_guesses_side_by_side_are_no_more(tokens):
    with Gate(shards=4, settings={"admin.tokens": tokens["file"]}) as gate:
        answers = []
        begin = threading.Barrier(16)

        def guess():
            begin.wait()
            answers.extend(ask(gate, "GET", "/v1/devices", "guess")[0] for _ in range(4))

        began = time.monotonic()
        threads = [threading.Thread(target=guess) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 10 <= answers.count(401) <= 10 + int((time.monotonic() - began) / 6) + 1
        assert answers.count(429) == 64 - answers.count(401)


def test_a_revoked_token_ends_on_a_connection_that_stays(tmp_path):
    file = tmp_path / "admin.tokens"
    token = make_token(file, "leaving", "read")
    staying = make_token(tmp_path / "staying", "staying", "read")
    with Gate(shards=2, settings={"admin.tokens": str(file)}) as gate:
        connection = http.client.HTTPConnection(*gate.admin_address, timeout=10 * PATIENCE)
        connection.connect()
        local = connection.sock.getsockname()

        def status(secret):
            connection.request("GET", "/v1/devices", headers={"Authorization": f"Bearer {secret}"})
            answer = connection.getresponse()
            answer.read()
            return answer.status

        assert [status(token), status(token), status(staying)] == [200, 200, 401]
        other = tmp_path / "next"
        other.write_text((tmp_path / "staying").read_text())
        other.chmod(0o600)
        other.replace(file)
        gate.signal(signal.SIGHUP)
        gate.wait_for_log("reloaded")
        assert [status(token), status(staying), status(token)] == [401, 200, 401]
        assert connection.sock.getsockname() == local, "one connection for all of it"
        connection.close()


# -- Reloads

def test_a_reload_by_http_tells_what_it_did(tmp_path):
    file = tmp_path / "gate.toml"
    file.write_text("")
    with Gate(arguments=["-c", str(file)], warnings_allowed=True) as gate:
        status, text, _ = ask(gate, "POST", "/v1/reload")
        assert (status, json.loads(text)) == (200, {"status": "reloaded", "changed": [], "restart_needed": []})
        file.write_text("[log]\nlevel = 'debug'\n[drain]\ngrace = '1s'\n")
        status, text, _ = ask(gate, "POST", "/v1/reload", body="ignored")
        assert (status, json.loads(text)) == (200, {
            "status": "reloaded", "changed": [{"key": "log.level", "before": '"info"', "after": '"debug"'}],
            "restart_needed": [{"key": "drain.grace", "before": '"0s"', "after": '"1s"'}]})
        file.write_text("[log]\nlevle = 'debug'\n")
        status, text, fields = ask(gate, "POST", "/v1/reload")
        problem = json.loads(text)
        assert status == 422 and fields["Content-Type"] == "application/problem+json"
        assert problem["reason"] == "reload_failed" and "unknown key" in problem["detail"] and "log.level" in problem["remedy"]
        assert b'ringgate_reloads_total{result="failed"} 1\n' in ask(gate, "GET", "/metrics")[1]
        gate.wait_for_log("not reloaded, everything of before stays in force")
        gate.records[:] = [record for record in gate.records if record.get("level") != "error"]


def test_tokens_are_replaced_under_load_without_a_failed_request(tmp_path):
    file = tmp_path / "admin.tokens"
    steady = make_token(file, "steady", "read")
    boss = make_token(file, "boss", "admin")
    lines = file.read_text()
    fleeting = make_token(tmp_path / "fleeting", "fleeting", "read")
    fleeting_line = (tmp_path / "fleeting").read_text()
    answers, stop = [], threading.Event()

    def hammer(gate):
        connection = http.client.HTTPConnection(*gate.admin_address, timeout=10 * PATIENCE)
        while not stop.is_set():
            connection.request("GET", "/v1/devices", headers={"Authorization": f"Bearer {steady}"})
            answer = connection.getresponse()
            answer.read()
            answers.append(answer.status)
        connection.close()

    with Gate(shards=2, settings={"admin.tokens": str(file)}) as gate:
        threads = [threading.Thread(target=hammer, args=(gate,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for round_ in range(20):
                is_in = round_ % 2 == 0
                other = tmp_path / "next"
                other.write_text(lines + (fleeting_line if is_in else ""))
                other.chmod(0o600)
                other.replace(file)
                status, text, _ = ask(gate, "POST", "/v1/reload", boss)
                assert status == 200, text
                (change,) = json.loads(text)["changed"]
                assert change["key"] == "admin.tokens"
                assert f"{file}, {file.stat().st_size} bytes of " in change["after"]
                # Shards look for another table with each request.
                assert ask(gate, "GET", "/v1/devices", fleeting)[0] == (200 if is_in else 401)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert len(answers) > 100 and set(answers) == {200}

        file.write_text("not a line of tokens\n")
        status, text, _ = ask(gate, "POST", "/v1/reload", boss)
        assert status == 422 and "admin.tokens" in json.loads(text)["detail"]
        assert ask(gate, "GET", "/v1/devices", steady)[0] == 200
        gate.wait_for_log("not reloaded, everything of before stays in force")
        gate.records[:] = [record for record in gate.records if record.get("level") != "error"]


def test_two_ways_to_reload_at_once_both_come_to_their_end(tmp_path):
    with Gate(shards=2) as gate:
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(ask(gate, "POST", "/v1/reload")[0])) for _ in range(6)]
        for thread in threads:
            thread.start()
            gate.signal(signal.SIGHUP)
        for thread in threads:
            thread.join()
        assert answers == [200] * 6


# -- Starting

@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_off_loopback_a_port_without_credentials_is_refused(command):
    began = time.monotonic()
    done = run_ringgate(command, "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0")
    assert time.monotonic() - began < 1.0 * SLOWNESS * PATIENCE
    assert done.returncode == 78, done
    assert done.stderr == ("ringgate: --admin: admin.bind: 0.0.0.0:0 is not a loopback address, and nothing keeps strangers from the "
                           "admin port; give admin.tokens or admin.tls.client = \"required\", or bind a loopback address\n")


def test_off_loopback_with_tokens_it_serves(tokens):
    with Gate(admin="0.0.0.0:0", settings={"admin.tokens": tokens["file"]}) as gate:
        gate.admin = f"127.0.0.1:{split_address(gate.admin)[1]}"
        assert ask(gate, "GET", "/v1/devices")[0] == 401
        assert ask(gate, "GET", "/v1/devices", tokens["read"])[0] == 200


def test_a_file_that_lets_nobody_in_is_refused(tmp_path):
    empty = tmp_path / "empty.tokens"
    empty.write_text("# nobody\n")
    empty.chmod(0o600)
    broken = tmp_path / "broken.tokens"
    broken.write_text("sha256:12 name=x scopes=read\n")
    broken.chmod(0o600)
    for file, cause in ((empty, "holds no token"), (broken, f"{broken}:1"), (tmp_path / "none", "No such file")):
        done = run_ringgate("serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--set", f"admin.tokens={file}")
        assert done.returncode == 78 and done.stderr.count("\n") == 1 and cause in done.stderr, done


def test_tokens_over_tls(tokens, tmp_path_factory):
    root = Root(tmp_path_factory.mktemp("root"))
    with Gate(tls=root.issue("gate"), settings={"admin.tokens": tokens["file"]}) as gate:
        context = ssl.create_default_context(cafile=root.file)
        connection = http.client.HTTPSConnection(*gate.admin_address, timeout=10 * PATIENCE, context=context)
        connection.request("GET", "/v1/devices", headers={"Authorization": f"Bearer {tokens['read']}"})
        assert connection.getresponse().status == 200
        connection.close()
