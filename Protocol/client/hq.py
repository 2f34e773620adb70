"""A small HQ (SPEC.md, sections 9 and 13): enrols stores, lets them in, takes what they send, sends what is theirs.

    hq.py         makes store 1's join code, listens, and prints what comes, until it is interrupted
"""

import contextlib
import hashlib
import hmac
import pathlib
import secrets
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass

import joincode
import messages
import model
import tls
from frames import FrameError, FrameReader, frame
from messages import ProtocolError
from node import HQ, Node, system_wall
from session import HQSession

SOFTWARE = "storesync-python-hq/1"
SECRET_HOURS = 7 * 24
CLOSED_RETRY_MILLISECONDS = 60_000
GREETING_BYTES = 65_536
HANDSHAKE_SECONDS = 15


def digest(data):
    return hashlib.sha256(data).digest()


@dataclass
class Enrolment:
    """What HQ knows of a store as somebody who may come in (SPEC.md, section 9, Enrolment and Fencing)."""

    secret_digest: bytes
    secret_expires: int
    state: str = "active"
    credential_digest: bytes = None
    secret_is_used: bool = False
    token: bytes = None
    token_is_confirmed: bool = False
    previous_token: bytes = None

    def _kept_out(self):
        if self.state == "active":
            return None
        return self.state, f"HQ has {self.state} this store", CLOSED_RETRY_MILLISECONDS

    def join(self, secret, credential, now):
        if not hmac.compare_digest(self.secret_digest, digest(secret)):
            return "wrong-credential", "the secret is not that of the last join code"
        if refusal := self._kept_out():
            return refusal
        if self.secret_is_used:
            return "join-code-used", "the join code has been used"
        if now > self.secret_expires:
            return "join-code-expired", "the join code has expired"
        self.credential_digest = digest(credential)
        return None

    def admit(self, credential, token, random):
        if self.credential_digest is None or not hmac.compare_digest(self.credential_digest, digest(credential)):
            return "wrong-credential", "the credential is not the enrolled one"
        if refusal := self._kept_out():
            return refusal
        current = token == self.token
        lost = not self.token_is_confirmed and token == self.previous_token
        later = _counter(token) > _counter(self.token)
        if not (current or lost or later):
            return "fenced", "this database was restored or copied", CLOSED_RETRY_MILLISECONDS
        counter = 1 + max(_counter(self.token), _counter(token))
        self.previous_token = token
        self.token = counter.to_bytes(8, "big") + random
        self.token_is_confirmed = False
        self.secret_is_used = True
        return None


def _counter(token):
    """Never at the end of the range, so that there is always a next one."""
    return min(int.from_bytes((token or b"")[:8], "big"), 2**63 - 1)


class Headquarters(Node):
    """The records of the chain, and who may come in. `random` gives so many bytes."""

    def __init__(self, wall=system_wall, incarnation=None, epoch=None, random=secrets.token_bytes):
        super().__init__(HQ, wall, incarnation, epoch)
        self.random = random
        self.enrolments = {}
        self.links = {}

    def invite(self, number, secret=None, hours=SECRET_HOURS):
        secret = secret or self.random(16)
        self.enrolments[number] = Enrolment(digest(secret), self.wall() + hours * 3_600_000)
        return secret

    def enrol(self, number, secret):
        enrolment = self.enrolments.get(number)
        if enrolment is None:
            return ("not-enrolled", "the store is not enrolled"), None
        credential = self.random(32)
        return enrolment.join(secret, credential, self.wall()), credential

    def admit(self, number, credential, token):
        enrolment = self.enrolments.get(number)
        if enrolment is None:
            return ("not-enrolled", "the store is not enrolled"), None
        return enrolment.admit(credential, token, self.random(8)), enrolment.token

    def came_in(self, number, session):
        older = self.links.get(number)
        if older is not None:
            older.refuse("already-connected", "the store has connected anew; this connection is over")
        self.links[number] = session

    def confirm(self, number, token):
        enrolment = self.enrolments[number]
        if enrolment.token == token:
            enrolment.token_is_confirmed = True

    def revoke(self, number):
        enrolment = self.enrolments[number]
        enrolment.state = "revoked"
        if number in self.links:
            self.links[number].refuse(*enrolment._kept_out())


# --- Over TLS ---


def make_key(folder):
    """A P-256 key in a certificate that it signs itself. Gives the two files and the pin."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", "/CN=HQ", "-days", "1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    return certificate, key, digest(tls.public_key_info(der))


class Server:
    """Listens for stores, a thread each; one lock for all that HQ keeps."""

    def __init__(self, hq, folder, port=0):
        self.hq = hq
        self.lock = threading.Lock()
        certificate, key, self.pin = make_key(folder)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.num_tickets = 0
        self.context.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.cut = set()  # numbers of stores whose next batch is not answered: the line breaks
        self.truncate = set()  # numbers of stores whose next batch breaks off in the middle
        self.tamper = None  # replaces the bytes of a frame that is to be sent: function of session and frame
        self.refusals = []
        threading.Thread(target=self._listen, daemon=True).start()

    def join_code(self, number):
        with self.lock:
            secret = self.hq.invite(number)
        return joincode.encode(joincode.JoinCode(number, self.pin, secret, [self.address]))

    def commit(self, writes):
        with self.lock:
            self.hq.commit(writes)

    def close(self):
        self.listener.close()

    def _listen(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.settimeout(HANDSHAKE_SECONDS)
            with self.context.wrap_socket(connection, server_side=True) as secure:
                self._talk(secure)
        except (OSError, ssl.SSLError):
            connection.close()

    def _talk(self, secure):
        session, reader = HQSession(self.hq, SOFTWARE, compress=True, columns=True), FrameReader()
        session.open()
        try:
            while True:
                with self.lock:
                    session.push()
                    out, session.out = session.out, []
                for message in out:
                    data = frame(messages.encode(message))
                    if message.name == "batch" and session.peer in self.truncate:
                        secure.sendall(data[: len(data) // 2])
                        self.truncate.remove(session.peer)
                        return
                    secure.sendall(self.tamper(session, message, data) if self.tamper else data)
                if session.end is not None:
                    if session.refusal:
                        self.refusals.append(session.refusal[0])
                    return
                # Woken now and then for what was committed here meanwhile.
                if secure.pending() or select.select([secure], [], [], 0.05)[0]:
                    data = secure.recv(65_536)
                    if not data or not self._take(session, reader, data):
                        return
        finally:
            with self.lock:
                session.lost()
                with contextlib.suppress(AttributeError):
                    if self.hq.links.get(session.peer) is session:
                        del self.hq.links[session.peer]

    def _take(self, session, reader, data):
        reader.feed(data)
        try:
            while session.end is None and (payload := reader.next()) is not None:
                message = messages.decode(payload)
                with self.lock:
                    session.take(message)
                    if message.name == "batch" and session.peer in self.cut:
                        self.cut.remove(session.peer)  # it is durable, and the store never hears so
                        return False
            if session.state == "awaiting-hello" and len(reader.buffer) > GREETING_BYTES:
                session.refuse("protocol-error", "found a greeting that is too long")
        except FrameError as error:
            session.refuse("protocol-error", str(error))
        except ProtocolError as error:
            session.refuse(error.code, str(error))
        return True


def main():
    with tempfile.TemporaryDirectory() as folder:
        hq = Headquarters()
        server = Server(hq, pathlib.Path(folder))
        store = {1: "Store 1", 2: "1", 3: "Europe/Berlin", 4: "EUR"}
        server.commit({(1, (1).to_bytes(4, "big")): store})
        print(server.join_code(1), flush=True)
        seen = None
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                threading.Event().wait(1)
                with server.lock:
                    found = Counter(model.ENTITIES[key[0]].name for key in hq.records if key[0] in model.ENTITIES)
                if found != seen:
                    print(dict(sorted(found.items())), flush=True)
                    seen = found
    return 0


if __name__ == "__main__":
    sys.exit(main())
