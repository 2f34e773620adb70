"""Messages (SPEC.md, section 7): Python values with names, and their bytes."""

from dataclasses import dataclass, field

import cbor

MAXIMUM_TEXT_BYTES = 4_096
MAXIMUM_CREDENTIAL_BYTES = 256
MAXIMUM_CONTENTS_BYTES = 15_728_640
MAXIMUM_BATCH_GROUPS = 100_000
MAXIMUM_MESSAGE_FIELDS = 64
MAXIMUM_ENDPOINTS = 8
MAXIMUM_ENDPOINT_BYTES = 264
MAXIMUM_ANCESTORS = 64
MAXIMUM_BROUGHT = 4_096
MAXIMUM_ID_BYTES = 200
MAXIMUM_PINS = 4
MAXIMUM_VERIFY_RANGES = 64
MAXIMUM_VERIFY_KEYS = 256
MAXIMUM_VERIFY_ITEMS = 64
DIGEST_BYTES = 16
PARKED, REFUSED = 1, 2
IDENTITY, ZSTD, COLUMNS, PACKED_COLUMNS = range(4)
COLUMN_CODECS = (COLUMNS, PACKED_COLUMNS)
READABLE_CODECS = 0b1111


class ProtocolError(Exception):
    """What a peer sent that the page does not allow. `code` is the refusal's."""

    def __init__(self, message, code="protocol-error"):
        super().__init__(message)
        self.code = code


# One reader a type. Each takes a CBOR value and gives it back, or raises.


def unsigned(value, maximum=cbor.MAXIMUM_UNSIGNED):
    if type(value) is not int or not 0 <= value <= maximum:
        raise ProtocolError(f"found {value!r}, expected an unsigned number up to {maximum}")
    return value


def integer(value):
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise ProtocolError(f"found {value!r}, expected a number of 64 bits with sign")
    return value


def text(value, maximum=MAXIMUM_TEXT_BYTES):
    if type(value) is not str or len(value.encode()) > maximum:
        raise ProtocolError(f"found {str(value)[:80]!r}, expected a text of at most {maximum} bytes")
    return value


def octets(value, maximum):
    if type(value) is not bytes or len(value) > maximum:
        raise ProtocolError(f"found no bytes, or too many; expected at most {maximum}")
    return value


def replica(value):
    if type(value) is not list or len(value) != 2:
        raise ProtocolError("found no replica [node, incarnation]")
    return tuple(unsigned(part, 2**32 - 1) for part in value)


def cursors(value):
    if type(value) is not list or len(value) != 3:
        raise ProtocolError("found no cursors [urgent, normal, bulk]")
    return [unsigned(part) for part in value]


def lane(value):
    return unsigned(value, 2)


def exceptions(value):
    if type(value) is not list or len(value) > MAXIMUM_BATCH_GROUPS:
        raise ProtocolError("found no list of exceptions")
    found = []
    for item in value:
        if type(item) is not list or len(item) != 4:
            raise ProtocolError("found no exception [index, outcome, code, reason]")
        index, outcome, code, reason = item
        if outcome not in (PARKED, REFUSED) or type(outcome) is not int:
            raise ProtocolError(f"found the outcome {outcome!r}, expected 1 or 2")
        found.append([unsigned(index), outcome, text(code), text(reason)])
    return found


def credential(value):
    return octets(value, MAXIMUM_CREDENTIAL_BYTES)


def pins(value):
    if type(value) is not list or not 1 <= len(value) <= MAXIMUM_PINS:
        raise ProtocolError(f"found no list of 1 to {MAXIMUM_PINS} pins")
    if not all(type(pin) is bytes and len(pin) == 32 for pin in value):
        raise ProtocolError("found a pin that is not 32 bytes")
    return value


def endpoints(value):
    if type(value) is not list or not 1 <= len(value) <= MAXIMUM_ENDPOINTS:
        raise ProtocolError(f"found no list of 1 to {MAXIMUM_ENDPOINTS} addresses")
    return [text(item, MAXIMUM_ENDPOINT_BYTES) for item in value]


def endpoint_list(value):
    if type(value) is not list or len(value) != 2:
        raise ProtocolError("found no addresses [version, addresses]")
    return [unsigned(value[0]), endpoints(value[1])]


def ancestors(value):
    if type(value) is not list or len(value) % 2 or len(value) > 2 * MAXIMUM_ANCESTORS:
        raise ProtocolError(f"found no pairs of epoch and end, at most {MAXIMUM_ANCESTORS}")
    return [unsigned(part) for part in value]


def brought(value):
    if type(value) is not list or len(value) != 3 or any(type(part) is not list for part in value):
        raise ProtocolError("found no sequences [urgent, normal, bulk]")
    for part in value:
        if len(part) > MAXIMUM_BROUGHT or any(unsigned(one) <= before for before, one in zip([0] + part, part)):
            raise ProtocolError(f"found no ascending sequences from 1, at most {MAXIMUM_BROUGHT}")
    return value


def payload(value):
    return octets(value, 2**32)


def boolean(value):
    if type(value) is not bool:
        raise ProtocolError("found no boolean")
    return value


def entity(value):
    return unsigned(value, 2**16 - 1)


def bound(value):
    return octets(value, MAXIMUM_ID_BYTES)


def digest(value):
    if len(octets(value, DIGEST_BYTES)) != DIGEST_BYTES:
        raise ProtocolError(f"found no digest of {DIGEST_BYTES} bytes")
    return value


def rows(maximum, *readers):
    """A reader of a list of lists, with a reader for each place."""

    def read(value):
        if type(value) is not list or len(value) > maximum:
            raise ProtocolError(f"found no list of at most {maximum}")
        for row in value:
            if type(row) is not list or len(row) != len(readers):
                raise ProtocolError(f"found no list of {len(readers)}")
        return [[reader(part) for reader, part in zip(readers, row)] for row in value]

    return read


def entities(value):
    if type(value) is not list or len(value) > MAXIMUM_VERIFY_KEYS:
        raise ProtocolError(f"found no list of at most {MAXIMUM_VERIFY_KEYS} entities")
    return [entity(item) for item in value]


def finding(value):
    if value == [0]:
        return value
    if type(value) is not list or len(value) != 2 or value[0] not in (1, 2):
        raise ProtocolError("found no finding: 0 alone, 1 with records, or 2 with parts")
    readers = (bound, digest) if value[0] == 1 else (bound, unsigned, digest)
    return [value[0], rows(MAXIMUM_VERIFY_ITEMS, *readers)(value[1])]


def findings(value):
    if type(value) is not list or len(value) > MAXIMUM_VERIFY_RANGES:
        raise ProtocolError(f"found no list of at most {MAXIMUM_VERIFY_RANGES} findings")
    return [finding(item) for item in value]


def look(value):
    if value is None:
        return value
    if type(value) is not list or len(value) != 2 or type(value[1]) is not list or len(value[1]) % 3:
        raise ProtocolError("found no digest with the node, incarnation and time of each replica")
    return [digest(value[0]), [unsigned(part) for part in value[1]]]


def looks(value):
    if type(value) is not list or len(value) > MAXIMUM_VERIFY_KEYS:
        raise ProtocolError(f"found no list of at most {MAXIMUM_VERIFY_KEYS} records")
    return [look(item) for item in value]


# number → name, and for each key: name, reader, needed
FIELDS = {
    1: (
        "hello",
        {
            0: ("oldestVersion", unsigned, True),
            1: ("newestVersion", unsigned, True),
            2: ("replica", replica, True),
            3: ("credential", credential, True),
            4: ("epoch", unsigned, True),
            5: ("clock", integer, True),
            6: ("peerEpoch", unsigned, False),
            7: ("cursors", cursors, True),
            8: ("window", unsigned, True),
            9: ("software", text, True),
            10: ("token", credential, False),
            11: ("endpointsVersion", unsigned, False),
            12: ("ancestors", ancestors, False),
            13: ("peerAncestors", ancestors, False),
            14: ("answersVerify", boolean, False),
            15: ("keysVersion", unsigned, False),
            16: ("codecs", unsigned, False),
        },
    ),
    2: (
        "welcome",
        {
            0: ("version", unsigned, True),
            1: ("replica", replica, True),
            2: ("epoch", unsigned, True),
            3: ("clock", integer, True),
            4: ("cursors", cursors, True),
            5: ("window", unsigned, True),
            6: ("software", text, True),
            7: ("token", credential, False),
            8: ("endpoints", endpoint_list, False),
            9: ("ancestors", ancestors, False),
            10: ("resumption", cursors, False),
            11: ("brought", brought, False),
            12: ("codecs", unsigned, False),
        },
    ),
    3: (
        "refusal",
        {
            0: ("code", text, True),
            1: ("message", text, True),
            2: ("retryAfter", unsigned, True),
            3: ("cursors", cursors, False),
            4: ("brought", brought, False),
        },
    ),
    4: (
        "batch",
        {
            0: ("lane", lane, True),
            1: ("after", unsigned, True),
            2: ("through", unsigned, False),
            3: ("incompleteUntil", unsigned, False),
            4: ("codec", unsigned, True),
            5: ("groups", unsigned, False),
            6: ("contentsBytes", unsigned, False),
            7: ("payload", payload, True),
            8: ("brought", brought, False),
            9: ("awaited", cursors, False),
        },
    ),
    5: (
        "acknowledgement",
        {0: ("lane", lane, True), 1: ("through", unsigned, True), 2: ("exceptions", exceptions, False)},
    ),
    8: ("caughtUp", {}),
    9: (
        "enrol",
        {
            0: ("oldestVersion", unsigned, True),
            1: ("newestVersion", unsigned, True),
            2: ("node", unsigned, True),
            3: ("secret", credential, True),
            4: ("software", text, True),
        },
    ),
    10: ("enrolled", {0: ("version", unsigned, True), 1: ("credential", credential, True)}),
    11: ("endpoints", {0: ("version", unsigned, True), 1: ("endpoints", endpoints, True)}),
    12: ("endpointsKept", {0: ("version", unsigned, True)}),
    13: (
        "verify",
        {
            0: ("number", unsigned, True),
            1: ("ranges", rows(MAXIMUM_VERIFY_RANGES, entity, bound, bound, unsigned, digest), False),
            2: ("keys", rows(MAXIMUM_VERIFY_KEYS, entity, bound), False),
            3: ("resend", rows(MAXIMUM_VERIFY_KEYS, entity, bound), False),
            4: ("recount", entities, False),
            5: ("isUnhurried", boolean, False),
            6: ("areErased", boolean, False),
        },
    ),
    14: (
        "verified",
        {
            0: ("number", unsigned, True),
            1: ("findings", findings, False),
            2: ("looks", looks, False),
            3: ("problem", text, False),
            4: ("isWiped", boolean, False),
            5: ("remark", text, False),
        },
    ),
    15: (
        "keys",
        {
            0: ("number", unsigned, True),
            1: ("pins", pins, False),
            2: ("renews", boolean, False),
            3: ("isTaken", boolean, False),
        },
    ),
    16: ("keysKept", {0: ("number", unsigned, True), 1: ("credential", credential, False)}),
}
PLAIN = {6: "ping", 7: "pong"}
NUMBERS = {name: number for number, (name, _) in FIELDS.items()} | {name: number for number, name in PLAIN.items()}


@dataclass
class Message:
    """A message by its name; `fields` by theirs. Ping and pong have the one field `number`."""

    name: str
    fields: dict = field(default_factory=dict)

    def __getattr__(self, key):
        try:
            return self.__dict__["fields"][key]
        except KeyError as error:
            raise AttributeError(key) from error


def encode(message):
    number = NUMBERS[message.name]
    if number in PLAIN:
        return cbor.encode([number, message.fields["number"]])
    _, keys = FIELDS[number]
    fields = message.fields
    if message.name == "batch" and fields["codec"] in COLUMN_CODECS:
        defaults = _defaults(fields)
        fields = {name: value for name, value in fields.items() if name not in defaults or value != defaults[name]}
    out = {}
    for key, (name, _, needed) in keys.items():
        value = fields.get(name)
        if value is not None:
            out[key] = list(value) if isinstance(value, tuple) else value
        elif needed:
            raise ValueError(f"{message.name} needs {name}")
    return cbor.encode([number, out])


def decode(data):
    try:
        value = cbor.decode(data)
    except cbor.CBORError as error:
        raise ProtocolError(str(error)) from error
    if type(value) is not list or len(value) != 2:
        raise ProtocolError("found no message [number, fields]")
    number, body = value
    unsigned(number)
    if number in PLAIN:
        return Message(PLAIN[number], {"number": unsigned(body)})
    if number not in FIELDS:
        raise ProtocolError(f"found the message number {number}, which version 1 does not have")
    name, keys = FIELDS[number]
    if not isinstance(body, cbor.Map) or len(body) > MAXIMUM_MESSAGE_FIELDS:
        raise ProtocolError(f"found no map of at most {MAXIMUM_MESSAGE_FIELDS} fields in {name}")
    found = {}
    for key, item in body:
        unsigned(key)
        if key in keys:
            label, reader, _ = keys[key]
            found[label] = reader(item)
    for label, _, needed in keys.values():
        if needed and label not in found:
            raise ProtocolError(f"found no {label} in {name}")
    if name == "batch":
        if found["codec"] in COLUMN_CODECS:
            found = _defaults(found) | found
            unsigned(found["through"])
        _check_batch(found)
    return Message(name, found)


def _defaults(batch):
    """What a batch in columns leaves out."""
    return {"through": batch["after"] + 1, "incompleteUntil": 0, "groups": 1, "contentsBytes": len(batch["payload"])}


def _check_batch(batch):
    for name in ("through", "incompleteUntil", "groups", "contentsBytes"):
        if name not in batch:
            raise ProtocolError(f"found no {name} in batch")
    if batch["groups"] > MAXIMUM_BATCH_GROUPS:
        raise ProtocolError(f"found {batch['groups']} groups, expected at most {MAXIMUM_BATCH_GROUPS}")
    if batch["contentsBytes"] > MAXIMUM_CONTENTS_BYTES:
        raise ProtocolError(f"found contents of {batch['contentsBytes']} bytes, expected {MAXIMUM_CONTENTS_BYTES}")
    if batch["codec"] > PACKED_COLUMNS:
        raise ProtocolError(f"found the codec {batch['codec']}, expected 0 to 3")
