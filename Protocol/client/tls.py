"""A TLS 1.3 connection to the one key that the join code names (SPEC.md, section 13)."""

import hashlib
import hmac
import socket
import ssl


class WrongKey(Exception):
    pass


def connect(host, port, pin, timeout):
    """Refuses before a byte is sent if the server's key is not the pinned one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # Names, dates and authorities mean nothing here; the pin below is the check.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection((host, port), timeout=timeout)
    try:
        secure = context.wrap_socket(plain)
        found = hashlib.sha256(public_key_info(secure.getpeercert(binary_form=True))).digest()
    except BaseException:
        plain.close()
        raise
    if not hmac.compare_digest(found, pin):
        secure.close()
        raise WrongKey(f"found a server with the key {found.hex()}, expected {pin.hex()}: this is not the enrolled HQ")
    return secure


def public_key_info(certificate):
    """The SubjectPublicKeyInfo of a DER certificate, whole, as RFC 5280 orders it."""
    outer, _, _ = _element(certificate, 0)
    tbs, _, _ = _element(certificate, outer[0])
    offset, fields = tbs[0], []
    while offset < tbs[1]:
        start = offset
        _, tag, offset = _element(certificate, offset)
        fields.append((tag, certificate[start:offset]))
    if fields and fields[0][0] == 0xA0:  # the version, which may be absent
        fields = fields[1:]
    # serial number, signature algorithm, issuer, validity, subject, then the key
    if len(fields) < 6 or fields[5][0] != 0x30:
        raise WrongKey("found a certificate without a public key")
    return fields[5][1]


def _element(data, offset):
    """((start of contents, end), tag, offset of the next element)"""
    try:
        tag, length, offset = data[offset], data[offset + 1], offset + 2
    except IndexError as error:
        raise WrongKey("found a certificate that ends too soon") from error
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[offset : offset + size], "big")
        offset += size
    if offset + length > len(data):
        raise WrongKey("found a certificate that ends too soon")
    return (offset, offset + length), tag, offset + length
