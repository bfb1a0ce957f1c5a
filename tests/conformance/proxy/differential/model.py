"""What the gate owes to a request, said once more in few words: from README and docs/openapi.yaml, never from the gate's code."""

import base64
import binascii
import dataclasses
import re
from urllib.parse import unquote_to_bytes

METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH")
DEVICE_ID = re.compile(rb"[A-Za-z0-9._~:@-]{1,128}")
HOSTS_ALLOWED = (b"gate.example", b"other.example", b"h")  # as the campaign configures the gate
TOKEN = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
TEXT_TYPE = re.compile(rb"text/" + TOKEN + rb"|application/(?:" + TOKEN + rb"\+)?json")
LOOPBACK_OR_ADDRESS = re.compile(rb"(.*\.)?localhost|[0-9.]+|\[.*\]", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Owed:
    statuses: tuple
    device_id: str | None = None  # named in an answer of 200
    pushes: tuple = ()  # (device, type, body) that a 200 stands for
    may_end: bool = False  # may the answer end the connection though the request does not ask for it?


def target_parts(target):
    """Path and query, of an absolute form too."""
    if not target.startswith(b"/"):
        target = target.partition(b"://")[2]
        begin = re.search(rb"[/?]|$", target).start()
        target = target[begin:]
    path, _, query = target.partition(b"?")
    return path, query


def valid_id(segment):
    decoded = unquote_to_bytes(segment)
    return decoded.decode() if DEVICE_ID.fullmatch(decoded) and decoded not in (b".", b"..") else None


def host_is_allowed(request):
    """On loopback: a loopback name, an address, or one that is listed; HTTP/1.0 may name none."""
    hosts = request.values(b"host")
    if not hosts:
        return True
    host = re.sub(rb":[0-9]*$", b"", hosts[0].strip(b" \t")).removesuffix(b".").lower()
    return host in HOSTS_ALLOWED or LOOPBACK_OR_ADDRESS.fullmatch(host) is not None or not host


def wants_websocket(request):
    """RFC 9110 section 7.8: an Upgrade counts with its connection option, and not in HTTP/1.0."""
    return request.version != b"1.0" and b"websocket" in request.tokens(b"upgrade") and b"upgrade" in request.tokens(b"connection")


def admin(request, devices):
    """What the admin port owes; `devices` are the ids that are online."""
    path, query = target_parts(request.target)
    if not host_is_allowed(request):
        return Owed((421,), may_end=True)
    if request.values(b"origin"):
        return Owed((403,), may_end=True)
    if request.method not in METHODS:
        return Owed((501,))
    if wants_websocket(request):
        return Owed((404,), may_end=True)
    if not request.target.startswith(b"/") and b"://" not in request.target:
        return Owed((405,))  # OPTIONS *, CONNECT h:80
    if path in (b"/v1/devices", b"/healthz", b"/readyz", b"/metrics"):
        return Owed((200,)) if request.method in (b"GET", b"HEAD") else Owed((405,))
    if path == b"/v1/broadcast":
        return _broadcast(request, query, devices) if request.method == b"POST" else Owed((405,))
    messages = re.fullmatch(rb"/v1/devices/([^/]*)/messages", path)
    if messages:
        return _push_to_one(request, messages[1], query, devices) if request.method == b"POST" else Owed((405,))
    device = re.fullmatch(rb"/v1/devices/([^/]*)", path)
    if device:
        return _show(request, device[1], devices)
    return Owed((404,))


def _show(request, segment, devices):
    if request.method not in (b"GET", b"HEAD"):
        return Owed((405,))
    device_id = valid_id(segment)
    if device_id is None:
        return Owed((400,))
    return Owed((200,), device_id if request.method == b"GET" else None) if device_id in devices else Owed((404,))


def _push_to_one(request, segment, query, devices):
    """A parameter that is not known could be an option with a fault in its name: it is refused. (`wait` and `timeout` are never mutated into.)"""
    device_id = valid_id(segment)
    if device_id is None:
        return Owed((400,))
    if query.strip(b"&"):
        return Owed((400, 415))
    owed = _push(request, (device_id,))
    if 415 in owed.statuses and device_id not in devices:
        return Owed((404, 415))
    if 200 in owed.statuses and device_id not in devices:
        return Owed((404,) + tuple(status for status in owed.statuses if status != 200))
    return dataclasses.replace(owed, device_id=device_id)


def _broadcast(request, query, devices):
    """A parameter that is not known could be a filter with a fault in its name: nobody gets the message."""
    return Owed((400,)) if query.strip(b"&") else _push(request, devices)


def kind_of(media_type):
    if TEXT_TYPE.fullmatch(media_type):
        return "text"
    return "binary" if media_type == b"application/octet-stream" else None


def _push(request, devices):
    """Whatever the media type's parameters are: they may be refused, but never change what is pushed."""
    types = request.values(b"content-type")
    kind = kind_of(types[0].partition(b";")[0].strip(b" \t").lower()) if len(types) == 1 else None
    if kind is None or any(coding != b"identity" for coding in request.tokens(b"content-encoding")):
        return Owed((415,))
    statuses = (200,) if b";" not in types[0] else (200, 415)
    if kind == "text" and not is_utf8(request.body):
        return Owed(tuple(400 if status == 200 else status for status in statuses), may_end=True)
    return Owed(statuses, pushes=tuple((device, kind, request.body) for device in devices))


def is_utf8(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


# -- Devices


def asks_for_health(request):
    """Is this a load balancer's question, which the device port answers 200 and then ends? A GET for a WebSocket never is."""
    if target_parts(request.target)[0] != b"/healthz":
        return False
    return request.method == b"HEAD" or (request.method == b"GET" and not wants_websocket(request))


def is_upgrade(request):
    """Does the device port owe this request a 101? None if it depends on more than this model knows."""
    path, query = target_parts(request.target)
    if any(request.values(name) for name in (b"sec-websocket-protocol", b"sec-websocket-extensions", b"origin")):
        return None
    keys, versions = request.values(b"sec-websocket-key"), request.values(b"sec-websocket-version")
    lengths = request.values(b"content-length")
    return (request.method == b"GET" and path == b"/ws" and wants_websocket(request)
            and not request.values(b"transfer-encoding") and (not lengths or int(lengths[0]) == 0)
            and versions == [b"13"] and len(keys) == 1 and valid_key(keys[0]) and device_id_of(query) is not None)


def valid_key(key):
    try:
        decoded = base64.b64decode(key, validate=True)
    except binascii.Error:
        return False
    return len(decoded) == 16 and len(key) == 24  # whatever its unused trailing bits


def device_id_of(query):
    """The one id the query names, by either name, or None."""
    pairs = [pair.partition(b"=") for pair in query.split(b"&")]
    ids = {unquote_to_bytes(value) for name, _, value in pairs if unquote_to_bytes(name) in (b"deviceId", b"deviceID")}
    device_id = valid_id(ids.pop()) if len(ids) == 1 else None
    return None if device_id is None or device_id.startswith("anon-") else device_id
