"""What a node keeps: records, log, cursors (SPEC.md, sections 3, 4 and 9). In memory, for as long as the process lives.

A log entry keeps the states that its commit left, so that each group is whole by itself and no chains arise.
"""

import secrets
import time
from dataclasses import dataclass, field

import contents
import merge
import model
from clock import HybridClock
from contents import BadGroup, Group
from messages import PARKED, REFUSED

HQ = 0
URGENT, NORMAL, BULK = 0, 1, 2
REASON_BYTES = 500
MAXIMUM_RECORD_BYTES = 1_048_576


def system_wall():
    return time.time_ns() // 1_000_000


@dataclass
class Entry:
    sequence: int
    lane: int
    group: Group
    origin: int = None  # the peer that has sent exactly this, and does not need it back


@dataclass
class Peer:
    """What is known of another node's log, and of ours there."""

    epoch: int = None
    cursors: list = field(default_factory=lambda: [0, 0, 0])
    met_epoch: int = None
    met_at: int = 0


class Node:
    def __init__(self, node, wall=system_wall, incarnation=None, epoch=None):
        self.replica = (node, secrets.randbits(32) if incarnation is None else incarnation)
        self.epoch = secrets.randbits(64) if epoch is None else epoch
        self.wall = wall
        self.clock = HybridClock()
        self.records = {}  # (entity, id) → State
        self.stubs = {}  # (entity, id) → vector
        self.parked = []  # (peer, code, keys)
        self.log = []
        self.departed = {}  # HQ: (entity, id) → numbers of stores that are to let go of it
        self.peers = {}

    @property
    def number(self):
        return self.replica[0]

    @property
    def head(self):
        return len(self.log)

    def peer(self, number):
        return self.peers.setdefault(number, Peer())

    # --- Writing ---

    def commit(self, writes):
        """One commit group. `writes`: {(entity, id): {tag: value}}."""
        stamp = (self.clock.next(self.wall()), *self.replica)
        group = Group(stamp)
        changes = []
        for key, values in sorted(writes.items()):
            if key in self.stubs:
                raise ValueError("the record has left this node's scope")
            changes.append((key, self.records.get(key), merge.write(self.records.get(key, merge.State()), stamp, values)))
        lane = min(model.ENTITIES[key[0]].lane for key in writes)
        return self._write(stamp, lane, changes).group

    def _write(self, stamp, lane, changes, sender=None, as_received=False):
        origin = sender if as_received else None
        for key, old, new in changes:
            self.stubs.pop(key, None)
            self.records[key] = new
            if sender in self._note_departures(key, old, new, sender):
                origin = None  # it has to be told that the record is not its own
        group = Group(stamp, [(key, new) for key, _, new in changes])
        entry = Entry(self.head + 1, lane, group, origin)
        self.log.append(entry)
        return entry

    def _note_departures(self, key, old, new, sender):
        entity = model.ENTITIES.get(key[0])
        if self.number != HQ or entity is None or entity.scope in ("everyone", "hq"):
            return ()
        before = set(entity.stores(old)) if old else set()
        if sender is not None:
            before.add(sender)
        self.departed[key] = (self.departed.get(key, set()) | before) - entity.stores(new)
        return self.departed[key]

    # --- Sending ---

    def meet(self, number, epoch):
        """Of a peer that comes with another log nothing counts as being there any more."""
        peer = self.peer(number)
        if peer.met_epoch != epoch:
            peer.met_epoch, peer.met_at = epoch, self.head

    def outgoing(self, number, lane, after, budget):
        """(groups for the peer, through, entries passed over); through is `after` at the end of the log."""
        groups, through, skipped, size = [], after, 0, 0
        for entry in self.log[after:]:
            if entry.lane != lane:
                continue
            if size >= budget:
                break
            through = entry.sequence
            group = self._for_peer(entry, number)
            if group is None:
                skipped += 1
            else:
                groups.append(group)
                size += len(contents.encode([group]))
        return groups, through, skipped

    def _for_peer(self, entry, number):
        if entry.origin == number and entry.sequence > self.peer(number).met_at:
            return None
        group = Group(entry.group.stamp)
        for key, state in entry.group.records:
            entity = model.ENTITIES.get(key[0])
            stores = set() if entity is None else entity.stores(state)
            if number == HQ or stores is None or number in stores:
                group.records.append((key, state))
            elif number in self.departed.get(key, ()):
                group.evictions.append((key, self.records[key].vector))
        return group if group.records or group.evictions else None

    # --- Receiving ---

    def cursors_in(self, number, epoch):
        peer = self.peer(number)
        return list(peer.cursors) if peer.epoch == epoch else [0, 0, 0]

    def apply(self, number, epoch, lane, through, groups):
        """One transaction. Gives the exceptions for the acknowledgement."""
        peer = self.peer(number)
        if peer.epoch != epoch:
            peer.epoch, peer.cursors = epoch, [0, 0, 0]
        exceptions = []
        for index, group in enumerate(groups):
            outcome, code, reason = self._apply(number, lane, group)
            if code is not None:
                clipped = reason.encode()[:REASON_BYTES].decode("utf-8", "ignore")
                exceptions.append([index, outcome, code, clipped])
        peer.cursors[lane] = through
        return exceptions

    def _apply(self, number, lane, group):
        if isinstance(group, BadGroup):
            return self._park(number, "undecodable", group.reason, set())
        keys = [key for key, _ in group.records + group.evictions]
        if any(key in touched for peer, _, touched in self.parked if peer == number for key in keys):
            return self._park(number, "behind-parked", "a parked group touches one of the records", keys)
        if self.number == HQ and group.evictions:
            return REFUSED, "not-allowed", "a store evicts nothing at HQ"
        changes, seen, as_received = [], set(), True
        for key, incoming in group.records:
            code, reason = model.problem(key, incoming)
            if code is None and key in seen:
                code, reason = "inconsistent-state", "the group names a record twice"
            if code is None and incoming.vector.get(self.replica, 0) > self.clock.last:
                code, reason = "inconsistent-state", "a time of this replica that it has not given out"
            if code is not None:
                return self._park(number, code, reason, keys)
            seen.add(key)
            held = self.records.get(key)
            if self.number == HQ:
                code, reason = self.admission(number, key, incoming, held)
                if code is not None:
                    return REFUSED, code, reason
            stub = self.stubs.get(key)
            if stub is not None and not merge.covers_all(incoming.vector, stub):
                continue
            merged = incoming if held is None else merge.merge(held, incoming)
            if merged is held:
                continue
            if _size(merged) > MAXIMUM_RECORD_BYTES:
                return self._park(number, "too-large", "the merged record is too large", keys)
            as_received = as_received and merged == incoming
            changes.append((key, held, merged))
        self._follow(group)
        if changes:
            self._write(group.stamp, lane, changes, number, as_received)
        for key, vector in group.evictions:
            held = self.records.get(key)
            if held is not None and merge.covers_all(vector, held.vector):
                del self.records[key]
                self.stubs[key] = dict(vector)
        return None, None, None

    def _park(self, number, code, reason, keys):
        self.parked.append((number, code, set(keys)))
        return PARKED, code, reason

    def _follow(self, group):
        self.clock.follow(group.stamp[0], self.wall())
        for _, state in group.records:
            for t in state.vector.values():
                self.clock.follow(t, self.wall())

    # --- What HQ takes from a store ---

    def admission(self, peer, key, incoming, old):
        """(code, reason) of what a store may not say; (None, None) if it may."""
        entity = model.ENTITIES.get(key[0])
        has_departed = peer in self.departed.get(key, ())
        for replica, t in incoming.vector.items():
            if replica[0] != peer and t > (old.vector.get(replica, 0) if old else 0):
                return "forged", "the vector names what another node has written and HQ has not seen"
        if old is not None and merge.covers_all(old.vector, incoming.vector):
            return None, None
        joined = merge.join(old, incoming) if old is not None else incoming
        if entity is None:
            return self._foreign(peer, old, joined)
        if not has_departed and not self._in_scope(entity, peer, incoming, old, joined):
            return "out-of-scope", f"{entity.name}: the record is not among the store's"
        owner = entity.owner_of(old if old is not None else incoming)
        may_write = lambda field: (
            field.writers == "anyone" or field.writers == "owner" and (owner == peer or has_departed)
        )
        before = old.fields if old is not None else {}
        for tag in sorted(before.keys() | joined.fields.keys()):
            field = entity.fields.get(tag)
            if field is not None and before.get(tag) != joined.fields.get(tag) and not may_write(field):
                return "not-allowed", f"{entity.name}.{field.name}: only {field.writers} may write it"
        if old is None:
            return None, None
        code, reason = self._foreign(peer, old, joined)
        if code is not None:
            return code, reason
        if any(mark not in old.marks for mark in joined.marks):
            if entity.immutable:
                return "immutable", f"{entity.name}: a fact is not deleted"
            for tag in sorted(before):
                if tag in entity.fields and not may_write(entity.fields[tag]):
                    return "not-allowed", f"{entity.name}.{entity.fields[tag].name}: the store may not delete it"
        if entity.immutable and not set(merge.live_stamps(old)) <= set(merge.live_stamps(joined)):
            return "immutable", f"{entity.name}: what another writer wrote is missing"
        return None, None

    @staticmethod
    def _foreign(peer, old, joined):
        """Something has come to be alive that bears another node's stamp."""
        stamps = lambda state: set(merge.live_stamps(state)) | set(state.marks)
        new = stamps(joined) - (stamps(old) if old is not None else set())
        if any(stamp[1] != peer for stamp in new):
            return "forged", "a value or a mark bears another node's stamp"
        return None, None

    @staticmethod
    def _in_scope(entity, peer, incoming, old, joined):
        def holds(state):
            stores = entity.stores(state)
            return stores is None or peer in stores

        if holds(joined) or old is not None and holds(old):
            return True
        own = all(replica[0] == peer for replica in incoming.vector)
        open_to_all = all(entity.fields[tag].writers == "anyone" for tag in incoming.fields if tag in entity.fields)
        return own and (holds(incoming) or open_to_all)


def _size(state):
    return len(contents.encode([Group((1, 0, 0), [((0, b""), state)])]))


class Store(Node):
    """A store's records and its log: what outlives a link."""

    @property
    def cursors(self):
        return self.peer(HQ).cursors

    @property
    def peer_epoch(self):
        return self.peer(HQ).epoch

    def shown(self, key, tag, rule="latest", **words):
        state = self.records[key]
        return merge.shown(state.fields[tag], rule, **words) if tag in state.fields else None
