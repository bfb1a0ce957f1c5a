"""Lets a shared library load although the C library is older than a version it asks for.

weaken(path, "GLIBC_2.38") marks that version as weakly needed (VER_FLG_WEAK), so the loader does not insist on it; the symbols
themselves must then come from elsewhere, such as a preloaded library. ELF, 64 bits, little-endian only. Nothing else is changed.
"""

import struct

SECTION_VERSION_NEEDS = 0x6FFFFFFE  # SHT_GNU_verneed
WEAK = 0x2  # VER_FLG_WEAK


def weaken(path, version):
    """Returns how many needs were marked."""
    with open(path, "rb") as file:
        image = bytearray(file.read())
    if image[:6] != b"\x7fELF\x02\x01":
        raise ValueError(f"{path} is no 64-bit little-endian ELF file")
    sections_offset, = struct.unpack_from("<Q", image, 40)
    section_bytes, sections_count = struct.unpack_from("<HH", image, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, sections_offset + i * section_bytes) for i in range(sections_count)]
    marked = 0
    for _, kind, _, _, offset, _, strings, count, _, _ in sections:
        if kind == SECTION_VERSION_NEEDS:
            marked += _mark(image, offset, count, sections[strings][4], version.encode() + b"\0")
    if marked:
        with open(path, "wb") as file:
            file.write(image)
    return marked


def _mark(image, need, needs_count, strings, version):
    """Walks Elf64_Verneed and, below each, Elf64_Vernaux."""
    marked = 0
    for _ in range(needs_count):
        _, auxiliaries_count, _, first, following = struct.unpack_from("<HHIII", image, need)
        auxiliary = need + first
        for _ in range(auxiliaries_count):
            _, flags, _, name, next_auxiliary = struct.unpack_from("<IHHII", image, auxiliary)
            if image.startswith(version, strings + name):
                struct.pack_into("<H", image, auxiliary + 4, flags | WEAK)
                marked += 1
            auxiliary += next_auxiliary
        need += following
    return marked
