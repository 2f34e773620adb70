"""One link as a state machine (SPEC.md, section 9): messages in, messages out. No socket, no timer, no randomness.

What is to be sent collects in `out`; whoever owns the connection sends it, in order, and closes once `end` is set.
"""

from dataclasses import dataclass

import columns
import contents
import zstd
from messages import COLUMN_CODECS, COLUMNS, IDENTITY, PACKED_COLUMNS, READABLE_CODECS, ZSTD, Message, ProtocolError
from node import HQ

VERSION = 1
WINDOW_BYTES = 1_048_576
WINDOW_SLACK_BYTES = 16_777_216
WINDOW_BATCHES = 256
BATCH_BYTES = 131_072
SKIPPED_ENTRIES = 1_024
COMPRESS_ABOVE_BYTES = 256


class Refused(Exception):
    """The other side has ended the link with a refusal."""

    def __init__(self, code, message, retry_after):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.retry_after = retry_after


@dataclass
class OnItsWay:
    through: int
    size: int
    groups: int


class Session:
    def __init__(self, node, software, compress=False, columns=False):
        self.node = node
        self.software = software
        self.compress = compress
        self.codecs = READABLE_CODECS if columns else None  # what is told of them
        self.in_columns = False  # whether the peer reads columns
        self.state = "idle"
        self.out = []
        self.end = None  # None while open; then "refused", "refused-by-peer", "enrolled" or "lost"
        self.refusal = None  # of either side: (code, message)
        self.peer_caught_up = False
        self.said_caught_up = False
        self.outcomes = []  # exceptions of the peer's acknowledgements, in order
        self.pongs = []

    # --- Ends ---

    def refuse(self, code, message, retry_after=0):
        if self.end is None:
            self.out.append(Message("refusal", {"code": code, "message": message, "retryAfter": retry_after}))
            self.refusal, self.end, self.state = (code, message), "refused", "closed"

    def lost(self):
        if self.end is None:
            self.end, self.state = "lost", "closed"

    # --- Messages ---

    def take(self, message):
        if self.end is not None:
            return
        if message.name == "refusal":
            self.refusal = (message.code, message.message, message.retryAfter)
            self.end, self.state = "refused-by-peer", "closed"
            return
        try:
            handler = self._handlers().get((self.state, message.name))
            if handler is None:
                self.refuse("protocol-error", f"found {message.name} out of turn")
            else:
                handler(message)
        except ProtocolError as error:
            self.refuse(error.code, str(error))

    def _handlers(self):
        return {
            ("linked", "batch"): self._batch,
            ("linked", "acknowledgement"): self._acknowledgement,
            ("linked", "ping"): lambda ping: self.out.append(Message("pong", {"number": ping.number})),
            ("linked", "pong"): lambda pong: self.pongs.append(pong.number),
            ("linked", "caughtUp"): self._caught_up,
        }

    # --- Linked ---

    def _link(self, peer, peer_epoch, window, theirs, ours):
        """`theirs`: how far the peer has this log; `ours`: how far this node has the peer's."""
        if any(cursor > self.node.head for cursor in theirs):
            return self.refuse("wrong-cursor", "the peer has more of this log than there is")
        self.peer, self.peer_epoch, self.window = peer, peer_epoch, window
        self.read, self.reached, self.skipped = list(theirs), list(theirs), [0, 0, 0]
        self.expected = list(ours)
        self.on_its_way = {lane: [] for lane in range(3)}
        self.state = "linked"

    def _agree(self, codecs):
        """`codecs`: what the peer reads, if it says so."""
        needed = 1 << COLUMNS | 1 << PACKED_COLUMNS
        self.in_columns = self.codecs is not None and (codecs or 0) & needed == needed

    def push(self):
        """Sends what the windows allow. To be called after `take`, and when the log has grown."""
        if self.state != "linked":
            return
        more = False
        for lane in range(3):
            while True:
                if not self._has_room(lane):
                    more = True
                    break
                groups, through, skipped = self.node.outgoing(self.peer, lane, self.read[lane], BATCH_BYTES)
                if through == self.read[lane]:
                    break
                self.read[lane] = through
                self.skipped[lane] += skipped
                if groups or self.skipped[lane] >= SKIPPED_ENTRIES:
                    in_columns = self.in_columns and bool(groups)
                    data = (columns if in_columns else contents).encode(groups) if groups else b""
                    packs = self.compress and len(data) > COMPRESS_ABOVE_BYTES
                    codec = (PACKED_COLUMNS if packs else COLUMNS) if in_columns else ZSTD if packs else IDENTITY
                    self.send_batch(lane, through, data, len(groups), codec)
        if not more and not self.said_caught_up:
            self.out.append(Message("caughtUp"))
            self.said_caught_up = True

    def _has_room(self, lane):
        batches = self.on_its_way[lane]
        return sum(batch.size for batch in batches) < self.window and len(batches) < WINDOW_BATCHES

    def send_batch(self, lane, through, data, groups, codec=0):
        payload = zstd.pack(data) if codec in (ZSTD, PACKED_COLUMNS) else data
        fields = {"lane": lane, "after": self.reached[lane], "through": through, "incompleteUntil": 0}
        fields |= {"codec": codec, "groups": groups, "contentsBytes": len(data), "payload": payload}
        self.out.append(Message("batch", fields))
        self.on_its_way[lane].append(OnItsWay(through, len(payload), groups))
        self.read[lane] = self.reached[lane] = through
        self.skipped[lane] = 0
        self.said_caught_up = False

    def _batch(self, batch):
        lane = batch.lane
        self.peer_caught_up = False
        if batch.after != self.expected[lane] or batch.through <= batch.after:
            return self.refuse(
                "wrong-cursor", f"found {batch.after} to {batch.through}, expected one after {self.expected[lane]}")
        if len(batch.payload) > WINDOW_BYTES + WINDOW_SLACK_BYTES:
            return self.refuse("protocol-error", "found more bytes on their way than the window")
        groups = groups_of(batch)
        exceptions = self.node.apply(self.peer, self.peer_epoch, lane, batch.through, groups)
        self.expected[lane] = batch.through
        fields = {"lane": lane, "through": batch.through, "exceptions": exceptions or None}
        self.out.append(Message("acknowledgement", fields))

    def _acknowledgement(self, message):
        waiting = self.on_its_way[message.lane]
        if not waiting or waiting[0].through != message.through:
            return self.refuse("protocol-error", "found an acknowledgement of no batch on its way")
        waiting.pop(0)
        for index, outcome, code, reason in message.fields.get("exceptions", []):
            self.outcomes.append((message.through, index, outcome, code, reason))

    def _caught_up(self, _):
        self.peer_caught_up = True

    @property
    def is_quiet(self):
        """Both sides have said all, and all of ours is acknowledged."""
        return self.peer_caught_up and self.said_caught_up and not any(self.on_its_way.values())


def groups_of(batch):
    if batch.groups == 0:
        if batch.payload or batch.contentsBytes:
            raise ProtocolError("found contents in a batch without groups")
        return []
    is_packed = batch.codec in (ZSTD, PACKED_COLUMNS)
    data = zstd.unpack(batch.payload, batch.contentsBytes) if is_packed else batch.payload
    if len(data) != batch.contentsBytes:
        raise ProtocolError(f"found {len(data)} bytes of contents, expected {batch.contentsBytes}")
    return (columns if batch.codec in COLUMN_CODECS else contents).decode(data, batch.groups)


class JoiningSession(Session):
    """A store that takes its join code's secret for a credential."""

    def __init__(self, number, secret, software):
        super().__init__(None, software)
        self.number, self.secret = number, secret
        self.credential = None

    def open(self):
        fields = {"oldestVersion": VERSION, "newestVersion": VERSION, "node": self.number, "secret": self.secret}
        self.out.append(Message("enrol", fields | {"software": self.software}))
        self.state = "awaiting-credential"

    def _handlers(self):
        return {("awaiting-credential", "enrolled"): self._enrolled}

    def _enrolled(self, message):
        self.credential, self.end, self.state = message.credential, "enrolled", "closed"


class StoreSession(Session):
    """The store's side. `enrolment` has the credential and the token, and keeps the next token."""

    def __init__(self, store, enrolment, software, compress=False, columns=False):
        super().__init__(store, software, compress, columns)
        self.enrolment = enrolment

    def open(self, **other):
        """Says hello. `other` replaces fields of it."""
        store = self.node
        self.hello = {
            "oldestVersion": VERSION,
            "newestVersion": VERSION,
            "replica": store.replica,
            "credential": self.enrolment.credential,
            "epoch": store.epoch,
            "clock": store.wall(),
            "peerEpoch": store.peer_epoch,
            "cursors": list(store.cursors),
            "window": WINDOW_BYTES,
            "software": self.software,
            "token": self.enrolment.token,
            "endpointsVersion": self.enrolment.endpoints_version,
            "codecs": self.codecs,
        } | other
        self.out.append(Message("hello", self.hello))
        self.state = "awaiting-welcome"

    def _handlers(self):
        return super()._handlers() | {
            ("awaiting-welcome", "welcome"): self._welcome,
            ("linked", "endpoints"): lambda message: self._keep_endpoints(message.version, message.endpoints),
        }

    def _keep_endpoints(self, version, endpoints):
        self.enrolment.endpoints, self.enrolment.endpoints_version = endpoints, version
        self.out.append(Message("endpointsKept", {"version": version}))

    def _welcome(self, welcome):
        if welcome.version != VERSION:
            return self.refuse("upgrade-needed", f"found version {welcome.version}, expected {VERSION}")
        if welcome.replica[0] != HQ or welcome.window == 0:
            return self.refuse("protocol-error", "found a welcome from a store, or without a window")
        # Kept before anything of the log is sent: HQ turns away who comes without the last one.
        self.enrolment.token = welcome.fields.get("token", self.enrolment.token)
        self.welcome = welcome
        self._agree(welcome.fields.get("codecs"))
        knows = self.hello["peerEpoch"] == welcome.epoch
        ours = self.hello["cursors"] if knows else [0, 0, 0]
        self._link(HQ, welcome.epoch, welcome.window, welcome.cursors, ours)
        if self.state == "linked" and welcome.fields.get("endpoints"):
            self._keep_endpoints(*welcome.endpoints)


class HQSession(Session):
    """HQ's side. `hq` answers `enrol` and `admit`."""

    def __init__(self, hq, software, compress=False, columns=False):
        super().__init__(hq, software, compress, columns)
        self.unconfirmed = None

    def open(self):
        self.state = "awaiting-hello"

    def _handlers(self):
        return super()._handlers() | {
            ("awaiting-hello", "hello"): self._hello,
            ("awaiting-hello", "enrol"): self._enrol,
        }

    def _versions(self, message, number):
        if message.oldestVersion > VERSION or message.newestVersion < VERSION:
            raise ProtocolError(f"found no common version, expected {VERSION}", "upgrade-needed")
        if number == HQ:
            raise ProtocolError("found HQ's own number, expected a store's")

    def _enrol(self, enrol):
        self._versions(enrol, enrol.node)
        refusal, credential = self.node.enrol(enrol.node, enrol.secret)
        if refusal:
            return self.refuse(*refusal)
        self.out.append(Message("enrolled", {"version": VERSION, "credential": credential}))
        self.end, self.state = "enrolled", "closed"

    def _hello(self, hello):
        self._versions(hello, hello.replica[0])
        if hello.window == 0:
            raise ProtocolError("found a window of no bytes, expected some")
        hq, number = self.node, hello.replica[0]
        refusal, token = hq.admit(number, hello.credential, hello.fields.get("token"))
        if refusal:
            return self.refuse(*refusal)
        hq.came_in(number, self)
        hq.meet(number, hello.epoch)
        cursors = hq.cursors_in(number, hello.epoch)
        fields = {"version": VERSION, "replica": hq.replica, "epoch": hq.epoch, "clock": hq.wall()}
        fields |= {"cursors": cursors, "window": WINDOW_BYTES, "software": self.software, "token": token}
        codecs = hello.fields.get("codecs")
        fields["codecs"] = None if codecs is None else self.codecs
        self._agree(codecs)
        self.out.append(Message("welcome", fields))
        theirs = hello.cursors if hello.fields.get("peerEpoch") == hq.epoch else [0, 0, 0]
        self._link(number, hello.epoch, hello.window, theirs, cursors)
        self.unconfirmed = token

    def _confirm(self):
        """What a store says of logs it says with its token kept."""
        if self.unconfirmed is not None:
            self.node.confirm(self.peer, self.unconfirmed)
            self.unconfirmed = None

    def _batch(self, batch):
        self._confirm()
        super()._batch(batch)

    def _acknowledgement(self, message):
        self._confirm()
        super()._acknowledgement(message)

    def _caught_up(self, message):
        self._confirm()
        super()._caught_up(message)
