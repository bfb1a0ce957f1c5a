"""Mutations that know nothing of HTTP: bytes of what is sent are changed, lost, repeated, or cut off."""

ODD = b"\0\x01\t\n\r \"%,:;/\x0b\x0c\x1f\x7f\x80\xa0\xff"


def flip_a_bit(random, data):
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1:]


def lose_a_byte(random, data):
    at = random.randrange(len(data))
    return data[:at] + data[at + 1:]


def insert_a_byte(random, data):
    at = random.randrange(len(data) + 1)
    return data[:at] + bytes([random.choice(ODD)]) + data[at:]


def put_a_byte(random, data):
    at = random.randrange(len(data))
    return data[:at] + bytes([random.choice(ODD)]) + data[at + 1:]


def _line_end(random, data):
    ends = [i for i in range(len(data) - 1) if data[i:i + 2] == b"\r\n"]
    return random.choice(ends) if ends else 0


def end_a_line_otherwise(random, data):
    at = _line_end(random, data)
    return data[:at] + random.choice((
        b"\n", b"\r", b"\n\r", b"\r\r\n", b"\r\n\r\n", b"", b" \r\n", b"\t\r\n", b"\0\r\n", b"\r \n",
    )) + data[at + 2:]


def end_every_line_in_lf(_, data):
    return data.replace(b"\r\n", b"\n")


def repeat_a_piece(random, data):
    begin = random.randrange(len(data))
    piece = data[begin:begin + random.randrange(1, 60)]
    at = random.randrange(len(data) + 1)
    return data[:at] + piece + data[at:]


def lose_a_piece(random, data):
    begin = random.randrange(len(data))
    return data[:begin] + data[begin + random.randrange(1, 40):]


def cut_off(random, data):
    return data[:random.randrange(1, len(data))]


def send_twice(_, data):
    return data + data


ON_BYTES = {change.__name__: change for change in (
    flip_a_bit, lose_a_byte, insert_a_byte, put_a_byte, end_a_line_otherwise, end_every_line_in_lf, repeat_a_piece,
    lose_a_piece, cut_off, send_twice,
)}
