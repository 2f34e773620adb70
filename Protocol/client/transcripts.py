#!/usr/bin/env python3
"""Whole exchanges, frame by frame: vectors/transcripts.json.

    transcripts.py            plays both sides of each again, and compares every byte and every state
    transcripts.py --write    writes the file, and the frames that SPEC.md shows of it

The cases are told below, as a play of a store and HQ; what they expect stands beside them, apart from the code that is
tried. Tests/VectorTests plays either side with the Swift code.
"""

import json
import pathlib
import re
import sys

import contents
import merge
import messages
from contents import Group
from frames import FrameReader, frame
from hq import Headquarters
from messages import Message
from node import Entry, Store
from session import HQSession, JoiningSession, StoreSession

SPEC = pathlib.Path(__file__).resolve().parent.parent / "SPEC.md"
PATH = pathlib.Path(__file__).resolve().parent.parent / "vectors" / "transcripts.json"
ABOUT = (
    "Whole exchanges (SPEC.md, section 15). Steps are in order. do: what happens at a node; wall is the time of both from "
    "then on. from: a frame that a side sends; arrives: how many of its bytes the other side gets, all where it is not "
    "said. state: all that a side then holds: records, stubs, how far it has the other's log, the codes of parked groups. "
    "plays: the sides that an implementation can be tried as; the other side's frames are then given to it. Texts for "
    "people (software, a refusal's message, an exception's reason) may differ; every other byte may not."
)
NUMBER = 3
START = 1_772_442_900_000
STORE, PRODUCT, LISTING, MEMBER, ORDER, ORDER_LINE, PAYMENT, MOVEMENT, TASK = 1, 2, 3, 4, 10, 11, 12, 13, 14
SHOP = bytes((0, 0, 0, NUMBER))
SALE = bytes.fromhex("019cadd36bc07b028000000000000b02")
ERRAND = bytes.fromhex("019ca8adfa207a018000000000000a01")


class Credentials:
    """What a store keeps of its joining."""

    def __init__(self):
        # This store knows of no lists of HQ's addresses.
        self.credential = self.token = self.endpoints_version = None


class Play:
    """One case: two nodes, the line between them, and the steps as they happen."""

    def __init__(self, name, why, plays=("store", "hq")):
        self.now = START
        self.random = b""
        wall = lambda: self.now
        self.store = Store(NUMBER, wall, 0x5EED0003, 2034219656687910915)
        self.hq = Headquarters(wall, 0xA11CE001, 8795811547231289345, lambda count: self.random[:count])
        self.kept = Credentials()
        self.steps = []
        self.ends = None
        self.case = {"name": name, "why": why, "plays": list(plays)}
        for side in (self.store, self.hq):
            self.case[self.side(side)] = {"replica": "%d.%d" % side.replica, "epoch": side.epoch}
        self.case["steps"] = self.steps

    def side(self, node):
        return "hq" if node is self.hq else "store"

    def do(self, what, **other):
        self.steps.append({"do": what, "wall": self.now} | other)

    def later(self, milliseconds=1_000):
        self.now += milliseconds

    # --- What happens at a node ---

    def commit(self, node, writes):
        self.later()
        values = lambda fields: {str(tag): shown(value) for tag, value in fields.items()}
        listed = [[key[0], key[1].hex(), values(fields)] for key, fields in sorted(writes.items())]
        self.do("commit", at=self.side(node), writes=listed)
        node.commit(writes)
        self.pump()

    def invite(self, secret=bytes(range(16))):
        self.do("invite", secret=secret.hex(), hours=168)
        self.secret = self.hq.invite(NUMBER, secret)

    def revoke(self):
        self.do("revoke")
        self.hq.revoke(NUMBER)
        self.pump()

    def join(self, random=bytes(range(0x40, 0x60))):
        self.random = random
        self.do("join", random=random.hex())
        self.connect(JoiningSession(NUMBER, self.secret, "example-store/1"))
        if self.ends is None and self.last.credential:
            self.kept.credential = self.last.credential

    def link(self, random, arrives=None, tamper=None, token=None, **hello):
        """`arrives` and `tamper`: by side and message."""
        self.later()
        self.random = random.to_bytes(8, "big")
        other = {} if token is None else {"token": token.hex()}
        if token is not None:
            hello["token"] = token
        self.do("link", random=self.random.hex(), **other)
        self.connect(StoreSession(self.store, self.kept, "example-store/1"), arrives or {}, tamper or {}, **hello)

    def joined(self):
        """A store that has its credential; the frames of that are in the first case."""
        self.invite()
        self.join()

    def connect(self, session, arrives=(), tamper=(), **hello):
        self.last = session
        self.ends = {"store": session, "hq": HQSession(self.hq, "example-hq/1")}
        self.arrives, self.tamper = dict(arrives), dict(tamper)
        self.readers = {side: FrameReader() for side in self.ends}
        self.ends["hq"].open()
        session.open(**hello)
        self.pump()

    # --- The line ---

    def pump(self):
        """Carries frames until neither side has any."""
        while self.ends is not None:
            sides = list(self.ends.items())
            for _, session in sides:
                session.push()
            waiting = [(side, session) for side, session in sides if session.out]
            if not waiting:
                if any(session.end for _, session in sides):
                    self.hang_up()
                return
            for side, session in waiting:
                if self.ends is not None and session.out:
                    self.carry(side, session.out.pop(0))

    def carry(self, side, message):
        message = self.tamper.get((side, message.name), lambda m: m)(message)
        data = frame(messages.encode(message))
        step = {"from": side, "message": message.name, "frame": data.hex()}
        other = "hq" if side == "store" else "store"
        arrives = self.arrives.pop((side, message.name), None)
        if arrives is not None:
            step["arrives"] = arrives
        self.steps.append(step)
        session, reader = self.ends[other], self.readers[other]
        reader.feed(data[:arrives])
        while (payload := reader.next()) is not None:
            session.take(messages.decode(payload))
        if arrives is not None:
            self.cut()

    def cut(self):
        self.do("cut")
        self.hang_up()

    def hang_up(self):
        for session in self.ends.values():
            session.lost()
        self.hq.links.pop(NUMBER, None)
        self.ends = None

    # --- What must hold then ---

    def expect(self, node, records, parked=(), stubs=(), cursors=None):
        """`records`: the keys that the node holds, each with what it shows; written by hand."""
        latest = lambda state: {tag: merge.shown(content, "latest") for tag, content in state.fields.items()}
        found = {key: latest(state) for key, state in node.records.items()}
        assert found == records, f"{self.case['name']}: {self.side(node)} holds {found}, expected {records}"
        assert [code for _, code, _ in node.parked] == list(parked), node.parked
        assert list(node.stubs) == list(stubs), node.stubs
        peer = node.peer(NUMBER if node is self.hq else 0)
        assert cursors is None or peer.cursors == cursors, f"{self.case['name']}: {peer.cursors}"
        self.steps.append({
            "state": self.side(node),
            "records": [named(key) | {"state": written(node.records[key])} for key in sorted(node.records)],
            "stubs": [named(key) | {"vector": vector(v)} for key, v in sorted(node.stubs.items())],
            "cursors": list(peer.cursors),
            "parked": [code for _, code, _ in node.parked],
        })


# --- The notation of the vectors ---


def shown(value):
    return {"bytes": value.hex()} if isinstance(value, bytes) else value


def named(key):
    return {"entity": key[0], "id": key[1].hex()}


def replica(who):
    return "%d.%d" % who


def stamp(at):
    return "%d@%d.%d" % at


def vector(found):
    return {replica(who): found[who] for who in sorted(found)}


def written(state):
    def siblings(found):
        return {stamp(at): shown(found[at]) for at in sorted(found)}

    def content(kind, found):
        if kind == merge.REGISTER:
            return {"register": siblings(found)}
        if kind == merge.SET:
            stamps = lambda key: [stamp(at) for at in sorted(found[key])]
            return {"set": [[shown(merge.value_of(key)), stamps(key)] for key in sorted(found)]}
        if kind == merge.COUNTER:
            return {"counter": {replica(who): list(found[who]) for who in sorted(found)}}
        return {"map": {key: siblings(found[key]) for key in sorted(found, key=str.encode)}}

    return {
        "vector": vector(state.vector),
        "fields": {str(tag): content(*state.fields[tag]) for tag in sorted(state.fields)},
        "marks": {stamp(at): vector(state.marks[at]) for at in sorted(state.marks)},
    }


# --- The plays ---

PRODUCTS = {
    (PRODUCT, b"espresso"): {1: "Espresso 250 g", 5: "each"},
    (PRODUCT, b"tea"): {1: "Tea", 5: "each"},
}
HERE = {(LISTING, SHOP + b"espresso"): {1: NUMBER, 2: "espresso", 3: 290}}
ELSEWHERE = {(LISTING, bytes((0, 0, 0, 4)) + b"espresso"): {1: 4, 2: "espresso", 3: 300}}
ANA = {(MEMBER, b"100"): {1: "Ana", 2: "+4930123450"}}
BASKET = {
    (ORDER, SALE): {
        1: NUMBER, 2: "1001", 3: "sale", 6: START, 7: 20260302, 8: "EUR", 9: 1, 10: 580, 11: 0, 12: 0, 13: 0,
    },
    (ORDER_LINE, SALE + b"\0\0\0\1"): {1: SALE, 2: 1, 3: NUMBER, 4: "espresso", 5: 2, 6: 580, 7: 0, 8: 0, 9: 0},
    (PAYMENT, SALE + b"\0\0\0\1"): {1: SALE, 2: 1, 3: NUMBER, 4: "card", 5: 580, 6: "EUR"},
    (MOVEMENT, SALE + b"\0\0\0\1"): {
        1: SALE, 2: 1, 3: NUMBER, 4: "shelf", 5: "espresso", 6: -2, 7: "sale", 8: START,
    },
}


def task(store=NUMBER, title="Count the milk", id=ERRAND):
    return {(TASK, id): {1: title, 2: store, 3: "open"}}


def joining():
    play = Play("join and first load", "A new store turns its secret into a credential, and gets all that is in its scope.")
    play.commit(play.hq, PRODUCTS)
    play.commit(play.hq, HERE)
    play.commit(play.hq, ELSEWHERE)
    play.commit(play.hq, ANA)
    play.joined()
    play.link(1)
    play.expect(play.store, PRODUCTS | HERE | ANA, cursors=[3, 4, 0])
    play.expect(play.hq, PRODUCTS | HERE | ELSEWHERE | ANA, cursors=[0, 0, 0])
    play.cut()
    return play


def pushing():
    play = Play("push", "A basket is one group in the normal lane, a price one in the urgent; both are there at once.")
    play.joined()
    play.link(1)
    price = {(LISTING, SHOP + b"tea"): {1: NUMBER, 2: "tea", 4: 1}}
    play.commit(play.store, BASKET)
    play.commit(play.store, price)
    play.expect(play.hq, BASKET | price, cursors=[2, 1, 0])
    play.expect(play.store, BASKET | price)
    play.cut()
    play.link(2)
    play.expect(play.hq, BASKET | price, cursors=[2, 1, 0])
    play.cut()
    return play


def cutting():
    play = Play(
        "cut and resume",
        "Half a batch counts for nothing; a whole one whose acknowledgement is lost is not sent again.")
    play.joined()
    play.commit(play.store, BASKET)
    play.link(1, arrives={("store", "batch"): 60})
    play.expect(play.hq, {}, cursors=[0, 0, 0])
    play.link(2, arrives={("hq", "acknowledgement"): 0})
    play.expect(play.hq, BASKET, cursors=[0, 1, 0])
    play.commit(play.store, task())
    play.link(3)
    play.expect(play.hq, BASKET | task(), cursors=[0, 2, 0])
    play.cut()
    return play


def resending():
    play = Play("resend", "A store that starts its log anew sends what HQ has: it counts once.", plays=["hq"])
    play.joined()
    play.commit(play.store, BASKET)
    play.link(1)
    play.expect(play.hq, BASKET, cursors=[0, 1, 0])
    play.cut()
    play.store.epoch += 1
    play.link(2)
    play.expect(play.hq, BASKET, cursors=[0, 1, 0])
    play.cut()
    return play


def parking():
    play = Play(
        "parked",
        "A group that does not fit the model is parked, a later one on its record behind it; the rest comes in.",
        plays=["store"])
    play.joined()
    good = {(MEMBER, b"102"): {1: "Dee"}}
    play.commit(play.hq, {(MEMBER, b"100"): {1: "Ana", 8: 20260231}})
    play.commit(play.hq, {(MEMBER, b"100"): {1: "Ana B."}, (MEMBER, b"101"): {1: "Cem"}})
    play.commit(play.hq, good)
    play.link(1)
    play.expect(play.store, good, parked=["invalid-value", "behind-parked"], cursors=[0, 3, 0])
    play.cut()
    return play


def refusing():
    play = Play(
        "refused", "A store says what only HQ may say: those groups are refused whole, the rest comes in.", plays=["hq"])
    play.commit(play.hq, PRODUCTS)
    play.joined()
    play.link(1)
    play.cut()
    play.commit(play.store, {(PRODUCT, b"tea"): {2: "Mine"}, **task(title="Not taken either", id=SALE)})
    play.commit(play.store, task())
    forged = (play.now << 16, *play.hq.replica)
    state = merge.write(merge.State(), forged, {1: "Forged", 5: "each"})
    group = Group(forged, [((PRODUCT, b"gold"), state)])
    play.store.log.append(Entry(play.store.head + 1, 1, group))
    elsewhere = Group((play.now << 16 | 9, *play.store.replica))
    elsewhere.records.append((
        (LISTING, bytes((0, 0, 0, 4)) + b"tea"),
        merge.write(merge.State(), elsewhere.stamp, {1: 4, 2: "tea", 3: 1})))
    play.store.log.append(Entry(play.store.head + 1, 1, elsewhere))
    play.link(2)
    expected = [(0, 2, "not-allowed"), (2, 2, "forged"), (3, 2, "out-of-scope")]
    assert [item[1:4] for item in play.last.outcomes] == expected, play.last.outcomes
    play.expect(play.hq, PRODUCTS | task(), cursors=[0, 5, 0])
    play.cut()
    return play


def evicting():
    play = Play("eviction", "A task that the store makes for another one leaves it, and the store keeps a stub.")
    play.joined()
    play.link(1)
    play.commit(play.store, task(store=4))
    play.expect(play.hq, task(store=4), cursors=[0, 1, 0])
    play.expect(play.store, {}, stubs=[(TASK, ERRAND)], cursors=[0, 1, 0])
    play.cut()
    return play


def merging():
    play = Play("concurrent edits", "Both sides edit a member without having heard of each other, and then hold the same.")
    play.commit(play.hq, ANA)
    play.joined()
    play.link(1)
    play.cut()
    play.commit(play.hq, {(MEMBER, b"100"): {2: "+4930999999"}})
    play.commit(play.store, {(MEMBER, b"100"): {1: "Ana B."}})
    play.link(2)
    both = {(MEMBER, b"100"): {1: "Ana B.", 2: "+4930999999"}}
    play.expect(play.store, both)
    play.expect(play.hq, both)
    assert play.store.records == play.hq.records
    play.cut()
    return play


def versions():
    play = Play("a store of another version", "There is no common version: nothing else is looked at.", plays=["hq"])
    play.joined()
    play.link(1, oldestVersion=2, newestVersion=3)
    assert play.last.refusal[0] == "upgrade-needed", play.last.refusal
    yield play
    play = Play("an HQ of another version", "Welcome names a version that was not offered.", plays=["store"])
    play.joined()
    play.link(1, tamper={("hq", "welcome"): lambda message: Message("welcome", message.fields | {"version": 2})})
    yield play


def keeping_out():
    play = Play("revoked", "At once on the open link, and at every greeting.")
    play.joined()
    play.link(1)
    play.revoke()
    assert play.last.refusal[0] == "revoked", play.last.refusal
    play.commit(play.store, BASKET)
    play.link(2)
    assert play.last.refusal[0] == "revoked", play.last.refusal
    play.expect(play.store, BASKET)
    play.expect(play.hq, {}, cursors=[0, 0, 0])
    yield play
    play = Play("a used join code", "Once the store has come in, its secret buys nothing more.")
    play.joined()
    play.link(1)
    play.cut()
    play.join(bytes(range(0x60, 0x80)))
    yield play
    play = Play("a wrong credential", "It is told nothing but that.", plays=["hq"])
    play.joined()
    play.link(1, credential=bytes(32))
    assert play.last.refusal[0] == "wrong-credential", play.last.refusal
    yield play


def fencing():
    play = Play("fenced", "A copy of the database comes with an earlier session's token: nothing of it is taken.")
    play.joined()
    play.link(1)
    old = play.kept.token
    play.cut()
    play.link(2)
    play.cut()
    play.commit(play.store, BASKET)
    play.link(3, token=old)
    assert play.last.refusal[0] == "fenced", play.last.refusal
    play.expect(play.hq, {}, cursors=[0, 0, 0])
    yield play
    play = Play("a lost welcome", "The token that was lost with it does not fence the store: HQ has no proof that it came.")
    play.joined()
    play.link(1)
    play.cut()
    play.link(2, arrives={("hq", "welcome"): 20})
    play.commit(play.store, BASKET)
    play.link(3)
    play.expect(play.hq, BASKET, cursors=[0, 1, 0])
    play.cut()
    yield play


def all_cases():
    for play in (joining, pushing, cutting, resending, parking, refusing, evicting, merging):
        yield play().case
    for plays in (versions, keeping_out, fencing):
        yield from (play.case for play in plays())


def spec_frames(text, cases):
    """SPEC.md with its blocks of frames (```frames NAME: FIRST-LAST) as the cases have them."""
    by_name = {case["name"]: [step for step in case["steps"] if "frame" in step] for case in cases}

    def block(match):
        name, first, last = match[1], int(match[2]), int(match[3])
        lines = []
        for step in by_name[name][first - 1 : last]:
            sender, receiver = ("store", "HQ") if step["from"] == "store" else ("HQ", "store")
            words = step["frame"]
            cut = "" if "arrives" not in step else f", of which {step['arrives']} of {len(words) // 2} bytes arrive"
            lines.append(f"{sender} → {receiver}: {step['message']}{cut}")
            words = [words[at : at + 8] for at in range(0, len(words), 8)]
            lines += ["  " + " ".join(words[at : at + 10]) for at in range(0, len(words), 10)]
        return "```frames %s: %d-%d\n%s\n```" % (name, first, last, "\n".join(lines))

    return re.sub(r"```frames (.+?): (\d+)-(\d+)\n.*?```", block, text, flags=re.S)


def main():
    found = list(all_cases())
    if sys.argv[1:] == ["--write"]:
        SPEC.write_text(spec_frames(SPEC.read_text(), found))
        lines = []
        for case in found:
            head = json.dumps({key: value for key, value in case.items() if key != "steps"}, ensure_ascii=False)[:-1]
            steps = ",\n".join("      " + json.dumps(step, ensure_ascii=False) for step in case["steps"])
            lines.append("    %s, \"steps\": [\n%s\n    ]}" % (head, steps))
        PATH.write_text('{\n  "about": %s,\n  "cases": [\n%s\n  ]\n}\n' % (json.dumps(ABOUT), ",\n".join(lines)))
        return
    expected = json.loads(PATH.read_text())["cases"]
    assert [case["name"] for case in found] == [case["name"] for case in expected]
    for case, other in zip(found, expected):
        for number, (step, noted) in enumerate(zip(case["steps"], other["steps"], strict=True)):
            if step != noted:
                sys.exit(f"{case['name']}, step {number}: found {step}\nexpected {noted}")
        assert case == other, case["name"]
    if spec_frames(SPEC.read_text(), expected) != SPEC.read_text():
        sys.exit("SPEC.md shows other frames than transcripts.json; transcripts.py --write mends that")
    frames = sum("frame" in step for case in found for step in case["steps"])
    print(f"transcripts: {len(found)} exchanges of {frames} frames hold")


if __name__ == "__main__":
    main()
