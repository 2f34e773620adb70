#!/usr/bin/env python3
"""A store in Python, written from Protocol/SPEC.md alone.

It takes a join code, pulls what is in the store's scope, and pushes what it is told to commit. It keeps everything in
memory: an acknowledgement says "durable", and that holds as long as the process lives. So each start is a new replica
with a new epoch that names no epoch of HQ's, and HQ sends everything again.

    storesync_client.py CODE [--address HOST:PORT]       pulls everything and says how many records of which entity
"""

import argparse
import secrets
import select
import sys
import time
from collections import Counter
from dataclasses import dataclass

import contents
import joincode
import merge
import messages
import tls
import zstd
from clock import HybridClock
from frames import FrameError, FrameReader, frame
from messages import PARKED, Message, ProtocolError

VERSION = 1
URGENT, NORMAL, BULK = 0, 1, 2
SOFTWARE = "storesync-python/1"
WINDOW_BYTES = 1_048_576
WINDOW_BATCHES = 256
BATCH_BYTES = 131_072
CONNECT_SECONDS = 15
HANDSHAKE_SECONDS = 15
KEEPALIVE_SECONDS = 25
SILENCE_SECONDS = 80
REASON_BYTES = 500


class Refused(Exception):
    """The other side has ended the link with a refusal."""

    def __init__(self, code, message, retry_after):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.retry_after = retry_after


class Enrolment:
    """What lets a store in: where HQ is and its key, the store's credential, and the token of the last session.

    `endpoints` are HQ's addresses as it told them last, and `endpoints_version` their number; 0: those of the code.
    """

    def __init__(self, code):
        self.code = code
        self.credential = None
        self.token = None
        self.endpoints, self.endpoints_version = list(code.endpoints), 0

    def join(self, address=None):
        """Turns the join code's secret, which is good once, into a credential."""
        with Link(None, self, address) as link:
            fields = {"oldestVersion": VERSION, "newestVersion": VERSION, "node": self.code.node}
            link.send(Message("enrol", fields | {"secret": self.code.secret, "software": SOFTWARE}))
            answer = link.receive(HANDSHAKE_SECONDS)
            if answer is None:
                raise TimeoutError("found no credential in time")
            link._notice_refusal(answer)
            if answer.name != "enrolled":
                link.refuse("protocol-error", f"found {answer.name}, expected enrolled")
            self.credential = answer.credential
        return self


class Store:
    """The store's records and its log: what outlives a link."""

    def __init__(self, node, wall=lambda: time.time_ns() // 1_000_000):
        self.replica = (node, secrets.randbits(32))
        self.epoch = secrets.randbits(64)
        self.wall = wall
        self.clock = HybridClock()
        self.given_out = 0
        self.records = {}  # (entity, id) → State
        self.stubs = {}  # (entity, id) → vector
        self.parked = []  # (code, keys)
        self.log = []  # (sequence, lane, Group)
        self.peer_epoch = None
        self.cursors = [0, 0, 0]

    def commit(self, writes, lane=NORMAL):
        """One commit group. `writes`: {(entity, id): {tag: value}}."""
        time = self.given_out = self.clock.next(self.wall())
        stamp = (time, *self.replica)
        group = contents.Group(stamp)
        for key, values in sorted(writes.items()):
            if key in self.stubs:
                raise ValueError("the record has left this store's scope")
            self.records[key] = merge.write(self.records.get(key, merge.State()), stamp, values)
            group.records.append((key, self.records[key]))
        self.append(group, lane)
        return group

    def append(self, group, lane=NORMAL):
        self.log.append((len(self.log) + 1, lane, group))

    def start_epoch(self, epoch):
        if epoch != self.peer_epoch:
            self.peer_epoch, self.cursors = epoch, [0, 0, 0]

    def apply(self, lane, through, groups):
        """Gives the exceptions for the acknowledgement."""
        exceptions = []
        for index, group in enumerate(groups):
            code, reason = self.objection(group)
            if code:
                exceptions.append([index, PARKED, code, reason.encode()[:REASON_BYTES].decode("utf-8", "ignore")])
                if isinstance(group, contents.Group):
                    self.parked.append((code, {key for key, _ in group.records + group.evictions}))
                continue
            self.clock.follow(group.stamp[0], self.wall())
            for key, state in group.records:
                for t in state.vector.values():
                    self.clock.follow(t, self.wall())
                self.take(key, state)
            for key, vector in group.evictions:
                self.evict(key, vector)
        self.cursors[lane] = through
        return exceptions

    def objection(self, group):
        if isinstance(group, contents.BadGroup):
            return "undecodable", group.reason
        keys = [key for key, _ in group.records + group.evictions]
        if any(key in touched for _, touched in self.parked for key in keys):
            return "behind-parked", "a parked group touches one of the records"
        if len(set(keys)) != len(keys):
            return "inconsistent-state", "a record is named twice"
        for (entity, id), state in group.records:
            name = f"entity {entity}, id {id.hex()}"
            if not merge.is_consistent(state):
                return "inconsistent-state", f"{name}: the vector is empty or does not cover a stamp"
            if state.vector.get(self.replica, 0) > self.given_out:
                return "inconsistent-state", f"{name}: found a time that this store has not given out"
        return None, None

    def take(self, key, state):
        stub = self.stubs.get(key)
        if stub is not None:
            if not merge.covers_all(state.vector, stub):
                return
            del self.stubs[key]
        held = self.records.get(key)
        self.records[key] = state if held is None else merge.merge(held, state)

    def evict(self, key, vector):
        held = self.records.get(key)
        if held is not None and merge.covers_all(vector, held.vector):
            del self.records[key]
            self.stubs[key] = vector
        elif held is None and key in self.stubs and merge.covers_all(vector, self.stubs[key]):
            self.stubs[key] = vector

    def shown(self, key, tag, rule="latest", **words):
        state = self.records[key]
        return merge.shown(state.fields[tag], rule, **words) if tag in state.fields else None


@dataclass
class OnItsWay:
    through: int
    size: int
    groups: int


class Link:
    """One connection, from hello to its end."""

    def __init__(self, store, enrolment, address=None):
        self.store = store
        self.enrolment = enrolment
        self.code = enrolment.code
        self.reader = FrameReader()
        self.socket = self._connect([address] if address else enrolment.endpoints)
        self.heard = self.sent = time.monotonic()
        self.on_its_way = {lane: [] for lane in range(3)}
        self.outcomes = []  # exceptions of HQ's acknowledgements, in order
        self.peer_caught_up = False
        self.said_caught_up = False
        self.pongs = []

    def _connect(self, endpoints):
        trouble = None
        for endpoint in endpoints:
            host, _, port = endpoint.rpartition(":")
            try:
                return tls.connect(host.strip("[]"), int(port), self.code.pin, CONNECT_SECONDS)
            except OSError as error:
                trouble = error
        raise trouble

    def close(self):
        try:
            self.socket.settimeout(1)
            self.socket.unwrap()  # sends TLS's closing alert
        except OSError:
            pass
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- Bytes ---

    def send(self, message):
        self.socket.sendall(frame(messages.encode(message)))
        self.sent = time.monotonic()

    def receive(self, timeout):
        """The next message, or None if none has come in `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            payload = self._parse(self.reader.next)
            if payload is not None:
                self.heard = time.monotonic()
                return self._parse(lambda: messages.decode(payload))
            left = deadline - time.monotonic()
            if not self.socket.pending() and not select.select([self.socket], [], [], max(left, 0))[0]:
                return None
            data = self.socket.recv(65_536)
            if not data:
                raise ConnectionError("the other side has closed the connection")
            self.reader.feed(data)

    def _parse(self, read):
        try:
            return read()
        except FrameError as error:
            self.refuse("protocol-error", str(error))
        except ProtocolError as error:
            self.refuse(error.code, str(error))

    def refuse(self, code, message):
        self.send(Message("refusal", {"code": code, "message": message, "retryAfter": 0}))
        self.close()
        raise ProtocolError(message, code)

    # --- Handshake ---

    def hello(self, **other):
        """Says hello and takes the welcome. `other` replaces fields of hello."""
        store = self.store
        fields = {
            "oldestVersion": VERSION,
            "newestVersion": VERSION,
            "replica": store.replica,
            "credential": self.enrolment.credential,
            "epoch": store.epoch,
            "clock": store.wall(),
            "peerEpoch": store.peer_epoch,
            "cursors": store.cursors,
            "window": WINDOW_BYTES,
            "software": SOFTWARE,
            "token": self.enrolment.token,
            "endpointsVersion": self.enrolment.endpoints_version,
        }
        self.send(Message("hello", fields | other))
        welcome = self.receive(HANDSHAKE_SECONDS)
        if welcome is None:
            raise TimeoutError("found no welcome in time")
        self._notice_refusal(welcome)
        if welcome.name != "welcome":
            self.refuse("protocol-error", f"found {welcome.name}, expected welcome")
        if welcome.version != VERSION:
            self.refuse("upgrade-needed", f"found version {welcome.version}, expected {VERSION}")
        if welcome.replica[0] != 0 or welcome.window == 0:
            self.refuse("protocol-error", "found a welcome from a store, or without a window")
        # Kept before anything of the log is sent: HQ turns away who comes without the last one.
        self.enrolment.token = welcome.fields.get("token")
        store.start_epoch(welcome.epoch)
        if any(cursor > len(store.log) for cursor in welcome.cursors):
            self.refuse("wrong-cursor", "HQ has more of this log than there is")
        self.window = welcome.window
        self.reached = list(welcome.cursors)
        if welcome.fields.get("endpoints"):
            self._keep_endpoints(*welcome.endpoints)
        return welcome

    def _keep_endpoints(self, version, endpoints):
        self.enrolment.endpoints, self.enrolment.endpoints_version = endpoints, version
        self.send(Message("endpointsKept", {"version": version}))

    def _notice_refusal(self, message):
        if message.name == "refusal":
            self.close()
            raise Refused(message.code, message.message, message.retryAfter)

    # --- Linked ---

    def sync(self, timeout=30):
        """Until both sides have sent everything and all of ours is acknowledged."""
        deadline = time.monotonic() + timeout
        while True:
            self.push()
            if self.peer_caught_up and self.said_caught_up and not any(self.on_its_way.values()):
                return
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the link did not catch up in time")
            self.step(left)

    def step(self, timeout):
        """Takes one message, or keeps the line alive."""
        message = self.receive(min(timeout, KEEPALIVE_SECONDS))
        if message is not None:
            self.handle(message)
        elif time.monotonic() - self.heard > SILENCE_SECONDS:
            self.close()
            raise ConnectionError("nothing heard for too long")
        if time.monotonic() - self.sent >= KEEPALIVE_SECONDS:
            self.send(Message("ping", {"number": 1}))

    def push(self):
        """Sends what the windows allow."""
        for lane in range(3):
            while self._has_room(lane):
                groups, through, size = [], 0, 0
                for sequence, its_lane, group in self.store.log:
                    if its_lane == lane and sequence > self.reached[lane] and size < BATCH_BYTES:
                        groups.append(group)
                        through = sequence
                        size += len(contents.encode([group]))
                if not groups:
                    break
                self.send_batch(lane, through, contents.encode(groups), len(groups))
        waiting = any(sequence > self.reached[lane] for sequence, lane, _ in self.store.log)
        if not waiting and not self.said_caught_up:
            self.send(Message("caughtUp"))
            self.said_caught_up = True

    def _has_room(self, lane):
        batches = self.on_its_way[lane]
        return sum(batch.size for batch in batches) < self.window and len(batches) < WINDOW_BATCHES

    def send_batch(self, lane, through, data, groups, codec=0):
        payload = zstd.pack(data) if codec else data
        fields = {
            "lane": lane,
            "after": self.reached[lane],
            "through": through,
            "incompleteUntil": 0,
            "codec": codec,
            "groups": groups,
            "contentsBytes": len(data),
            "payload": payload,
        }
        self.send(Message("batch", fields))
        self.on_its_way[lane].append(OnItsWay(through, len(payload), groups))
        self.reached[lane] = through
        self.said_caught_up = False

    def handle(self, message):
        self._notice_refusal(message)
        if message.name == "batch":
            self._take_batch(message)
        elif message.name == "acknowledgement":
            self._take_acknowledgement(message)
        elif message.name == "ping":
            self.send(Message("pong", {"number": message.number}))
        elif message.name == "pong":
            self.pongs.append(message.number)
        elif message.name == "endpoints":
            self._keep_endpoints(message.version, message.endpoints)
        elif message.name == "caughtUp":
            self.peer_caught_up = True
        else:
            self.refuse("protocol-error", f"found {message.name} on an open link")

    def _take_batch(self, batch):
        store, lane = self.store, batch.lane
        self.peer_caught_up = False
        if batch.after != store.cursors[lane] or batch.through <= batch.after:
            self.refuse("wrong-cursor", f"found {batch.after} to {batch.through}, expected {store.cursors[lane]}")
        groups = self._parse(lambda: groups_of(batch))
        exceptions = store.apply(lane, batch.through, groups)
        fields = {"lane": lane, "through": batch.through, "exceptions": exceptions or None}
        self.send(Message("acknowledgement", fields))

    def _take_acknowledgement(self, message):
        waiting = self.on_its_way[message.lane]
        if not waiting or waiting[0].through != message.through:
            self.refuse("protocol-error", "found an acknowledgement of no batch on its way")
        batch = waiting.pop(0)
        for index, outcome, code, reason in message.fields.get("exceptions", []):
            if index >= batch.groups:
                self.refuse("protocol-error", "found an exception for a group that was not in the batch")
            self.outcomes.append((message.through, index, outcome, code, reason))


def groups_of(batch):
    if batch.groups == 0:
        if batch.payload or batch.contentsBytes:
            raise ProtocolError("found contents in a batch without groups")
        return []
    data = zstd.unpack(batch.payload, batch.contentsBytes) if batch.codec else batch.payload
    if len(data) != batch.contentsBytes:
        raise ProtocolError(f"found {len(data)} bytes of contents, expected {batch.contentsBytes}")
    return contents.decode(data, batch.groups)


def main():
    parser = argparse.ArgumentParser(description="Pulls everything in a store's scope.")
    parser.add_argument("code", help="the join code of `syncctl store add`")
    parser.add_argument("--address", metavar="HOST:PORT", help="of HQ, in place of those in the code")
    arguments = parser.parse_args()
    try:
        code = joincode.decode(arguments.code)
        store = Store(code.node)
        with Link(store, code, arguments.address) as link:
            link.hello()
            link.sync()
    except (OSError, Refused, ProtocolError, joincode.JoinCodeError, tls.WrongKey) as error:
        sys.exit(f"storesync_client: {error}")
    for entity, count in sorted(Counter(entity for entity, _ in store.records).items()):
        print(f"entity {entity}: {count}")


if __name__ == "__main__":
    main()
