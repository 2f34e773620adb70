"""Batch contents (SPEC.md, section 8): bytes to groups and back."""

from dataclasses import dataclass, field

import cbor
from merge import COUNTER, MAP, REGISTER, SET, State, key_of, value_of
from messages import MAXIMUM_CONTENTS_BYTES, ProtocolError

MAXIMUM_REPLICAS = 65_536
MAXIMUM_GROUP_RECORDS = 10_000
MAXIMUM_RECORD_FIELDS = 1_024
MAXIMUM_MARKS = 65_536
MAXIMUM_COLLECTION = 65_536
MAXIMUM_SIBLINGS = 65_536
MAXIMUM_ID_BYTES = 200


class Undecodable(Exception):
    """A group that is sound CBOR and no group."""


@dataclass
class Group:
    stamp: tuple
    records: list = field(default_factory=list)  # ((entity, id), State)
    evictions: list = field(default_factory=list)  # ((entity, id), vector)


@dataclass
class BadGroup:
    """Stands in the place of a group that is to be parked as `undecodable`."""

    reason: str


# --- Reading ---


def decode(data, expected_groups=None):
    """Groups in order, a BadGroup where one cannot be read. ProtocolError if the contents cannot be read at all."""
    if len(data) > MAXIMUM_CONTENTS_BYTES:
        raise ProtocolError(f"found contents of {len(data)} bytes, expected {MAXIMUM_CONTENTS_BYTES}")
    try:
        value = cbor.decode(data)
    except cbor.CBORError as error:
        raise ProtocolError(str(error)) from error
    if type(value) is not list or len(value) != 2 or type(value[1]) is not list or not value[1]:
        raise ProtocolError("found no [replicas, groups]")
    replicas = _replicas(value[0])
    if expected_groups is not None and len(value[1]) != expected_groups:
        raise ProtocolError(f"found {len(value[1])} groups, expected {expected_groups}")
    groups = []
    for item in value[1]:
        try:
            groups.append(_Reader(replicas).group(item))
        except Undecodable as error:
            groups.append(BadGroup(str(error)))
    return groups


def _replicas(value):
    if type(value) is not list or len(value) % 2 or len(value) > 2 * MAXIMUM_REPLICAS:
        raise ProtocolError("found no table of replicas")
    if not all(type(part) is int and 0 <= part < 2**32 for part in value):
        raise ProtocolError("found a replica that is not two numbers of 32 bits")
    table = list(zip(value[::2], value[1::2]))
    if any(a >= b for a, b in zip(table, table[1:])):
        raise ProtocolError("found replicas out of order or twice")
    return table


def _need(condition, message):
    if not condition:
        raise Undecodable(message)


def _array(value, sizes, what):
    _need(type(value) is list and len(value) in sizes, f"found no {what}")
    return value


def _list(value, maximum, what, least=1):
    _need(type(value) is list and least <= len(value) <= maximum, f"found no {what}")
    return value


def _ascending(keys, what):
    _need(all(a < b for a, b in zip(keys, keys[1:])), f"found {what} out of order or twice")


def _number(value, maximum, what, least=0):
    _need(type(value) is int and least <= value <= maximum, f"found no {what}")
    return value


class _Reader:
    def __init__(self, replicas):
        self.replicas = replicas

    def group(self, value):
        _array(value, (2, 3), "group [stamp, records, evictions]")
        stamp = self.stamp(value[0])
        records = [self.record(item, stamp) for item in _list(value[1], MAXIMUM_GROUP_RECORDS, "records", 0)]
        evictions = []
        if len(value) == 3:
            evictions = [self.eviction(item) for item in _list(value[2], MAXIMUM_GROUP_RECORDS, "evictions")]
        return Group(stamp, records, evictions)

    def place(self, value):
        return self.replicas[_number(value, len(self.replicas) - 1, "place in the table of replicas")]

    def stamp(self, value):
        time, place = _array(value, (2,), "stamp [time, place]")
        return (_number(time, 2**64 - 1, "time above 0", 1), *self.place(place))

    def vector(self, value):
        _need(type(value) is list and len(value) % 2 == 0, "found no vector")
        places = value[::2]
        found = {self.place(p): _number(t, 2**64 - 1, "time above 0", 1) for p, t in zip(places, value[1::2])}
        _ascending(places, "places of a vector")
        return found

    def key(self, entity, id):
        _number(entity, 65_535, "entity")
        _need(type(id) is bytes and 1 <= len(id) <= MAXIMUM_ID_BYTES, "found no id of 1 to 200 bytes")
        return (entity, id)

    def eviction(self, value):
        entity, id, vector = _array(value, (3,), "eviction [entity, id, vector]")
        return (self.key(entity, id), self.vector(vector))

    def record(self, value, stamp):
        _array(value, (3, 5), "record")
        key = self.key(value[0], value[1])
        _need(isinstance(value[2], cbor.Map) and len(value[2]) <= MAXIMUM_RECORD_FIELDS, "found no fields")
        tags = [(_number(tag, 65_535, "tag"), item) for tag, item in value[2]]
        if len(value) == 3:
            fields = {}
            for tag, item in tags:
                _need(item is not None, "found null in the short form")
                fields[tag] = (REGISTER, {stamp: self.value(item)})
            return (key, State({stamp[1:]: stamp[0]}, fields, {}))
        fields = {tag: self.field(item) for tag, item in tags}
        vector = self.vector(value[3])
        marks = {}
        for item in _list(value[4], MAXIMUM_MARKS, "deletion marks", 0):
            mark, seen = _array(item, (2,), "mark [stamp, vector]")
            mark = self.stamp(mark)
            _need(not marks or max(marks) < mark, "found marks out of order or twice")
            marks[mark] = self.vector(seen)
        return (key, State(vector, fields, marks))

    def value(self, value):
        if value is None or type(value) in (str, bytes):
            return value
        return _number(value, 2**63 - 1, "value", -(2**63))

    def siblings(self, value):
        found = {}
        for item in _list(value, MAXIMUM_SIBLINGS, "siblings"):
            stamp, content = _array(item, (2,), "sibling [stamp, value]")
            stamp = self.stamp(stamp)
            _need(not found or list(found)[-1] < stamp, "found siblings out of order or twice")
            found[stamp] = self.value(content)
        return found

    def field(self, value):
        kind, items = _array(value, (2,), "field [kind, contents]")
        _number(kind, MAP, "field kind")
        if kind == REGISTER:
            return (kind, self.siblings(items))
        _list(items, MAXIMUM_SIBLINGS if kind == COUNTER else MAXIMUM_COLLECTION, "contents of a field")
        found, keys = {}, []
        for item in items:
            first, second = _array(item, (2,), "pair in a field")
            if kind == SET:
                first = key_of(self.value(first))
                stamps = [self.stamp(each) for each in _list(second, MAXIMUM_SIBLINGS, "stamps")]
                _ascending(stamps, "stamps")
                keys.append(first)
                found[first] = set(stamps)
            elif kind == COUNTER:
                time, *replica = self.stamp(first)
                keys.append(tuple(replica))
                found[tuple(replica)] = (time, _number(second, 2**63 - 1, "sum", -(2**63)))
            else:
                _need(type(first) is str, "found a map key that is no text")
                keys.append(first.encode())
                found[first] = self.siblings(second)
        _ascending(keys, "items of a field")
        return (kind, found)


# --- Writing ---


def encode(groups):
    replicas = sorted({replica for group in groups for replica in _replicas_of(group)})
    writer = _Writer({replica: place for place, replica in enumerate(replicas)})
    flat = [part for replica in replicas for part in replica]
    return cbor.encode([flat, [writer.group(group) for group in groups]])


def _replicas_of(group):
    yield group.stamp[1:]
    for _, state in group.records:
        yield from state.vector
        for vector in state.marks.values():
            yield from vector
    for _, vector in group.evictions:
        yield from vector


def is_short(state, stamp):
    """The record has been written by the group's own commit only."""
    return (
        state.vector == {stamp[1:]: stamp[0]}
        and not state.marks
        and all(
            kind == REGISTER and list(content) == [stamp] and content[stamp] is not None
            for kind, content in state.fields.values()
        )
    )


class _Writer:
    def __init__(self, places):
        self.places = places

    def stamp(self, stamp):
        return [stamp[0], self.places[stamp[1:]]]

    def vector(self, vector):
        return [part for replica in sorted(vector) for part in (self.places[replica], vector[replica])]

    def group(self, group):
        records = [self.record(key, state, group.stamp) for key, state in group.records]
        if not group.evictions:
            return [self.stamp(group.stamp), records]
        evictions = [[*key, self.vector(vector)] for key, vector in group.evictions]
        return [self.stamp(group.stamp), records, evictions]

    def record(self, key, state, stamp):
        if is_short(state, stamp):
            return [*key, {tag: content[stamp] for tag, (_, content) in state.fields.items()}]
        fields = {tag: self.field(*content) for tag, content in state.fields.items()}
        marks = [[self.stamp(mark), self.vector(state.marks[mark])] for mark in sorted(state.marks)]
        return [*key, fields, self.vector(state.vector), marks]

    def siblings(self, siblings):
        return [[self.stamp(stamp), siblings[stamp]] for stamp in sorted(siblings)]

    def field(self, kind, content):
        if kind == REGISTER:
            return [kind, self.siblings(content)]
        if kind == SET:
            stamps = lambda key: [self.stamp(stamp) for stamp in sorted(content[key])]
            return [kind, [[value_of(key), stamps(key)] for key in sorted(content)]]
        if kind == COUNTER:
            return [kind, [[self.stamp((content[r][0], *r)), content[r][1]] for r in sorted(content)]]
        return [kind, [[key, self.siblings(content[key])] for key in sorted(content, key=str.encode)]]
