#!/usr/bin/env python3
"""A store that speaks the protocol correctly and lies, against a real HQ with a real, honest store.

    hostile.py FOLDER [NAME…]     the folder has hq-node, store-node and syncctl; NAME: only these attacks

After each attack HQ must run on, must not have taken more memory at any time than MEMORY_BYTES, and must hold of everybody
else exactly what it held before; at the end the honest store sells, and HQ and the store are in sync.
"""

import contextlib
import json
import os
import pathlib
import socket
import sqlite3
import sys
import tempfile
import time
import uuid

import cbor
import contents
import joincode
import messages
import tls
import zstd
from endtoend import LISTING, MEMBER, NAME, NORMAL, PRODUCT, TASK, TASK_STORE, TITLE, Chain, expect, total, until
from frames import frame
from messages import Message, ProtocolError
from node import BULK, Entry, Store
from session import Refused
from storesync_client import Enrolment, Link

# Above what HQ takes at rest: a few of the largest frames, inflated, and decoded.
MEMORY_BYTES = 192 << 20
ATTACKER, HONEST = 1, 2
LISTING_STORE, LISTING_PRODUCT, LISTING_PRICE = 1, 2, 3
LARGEST = 2**64 - 1
# A socket that is closed is a wrong value to Python's select.
CLOSED = (OSError, Refused, ProtocolError, ValueError)


class Target:
    """HQ as the attacker sees it, and as its keeper does."""

    def __init__(self, chain, enrolment):
        self.chain, self.enrolment = chain, enrolment
        self.pid = chain.hq.pid
        self.rest = self.memory("VmRSS")
        self.others = self.read_others()

    def link(self, store=None):
        return Link(store or Store(ATTACKER), self.enrolment, self.chain.address)

    @contextlib.contextmanager
    def linked(self, **hello):
        """A link that HQ may refuse or end at any moment: that is its right."""
        link = self.link()
        with contextlib.suppress(*CLOSED), link:
            with contextlib.suppress(*CLOSED):
                link.hello(**hello)
            yield link

    @contextlib.contextmanager
    def standing(self):
        """A link that HQ has no reason to end, whatever it refuses of what comes."""
        with self.link() as link:
            link.hello()
            link.sync()
            yield link

    def memory(self, name):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) << 10
        sys.exit(f"HQ has ended\n{self.chain.logs()[-4_000:]}")

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def read_others(self):
        """All that is none of the attacker's."""
        with contextlib.closing(sqlite3.connect(f"file:{self.chain.folder}/hq/storesync.db?mode=ro", uri=True)) as db:
            found = {}
            for table in ("stores", "products", "listings", "members", "orders", "order_lines", "payments"):
                found[table] = sorted(map(repr, db.execute(f"SELECT * FROM {table}")))
            found["tasks"] = sorted(map(repr, db.execute("SELECT * FROM tasks WHERE store = ?", (HONEST,))))
            return found

    def check(self, name):
        os.kill(self.pid, 0)
        peak = self.memory("VmHWM") - self.rest
        if peak > MEMORY_BYTES:
            sys.exit(f"{name}: HQ took {peak >> 20} MiB more, expected at most {MEMORY_BYTES >> 20}")
        found = self.read_others()
        for table, rows in self.others.items():
            expect(found[table], rows, f"{name}: {table} of others")
        # And it still listens to honest ones.
        with Link(Store(ATTACKER), self.enrolment, self.chain.address) as link:
            link.hello()
            link.send(Message("ping", {"number": 1}))
            while not link.pongs:
                link.step(10)
        return peak


def push(link, value, lane=BULK):
    """One group in CBOR as it stands; (outcome, code) of it, or None if HQ has applied it."""
    sequence = len(link.store.log) + 1
    link.store.log.append(Entry(sequence, lane, None))
    link.session.send_batch(lane, sequence, cbor.encode(value), len(value[1]))
    link.outcomes.clear()
    link.sync()
    return [(outcome, code) for _, _, outcome, code, _ in link.outcomes]


def now():
    return (time.time_ns() // 1_000_000) << 16


# --- Lies in records ---


def forged_writers(target):
    """Stamps of HQ and of the other store, on values, groups and deletions."""
    with target.standing() as link:
        own = link.store.replica
        key = next(key for key in link.store.records if key[0] == MEMBER)
        state = link.store.records[key]
        (hq, seen), = [(replica, stamp) for replica, stamp in state.vector.items() if replica[0] == 0][:1]
        table = sorted([hq, own, (HONEST, 7)])
        flat = [part for replica in table for part in replica]
        place = {replica: index for index, replica in enumerate(table)}
        stamp = [now(), place[own]]
        for writer in (hq, (HONEST, 7)):
            theirs = [seen + 1, place[writer]]
            vector = sorted([[place[hq], seen], [place[own], stamp[0]]])
            if writer != hq:
                vector = sorted(vector + [[place[writer], theirs[0]]])
            else:
                vector = sorted([[place[hq], theirs[0]], [place[own], stamp[0]]])
            record = [MEMBER, key[1], {NAME: [0, [[theirs, "Forged"]]]}, sum(vector, []), []]
            expect(push(link, [flat, [[stamp, [record]]]])[0][0], messages.REFUSED, "a forged writer is refused")
            record = [MEMBER, key[1], {}, sum(vector, []), [[theirs, sum(vector, [])]]]
            found = push(link, [flat, [[stamp, [record]]]])
            expect(found[0][0], messages.REFUSED, "a forged deletion is refused")


def forged_vectors(target):
    """A vector that claims to have seen all that HQ and everybody will ever write, on records new and old."""
    with target.standing() as link:
        own = link.store.replica
        table = sorted([(0, number) for number in range(200)] + [own])
        flat = [part for replica in table for part in replica]
        mine = table.index(own)
        for id in (uuid.uuid4().bytes, uuid.uuid4().bytes):
            stamp = [now(), mine]
            vector = [part for place in range(len(table)) for part in (place, LARGEST if place != mine else stamp[0])]
            record = [TASK, id, {TITLE: [0, [[stamp, "Mine"]]], TASK_STORE: [0, [[stamp, ATTACKER]]]}, vector, []]
            expect(push(link, [flat, [[stamp, [record]]]])[0][0], messages.REFUSED, "a forged vector is refused")


def out_of_scope(target):
    """Listings, tasks, receipts and members that are another store's."""
    with target.standing() as link:
        own = link.store.replica
        for stranger in (HONEST, 0, 77, 2**32 - 1):
            stamp = [now(), 0]
            listing = {LISTING_STORE: stranger, LISTING_PRODUCT: "espresso", LISTING_PRICE: 1}
            id = stranger.to_bytes(4, "big") + b"espresso"
            found = push(link, [list(own), [[stamp, [[LISTING, id, listing]]]]])
            expect(bool(found), True, "another store's listing is not taken")


def wrong_times(target):
    """Stamps of the far future and the far past."""
    for stamped in (LARGEST, (1 << 63) + 5, now() + (86_400_000 << 16), 1):
        with target.linked() as link:
            record = [TASK, uuid.uuid4().bytes, {TITLE: "When", TASK_STORE: ATTACKER}]
            push(link, [list(link.store.replica), [[[stamped, 0], [record]]]])


# --- Lies in greetings ---


def wrong_greetings(target):
    """Numbers at the ends of their ranges, other nodes' names, epochs and ends that nobody has."""
    other = (HONEST, 9)
    lies = [
        {"replica": other}, {"replica": (0, 1)}, {"replica": (2**32 - 1, 2**32 - 1)},
        {"clock": 2**63 - 1}, {"clock": -(2**63)}, {"window": LARGEST}, {"window": 1},
        {"epoch": 0}, {"epoch": LARGEST}, {"peerEpoch": LARGEST, "cursors": [LARGEST] * 3},
        {"cursors": [LARGEST] * 3}, {"endpointsVersion": LARGEST}, {"token": bytes(256)}, {"software": "x" * 4_096},
        {"newestVersion": LARGEST}, {"oldestVersion": 0}, {"ancestors": []},
        {"ancestors": [part for number in range(64) for part in (number, LARGEST)]},
        {"ancestors": [part for number in range(64) for part in (5, number)]},
        {"ancestors": [part for number in range(65) for part in (number, number)]},
        {"ancestors": [1, LARGEST] * 64, "peerAncestors": [1, LARGEST] * 64, "peerEpoch": 1, "cursors": [LARGEST] * 3},
    ]
    for lie in lies:
        with target.linked(**lie) as link:
            link.step(0.2)
        target.memory("VmRSS")


def known_log(target):
    """HQ's own epoch with cursors beyond its end, and its ancestors with ends beyond theirs."""
    with target.standing() as link:
        welcome = link.session.welcome
        epoch, theirs = welcome.epoch, welcome.fields.get("ancestors") or []
    for cursors in ([LARGEST] * 3, [2**63] * 3, [10**6, 0, 0]):
        with target.linked(peerEpoch=epoch, cursors=cursors) as link:
            link.step(0.2)
        lie = [LARGEST if index % 2 else part for index, part in enumerate(theirs)]
        with target.linked(peerEpoch=epoch ^ 1, cursors=cursors, ancestors=[1, 1], peerAncestors=lie) as link:
            link.step(0.2)


def hello_flood(target):
    """Three hundred connections that greet and say no more, and a hundred that do not even greet."""
    with contextlib.ExitStack() as stack:
        code = target.enrolment.code
        host, _, port = target.chain.address.rpartition(":")
        for number in range(400):
            with contextlib.suppress(*CLOSED):
                line = tls.connect(host, int(port), code.pin, 10)
                stack.callback(line.close)
                if number % 4:
                    store = Store(ATTACKER)
                    fields = {"oldestVersion": 1, "newestVersion": 1, "replica": store.replica, "epoch": store.epoch,
                              "credential": bytes(16), "clock": store.wall(), "cursors": [0] * 3, "window": 1 << 20,
                              "software": "flood"}
                    line.sendall(frame(messages.encode(Message("hello", fields))))


def half_handshakes(target):
    """Three hundred TCP connections that say nothing at all, not even TLS."""
    host, _, port = target.chain.address.rpartition(":")
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            with contextlib.suppress(OSError):
                stack.callback(socket.create_connection((host, int(port)), 5).close)


# --- Too much ---


def flood(link, data, times, seconds=10):
    """Sends the same again and again, and reads nothing. Ends when HQ takes no more, or has ended the link."""
    link.socket.settimeout(2)
    block = data * (65_536 // len(data) + 1)
    deadline = time.monotonic() + seconds
    sent = 0
    while sent < times * len(data) and time.monotonic() < deadline:
        link.socket.sendall(block)
        sent += len(block)


def ping_flood(target):
    """Half a million pings; their answers are never read."""
    with target.linked() as link:
        flood(link, frame(messages.encode(Message("ping", {"number": LARGEST}))), 500_000)


def caught_up_spam(target):
    with target.linked() as link:
        flood(link, frame(messages.encode(Message("caughtUp"))), 500_000)


def receipts_of_addresses(target):
    with target.linked() as link:
        flood(link, frame(messages.encode(Message("endpointsKept", {"version": LARGEST}))), 100_000)


def empty_batches(target):
    """A hundred thousand batches of nothing, whose acknowledgements are never read."""
    with target.linked() as link:
        link.socket.settimeout(2)
        block = b""
        for number in range(100_000):
            fields = {"lane": BULK, "after": number, "through": number + 1, "incompleteUntil": 0, "codec": 0}
            fields |= {"groups": 0, "contentsBytes": 0, "payload": b""}
            block += frame(messages.encode(Message("batch", fields)))
            if len(block) > 65_536:
                link.socket.sendall(block)
                block = b""


def last_sequences(target):
    """Batches that end at the ends of the numbers, so that nothing can come after them."""
    for through in (LARGEST, 2**63, 2**63 - 1):
        for until_ in (0, LARGEST):
            with target.linked() as link:
                fields = {"lane": NORMAL, "after": 0, "through": through, "incompleteUntil": until_, "codec": 0}
                fields |= {"groups": 0, "contentsBytes": 0, "payload": b""}
                link.send(Message("batch", fields))
                link.step(1)
            with target.linked() as link:
                link.step(0.2)


def wrong_acknowledgements(target):
    for through in (0, 1, LARGEST):
        with target.linked() as link:
            link.send(Message("acknowledgement", {"lane": 0, "through": through, "exceptions": [[LARGEST, 1, "x", "y"]]}))
            link.step(1)


def zip_bombs(target):
    """A few hundred bytes that inflate to fifteen megabytes, and claims that they do not fulfil."""
    zeros = zstd.pack(bytes(15_728_640))
    nested = zstd.pack(b"\x81" * 15_728_640)
    nulls = cbor.encode([[1, 1], []])[:-1] + b"\x9a\x00\xef\xff\x00" + b"\xf6" * 15_728_383
    for payload, claimed in ((zeros, 15_728_640), (nested, 15_728_640), (zeros, 10), (zstd.pack(nulls), len(nulls))):
        for _ in range(4):
            with target.linked() as link:
                fields = {"lane": BULK, "after": 0, "through": 1, "incompleteUntil": 0, "codec": 1, "groups": 100_000}
                fields |= {"contentsBytes": claimed, "payload": payload}
                link.send(Message("batch", fields))
                link.step(5)


def huge_frames(target):
    """The beginnings of eight frames of 16 MiB at once, and what looks like an array of 2⁶⁴ items."""
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            link = stack.enter_context(contextlib.closing(target.link()))
            with contextlib.suppress(*CLOSED):
                link.hello()
                link.socket.sendall((1 << 24).to_bytes(4, "big") + bytes(1 << 20))
    for body in (b"\x9b" + b"\xff" * 8, b"\x82\x04\xbb" + b"\xff" * 8, b"\x82\x04\xa1\x07\x5b" + b"\xff" * 8, b"\x81" * 4096):
        with target.linked() as link:
            link.socket.sendall(frame(body))
            link.step(1)


def wide_records(target):
    """Groups within every limit of the wire and far beyond those of a record: many siblings, stamps, marks, replicas."""
    table = [part for number in range(65_536) for part in (ATTACKER, number)]
    for shape in range(4):
        with target.linked() as link:
            stamps = [[(1 << 40) + number, number] for number in range(60_000)]
            vector = [part for number in range(60_000) for part in (number, 1 << 41)]
            stamp = [now(), 65_535]
            fields = {
                0: {TITLE: [0, [[each, "x"] for each in stamps]]}, 1: {99: [1, [["x", stamps]]]},
                2: {99: [2, [[each, 1] for each in stamps]]}, 3: {TITLE: [0, [[stamps[0], "x"]]]},
            }[shape]
            marks = [[each, []] for each in stamps] if shape == 3 else []
            record = [TASK, uuid.uuid4().bytes, fields, vector, marks]
            with contextlib.suppress(*CLOSED):
                push(link, [table, [[stamp, [record]]]])


def poison(target):
    """Groups that are parked, as many as HQ keeps and more."""
    with target.linked() as link:
        own = link.store.replica
        group = [[now(), 0], [[TASK, b"short", {TITLE: "x" * 1_000, TASK_STORE: ATTACKER}]]]
        for _ in range(4):
            push(link, [list(own), [group] * 500])


def crossed_joins(target):
    """Join codes that were guessed."""
    for secret in (bytes(16), bytes(256), b""):
        code = target.enrolment.code
        with contextlib.suppress(*CLOSED):
            Enrolment(joincode.JoinCode(HONEST, code.pin, secret, code.endpoints)).join(target.chain.address)


ATTACKS = [
    forged_writers, forged_vectors, out_of_scope, wrong_times, wrong_greetings, known_log, hello_flood, half_handshakes,
    ping_flood, caught_up_spam, receipts_of_addresses, empty_batches, last_sequences, wrong_acknowledgements, zip_bombs,
    huge_frames, wide_records, crossed_joins, poison,
]


def attack(target, wanted):
    for each in ATTACKS:
        if wanted and each.__name__ not in wanted:
            continue
        target.forget_peak()
        began_at = time.monotonic()
        each(target)
        peak = target.check(each.__name__)
        print(f"{each.__name__:22} HQ took {max(peak, 0) >> 20:4} MiB more, {time.monotonic() - began_at:5.1f} s", flush=True)
        expect(True, True, each.__name__)


def main():
    programs = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        chain = Chain(programs, pathlib.Path(folder), stack)
        codes = {number: chain.add_store(number) for number in (ATTACKER, HONEST)}
        chain.import_rows("product", "id,name,unit", "espresso,Espresso 250 g,each")
        chain.import_rows("listing", "store,product,price,available", "1,espresso,290,true", "2,espresso,300,true")
        chain.import_rows("member", "id,name", "100,Zoë Meyer")
        chain.run("store-node", "join", "--data", "store", "--hq", chain.address, "-", input=codes[HONEST])
        log = stack.enter_context(open(chain.folder / "store.log", "w"))
        honest = chain.start(["store-node", "run", "--data", "store"], log)
        expect("ready\n" in iter(honest.stdout.readline, ""), True, "the honest store is ready")

        def sell(receipt):
            line = {"product": "espresso", "quantity": 1, "salesCents": 300}
            sale = {"receipt": receipt, "soldAt": "2026-03-02T09:15:00Z", "lines": [line]}
            chain.run("syncctl", "import", "-", "--data", "store", "--entity", "sale", "--format", "jsonl", input=json.dumps(sale) + "\n")

        def at_hq(receipt):
            with contextlib.closing(sqlite3.connect(f"file:{chain.folder}/hq/storesync.db?mode=ro", uri=True)) as db:
                return db.execute("SELECT count(*) FROM orders WHERE receipt = ?", (receipt,)).fetchone() == (1,)

        until(lambda: "espresso" in chain.explain("product", "espresso", "store"), "the store has heard from HQ", chain.logs)
        sell("before")
        until(lambda: at_hq("before"), "the sale is at HQ", chain.logs)
        target = Target(chain, Enrolment(joincode.decode(codes[ATTACKER])).join(chain.address))
        attack(target, sys.argv[2:])
        sell("after")
        until(lambda: at_hq("after"), "the honest store's next sale is at HQ", chain.logs)
    print(f"hostile: {total()} checks hold")


if __name__ == "__main__":
    main()
