#!/usr/bin/env python3
"""The client against a real HQ, and a real store that sees what the client wrote.

    endtoend.py FOLDER      the folder has hq-node, store-node and syncctl

Everything happens in a folder of its own, on a port that the system gives.
"""

import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import cbor
import contents
import joincode
import merge
import messages
from frames import frame
from messages import PARKED, REFUSED, Message
from node import BULK, NORMAL, Entry, Store
from session import Refused
from storesync_client import Enrolment, Link
from tls import WrongKey

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"
PRODUCT, LISTING, MEMBER, TASK = 2, 3, 4, 14
NAME, DEPARTMENT, PHONE, TITLE, TASK_STORE, STATUS = 1, 2, 2, 1, 2, 3
WAIT_SECONDS = 10
passed = 0


def expect(found, expected, what):
    global passed
    if found != expected:
        sys.exit(f"{what}: found {found!r}, expected {expected!r}")
    passed += 1


def total():
    return passed


class Programs:
    """The project's programs, in a folder of the test's own."""

    def __init__(self, programs, folder, stack):
        self.folder_of_programs, self.folder, self.stack = programs, folder, stack

    def start(self, command, log):
        command = [self.folder_of_programs / command[0], *command[1:]]
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=log, text=True)
        self.stack.callback(self.stop, process)
        return process

    @staticmethod
    def stop(process):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def run(self, program, *arguments, input=None):
        command = [self.folder_of_programs / program, *arguments]
        done = subprocess.run(command, cwd=self.folder, input=input, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"found {done.returncode} of {program} {' '.join(arguments)}: {done.stderr}{done.stdout}")
        return done.stdout

    def logs(self):
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def explain(self, entity, id, data="hq"):
        done = subprocess.run(
            [self.folder_of_programs / "syncctl", "explain", entity, id, "--data", data, "--json"],
            cwd=self.folder, capture_output=True, text=True,
        )
        return done.stdout


class Chain(Programs):
    """HQ, running, and its command line."""

    def __init__(self, programs, folder, stack):
        super().__init__(programs, folder, stack)
        self.run("hq-node", "init", "--data", "hq", "--advertise", "127.0.0.1:1", "--name", "HQ")
        log = stack.enter_context(open(folder / "hq.log", "w"))
        process = self.start(["hq-node", "run", "--data", "hq", "--listen", "127.0.0.1:0"], log)
        self.hq, self.address = process, None
        for line in process.stdout:
            if line.startswith("listening "):
                self.address = line.split()[1]
            if line.strip() == "ready":
                break
        expect(self.address is not None, True, "HQ listens")

    def add_store(self, number):
        other = ["--name", f"Store {number}", "--time-zone", "Europe/Berlin", "--currency", "EUR"]
        return self.run("syncctl", "store", "add", str(number), "--data", "hq", *other).strip()

    def import_rows(self, entity, *lines):
        text = "\n".join(lines) + "\n"
        self.run("syncctl", "import", "-", "--data", "hq", "--entity", entity, input=text)

    def endpoints(self):
        return json.loads(self.run("syncctl", "endpoints", "--data", "hq", "--json"))


def until(condition, what, logs=lambda: ""):
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not in {WAIT_SECONDS} s\n{logs()}")
        time.sleep(0.05)
    expect(True, True, what)


def pull_and_push(chain, enrolment):
    """What HQ has comes, a task and an edit go, and both sides merge a concurrent edit."""
    member, task = (MEMBER, b"100"), (TASK, uuid.UUID("019ca8ad-fa20-7a01-8000-000000000a01").bytes)
    store = Store(enrolment.code.node)
    with Link(store, enrolment, chain.address) as link:
        link.hello()
        link.sync()
        expect(store.shown((PRODUCT, b"espresso"), NAME), "Espresso 250 g", "the product has come")
        expect((LISTING, b"\0\0\0\1espresso") in store.records, True, "its listing has come")
        expect((LISTING, b"\0\0\0\2espresso") in store.records, False, "another store's listing has not")
        expect(len([key for key in store.records if key[0] == PRODUCT]), 301, "all products have come, compressed")
        expect(store.shown(member, NAME), "Zoë Meyer", "the member has come")

        # HQ edits the phone number while the store, which has not heard of that, edits the name.
        chain.import_rows("member", "id,name,phone,homeStore", "100,Zoë Meyer,+4930999999,1")
        milk = {TITLE: "Count the milk", TASK_STORE: 1, STATUS: "open"}
        store.commit({member: {NAME: "Zoë M.-Schmidt"}, task: milk})
        committed = store.head
        link.sync()
        expect(link.outcomes, [], "HQ has taken the group")
        until(lambda: step_until(link, lambda: store.shown(member, PHONE) == "+4930999999"), "HQ's edit has come")
        expect(store.shown(member, NAME), "Zoë M.-Schmidt", "and the store's own stands")
    found = chain.explain("member", "100")
    expect("Zoë M.-Schmidt" in found and "+4930999999" in found, True, "HQ shows both edits")
    expect("Count the milk" in chain.explain("task", str(uuid.UUID(bytes=task[1]))), True, "HQ has the task")

    with Link(store, enrolment, chain.address) as link:
        welcome = link.hello()
        expect(welcome.cursors[NORMAL] >= committed, True, "HQ knows where it has this log")
        expect(welcome.epoch, store.peer_epoch, "HQ's log is the same")
        link.send(Message("ping", {"number": 2**64 - 1}))
        while not link.pongs:
            link.step(WAIT_SECONDS)
        expect(link.pongs, [2**64 - 1], "HQ answers a ping")
        with Link(store, enrolment, chain.address) as newer:
            newer.hello()
            expect(refusal_of(link), "already-connected", "a newer link ends the older one")
            newer.sync()

    anew = Store(enrolment.code.node)
    with Link(anew, enrolment, chain.address) as link:
        link.hello()
        link.sync()
        expect(task in anew.records and member in anew.records, True, "a new database gets back what it once sent")


def step_until(link, condition):
    if not condition():
        link.step(0.2)
    return condition()


def refusal_of(link):
    """The code with which HQ ends the link. What else still comes on it is left: a newer link may have it by now."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        message = link.receive(1)
        if message is not None and message.name == "refusal":
            link.close()
            return message.code
    return "nothing"


def odd_groups(chain, enrolment):
    """Groups that HQ parks or refuses, each by itself."""
    store = Store(enrolment.code.node)
    with Link(store, enrolment, chain.address) as link:
        link.hello()
        link.sync()
        task = (TASK, uuid.uuid4().bytes)
        good = store.commit({task: {TITLE: "Good", TASK_STORE: 1}})
        store.log.pop()

        def push(value, count, codec=0):
            sequence = len(store.log) + 1
            store.log.append(Entry(sequence, BULK, None))
            link.session.send_batch(BULK, sequence, cbor.encode(value), count, codec)
            link.outcomes.clear()
            link.sync()
            return [(index, outcome, code) for _, index, outcome, code, _ in link.outcomes]

        replicas, [group] = cbor.decode(contents.encode([good]))
        stamp, [record] = group
        bad = [stamp, [[TASK, uuid.uuid4().bytes, {TITLE: 5, TASK_STORE: 1}]]]
        odd_id = [stamp, [[TASK, b"short", {TITLE: "x", TASK_STORE: 1}]]]
        found = push([replicas, [bad, [stamp, [], [], []], group, odd_id]], 4, codec=1)
        expected = [(0, PARKED, "invalid-value"), (1, PARKED, "undecodable"), (3, PARKED, "invalid-id")]
        expect(found, expected, "each odd group gets its code, in a zstd frame")
        again = [stamp, [[TASK, bad[1][0][1], {TITLE: "Late", TASK_STORE: 1}]]]
        expect(push([replicas, [again]], 1), [(0, PARKED, "behind-parked")], "a later group on a parked record waits")
        evicting = [stamp, [], [[TASK, task[1], [0, stamp[0]]]]]
        expect(push([replicas, [evicting]], 1), [(0, REFUSED, "not-allowed")], "a store evicts nothing")
        forged = [[5, 0], [[PRODUCT, b"espresso", {NAME: "Forged"}]]]
        expect(push([[0, 1], [forged]], 1), [(0, REFUSED, "forged")], "a store does not speak for HQ")
        priced = [stamp, [[PRODUCT, b"espresso", {DEPARTMENT: "Mine"}]]]
        expect(push([replicas, [priced]], 1), [(0, REFUSED, "not-allowed")], "a store does not sort products")


def eviction(chain, enrolment):
    """A task that this store makes for another one is taken, and this store lets go of it."""
    store = Store(enrolment.code.node)
    with Link(store, enrolment, chain.address) as link:
        link.hello()
        link.sync()
        task = (TASK, uuid.uuid4().bytes)
        store.commit({task: {TITLE: "For store 2", TASK_STORE: 2}})
        link.sync()
        expect(link.outcomes, [], "HQ has taken the task for another store")
        until(lambda: step_until(link, lambda: task in store.stubs), "the eviction has come")
        expect(task in store.records, False, "the store holds the task no more")
    expect("For store 2" in chain.explain("task", str(uuid.UUID(bytes=task[1]))), True, "HQ holds it")


def refusals(chain, enrolment):
    """Every case of malformed.json, and credentials that are none."""
    for case in json.loads((VECTORS / "malformed.json").read_text())["cases"]:
        link = Link(Store(enrolment.code.node), enrolment, chain.address)
        if case["state"] == "linked":
            link.hello()
        link.socket.sendall(bytes.fromhex(case["bytes"]))
        expect(refusal_of(link), case["error"], f"malformed: {case['name']}")
    for fields, expected in [({"credential": bytes(16)}, "wrong-credential"), ({"cursors": [0, 0, 1]}, None)]:
        with Link(Store(enrolment.code.node), enrolment, chain.address) as link:
            try:
                link.hello(**fields)
                found = None
            except Refused as refused:
                found = refused.code
            expect(found, expected, f"hello with {list(fields)}")
    code = enrolment.code
    other = joincode.JoinCode(code.node, bytes(32), code.secret, code.endpoints)
    try:
        Link(Store(code.node), Enrolment(other), chain.address)
        found = "a link"
    except WrongKey:
        found = "refused"
    expect(found, "refused", "another key than the pinned one")


def broken_lines(chain, enrolment):
    """A batch that is cut, one that comes twice, and one that comes too early."""
    store = Store(enrolment.code.node)
    task = lambda: {(TASK, uuid.uuid4().bytes): {TITLE: "Once", TASK_STORE: enrolment.code.node}}
    in_log = lambda welcome: welcome.cursors[NORMAL]
    with Link(store, enrolment, chain.address) as link:
        link.hello()
        link.sync()
        before = store.head
        store.commit(task())
        link.session.push()
        [batch] = [message for message in link.session.out if message.name == "batch"]
        whole = frame(messages.encode(batch))
        link.socket.sendall(whole[: len(whole) // 2])
        link.cut()
    with Link(store, enrolment, chain.address) as link:
        expect(in_log(link.hello()) <= before, True, "HQ has taken nothing of half a batch")
        link.sync()
        expect(link.outcomes, [], "and takes it whole")
    with Link(store, enrolment, chain.address) as link:
        expect(in_log(link.hello()), store.head, "HQ has it")
        store.commit(task())
        link.session.push()
        [batch] = [message for message in link.session.out if message.name == "batch"]
        link.send(batch)
        expect(refusal_of(link), "wrong-cursor", "a batch that comes twice")
    with Link(store, enrolment, chain.address) as link:
        expect(in_log(link.hello()), store.head, "it counts once")
        store.commit(task())
        store.commit(task())
        link.session.read[NORMAL] = link.session.reached[NORMAL] = store.head - 1
        link.session.push()
        link.flush()
        expect(refusal_of(link), "wrong-cursor", "a batch that leaves one out")
    with Link(store, enrolment, chain.address) as link:
        expect(in_log(link.hello()), store.head - 2, "nothing of it counts")
        link.sync()
        expect(link.outcomes, [], "both come in order")


def joining(chain, enrolment):
    """A join code is good once, and a store that comes with an old session's token is turned away."""
    try:
        Enrolment(enrolment.code).join(chain.address)
        found = "a credential"
    except Refused as refused:
        found = refused.code
    expect(found, "join-code-used", "a join code that was used")
    copy = Enrolment(enrolment.code)
    copy.credential, copy.token = enrolment.credential, enrolment.token
    with Link(Store(enrolment.code.node), enrolment, chain.address) as link:
        link.hello()
        link.sync()
    try:
        with Link(Store(enrolment.code.node), copy, chain.address) as link:
            link.hello()
        found = "a link"
    except Refused as refused:
        found = refused.code
    expect(found, "fenced", "a copy with the token of an earlier session")


def addresses(chain, enrolment):
    """HQ tells its addresses at the welcome and whenever they change, and knows who has them."""
    with Link(Store(enrolment.code.node), enrolment, chain.address) as link:
        link.hello()
        link.sync()
        expect(enrolment.endpoints, enrolment.code.endpoints, "the addresses of the code are HQ's")
        expect(enrolment.endpoints_version > 0, True, "and have its number")
        chain.run("syncctl", "endpoints", "set", f"{chain.address},[::1]:7400", "--data", "hq")
        told = lambda: enrolment.endpoints == [chain.address, "[::1]:7400"]
        until(lambda: step_until(link, told), "HQ tells the new ones")
        store = lambda: [item for item in chain.endpoints()["stores"] if item["node"] == str(enrolment.code.node)][0]
        until(lambda: store()["hasEndpoints"], "HQ knows that the store has them")
    with Link(Store(enrolment.code.node), enrolment) as link:
        expect(link.hello().fields.get("endpoints"), None, "nothing is told twice")


def real_store_sees(chain, code_text):
    """A store of the project's own takes from HQ what the client has written."""
    chain.run("store-node", "join", "--data", "store-2", "--hq", chain.address, "-", input=code_text)
    log = chain.stack.enter_context(open(chain.folder / "store-2.log", "w"))
    process = chain.start(["store-node", "run", "--data", "store-2"], log)
    # Before it is ready, syncctl would open the database itself, and hold it while the node wants it.
    expect("ready\n" in iter(process.stdout.readline, ""), True, "the real store is ready")
    seen = lambda: "Zoë M.-Schmidt" in chain.explain("member", "100", "store-2")
    until(seen, "the real store has the client's edit", chain.logs)


def main():
    programs = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        chain = Chain(programs, pathlib.Path(folder), stack)
        texts = {number: chain.add_store(number) for number in (1, 2, 3)}
        codes = {number: joincode.decode(text) for number, text in texts.items()}
        expect(joincode.encode(codes[1]), texts[1], "the join code written again")
        more = [f"p{number},Product {number},each" for number in range(300)]
        chain.import_rows("product", "id,name,unit", "espresso,Espresso 250 g,each", *more)
        chain.import_rows("listing", "store,product,price,available", "1,espresso,290,true", "2,espresso,300,true")
        chain.import_rows("member", "id,name,phone,homeStore,tags", "100,Zoë Meyer,+4930123450,1,regular;vegan")
        joined = {number: Enrolment(codes[number]).join(chain.address) for number in (1, 3)}
        pull_and_push(chain, joined[1])
        real_store_sees(chain, texts[2])
        odd_groups(chain, joined[1])
        eviction(chain, joined[1])
        broken_lines(chain, joined[3])
        refusals(chain, joined[3])
        joining(chain, joined[1])
        addresses(chain, joined[1])
    print(f"endtoend: {passed} checks hold")


if __name__ == "__main__":
    main()
