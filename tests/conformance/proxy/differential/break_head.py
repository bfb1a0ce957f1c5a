"""Mutations of a head: request line, field lines, Host, and the fields that mean something to a proxy."""

from .mutations import mutation, variants
from .requests import CRLF

METHODS = (
    b"post", b"PoST", b"HEAD", b"OPTIONS", b"PUT", b"GET", b"TRACE", b"CONNECT", b"PATCH", b"PRI", b"M-SEARCH", b"X" * 33,
    b"P@ST", b"P\0ST", b"POST\t", b"", b" POST", b"GET /x HTTP/1.1\r\nX: y\r\nPOST",
)


@variants("any", "method", METHODS)
def method(_, request, value):
    request.method = value


VERSIONS = (
    b"HTTP/1.0", b"HTTP/1.2", b"HTTP/1.9", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1", b"HTTP/1.10", b"HTTP/01.1", b"http/1.1",
    b"HTTP/1.1 ", b"HTTP/ 1.1", b"HTTP /1.1", b"HTTP/1,1", b"HTTPS/1.1", b"HTTP/1.1\t", b"HTTP/1.1\0", b"HTTP/+1.1",
    b"HTTP/1.1x", None,
)


@variants("any", "version", VERSIONS)
def version(_, request, value):
    request.version = value


@variants("any", "separator", (b"  ", b"\t", b" \t", b"\x0b", b"\r", b"\n", b"\x0c", b"\xa0"))
def separator(_, request, value):
    request.separator = value


# %s: the target as it was.
TARGETS = (
    b"http://gate.example%s", b"http://other.example%s", b"https://gate.example:443%s", b"HTTP://GATE.EXAMPLE%s",
    b"http://u:p@gate.example%s", b"http://%s", b"*", b"gate.example:80", b"/%s", b"/.%s", b"/x/..%s", b"%s#f", b"%s%%00",
    b"%s%%0d%%0a", b"%s%%zz", b"%s%%", b"%s%%2e%%2E", b"%s\xc3\xa9", b"%s\\x", b"%s;p=1", b"%s?x=1", b"%s<>", b"%s&a=[1]",
    b"%s|", b'%s"', b"%s^{}`", b"%s" + b"&x=" + b"y" * 9000, b"%s\x01", b"%s\x7f", b"", b"x", b"%s/", b"//gate.example%s",
    b"%s HTTP/1.1 x", b"%s%%2f..", b"ftp://gate.example%s", b"http:%s",
)


@variants("any", "target", TARGETS)
def target(_, request, pattern):
    request.target = pattern.replace(b"%s", request.target).replace(b"%%", b"%")


@mutation("any")
def target_percent_encoded(random, request):
    """One letter of the path written as an escape, which means the same path."""
    letters = [i for i, byte in enumerate(request.target.split(b"?")[0]) if bytes([byte]).isalnum()]
    if letters:
        i = random.choice(letters)
        request.target = request.target[:i] + b"%%%02x" % request.target[i] + request.target[i + 1:]


@variants("any", "before", (
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b"\t", b"\0", b"\r\n" * 20, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /healthz\r\n", b"\xef\xbb\xbf", b"\x16\x03\x01\x02\x00",
))
def before(_, request, value):
    request.before = value


LINES = (
    b"NoColonHere", b": v", b"X-A : 1", b"X-A\t: 1", b" X-A: 1", b"\tX-A: 1", b"X A: 1", b"X[]: 1", b"X(: 1", b'"X": 1',
    b"X\xeb: 1", b"X\0: 1", b"X\x01: 1", b"X\x7f: 1", b"X-A: a\0b", b"X-A: a\x01b", b"X-A: a\x0bb", b"X-A: a\x7fb",
    b"X-A: \x80\xff", b"X-A: a\rb", b"X-A: a\nb", b"X-A: a\nContent-Length: 3", b"X-A: a\r Content-Length: 3", b"X-A: a\r\n b",
    b"X-A: a\r\n\tContent-Length: 3", b"X-A:", b"X-A: ", b"X-A:\t a \t", b"X_A: 1", b"X.A: 1", b"__proto__: 1",
    b"X-A: " + b"v" * 5000, b"X-A: " + b"v" * 9000, b"X" * 300 + b": 1", b"X-A: a\nTransfer-Encoding: chunked",
    b"X-A: a\r\n\r\nGET /healthz HTTP/1.1", b"X-A: \xc4\x8dContent-Length: 3", b"Origin: http://gate.example",
    b"Forwarded: for=1.2.3.4", b"X-HTTP-Method-Override: GET", b"Content-Encoding: gzip", b"Range: bytes=0-3",
    b"Trailer: Content-Length", b"TE: trailers", b"TE: chunked", b"Max-Forwards: 0", b"Content-Type: text/html",
    b"Content-Type: text/plain; charset=latin-1", b"Sec-WebSocket-Key: x",
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings",
    b"Upgrade: websocket\r\nConnection: upgrade", b"Upgrade: TLS/1.0", b"Expect: 100-continue", b"Expect: 200-ok",
    b"Expect: 100-Continue, x", b"Expect:",
)


@variants("any", "line", LINES)
def line(random, request, value):
    request.fields.insert(random.randrange(len(request.fields) + 1), value)


@variants("any", "connection", (
    b"close", b"keep-alive", b"Content-Length", b"Transfer-Encoding", b"Host", b"X-Case, Content-Type", b"close, keep-alive",
    b",,close,,", b"upgrade", b"Keep-Alive, Content-Length", b"clos", b"close;x", b'"close"', b"\x0bclose", b"",
))
def connection(_, request, value):
    request.fields.append(b"Connection: " + value)


@variants("any", "proxy field", (
    b"Keep-Alive: timeout=5, max=1", b"Proxy-Connection: close", b"Proxy-Authorization: Basic eA==", b"Via: 1.1 x",
    b"X-Forwarded-For: 1",
))
def proxy_field(_, request, value):
    request.fields.append(value)


HOSTS = (
    b"Host:", b"Host: ", b"Host: a, b", b"Host: a b", b"Host: user@h", b"Host: h/path", b"Host: h?x", b"Host: h:99999",
    b"Host: h:x", b"Host: [::1]", b"Host: [::1", b"Host: [zz]", b"Host: h\xff", b"Host: h\0", b"Host : h",
    b"hOsT: gate.example", b"Host: gate.example:80", b"Host:gate.example", b"Host:\tgate.example\t", b"Host: %68",
    b"Host: h%zz", b"Host: gate.example\r\nHost: gate.example", b"Host: gate.example\r\nHost: other", b"Host: GATE.example.",
    b"Host: h\r\n x", b"X-No: host", b"Host: h:", b"Host: _h!$&'()*+;=",
)


@variants("any", "host", HOSTS)
def host(_, request, line_value):
    request.fields[request.index(b"Host") or 0] = line_value


@mutation("any")
def names_in_other_case(random, request):
    def flip(text):
        return bytes(byte ^ 0x20 if bytes([byte]).isalpha() and random.random() < 0.5 else byte for byte in text)

    request.fields = [flip(line[:line.find(b":")]) + line[line.find(b":"):] for line in request.fields]


@mutation("any")
def lines_in_other_order(random, request):
    random.shuffle(request.fields)


@mutation("any")
def a_line_twice(random, request):
    request.fields.insert(random.randrange(len(request.fields) + 1), random.choice(request.fields))


@variants("any", "more lines", (30, 90, 110))
def more_lines(_, request, count):
    request.fields += [b"X-%d: %d" % (i, i) for i in range(count)]


@mutation("any")
def folded_somewhere(random, request):
    i = random.randrange(len(request.fields))
    at = random.randrange(len(request.fields[i]) + 1)
    request.fields[i] = request.fields[i][:at] + CRLF + random.choice((b" ", b"\t")) + request.fields[i][at:]
