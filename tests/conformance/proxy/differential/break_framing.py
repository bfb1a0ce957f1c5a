"""Mutations of what says where a body ends: Content-Length, Transfer-Encoding, and the chunks themselves."""

from .mutations import mutation, variants
from .requests import CRLF, Chunk

# %d: the true length.
LENGTHS = (
    b"+%d", b"-%d", b"0x%d", b"%d;", b"%d.0", b"%d_0", b"%d 0", b"00%d", b"%d, 3", b"3, %d", b"", b"\t%d", b"%d\t", b"%d abc",
    b"'%d'", b"%de0", b"18446744073709551616", b"9223372036854775807", b"4294967296", b"99999999999999999999999999",
    b"\xd9\xa5", b"%d\x0b", b"%d,", b",%d", b"%d, %d",
)


def written(pattern, length):
    return pattern % ((length,) * pattern.count(b"%d"))


@variants("body", "length", LENGTHS)
def length_written(_, request, pattern):
    request.put(b"Content-Length: " + written(pattern, len(request.payload)))


@variants("body", "length off by", (-3, -1, 1, 2, 30))
def length_off(_, request, difference):
    request.frame_by_length()
    request.put(b"Content-Length: %d" % max(0, len(request.payload) + difference))


@mutation("body")
def length_zero(_, request):
    request.frame_by_length()
    request.put(b"Content-Length: 0")


@variants("body", "second length", (b"%d", b"0", b"5", b"%d0", b" %d", b""))
def second_length(random, request, pattern):
    request.frame_by_length()
    line = b"Content-Length: " + written(pattern, len(request.payload))
    request.fields.insert(random.randrange(len(request.fields) + 1), line)


@mutation("body")
def length_and_chunks(random, request):
    """Both framings, in either order, the length true of the payload or of what is on the wire."""
    request.frame_by_chunks([random.randrange(1, 20)])
    length = random.choice((0, 3, len(request.payload), len(request.body_bytes())))
    request.fields.insert(random.randrange(len(request.fields) + 1), b"Content-Length: %d" % length)


@mutation("body")
def chunked_declared_for_a_length(_, request):
    request.frame_by_length()
    request.fields.append(b"Transfer-Encoding: chunked")


@mutation("body")
def no_framing_at_all(_, request):
    request.drop(b"Content-Length")
    request.drop(b"Transfer-Encoding")


NAMES = (
    b"Content-Length :", b"Content-Length\t:", b"Content_Length:", b" Content-Length:", b"Content-Length\x0b:",
    b"Content-Length\0:", b"CONTENT-LENGTH:", b"cONTENT-lENGTH:", b"Content-Lengt\xc4\xa5:", b"X-Content-Length:",
    b"Content Length:", b"Content-Length=",
)


@variants("body", "length named", NAMES)
def length_named(_, request, name):
    request.frame_by_length()
    request.put(b"Content-Length: %d" % len(request.payload))
    request.fields[request.index(b"Content-Length")] = name + b" %d" % len(request.payload)


CODINGS = (
    b"xchunked", b"identity", b"gzip, chunked", b"chunked, identity", b"identity, chunked", b"chunked, chunked", b"chunked,",
    b",chunked", b"cHuNkEd", b"\x0bchunked", b"\x0cchunked", b"chunked\0", b'"chunked"', b"chunked;q=1", b"chu nked", b"",
    b"\tchunked", b"chunked\t", b"chunked, ", b"chunked\x85", b"chunked_", b"chunke", b"chunkedd", b"x, chunked",
    b"chunked\r\n ", b"\r\n chunked", b"\r\n\tchunked",
)


@variants("chunks", "coding", CODINGS)
def coding_written(_, request, value):
    request.put(b"Transfer-Encoding: " + value)


@variants("chunks", "coding named", (
    b"Transfer-Encoding :", b"Transfer_Encoding:", b"Transfer-Encoding\t:", b" Transfer-Encoding:", b"transfer-encoding:",
    b"Transfer-Encoding\0:", b"Transfer-Encoding\x0b:", b"TRANSFER-ENCODING:",
))
def coding_named(_, request, name):
    position = request.index(b"Transfer-Encoding")
    if position is not None:
        request.fields[position] = name + b" chunked"


@variants("chunks", "second coding", (b"chunked", b"identity", b"gzip", b"", b"x"))
def second_coding(random, request, value):
    request.fields.insert(random.randrange(len(request.fields) + 1), b"Transfer-Encoding: " + value)


@mutation("chunks")
def chunked_in_http10(_, request):
    request.version = b"HTTP/1.0"


# %x: the true size, in hexadecimal.
SIZES = (
    b"%X", b"0%x", b"0000000000%x", b"00000000000000000%x", b"%x ", b" %x", b"+%x", b"-%x", b"0x%x", b"%x_0", b"g", b"",
    b"%x\t", b"%x;", b"%x;a", b"%x;a=b", b'%x;a="b;\\"c"', b"%x ; a = b", b"%x;a=\0", b"%x;\xff", b"%x;a\rb", b"%x;a\nb",
    b"%x;a=\"", b"%x;;", b"%x,%x", b"%x %x", b"%x.0", b"FFFFFFFFFFFFFFFF%x", b"100000000%x", b"7FFFFFFFFFFFFFFF",
    b"%x;" + b"e" * 300, b"%x;a=" + b"f" * 2000, b"%x\x0b", b"%x\x85",
)


@variants("chunks", "chunk size", SIZES)
def chunk_size(random, request, pattern):
    chunk = random.choice(request.chunks)
    size = len(chunk.data)
    for _ in range(pattern.count(b"%x") + pattern.count(b"%X")):
        pattern = pattern.replace(b"%x", b"%x" % size, 1) if b"%x" in pattern else pattern.replace(b"%X", b"%X" % size, 1)
    chunk.size = pattern


@variants("chunks", "chunk size off by", (-2, -1, 1, 2, 16))
def chunk_size_off(random, request, difference):
    chunk = random.choice(request.chunks)
    chunk.size = b"%x" % max(0, len(chunk.data) + difference)


@variants("chunks", "size line ends in", (b"\n", b"\r", b"", b"\n\r", b"\r\r\n", b" \r\n", b"\r\n\r\n", b"\0\r\n"))
def chunk_line_end(random, request, end):
    random.choice(request.chunks).line_end = end


@variants("chunks", "chunk data ends in", (b"\n", b"\r", b"", b"\n\r", b"\r\r\n", b"xx", b"\r\n\r\n", b" \r\n", b"\rX"))
def chunk_data_end(random, request, end):
    random.choice(request.chunks).data_end = end


@variants("chunks", "trailer", (
    b"X-T: 1", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: evil", b"Connection: close", b"X-T : 1",
    b"NoColon", b" folded", b"X-T: a\x01b", b"X-T:", b"Upgrade: websocket", b"X-T: " + b"t" * 3000, b": v",
))
def trailer(_, request, line):
    request.trailers.append(line)


@mutation("chunks")
def no_last_chunk(_, request):
    request.chunks[-1].line_end = request.chunks[-1].data_end = request.chunks[-1].size = b""


@mutation("chunks")
def an_empty_chunk_inside(random, request):
    request.chunks.insert(random.randrange(len(request.chunks)), Chunk(b"0", b"", CRLF, random.choice((CRLF, b""))))


@mutation("chunks")
def one_byte_in_each_chunk(_, request):
    request.frame_by_chunks([1] * len(request.payload))
