#!/usr/bin/env python3
"""The HQ of hq.py against a real store node: it enrols it, sends it products, takes its sales, and breaks the line.

    hqtest.py FOLDER      the folder has store-node and syncctl
"""

import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import merge
import messages
import model
from endtoend import Programs, expect, total, until
from frames import frame
from hq import Headquarters, Server
from messages import PARKED, Message

STORE, PRODUCT, LISTING, MEMBER, ORDER, ORDER_LINE = 1, 2, 3, 4, 10, 11
SHOP = 1
WELCOME = bytes.fromhex("000000168202a700010182000702050320048300000005010660")
LINE = {"product": "espresso", "quantity": 2, "salesCents": 580}
LINE |= {"retailDiscountCents": 0, "couponDiscountCents": 0, "couponMatchDiscountCents": 0}


class Shop:
    """A store node of the project's own, and its command line."""

    def __init__(self, programs, server):
        self.programs, self.server = programs, server
        self.programs.run("store-node", "join", "--data", "shop", "-", input=server.join_code(SHOP))
        self.receipts = 0
        self.start()

    def start(self):
        log = self.programs.stack.enter_context(open(self.programs.folder / "shop.log", "a"))
        self.process = self.programs.start(["store-node", "run", "--data", "shop"], log)
        expect("ready\n" in iter(self.process.stdout.readline, ""), True, "the store node is ready")

    def sell(self, count=1):
        baskets = []
        for _ in range(count):
            self.receipts += 1
            basket = {"receipt": str(1000 + self.receipts), "soldAt": "2026-03-02T09:15:00Z", "lines": [LINE]}
            baskets.append(json.dumps(basket | {"payment": {"method": "card", "amountCents": 580}}))
        arguments = ["import", "-", "--format", "jsonl", "--entity", "sale", "--data", "shop"]
        self.programs.run("syncctl", *arguments, input="\n".join(baskets) + "\n")

    def has(self, entity, id, text):
        return text in self.programs.explain(entity, id, "shop")

    def problem(self, word):
        done = subprocess.run(
            [self.programs.folder_of_programs / "syncctl", "status", "--data", "shop", "--json"],
            cwd=self.programs.folder, capture_output=True, text=True,
        )
        return word in done.stdout


def orders(hq):
    return {
        state.fields[2][1][max(state.fields[2][1])]
        for (entity, _), state in list(hq.records.items()) if entity == ORDER
    }


def orders_of(shop):
    return {str(1000 + number) for number in range(1, shop.receipts + 1)}


def selling(server, shop):
    """Products go to the store, whole baskets come from it, once."""
    hq = server.hq
    until(lambda: shop.has("product", "espresso", "Espresso 250 g"), "the product has come to the store")
    until(lambda: shop.has("listing", "1/espresso", "290"), "its listing too")
    expect(shop.has("listing", "2/espresso", "300"), False, "another store's listing has not")
    shop.sell(3)
    until(lambda: orders(hq) == orders_of(shop), "the sales have come to HQ")
    lines = [key for key in hq.records if key[0] == ORDER_LINE]
    expect(len(lines), shop.receipts, "each with its line")
    expect(hq.enrolments[SHOP].token_is_confirmed, True, "the store has shown that it has its token")
    server.commit({(PRODUCT, b"tea"): {1: "Tea", 5: "each"}})
    until(lambda: shop.has("product", "tea", "Tea"), "what HQ commits while linked goes at once")


def cutting(server, shop):
    """HQ has a batch durably, and the line breaks before the store hears so: it is not sent again."""
    hq = server.hq
    server.cut.add(SHOP)
    before = hq.head
    shop.sell(2)
    until(lambda: not server.cut, "the line has broken after a batch")
    until(lambda: SHOP in hq.links and orders(hq) == orders_of(shop), "the store is back, and all is there")
    expect(len([key for key in hq.records if key[0] == ORDER]), shop.receipts, "every sale once")
    expect(hq.head - before, 2, "nothing was taken twice")
    shop.process.kill()  # without a word, as the power fails
    shop.process.wait()
    until(lambda: SHOP not in hq.links, "HQ notices that the store has gone")
    shop.start()
    until(lambda: SHOP in hq.links, "the store is back with its token")
    shop.sell()
    until(lambda: orders(hq) == orders_of(shop), "and goes on")


def breaking(server, shop):
    """The line breaks in the middle of a batch: the store takes nothing of it, and all of it later."""
    server.truncate.add(SHOP)
    server.commit({(PRODUCT, b"half"): {1: "Half", 5: "each"}})
    until(lambda: not server.truncate, "the line has broken in a batch")
    until(lambda: shop.has("product", "half", "Half"), "the store has the product all the same")


def merging(server, shop):
    """Both sides edit a member without having heard of each other."""
    hq, key = server.hq, (MEMBER, b"100")
    server.commit({key: {1: "Zoë Meyer", 2: "+4930123450"}})
    until(lambda: shop.has("member", "100", "Zoë Meyer"), "the member has come to the store")
    shop.process.terminate()
    shop.process.wait()
    edit = "id,name,phone\n100,Zoë M.-Schmidt,+4930123450\n"
    shop.programs.run("syncctl", "import", "-", "--entity", "member", "--data", "shop", input=edit)
    server.commit({key: {2: "+4930999999"}})
    shop.start()
    shown = lambda tag: merge.shown(hq.records[key].fields[tag], "latest")
    until(lambda: shown(1) == "Zoë M.-Schmidt", "the store's edit has come")
    expect(shown(2), "+4930999999", "and HQ's stands")
    until(lambda: shop.has("member", "100", "+4930999999"), "the store has HQ's edit")


def parking(server, shop):
    """A group that the store cannot apply is parked there, and holds up nothing."""
    server.commit({(MEMBER, b"200"): {1: "Ana", 8: 20260231}})
    server.commit({(MEMBER, b"200"): {1: "Ana B."}, (MEMBER, b"201"): {1: "Cem"}})
    server.commit({(MEMBER, b"202"): {1: "Dee"}})
    until(lambda: shop.has("member", "202", "Dee"), "what comes behind a parked group")
    expect(shop.has("member", "201", "Cem"), False, "a later group on its record waits, whole")
    with server.lock:
        outcomes = [(outcome, code) for _, _, outcome, code, _ in server.hq.links[SHOP].outcomes]
    expect(outcomes, [(PARKED, "invalid-value"), (PARKED, "behind-parked")], "the store says which, and why")


def wrong_frames(server, shop):
    """Frames that HQ may not send: the store refuses each with its code, comes again, and has lost nothing."""
    empty = {"lane": 1, "after": 0, "through": 1, "incompleteUntil": 0}
    empty |= {"codec": 0, "groups": 0, "contentsBytes": 0, "payload": b""}
    cases = {
        "a frame of no bytes": (lambda data: b"\0\0\0\0", "protocol-error"),
        "a frame that is too long": (lambda data: b"\xff\xff\xff\xff" + data, "protocol-error"),
        "a message of no known number": (lambda data: frame(b"\x82\x18\x63\xa0"), "protocol-error"),
        "an acknowledgement of nothing": (lambda data: frame(b"\x82\x05\xa2\x00\x01\x01\x19\xff\xff"), "protocol-error"),
        "a batch that begins elsewhere": (
            lambda data: frame(messages.encode(Message("batch", empty | {"after": 99_999, "through": 100_000}))),
            "wrong-cursor",
        ),
        "a batch twice": (lambda data: data + data, "wrong-cursor"),
        "a second welcome": (lambda data: WELCOME + data, "protocol-error"),
    }
    for number, (name, (change, code)) in enumerate(cases.items()):
        done = []

        def tamper(session, message, data):
            if message.name == "batch" and not done:
                done.append(session)
                return change(data)
            return data

        until(lambda: SHOP in server.hq.links, "the store is linked")
        server.tamper = tamper
        product = b"wrong-%d" % number
        server.commit({(PRODUCT, product): {1: name, 5: "each"}})
        until(lambda: done and done[0].end is not None, f"{name}: the link has ended")
        expect(done[0].refusal and done[0].refusal[0], code, f"the store refuses {name}")
        server.tamper = None
        until(lambda: shop.has("product", product.decode(), name), f"{name}: the store has come again")


def main():
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        programs = Programs(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(folder), stack)
        hq = Headquarters()
        server = Server(hq, pathlib.Path(folder))
        stack.callback(server.close)
        server.commit({(STORE, (SHOP).to_bytes(4, "big")): {1: "Shop", 2: "1", 3: "Europe/Berlin", 4: "EUR"}})
        server.commit({(PRODUCT, b"espresso"): {1: "Espresso 250 g", 5: "each"}})
        many = {(PRODUCT, b"p%d" % number): {1: f"Product {number}", 5: "each"} for number in range(300)}
        server.commit(many)
        for number, price in ((1, 290), (2, 300)):
            listing = {1: number, 2: "espresso", 3: price, 4: 1}
            server.commit({(LISTING, number.to_bytes(4, "big") + b"espresso"): listing})
        shop = Shop(programs, server)
        for part in (selling, cutting, breaking, merging, parking, wrong_frames):
            part(server, shop)
        with server.lock:
            hq.revoke(SHOP)
        until(lambda: shop.problem("revoked"), "a revoked store says so")
    print(f"hqtest: {total()} checks hold")


if __name__ == "__main__":
    main()
