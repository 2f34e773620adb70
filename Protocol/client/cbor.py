"""The subset of CBOR that the protocol uses, in core deterministic encoding (SPEC.md, section 6).

Python values: int, bytes, str, bool, None, list, and Map for maps. A Map keeps pairs, because Python holds 1 and True
for the same dictionary key and CBOR does not.
"""

MAXIMUM_DEPTH = 32
MAXIMUM_UNSIGNED = 2**64 - 1
MINIMUM_INTEGER = -(2**63)


class CBORError(Exception):
    """Bytes that are not in the subset. `kind` is one of the words in vectors/README.md."""

    def __init__(self, kind, offset, message=""):
        super().__init__(f"{kind} at byte {offset}{': ' + message if message else ''}")
        self.kind = kind
        self.offset = offset


class Map(tuple):
    """The pairs of a map, in the order of the bytes."""

    def get(self, key, otherwise=None):
        for k, v in self:
            if type(k) is type(key) and k == key:
                return v
        return otherwise


def encode(value):
    out = bytearray()
    _encode(value, out)
    return bytes(out)


def _head(major, number, out):
    if number < 24:
        out.append(major << 5 | number)
        return
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            out.append(major << 5 | code)
            out += number.to_bytes(size, "big")
            return
    raise ValueError(f"found the number {number}, expected at most 64 bits")


def _encode(value, out):
    if value is None:
        out.append(0xF6)
    elif value is True or value is False:
        out.append(0xF5 if value else 0xF4)
    elif isinstance(value, int):
        if value >= 0:
            _head(0, value, out)
        elif value >= MINIMUM_INTEGER:
            _head(1, -1 - value, out)
        else:
            raise ValueError(f"found the number {value}, expected at least -2^63")
    elif isinstance(value, (bytes, bytearray)):
        _head(2, len(value), out)
        out += value
    elif isinstance(value, str):
        raw = value.encode()
        _head(3, len(raw), out)
        out += raw
    elif isinstance(value, (Map, dict)):
        pairs = value.items() if isinstance(value, dict) else value
        packed = sorted((encode(k), encode(v)) for k, v in pairs)
        if len({k for k, _ in packed}) != len(packed):
            raise ValueError("found a key twice in a map")
        _head(5, len(packed), out)
        for k, v in packed:
            out += k + v
    elif isinstance(value, (list, tuple)):
        _head(4, len(value), out)
        for item in value:
            _encode(item, out)
    else:
        raise TypeError(f"found a {type(value).__name__}, which the protocol does not have")


def decode(data):
    """One item that takes all of `data`."""
    value, offset = _decode(data, 0, 0)
    if offset != len(data):
        raise CBORError("trailing-bytes", offset)
    return value


def sequence(data):
    """Items one after the other, to the end of `data`."""
    offset = 0
    while offset < len(data):
        value, offset = _decode(data, offset, 0)
        yield value


def _decode(data, offset, depth):
    start = offset
    if offset >= len(data):
        raise CBORError("truncated", offset)
    major, info = data[offset] >> 5, data[offset] & 31
    offset += 1
    if major == 6:
        raise CBORError("tag", start)
    if major == 7:
        return _simple(info, start), offset
    if info == 31:
        # Strings, arrays and maps can be indefinite elsewhere; there is no such number at all.
        raise CBORError("indefinite-length" if major >= 2 else "reserved", start)
    if info >= 28:
        raise CBORError("reserved", start)
    number = info
    if info >= 24:
        size = 1 << info - 24
        if len(data) - offset < size:
            raise CBORError("truncated", len(data))
        number = int.from_bytes(data[offset : offset + size], "big")
        offset += size
        if number < (24, 1 << 8, 1 << 16, 1 << 32)[info - 24]:
            raise CBORError("longer-form", start)
    if major == 0:
        return number, offset
    if major == 1:
        if number >= 1 << 63:
            raise CBORError("integer-range", start)
        return -1 - number, offset
    left = len(data) - offset
    if major in (2, 3):
        if number > left:
            raise CBORError("truncated", start, f"found {left} bytes of a string of {number}")
        raw = bytes(data[offset : offset + number])
        offset += number
        if major == 2:
            return raw, offset
        try:
            return raw.decode("utf-8", "strict"), offset
        except UnicodeDecodeError as error:
            raise CBORError("not-utf8", start) from error
    if depth + 1 > MAXIMUM_DEPTH:
        raise CBORError("too-deep", start)
    if number * (1 if major == 4 else 2) > left:
        raise CBORError("truncated", start, f"found {left} bytes for {number} items")
    if major == 4:
        items = []
        for _ in range(number):
            item, offset = _decode(data, offset, depth + 1)
            items.append(item)
        return items, offset
    pairs, before = [], None
    for _ in range(number):
        key_start = offset
        key, offset = _decode(data, offset, depth + 1)
        raw = bytes(data[key_start:offset])
        if before is not None and raw <= before:
            raise CBORError("duplicate-key" if raw == before else "key-order", key_start)
        before = raw
        value, offset = _decode(data, offset, depth + 1)
        pairs.append((key, value))
    return Map(pairs), offset


def _simple(info, start):
    if info in (20, 21):
        return info == 21
    if info == 22:
        return None
    if info in (25, 26, 27):
        raise CBORError("float", start)
    if info == 31:
        raise CBORError("indefinite-length", start, "a break outside")
    if info in (28, 29, 30):
        raise CBORError("reserved", start)
    raise CBORError("simple-value", start)
