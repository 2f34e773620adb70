#!/usr/bin/env python3
"""Checks this implementation against every test vector. Exit status 0 if all hold."""

import json
import pathlib
import sys

import cbor
import columns
import contents
import joincode
import merge
import messages
from clock import HybridClock
from frames import FrameError, FrameReader

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"
RULES = {"authority(hq)": "authority", "authority(owner)": "authority"}


# --- Notation of the vectors ---


def value(item):
    return bytes.fromhex(item["bytes"]) if isinstance(item, dict) else item


def shown_value(item):
    return {"bytes": item.hex()} if isinstance(item, bytes) else item


def item(json_value):
    """A CBOR item."""
    if isinstance(json_value, list):
        return [item(each) for each in json_value]
    if isinstance(json_value, dict):
        if "map" in json_value:
            return cbor.Map((item(k), item(v)) for k, v in json_value["map"])
        if "levels" in json_value:
            return nested(json_value["levels"])
        if "unsigned" in json_value:
            return int(json_value["unsigned"])
    return value(json_value)


def nested(levels):
    return [nested(levels - 1)] if levels > 1 else []


def replica(text):
    node, incarnation = text.split(".")
    return (int(node), int(incarnation))


def stamp(text):
    time, who = text.split("@")
    return (int(time), *replica(who))


def vector(found):
    return {replica(who): time for who, time in found.items()}


def siblings(found):
    return {stamp(at): value(each) for at, each in found.items()}


def content(found):
    [(kind, items)] = found.items()
    number = merge.KIND_NAMES.index(kind)
    if kind == "register":
        return (number, siblings(items))
    if kind == "set":
        return (number, {merge.key_of(value(v)): {stamp(at) for at in stamps} for v, stamps in items})
    if kind == "counter":
        return (number, {replica(who): tuple(share) for who, share in items.items()})
    return (number, {key: siblings(each) for key, each in items.items()})


def state(found):
    fields = {int(tag): content(each) for tag, each in found["fields"].items()}
    return merge.State(vector(found["vector"]), fields, {stamp(at): vector(v) for at, v in found["marks"].items()})


def group(found):
    if found == "undecodable":
        return found
    key = lambda each: (each["entity"], bytes.fromhex(each["id"]))
    return contents.Group(
        stamp(found["stamp"]),
        [(key(each), state(each["state"])) for each in found["records"]],
        [(key(each), vector(each["vector"])) for each in found["evictions"]],
    )


# --- One check a file. Each takes a case and raises or asserts. ---


def expect(found, expected, what=""):
    assert found == expected, f"{what} found {found!r}, expected {expected!r}"


def check_cbor(case):
    data = bytes.fromhex(case["hex"])
    if "error" in case:
        try:
            found = cbor.decode(data)
        except cbor.CBORError as error:
            return expect(error.kind, case["error"])
        raise AssertionError(f"found the value {found!r}, expected {case['error']}")
    found = cbor.decode(data)
    # The order of pairs is that of the bytes; comparing encodings tells 1 from true.
    expect(repr(found), repr(item(case["value"])))
    expect(cbor.encode(item(case["value"])).hex(), case["hex"])


def hexadecimal(found):
    """With all bytes in it as text."""
    if isinstance(found, list):
        return [hexadecimal(each) for each in found]
    return found.hex() if isinstance(found, bytes) else found


def check_messages(case):
    data = bytes.fromhex(case["payload"])
    message = messages.decode(data)
    found = {key: each for key, each in message.fields.items() if each is not None}
    found = {key: hexadecimal(each) for key, each in found.items()}
    found = {key: list(each) if isinstance(each, tuple) else each for key, each in found.items()}
    if message.name == "acknowledgement":
        found.setdefault("exceptions", [])
    expect({"type": message.name} | found, case["message"])
    if case["canonical"]:
        expect(messages.encode(message).hex(), case["payload"])


def check_malformed(case):
    reader = FrameReader()
    reader.feed(bytes.fromhex(case["bytes"]))
    try:
        payload = reader.next()
        assert payload is not None, "found a frame that is not whole"
        messages.decode(payload)
    except FrameError:
        return expect("frame", case["level"])
    except messages.ProtocolError as error:
        expect(error.code, case["error"])
        # This implementation may notice as early as in the message what belongs to the session.
        assert case["level"] in ("message", "session")
        return
    # The rest needs a link: endtoend.py sends it to HQ.
    expect("session", case["level"])


def check_contents(case):
    data = bytes.fromhex(case["contents"])
    if "error" in case:
        try:
            contents.decode(data)
        except messages.ProtocolError as error:
            return expect(error.code, case["error"])
        raise AssertionError("found no error")
    found = contents.decode(data, len(case["groups"]))
    plain = ["undecodable" if isinstance(each, contents.BadGroup) else each for each in found]
    expect(plain, [group(each) for each in case["groups"]])
    if case["canonical"]:
        expect(contents.encode(found).hex(), case["contents"])


def check_columns(case):
    data = bytes.fromhex(case["columns"])
    if "error" in case:
        try:
            columns.decode(data)
        except messages.ProtocolError as error:
            return expect(error.code, case["error"])
        raise AssertionError("found no error")
    found = columns.decode(data, len(case["groups"]))
    plain = ["undecodable" if isinstance(each, contents.BadGroup) else each for each in found]
    expect(plain, [group(each) for each in case["groups"]])
    if "undecodable" not in plain:
        # The layouts are this implementation's own.
        expect(columns.decode(columns.encode(found)), found)


def check_merge(case):
    a, b, merged = state(case["a"]), state(case["b"]), state(case["merged"])
    expect(merge.merge(a, b), merged, "a with b:")
    expect(merge.merge(b, a), merged, "b with a:")
    for other in (a, b, merged):
        expect(merge.merge(merged, other), merged, "once more:")


def check_shown(case):
    rule = case["rule"]
    authority = 0 if rule == "authority(hq)" else case.get("owner")
    found = merge.shown(content(case["content"]), RULES.get(rule, rule), case.get("words", ()), authority)
    expect(shown_value(found), case["shown"])


def check_deletion(case):
    expect(merge.is_deleted(state(case["state"]), edit_wins=False), case["deleteWins"], "deleteWins:")
    expect(merge.is_deleted(state(case["state"]), edit_wins=True), case["editWins"], "editWins:")


def check_clock(case):
    clock = HybridClock(int(case["start"]))
    for step in case["steps"]:
        if "reading" in step:
            expect(str(clock.next(step["wall"])), step["reading"])
        else:
            clock.follow(int(step["follow"]), step["wall"])
            expect(str(clock.last), step["last"])


def check_join_codes(case):
    if "error" in case:
        try:
            joincode.decode(case["text"])
        except joincode.JoinCodeError:
            return
        raise AssertionError("found no error")
    code = joincode.decode(case["text"])
    expect((code.node, code.pin.hex(), code.secret.hex()), (case["node"], case["pin"], case["secret"]))
    expect(code.endpoints, case["endpoints"])
    if case["canonical"]:
        expect(joincode.encode(code), case["text"])


def check_model(case):
    tags = [tag for tag, *_ in case["fields"]]
    expect(tags, sorted(set(tags)))


CHECKS = {
    "model.json": check_model,
    "cbor.json": check_cbor,
    "messages.json": check_messages,
    "malformed.json": check_malformed,
    "contents.json": check_contents,
    "columns.json": check_columns,
    "merge.json": check_merge,
    "shown.json": check_shown,
    "deletion.json": check_deletion,
    "clock.json": check_clock,
    "join-codes.json": check_join_codes,
}


def main():
    count = failures = 0
    files = sorted(path.name for path in VECTORS.glob("*.json"))
    # transcripts.py plays the transcripts.
    expect(files, sorted([*CHECKS, "transcripts.json"]), "the files of vectors:")
    for name in sorted(CHECKS):
        for case in json.loads((VECTORS / name).read_text())["cases"]:
            count += 1
            try:
                CHECKS[name](case)
            except Exception as error:
                failures += 1
                print(f"{name}: {case['name']}: {type(error).__name__}: {error}", file=sys.stderr)
    print(f"selftest: {count} vectors, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
