"""Record states, their join, and what is shown (SPEC.md, section 3).

A replica is (node, incarnation); a stamp is (time, node, incarnation), so tuples order as stamps do. A vector is a
dictionary replica → time. Field contents by kind:

    register  {stamp: value}
    set       {(rank, value): {stamp, …}}     see key_of
    counter   {replica: (time, sum)}
    map       {key: {stamp: value}}
"""

from dataclasses import dataclass, field

REGISTER, SET, COUNTER, MAP = 0, 1, 2, 3
KIND_NAMES = ["register", "set", "counter", "map"]
MINIMUM, MAXIMUM = -(2**63), 2**63 - 1


@dataclass
class State:
    vector: dict = field(default_factory=dict)
    fields: dict = field(default_factory=dict)  # tag → (kind, content)
    marks: dict = field(default_factory=dict)  # stamp → vector


def key_of(value):
    """Orders values: null < integers < text (by its bytes) < bytes."""
    if value is None:
        return (0, 0)
    if isinstance(value, int):
        return (1, value)
    if isinstance(value, str):
        return (2, value.encode())
    return (3, value)


def value_of(key):
    rank, value = key
    return None if rank == 0 else value.decode() if rank == 2 else value


def covers(vector, stamp):
    time, node, incarnation = stamp
    return vector.get((node, incarnation), 0) >= time


def covers_all(a, b):
    return all(a.get(replica, 0) >= time for replica, time in b.items())


def joined(a, b):
    return {replica: max(a.get(replica, 0), b.get(replica, 0)) for replica in a.keys() | b.keys()}


def merge(a, b):
    if covers_all(a.vector, b.vector):
        return a
    if covers_all(b.vector, a.vector):
        return b
    return join(a, b)


def join(a, b):
    """By the definition, also where one side has seen all of the other: HQ checks with it what a store says."""
    fields = {}
    for tag in sorted(a.fields.keys() | b.fields.keys()):
        content = _join(a.fields.get(tag), b.fields.get(tag), a.vector, b.vector)
        if content[1]:
            fields[tag] = content
    return State(joined(a.vector, b.vector), fields, _survivors(a.marks, b.marks, a.vector, b.vector))


def _survivors(a, b, vector_a, vector_b):
    kept = {}
    for stamp, thing in a.items():
        if stamp in b or not covers(vector_b, stamp):
            kept[stamp] = thing
    for stamp, thing in b.items():
        if stamp not in a and not covers(vector_a, stamp):
            kept[stamp] = thing
    return kept


def _join(a, b, vector_a, vector_b):
    if a is not None and b is not None and a[0] != b[0]:
        return a if a[0] < b[0] else b
    kind = (a or b)[0]
    a, b = (a or (kind, {}))[1], (b or (kind, {}))[1]
    if kind == REGISTER:
        return (kind, _survivors(a, b, vector_a, vector_b))
    if kind == COUNTER:
        shares = {}
        for replica in a.keys() | b.keys():
            if replica in a and replica in b:
                shares[replica] = max(a[replica], b[replica])
            else:  # what one side has seen and has no more was erased there
                share, other = (a[replica], vector_b) if replica in a else (b[replica], vector_a)
                if other.get(replica, 0) < share[0]:
                    shares[replica] = share
        return (kind, shares)
    out = {}
    for key in a.keys() | b.keys():
        if kind == SET:
            one = dict.fromkeys(a.get(key, ()))
            two = dict.fromkeys(b.get(key, ()))
            kept = set(_survivors(one, two, vector_a, vector_b))
        else:
            kept = _survivors(a.get(key, {}), b.get(key, {}), vector_a, vector_b)
        if kept:
            out[key] = kept
    return (kind, out)


# --- What is shown ---


def shown(content, rule, words=(), authority=None):
    """`authority` is the node number that `authority(hq)` or `authority(owner)` stands for."""
    kind, found = content
    if kind == SET:
        return sorted((value_of(key) for key in found), key=key_of)
    if kind == COUNTER:
        total = 0
        for replica in sorted(found):  # each step is held at the ends, so the order matters there
            total = min(max(total + found[replica][1], MINIMUM), MAXIMUM)
        return total
    if kind == MAP:
        entries = {key: shown((REGISTER, siblings), "latest") for key, siblings in found.items()}
        return {key: value for key, value in entries.items() if value is not None}
    if not found:
        return None
    if rule == "authority":
        theirs = {stamp: value for stamp, value in found.items() if stamp[1] == authority}
        return _latest(theirs or found)
    if rule == "progress":
        return _by(found, lambda value: _progress(value, words))
    if rule == "first":
        values = {stamp: value for stamp, value in found.items() if value is not None}
        return values[min(values)] if values else None
    if rule == "maximum":
        return _by(found, key_of)
    if rule == "minimum":
        values = {stamp: value for stamp, value in found.items() if value is not None}
        if not values:
            return None
        smallest = min(key_of(value) for value in values.values())
        return _latest({stamp: value for stamp, value in values.items() if key_of(value) == smallest})
    return _latest(found)  # latest, manual


def _latest(siblings):
    return siblings[max(siblings)]


def _by(siblings, rank):
    return siblings[max(siblings, key=lambda stamp: (rank(siblings[stamp]), stamp))]


def _progress(value, words):
    if value in words and isinstance(value, str):
        return 2 + list(words).index(value)
    return 1 if isinstance(value, str) else 0


def live_stamps(state):
    for kind, content in state.fields.values():
        if kind == REGISTER:
            yield from content
        elif kind == COUNTER:
            yield from ((time, *replica) for replica, (time, _) in content.items())
        else:
            for stamps in content.values():
                yield from stamps


def shown_immutable(state):
    """What the lowest live stamp wrote, in every field."""
    lowest = min(live_stamps(state), default=None)
    return {tag: content.get(lowest) for tag, (_, content) in state.fields.items()}


def is_deleted(state, edit_wins=True):
    if not state.marks or not edit_wins:
        return bool(state.marks)
    seen = {}
    for (time, *replica), vector in state.marks.items():
        seen = joined(joined(seen, vector), {tuple(replica): time})
    return all(covers(seen, stamp) for stamp in live_stamps(state))


def is_consistent(state):
    """The vector is not empty and covers every stamp."""
    stamps = list(live_stamps(state)) + list(state.marks)
    return bool(state.vector) and all(covers(state.vector, stamp) for stamp in stamps)


# --- Writing ---


def write(state, stamp, values):
    """A local commit that writes registers. Deleted records and the other kinds of field are more than this needs."""
    if state.marks:
        raise ValueError("the record is deleted; this client does not bring records back")
    fields = dict(state.fields)
    for tag, value in values.items():
        if value is not None or tag in fields:
            fields[tag] = (REGISTER, {stamp: value})
    return State(joined(state.vector, {stamp[1:]: stamp[0]}), fields, dict(state.marks))


def delete(state, stamp):
    return State(joined(state.vector, {stamp[1:]: stamp[0]}), dict(state.fields), {stamp: dict(state.vector)})
