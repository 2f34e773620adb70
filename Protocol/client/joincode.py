"""Join codes (SPEC.md, section 13)."""

import hashlib
from dataclasses import dataclass

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
VERSION = 1
PIN_BYTES = 32
SECRET_BYTES = 16
MAXIMUM_ENDPOINTS = 8


class JoinCodeError(Exception):
    """`kind` is one of the words in vectors/README.md."""

    def __init__(self, kind, message=""):
        super().__init__(f"{kind}{': ' + message if message else ''}")
        self.kind = kind


@dataclass
class JoinCode:
    node: int
    pin: bytes
    secret: bytes
    endpoints: list


def _varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode(code):
    addresses = ",".join(code.endpoints).encode()
    body = bytes([VERSION]) + _varint(code.node)
    for part in (code.pin, code.secret, addresses):
        body += _varint(len(part)) + part
    body += hashlib.sha256(body).digest()[:4]
    return grouped(base32(body))


def base32(data):
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return "".join(DIGITS[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))


def grouped(text):
    return "-".join(text[at : at + 5] for at in range(0, len(text), 5))


def decode(text):
    bits = ""
    for character in text.upper():
        if character == "-" or character.isspace():
            continue
        character = {"I": "1", "L": "1", "O": "0"}.get(character, character)
        digit = DIGITS.find(character)
        if digit < 0:
            raise JoinCodeError("character", character)
        bits += f"{digit:05b}"
    size = len(bits) // 8
    data = bytes(int(bits[8 * at : 8 * at + 8], 2) for at in range(size))
    if len(data) < 5:
        raise JoinCodeError("form", "too short")
    body, checksum = data[:-4], data[-4:]
    if hashlib.sha256(body).digest()[:4] != checksum:
        raise JoinCodeError("checksum")
    if body[0] != VERSION:
        raise JoinCodeError("version", str(body[0]))
    reader = _Reader(body[1:])
    node = reader.varint()
    pin, secret, addresses = reader.part(), reader.part(), reader.part()
    if reader.left or not 1 <= node < 2**32 or len(pin) != PIN_BYTES or len(secret) != SECRET_BYTES:
        raise JoinCodeError("form")
    try:
        endpoints = addresses.decode("utf-8").split(",")
    except UnicodeDecodeError as error:
        raise JoinCodeError("form") from error
    if not 1 <= len(endpoints) <= MAXIMUM_ENDPOINTS or not all(_is_endpoint(item) for item in endpoints):
        raise JoinCodeError("form", "addresses")
    return JoinCode(node, pin, secret, endpoints)


def _is_endpoint(text):
    host, colon, port = text.rpartition(":")
    return bool(host and colon and port.isdigit() and 1 <= int(port) <= 65535)


class _Reader:
    def __init__(self, data):
        self.left = data

    def varint(self):
        number = 0
        for place in range(10):
            if not self.left:
                raise JoinCodeError("form", "it ends too soon")
            byte, self.left = self.left[0], self.left[1:]
            number |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return number
        raise JoinCodeError("form", "a varint without an end")

    def part(self):
        length = self.varint()
        if length > len(self.left):
            raise JoinCodeError("form", "it ends too soon")
        part, self.left = self.left[:length], self.left[length:]
        return part
