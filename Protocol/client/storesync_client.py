#!/usr/bin/env python3
"""A store in Python, written from Protocol/SPEC.md alone.

It takes a join code, pulls what is in the store's scope, and pushes what it is told to commit. It keeps everything in
memory: an acknowledgement says "durable", and that holds as long as the process lives. So each start is a new replica
with a new epoch that names no epoch of HQ's, and HQ sends everything again.

    storesync_client.py CODE [--address HOST:PORT]       pulls everything and says how many records of which entity
"""

import argparse
import select
import sys
import time
from collections import Counter

import joincode
import messages
import tls
from frames import FrameError, FrameReader, frame
from messages import Message, ProtocolError
from node import Store
from session import JoiningSession, Refused, StoreSession

SOFTWARE = "storesync-python/1"
CONNECT_SECONDS = 15
HANDSHAKE_SECONDS = 15
KEEPALIVE_SECONDS = 25
SILENCE_SECONDS = 80


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
        session = JoiningSession(self.code.node, self.code.secret, SOFTWARE)
        with Connection(session, self, address) as connection:
            session.open()
            connection.wait(lambda: session.end is not None, HANDSHAKE_SECONDS, "no credential")
        self.credential = session.credential
        return self


class Connection:
    """Carries the messages of one session over TLS."""

    def __init__(self, session, enrolment, address=None):
        self.session = session
        self.code = enrolment.code
        self.reader = FrameReader()
        self.socket = self._connect([address] if address else enrolment.endpoints)
        self.heard = self.sent = time.monotonic()

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
        self.session.lost()
        try:
            self.socket.settimeout(1)
            self.socket.unwrap()  # sends TLS's closing alert
        except OSError:
            pass
        self.socket.close()

    def cut(self):
        """As a line breaks: without a word."""
        self.session.lost()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, message):
        self.session.out.append(message)
        self.flush()

    def flush(self):
        out, self.session.out = self.session.out, []
        for message in out:
            self.socket.sendall(frame(messages.encode(message)))
            self.sent = time.monotonic()
        if self.session.end == "refused":
            self.close()
            raise ProtocolError(self.session.refusal[1], self.session.refusal[0])
        if self.session.end == "refused-by-peer":
            self.close()
            raise Refused(*self.session.refusal)

    def receive(self, timeout):
        """The next message, or None if none has come in `timeout` seconds. The session does not hear of it."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                payload = self.reader.next()
                if payload is not None:
                    self.heard = time.monotonic()
                    return messages.decode(payload)
            except FrameError as error:
                self.session.refuse("protocol-error", str(error))
                self.flush()
            except ProtocolError as error:
                self.session.refuse(error.code, str(error))
                self.flush()
            left = deadline - time.monotonic()
            if not self.socket.pending() and not select.select([self.socket], [], [], max(left, 0))[0]:
                return None
            data = self.socket.recv(65_536)
            if not data:
                raise ConnectionError("the other side has closed the connection")
            self.reader.feed(data)

    def step(self, timeout):
        """Takes one message, or keeps the line alive."""
        self.session.push()
        self.flush()
        message = self.receive(min(timeout, KEEPALIVE_SECONDS))
        if message is not None:
            self.session.take(message)
            self.session.push()
            self.flush()
        elif time.monotonic() - self.heard > SILENCE_SECONDS:
            self.close()
            raise ConnectionError("nothing heard for too long")
        if self.session.end is None and time.monotonic() - self.sent >= KEEPALIVE_SECONDS:
            self.send(Message("ping", {"number": 1}))

    def wait(self, condition, timeout, what):
        self.flush()
        deadline = time.monotonic() + timeout
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"found {what} in time")
            self.step(left)


class Link(Connection):
    """A store's link, from hello to its end."""

    def __init__(self, store, enrolment, address=None, compress=False):
        self.store = store
        super().__init__(StoreSession(store, enrolment, SOFTWARE, compress, columns=True), enrolment, address)

    @property
    def outcomes(self):
        return self.session.outcomes

    @property
    def pongs(self):
        return self.session.pongs

    def hello(self, **other):
        """Says hello and takes the welcome. `other` replaces fields of hello."""
        self.session.open(**other)
        self.flush()
        message = self.receive(HANDSHAKE_SECONDS)
        if message is None:
            raise TimeoutError("found no welcome in time")
        self.session.take(message)
        self.flush()
        return self.session.welcome

    def sync(self, timeout=30):
        """Until both sides have sent everything and all of ours is acknowledged."""
        self.session.push()
        self.wait(lambda: self.session.is_quiet, timeout, "the link not caught up")


def main():
    parser = argparse.ArgumentParser(description="Joins, and pulls everything in a store's scope.")
    parser.add_argument("code", help="the join code of `syncctl store add`")
    parser.add_argument("--address", metavar="HOST:PORT", help="of HQ, in place of those in the code")
    arguments = parser.parse_args()
    try:
        enrolment = Enrolment(joincode.decode(arguments.code)).join(arguments.address)
        store = Store(enrolment.code.node)
        with Link(store, enrolment, arguments.address) as link:
            link.hello()
            link.sync()
    except (OSError, Refused, ProtocolError, joincode.JoinCodeError, tls.WrongKey) as error:
        sys.exit(f"storesync_client: {error}")
    for entity, count in sorted(Counter(entity for entity, _ in store.records).items()):
        print(f"entity {entity}: {count}")


if __name__ == "__main__":
    main()
