"""Where h11 and the RFCs leave two readers a choice: each difference that is let pass, by name, with its source.

REWRITES are for what h11 refuses and a server may accept: the bytes are put into the form h11 knows before it reads them.
LICENCES are for what h11 accepts and a server may refuse: with one of them, an answer that refuses the request and ends the
connection agrees. Nothing else does. Both are listed in docs/conformance/proxies.md; every use is counted and printed.
"""

import ipaddress
import re

HEAD_END = re.compile(rb"\n\r?\n")
TOKEN = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+"

# -- What a server may accept


def one_empty_line(data):
    """RFC 9112 section 2.2: a server SHOULD ignore at least one empty line in front of the request line."""
    return data[2:] if data.startswith(b"\r\n") else data


CODING_LINE = re.compile(rb"(\r\nTransfer-Encoding:)[ \t,]*(chunked)[ \t,]*(?=\r\n)", re.IGNORECASE)


def empty_list_members(data):
    """RFC 9110 section 5.6.1.2: a recipient MUST ignore empty members of a list, here of Transfer-Encoding."""
    end = HEAD_END.search(data)
    if end is None:
        return data
    head = data[:end.end()]
    without_empty = CODING_LINE.sub(lambda match: match[1] + b" " + match[2] if b"," in match[0] else match[0], head)
    return without_empty + data[end.end():]


CHUNKED_HEAD = re.compile(rb"\r\nTransfer-Encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
BLANKS_BEFORE_EXTENSION = re.compile(rb"([0-9A-Fa-f]+)[ \t]+(?=;)")


def blanks_before_an_extension(data):
    """RFC 9112 section 7.1.1: BWS may stand before the semicolon of a chunk extension; h11 refuses it."""
    end = HEAD_END.search(data)
    if end is None or not CHUNKED_HEAD.search(data, 0, end.end()):
        return data
    done, rest = data[:end.end()], data[end.end():]
    while b"\r\n" in rest:
        line, _, rest = rest.partition(b"\r\n")
        digits = re.match(rb"[0-9A-Fa-f]+", line)
        size = int(digits[0], 16) if digits else 0
        done += BLANKS_BEFORE_EXTENSION.sub(lambda match: match[1], line, 1) + b"\r\n" + rest[:size + 2 if size else 0]
        rest = rest[size + 2 if size else 0:]
        if size == 0:
            break
    return done + rest


REWRITES = (one_empty_line, empty_list_members, blanks_before_an_extension)


def rewrite(data):
    """The bytes as h11 is to read them, and the names of the rules that changed something."""
    names = set()
    for rule in REWRITES:
        changed = rule(data)
        if changed != data:
            names.add(rule.__name__)
            data = changed
    return data, names


# -- What a server may refuse. Each takes the request as h11 read it; `raw` are its bytes.


def head_of(request):
    return request.raw[:HEAD_END.search(request.raw).end()]


def chunk_parts(request):
    """Size lines and trailer section of a chunked body, as h11 has found them; nothing for other bodies."""
    if not request.values(b"transfer-encoding"):
        return [], b""
    rest, lines = request.raw[len(head_of(request)):], []
    while True:
        line, _, rest = rest.partition(b"\r\n")
        lines.append(line)
        size = int(re.match(rb"[0-9A-Fa-f]+", line)[0], 16)
        if size == 0:
            return lines, rest
        rest = rest[size + 2:]


def bare_line_feed(request):
    """RFC 9112 section 2.2: a recipient MAY recognise a single LF as a line terminator; it need not."""
    return re.search(rb"(?<!\r)\n", head_of(request) + chunk_parts(request)[1]) is not None


def line_folding(request):
    """RFC 9112 section 5.2: a server that receives obs-fold MUST refuse it or replace it by spaces."""
    return re.search(rb"\n[ \t]", head_of(request) + b"\n" + chunk_parts(request)[1]) is not None


def both_framings(request):
    """RFC 9112 section 6.1: a server MAY refuse a request with Content-Length and Transfer-Encoding."""
    return bool(request.values(b"content-length") and request.values(b"transfer-encoding"))


def repeated_length(request):
    """RFC 9110 section 8.6: a recipient MUST refuse a list of lengths, or take it for one if all are the same."""
    written = re.findall(rb"\nContent-Length:([^\r\n]*)", head_of(request), re.IGNORECASE)
    return len(written) > 1 or any(b"," in value for value in written)


def coding_in_http10(request):
    """RFC 9112 section 6.1: a Transfer-Encoding in HTTP/1.0 is faulty framing."""
    return request.version == b"1.0" and bool(request.values(b"transfer-encoding"))


def control_byte(request):
    """RFC 9110 section 5.5: field values hold no control bytes but HTAB."""
    return re.search(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]", head_of(request) + chunk_parts(request)[1]) is not None


AUTHORITY = rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[-._~!$&'()*+;=0-9A-Za-z]|%[0-9A-Fa-f]{2})+)(?::[0-9]*)?"
PCHAR = rb"(?:[-._~!$&'()*+,;=:@/0-9A-Za-z]|%[0-9A-Fa-f]{2})"
TARGET = re.compile(rb"(?:(?:https?|wss?)://(" + AUTHORITY + rb")(?=[/?]|$)|(?=/))(" + PCHAR + rb"*)(?:\?(?:" + PCHAR + rb"|\?)*)?",
                    re.IGNORECASE)
ESCAPED_CONTROL = re.compile(rb"%([01][0-9A-Fa-f]|7[Ff])")


def valid_authority(text):
    match = re.fullmatch(AUTHORITY, text)
    if match is None or (b"]" not in text and b":" in text and int(text.rpartition(b":")[2] or b"0") > 65535):
        return False
    try:
        if text.startswith(b"["):
            ipaddress.IPv6Address(text[1:text.index(b"]")].decode())
    except ValueError:
        return False
    return True


def target_grammar(request):
    """RFC 9112 section 3.2, RFC 3986: a path or an http or ws URI. No escaped control bytes in the path: the gate's own policy."""
    match = TARGET.fullmatch(request.target)
    if match is None or (match[1] is not None and not valid_authority(match[1])):
        return True
    return ESCAPED_CONTROL.search(match[2]) is not None


DEFAULT_PORTS = {b"http": b"80", b"ws": b"80", b"https": b"443", b"wss": b"443"}


def target_of_another_host(request):
    """Stricter than RFC 9112 section 3.2.2, where the target wins: an absolute target has to name the host that Host names."""
    match = TARGET.fullmatch(request.target)
    if match is None or match[1] is None:
        return False
    default = DEFAULT_PORTS[request.target.partition(b"://")[0].lower()]

    def named(authority):
        return re.sub(rb":(" + default + rb")?$", b"", authority.lower())
    return any(named(host) != named(match[1]) for host in request.values(b"host"))


def another_spelling(request):
    """A number has one spelling: a length, the size of a chunk or a port with a zero in front is refused by the gate's own policy."""
    zero_in_front = re.compile(rb"0[0-9A-Fa-f]")
    ports = [re.search(rb":([0-9]*)$", host) for host in request.values(b"host")]
    absolute = TARGET.fullmatch(request.target)
    if absolute is not None and absolute[1] is not None:
        ports.append(re.search(rb":([0-9]*)$", absolute[1]))
    numbers = [port[1] for port in ports if port] + request.values(b"content-length") + chunk_parts(request)[0]
    return any(zero_in_front.match(number) for number in numbers)


FORBIDDEN_TRAILER = re.compile(rb"(?:^|\n)(?:transfer-encoding|content-length|trailer|te|connection|keep-alive|proxy-connection|upgrade|"
                               rb"expect|host|forwarded|x-forwarded-for|x-forwarded-host|x-forwarded-proto|x-real-ip|via|"
                               rb"authorization|proxy-authorization|cookie|origin|sec-fetch-site):", re.IGNORECASE)


def forbidden_trailer(request):
    """RFC 9110 section 6.5.1: a field that frames, routes or authenticates MUST NOT be sent as a trailer."""
    return FORBIDDEN_TRAILER.search(chunk_parts(request)[1]) is not None


def other_expectation(request):
    """RFC 9110 section 10.1.1: an expectation other than 100-continue MAY be answered with 417."""
    return any(expectation != b"100-continue" for expectation in request.tokens(b"expect"))


def host_grammar(request):
    """RFC 9112 section 3.2: a Host that is missing, repeated or no authority MUST be refused."""
    hosts = request.values(b"host")
    return (not hosts and request.version != b"1.0") or len(hosts) > 1 or any(not valid_authority(host) for host in hosts)


def other_version(request):
    """RFC 9110 section 15.6.6: a major version that is not spoken is 505."""
    return not request.version.startswith(b"1.")


QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
EXTENSION = rb"[ \t]*;[ \t]*" + TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + TOKEN + rb"|" + QUOTED + rb"))?"
SIZE_LINE = re.compile(rb"[0-9A-Fa-f]{1,16}(?:" + EXTENSION + rb")*")


def chunk_line_grammar(request):
    """RFC 9112 section 7.1: up to 16 digits, and extensions by the grammar; h11 takes 20, and any byte behind a semicolon."""
    return any(SIZE_LINE.fullmatch(line) is None for line in chunk_parts(request)[0])


def beyond_a_limit(request):
    """RFC 6585 section 5, RFC 9110 section 15.5.15: the gate's ceilings, method 32, target 8 KiB, 100 lines, head 16 KiB,
    chunk lines 1 KiB beyond the body, trailers 8 KiB."""
    lines, trailers = chunk_parts(request)
    return (len(request.method) > 31 or len(request.target) > 8191 or len(request.fields) > 100 or len(head_of(request)) > 16383
            or sum(len(line) + 2 for line in lines) > 1024 or len(trailers) > 8192)


LICENCES = (bare_line_feed, line_folding, both_framings, repeated_length, coding_in_http10, control_byte, target_grammar, host_grammar,
            target_of_another_host, another_spelling, forbidden_trailer, other_expectation, other_version, chunk_line_grammar, beyond_a_limit)


def licences_for(request):
    """Names of the rules by which a server may refuse this request."""
    return [rule.__name__ for rule in LICENCES if rule(request)]


# -- Frames


def well_formed_frames(data):
    """The bytes up to a length that is not minimal, which RFC 6455 section 5.2 forbids and the package websockets accepts."""
    at = 0
    while at + 2 <= len(data):
        short, masked = data[at + 1] & 0x7F, data[at + 1] >> 7
        size = {126: 2, 127: 8}.get(short, 0)
        if at + 2 + size > len(data):
            break
        length = int.from_bytes(data[at + 2:at + 2 + size], "big") if size else short
        if (size == 2 and length < 126) or (size == 8 and (length < 65536 or length >> 63)):
            return data[:at]
        at += 2 + size + 4 * masked + length
    return data
