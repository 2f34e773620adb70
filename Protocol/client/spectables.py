#!/usr/bin/env python3
"""Reads the entities out of the tables of SPEC.md, and compares them with vectors/model.json.

    spectables.py            says whether they agree
    spectables.py --write    writes model.json: the page is the source
"""

import json
import pathlib
import re
import sys

PROTOCOL = pathlib.Path(__file__).resolve().parent.parent
NOTHING = "–"
ABOUT = (
    "The entities, as the tables of SPEC.md, section 3, have them (client/spectables.py reads them out of there). "
    "identity: the parts of an id; parts: the fields that they come from, where there are several. fields: [tag, name, "
    "type, rule, who may write it, whether a new record needs it]. A reference names the entity's tag; a choice and a "
    "progress rule have their words behind them."
)


def rows(text, first_cells):
    """The rows of every table whose heading begins with these cells, each with the bold words before the table."""
    title, found, inside = None, [], False
    for line in text.splitlines():
        if bold := re.match(r"\*\*(.+?)\.\*\*", line):
            title = bold[1]
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else None
        if cells is None:
            inside = False
        elif cells[: len(first_cells)] == first_cells:
            inside = True
        elif inside and set(cells[0]) != {"-"}:
            found.append((title, cells))
    return found


def listed(cell):
    return [] if cell == NOTHING else [word.strip() for word in cell.split(",")]


def entities(text):
    overview = [cells for _, cells in rows(text, ["tag", "entity", "identity"])]
    keys = {cells[0]: cells for _, cells in rows(text, ["entity", "unique keys"])}
    tags = {cells[1]: int(cells[0]) for cells in overview}
    fields = {}
    for title, cells in rows(text, ["tag", "field", "type"]):
        tag, name = title.split()
        assert tags[name] == int(tag), f"{title}: found another tag in the overview"
        fields.setdefault(name, []).append(field(cells, tags))
    for tag, name, identity, scope, owner, lane, kind, deletion in overview:
        parts = [part.split(": ") for part in listed(identity)]
        unique, balances = keys.get(name, [name, NOTHING, NOTHING])[1:]
        yield {
            "name": name,
            "why": f"Entity {tag}.",
            "tag": int(tag),
            "identity": [part[-1] for part in parts],
            "parts": [part[0] for part in parts if len(part) == 2],
            "scope": scope if scope in ("everyone", "hq") else listed(scope),
            "owner": None if owner == NOTHING else owner,
            "lane": lane,
            "immutable": kind == "immutable",
            "deletion": "editWins" if deletion == NOTHING else deletion,
            "unique": [unique_key(item) for item in unique.split(";") if item != NOTHING],
            "balances": [balance(item) for item in balances.split(";") if item != NOTHING],
            "fields": fields[name],
        }


def unique_key(item):
    name, names = item.split(":")
    return {"name": name.strip(" `"), "fields": listed(names)}


def balance(item):
    name, rest = item.split(":")
    total, by = rest.split(" by ")
    return {"name": name.strip(" `"), "sum": total.strip(), "by": listed(by)}


def field(cells, tags):
    tag, name, kind, rule, writer, needed, meaning = cells
    words = " ".join(listed(meaning)) if kind == "choice" else ""
    if kind.startswith("reference "):
        kind = f"reference {tags[kind.split()[1]]}"
    rule = f"{rule} {words}" if rule == "progress" else rule
    return [int(tag), name, f"{kind} {words}".strip(), rule, writer, needed == "yes"]


def main():
    found = list(entities((PROTOCOL / "SPEC.md").read_text()))
    path = PROTOCOL / "vectors" / "model.json"
    if sys.argv[1:] == ["--write"]:
        lines = ",\n".join("    " + json.dumps(case, ensure_ascii=False) for case in found)
        path.write_text('{\n  "about": %s,\n  "cases": [\n%s\n  ]\n}\n' % (json.dumps(ABOUT), lines))
        return
    for case, other in zip(found, json.loads(path.read_text())["cases"], strict=True):
        if case != other:
            sys.exit(f"spectables: SPEC.md has {case}\nmodel.json has {other}")
    print(f"spectables: the {len(found)} entities of SPEC.md are those of model.json")


if __name__ == "__main__":
    main()
