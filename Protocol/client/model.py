"""The retail model (SPEC.md, section 3, The entities), read from the vectors: ids, values, scopes, who may write.

vectors/model.json is held to the tables of SPEC.md by spectables.py.
"""

import datetime
import json
import pathlib
from dataclasses import dataclass

import merge

MAXIMUM_KEY_BYTES = 64
MAXIMUM_ID_BYTES = 200
MAXIMUM_TEXT_BYTES = 65_536
KINDS = {"set": merge.SET, "counter": merge.COUNTER, "customFields": merge.MAP}
LANES = ["urgent", "normal", "bulk"]


@dataclass
class Field:
    tag: int
    name: str
    type: str
    rule: str
    writers: str
    required: bool

    @property
    def kind(self):
        return KINDS.get(self.rule, merge.REGISTER)


@dataclass
class Entity:
    tag: int
    name: str
    identity: list  # its parts: uuid, key, number
    parts: list  # names of the fields that make a composed id
    scope: object  # "everyone", "hq", or the names of fields
    owner: str
    lane: int
    immutable: bool
    deletion: str
    balances: list
    fields: dict  # tag → Field

    def named(self, name):
        return next(field for field in self.fields.values() if field.name == name)

    def shown(self, state, name):
        field = self.named(name)
        if self.immutable:
            return merge.shown_immutable(state).get(field.tag)
        if field.tag not in state.fields:
            return None
        rule, *words = field.rule.split()
        authority = 0
        if rule == "authority(owner)":
            authority = self.shown(state, self.owner)
        return merge.shown(state.fields[field.tag], rule.split("(")[0], words, authority)

    def owner_of(self, state):
        return self.shown(state, self.owner) if self.owner else None

    def stores(self, state):
        """The numbers of the stores that hold the record; None for all."""
        if self.scope == "everyone":
            return None
        if self.scope == "hq":
            return set()
        found = [self.shown(state, name) for name in self.scope]
        return {number for number in found if isinstance(number, int)}

    def is_deleted(self, state):
        return merge.is_deleted(state, edit_wins=self.deletion == "editWins")

    def indispensable(self):
        """Fields without which a record is parked: those of its balances, and its owner."""
        names = [name for balance in self.balances for name in [*balance["by"], balance["sum"]]]
        if self.owner and self.named(self.owner).required:
            names.append(self.owner)
        return names


def load(path=pathlib.Path(__file__).resolve().parent.parent / "vectors" / "model.json"):
    entities = {}
    for case in json.loads(path.read_text())["cases"]:
        fields = {field[0]: Field(*field) for field in case["fields"]}
        entities[case["tag"]] = Entity(
            case["tag"], case["name"], case["identity"], case["parts"], case["scope"], case["owner"],
            LANES.index(case["lane"]), case["immutable"], case["deletion"], case["balances"], fields,
        )
    return entities


ENTITIES = load()


# --- Ids and values ---


def is_key(data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return 1 <= len(data) <= MAXIMUM_KEY_BYTES and not any(ord(c) < 0x20 or ord(c) == 0x7F for c in text)


def is_id(identity, data):
    """`identity`: the parts that make the id, one for a plain one."""
    if len(data) > MAXIMUM_ID_BYTES:
        return False
    for place, part in enumerate(identity):
        last = place + 1 == len(identity)
        if part == "key":
            head, separator, rest = (data, b"", b"") if last else data.partition(b"\x1f")
            if not is_key(head) or (not last and not separator):
                return False
        else:
            width = 16 if part == "uuid" else 4
            head, rest = data[:width], data[width:]
            if len(head) < width:
                return False
        data = rest
    return not data


def value_problem(type, value):
    """What is wrong with a received value; None if nothing is."""
    word, *rest = type.split()
    if value is None:
        return None
    if word in ("text", "choice"):  # a word that is not on the list comes from a newer version
        fits = isinstance(value, str) and (word == "choice" or len(value.encode()) <= MAXIMUM_TEXT_BYTES)
    elif word in ("integer", "money", "quantity", "timestamp"):
        fits = isinstance(value, int)
    elif word == "boolean":
        fits = isinstance(value, int) and value in (0, 1)
    elif word == "day":
        fits = isinstance(value, int) and is_day(value)
    else:  # reference and identifier: the id of the other record, as its identity has it in a field
        identity = ["uuid"] if word == "identifier" else ENTITIES[int(rest[0])].identity
        if len(identity) > 1 or identity[0] == "uuid":
            fits = isinstance(value, bytes) and is_id(identity, value)
        elif identity[0] == "key":
            fits = isinstance(value, str) and is_key(value.encode())
        else:
            fits = isinstance(value, int) and 0 <= value < 2**32
    return None if fits else f"found a value that is none of the type {type}"


def is_day(number):
    try:
        datetime.date(number // 10_000, number // 100 % 100, number % 100)
        return True
    except (ValueError, OverflowError):
        return False


def problem(key, state):
    """(code, reason) of what is wrong with a received record by itself, (None, None) if nothing is."""
    entity, id = key
    known = ENTITIES.get(entity)
    name = known.name if known else f"entity {entity}"
    if not merge.is_consistent(state):
        return "inconsistent-state", f"{name}: the vector is empty or does not cover a stamp"
    if known is None:
        return (None, None) if 1 <= len(id) <= MAXIMUM_ID_BYTES else ("invalid-id", f"{name}: its length")
    if not is_id(known.identity, id):
        return "invalid-id", f"{name}: the id has not the form of {' and '.join(known.identity)}"
    for tag, (kind, content) in sorted(state.fields.items()):
        field = known.fields.get(tag)
        if field is None:
            continue
        if kind != field.kind:
            return "invalid-value", f"{name}.{field.name}: another kind of field"
        values = content.values() if kind == merge.REGISTER else map(merge.value_of, content) if kind == merge.SET else ()
        for value in values:
            if trouble := value_problem(field.type, value):
                return "invalid-value", f"{name}.{field.name}: {trouble}"
    for needed in known.indispensable():
        if known.shown(state, needed) is None:
            return "missing-field", f"{name}.{needed}: expected a value, found none"
    return None, None
