"""What is to happen in a replay, drawn from its seed: what each till says and when, which links are cut, who is killed,
and which edits are made on both sides of a cut link.

Pure: the same input and seed give the same plan, whatever the machine does.
"""

import collections
import dataclasses
import datetime
import json
import random

import journey

DAY = 86_400

# Chances a basket. Returns and voids are a few in a hundred in a real shop.
RESEND_CHANCE = 0.01
ALTERED_CHANCE = 0.002
RETURN_CHANCE = 0.02
VOID_CHANCE = 0.005
# Chances a node and day.
STORE_KILL_CHANCE = 0.01
HQ_KILL_CHANCE = 0.05
# Most cuts are short; some last for days.
CUT_MINUTES, LONG_CUT_MINUTES, LONG_CUT_CHANCE = 45, 2 * 24 * 60, 0.03
# A return comes within days, a void within minutes.
RETURN_SECONDS = (3_600, 10 * DAY)
VOID_SECONDS = (60, 1_800)
# A till that is not sure that a receipt arrived sends it once more.
RESEND_SECONDS = (10, 2 * DAY)
# A daemon is killed in the middle of something: after this part of what an import, or for headquarters a day, has taken
# on average so far. Beyond 1 it is over, and what it brought is being sent.
KILL_PARTS = (0.1, 1.2)
# Edits on both sides of a cut link: one for so many baskets, but never fewer than this.
BASKETS_A_SCENE, LEAST_SCENES = 400, 8


# A till says something new, the same again, or something else about the same.
SAID = ("say", "again", "otherwise")


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    time: int
    order: int  # among those of one second
    kind: str  # one of SAID, cut, mend, kill
    text: str = ""  # what the till says
    part: float = 0  # of an import, for a kill


@dataclasses.dataclass(frozen=True)
class Edit:
    node: object  # a store's number, or "hq"
    record: dict


@dataclasses.dataclass(frozen=True)
class Scene:
    """Edits that are made while the links of `stores` are cut, and the conflict that they must end in."""
    stores: tuple
    edits: tuple
    conflict: dict


@dataclasses.dataclass
class Plan:
    first_day: int  # days since 1970, UTC
    last_day: int
    events: dict  # store -> day -> events in order
    hq_kills: dict  # day -> part of the day
    scenes: dict  # day -> scenes
    members: dict  # home store -> member records
    facts: list  # what was added to the data, for replay-compare
    injected: collections.Counter


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def line_facts(line):
    names = ["product", "quantity", "salesCents", "retailDiscountCents", "couponDiscountCents",
             "couponMatchDiscountCents"]
    return dict(zip(names, line))


def paid(lines):
    return sum(line["salesCents"] - line["couponDiscountCents"] for line in lines)


def sale(basket):
    lines = [line_facts(line) for line in basket.lines]
    said = {"receipt": basket.receipt, "soldAt": moment(basket.time), "member": basket.member, "lines": lines,
            "payment": {"method": journey.payment_method(basket.receipt), "amountCents": paid(lines)}}
    if basket.redemptions:
        said["redemptions"] = [{"code": code, "campaign": campaign} for code, campaign in basket.redemptions]
    return said


def as_text(said):
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def altered(said, chance):
    """The same receipt with other contents, and the records that then contradict those of the first time."""
    said = json.loads(json.dumps(said))
    place = chance.randrange(len(said["lines"]))
    receipt, line = said["receipt"], said["lines"][place]
    match chance.choice(["discount", "payment", "quantity"]):
        case "discount":
            line["retailDiscountCents"] += 1
            return said, [("order", receipt, None), ("orderLine", receipt, place + 1)]
        case "payment":
            said["payment"]["amountCents"] += 1
            return said, [("payment", receipt, 1)]
        case _:
            line["quantity"] += 1
            return said, [("orderLine", receipt, place + 1), ("stockMovement", receipt, place + 1)]


def returned(basket, time, chance):
    """Some of what a basket held, brought back; None if there is nothing to bring back."""
    lines = []
    for line in basket.lines:
        quantity = line[1]
        if quantity <= 0 or chance.random() < 0.5:
            continue
        # All of it, or one piece at the line's price a piece, rounded down: never more than was paid.
        part = 1 if chance.random() < 0.3 else quantity
        lines.append(line_facts([line[0], -part, *(-(amount * part // quantity) for amount in line[2:])]))
    if not lines:
        return None
    return {"kind": "return", "receipt": f"R-{basket.receipt}", "soldAt": moment(time), "original": basket.receipt,
            "member": basket.member, "lines": lines, "payment": {"method": "cash", "amountCents": paid(lines)}}


class Planner:
    def __init__(self, data, seed, cut_chance):
        self.data = data
        self.seed = seed
        self.cut_chance = cut_chance  # a store and minute
        first, self.end = data.window()
        self.first_day, self.last_day = first // DAY, self.end // DAY
        self.plan = Plan(self.first_day, self.last_day, {}, {}, collections.defaultdict(list),
                         collections.defaultdict(list), [], collections.Counter())

    def chance(self, *key):
        """A generator for each matter, so that one more draw here changes nothing there."""
        return random.Random("/".join(map(str, (self.seed, *key))))

    def make(self):
        self.register_members()
        for store in self.data.stores:
            events = self.till(store) + self.cuts(store) + self.kills(store)
            days = collections.defaultdict(list)
            for event in sorted(events, key=lambda event: (event.time, event.order)):
                days[event.time // DAY].append(event)
            self.plan.events[store] = days
        self.plan.hq_kills = self.killed_days("hq", HQ_KILL_CHANCE)
        self.add_scenes()
        return self.plan

    # MARK: The tills

    def till(self, store):
        chance = self.chance("till", store)
        events = []
        for basket in self.data.baskets[store]:
            said = sale(basket)
            text = as_text(said)
            events.append(self.say(basket.time, events, text))
            # A receipt has at most one of these, so that each has the outcome that is expected of it alone.
            draw = chance.random()
            if (draw := draw - RESEND_CHANCE) < 0:
                events.append(self.say(self.later(basket, chance, RESEND_SECONDS), events, text, "again"))
                self.note({"fact": "resent", "store": store, "receipt": basket.receipt})
            elif (draw := draw - ALTERED_CHANCE) < 0:
                self.resend_altered(basket, said, events, chance)
            elif (draw := draw - RETURN_CHANCE) < 0:
                self.bring_back(basket, events, chance)
            elif (draw := draw - VOID_CHANCE) < 0:
                self.void(basket, events, chance)
        return events

    def later(self, basket, chance, seconds):
        return min(basket.time + chance.randint(*seconds), self.end)

    @staticmethod
    def say(time, events, text, kind="say"):
        return Event(time, len(events), kind, text)

    def note(self, fact):
        self.plan.facts.append(fact)
        self.plan.injected[fact["fact"]] += 1

    def resend_altered(self, basket, said, events, chance):
        said, contradicted = altered(said, chance)
        events.append(self.say(self.later(basket, chance, RESEND_SECONDS), events, as_text(said), "otherwise"))
        self.note({"fact": "altered", "store": basket.store, "receipt": basket.receipt})
        for entity, receipt, line in contradicted:
            self.note({"fact": "conflict", "kind": "immutable", "entity": entity, "store": basket.store,
                       "receipt": receipt, "line": line, "detail": "", "status": "open"})

    def bring_back(self, basket, events, chance):
        time = self.later(basket, chance, RETURN_SECONDS)
        said = returned(basket, time, chance)
        if said is None:
            return
        events.append(self.say(time, events, as_text(said)))
        self.note({"fact": "return", "store": basket.store, "receipt": said["receipt"], "time": time,
                   "original": basket.receipt, "member": basket.member, "lines": [list(line.values())
                                                                                for line in said["lines"]]})

    def void(self, basket, events, chance):
        time = self.later(basket, chance, VOID_SECONDS)
        receipt = f"V-{basket.receipt}"
        said = {"kind": "void", "receipt": receipt, "soldAt": moment(time), "original": basket.receipt}
        events.append(self.say(time, events, as_text(said)))
        self.note({"fact": "void", "store": basket.store, "receipt": receipt, "time": time,
                   "original": basket.receipt})

    # MARK: Links and daemons

    def cuts(self, store):
        if self.cut_chance == 0:
            return []
        chance = self.chance("cut", store)
        events, time, end = [], self.first_day * DAY, (self.last_day + 1) * DAY
        while True:
            time += int(60 * (1 + chance.expovariate(self.cut_chance)))
            if time >= end:
                return events
            is_long = chance.random() < LONG_CUT_CHANCE
            mended = time + int(60 * (1 + chance.expovariate(1 / (LONG_CUT_MINUTES if is_long else CUT_MINUTES))))
            events += [Event(time, -1, "cut"), Event(mended, -1, "mend")]
            self.plan.injected["cut"] += 1
            time = mended

    def kills(self, store):
        # Late in the day, UTC: its receipts are at hand, to be killed in the middle of.
        return [Event(day * DAY + DAY - 1, -2, "kill", part=part)
                for day, part in self.killed_days(store, STORE_KILL_CHANCE).items()]

    def killed_days(self, node, probability):
        """Day -> the part of it, or of an import, after which the daemon is killed. HQ and the busiest store are killed
        once at least."""
        chance = self.chance("kill", node)
        days = range(self.first_day, self.last_day + 1)
        killed = [day for day in days if chance.random() < probability]
        if not killed and node in ("hq", self.data.stores[0]):
            killed = [chance.choice(days)]
        return {day: chance.uniform(*KILL_PARTS) for day in killed}

    # MARK: Members

    def register_members(self):
        visits = collections.Counter((basket.member, basket.store) for basket in self.data.all_baskets())
        homes = {}
        for (member, store), count in sorted(visits.items()):
            if member not in homes or count > visits[member, homes[member]]:
                homes[member] = store
        self.homes = homes
        for member, home in sorted(homes.items()):
            household = int(member)
            self.plan.members[home].append({
                "id": member, "name": journey.member_name(household), "phone": journey.member_phone(household),
                "card": journey.member_card(household), "homeStore": home,
                "tags": journey.member_tags(self.data.facts_of_members.get(member))})

    # MARK: Edits on both sides of a cut link

    def add_scenes(self):
        """Each member is in one scene at most, so that each conflict is of its own making."""
        chance = self.chance("scenes")
        members = sorted(self.homes)
        chance.shuffle(members)
        baskets = sum(1 for _ in self.data.all_baskets())
        makers = [self.two_notes, self.note_at_hq, self.two_names, self.shared_phone]
        for number in range(max(LEAST_SCENES, baskets // BASKETS_A_SCENE)):
            scene = makers[number % len(makers)](number, members, chance)
            if scene is None:
                continue
            # Not on the first day, when members are being registered.
            day = chance.randint(min(self.first_day + 1, self.last_day), self.last_day)
            self.plan.scenes[day].append(scene)
            self.note({"fact": "conflict", **scene.conflict})
            self.plan.injected["edits on both sides"] += 1

    @staticmethod
    def field_conflict(member, field, status):
        return {"kind": "field", "entity": "member", "records": [member], "detail": field, "status": status}

    def two_notes(self, number, members, chance):
        if not members or len(self.data.stores) < 2:
            return None
        member = members.pop()
        stores = tuple(chance.sample(self.data.stores, 2))
        edits = tuple(Edit(store, {"id": member, "note": f"note {number} of store {store}"}) for store in stores)
        return Scene(stores, edits, self.field_conflict(member, "note", "open"))

    def note_at_hq(self, number, members, chance):
        if not members:
            return None
        member, store = members.pop(), chance.choice(self.data.stores)
        edits = (Edit(store, {"id": member, "note": f"note {number} of store {store}"}),
                 Edit("hq", {"id": member, "note": f"note {number} of headquarters"}))
        return Scene((store,), edits, self.field_conflict(member, "note", "open"))

    def two_names(self, number, members, chance):
        """The rule decides, and the case says so. The home store has seen the name that it gave first."""
        if not members:
            return None
        member = members.pop()
        home = self.homes[member]
        edits = (Edit(home, {"id": member, "name": f"Name {number} 本店"}),
                 Edit("hq", {"id": member, "name": f"Name {number} 总部"}))
        return Scene((home,), edits, self.field_conflict(member, "name", "decided"))

    def shared_phone(self, number, members, chance):
        """Two home stores give one phone to two members."""
        if len(members) < 2:
            return None
        first = members.pop()
        others = [member for member in members if self.homes[member] != self.homes[first]]
        if not others:
            return None
        second = others[-1]
        members.remove(second)
        phone = f"+1999555{number:04d}"
        edits = tuple(Edit(self.homes[member], {"id": member, "phone": phone}) for member in (first, second))
        conflict = {"kind": "unique", "entity": "member", "records": sorted([first, second]),
                    "detail": f"member_phone={phone}", "status": "open"}
        return Scene((self.homes[first], self.homes[second]), edits, conflict)
