"""Mutations that know nothing of HTTP: octets of what is sent are changed, lost, repeated, or cut off."""

ODD = b"\0\x01\t\n\r \"%,:;/\x0b\x0c\x1f\x7f\x80\xa0\xff"


def flip_a_bit(random, octets):
    at = random.randrange(len(octets))
    return octets[:at] + bytes([octets[at] ^ 1 << random.randrange(8)]) + octets[at + 1:]


def lose_an_octet(random, octets):
    at = random.randrange(len(octets))
    return octets[:at] + octets[at + 1:]


def insert_an_octet(random, octets):
    at = random.randrange(len(octets) + 1)
    return octets[:at] + bytes([random.choice(ODD)]) + octets[at:]


def put_an_octet(random, octets):
    at = random.randrange(len(octets))
    return octets[:at] + bytes([random.choice(ODD)]) + octets[at + 1:]


def _line_end(random, octets):
    ends = [i for i in range(len(octets) - 1) if octets[i:i + 2] == b"\r\n"]
    return random.choice(ends) if ends else 0


def end_a_line_otherwise(random, octets):
    at = _line_end(random, octets)
    return octets[:at] + random.choice((
        b"\n", b"\r", b"\n\r", b"\r\r\n", b"\r\n\r\n", b"", b" \r\n", b"\t\r\n", b"\0\r\n", b"\r \n",
    )) + octets[at + 2:]


def end_every_line_in_lf(_, octets):
    return octets.replace(b"\r\n", b"\n")


def repeat_a_piece(random, octets):
    begin = random.randrange(len(octets))
    piece = octets[begin:begin + random.randrange(1, 60)]
    at = random.randrange(len(octets) + 1)
    return octets[:at] + piece + octets[at:]


def lose_a_piece(random, octets):
    begin = random.randrange(len(octets))
    return octets[:begin] + octets[begin + random.randrange(1, 40):]


def cut_off(random, octets):
    return octets[:random.randrange(1, len(octets))]


def send_twice(_, octets):
    return octets + octets


ON_OCTETS = {change.__name__: change for change in (
    flip_a_bit, lose_an_octet, insert_an_octet, put_an_octet, end_a_line_otherwise, end_every_line_in_lf, repeat_a_piece,
    lose_a_piece, cut_off, send_twice,
)}
