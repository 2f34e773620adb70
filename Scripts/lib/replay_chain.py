"""A chain of real processes: headquarters, stores, and the relay between them, which can cut each store's link."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import threading
import time

READY_LIMIT_SECONDS = 60
END_LIMIT_SECONDS = 20
# A command that asks a node that has just been killed gets an error; one that hangs is a bug to be shown.
COMMAND_LIMIT_SECONDS = 300
OPEN_FILES = 65_536


class ChainError(Exception):
    pass


def raise_open_files():
    """The relay holds two connections a store."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Daemon:
    """One program that runs in the background, its output in a log."""

    def __init__(self, log, awaited, command):
        self.log = log
        self.awaited = awaited
        self.command = command
        self.process = None
        self.said = {}  # first word of a line -> the rest, since the last start

    def start(self):
        with open(self.log, "ab") as log:
            began_at = log.tell()
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        deadline = time.monotonic() + READY_LIMIT_SECONDS
        while True:
            text = self.text(began_at)
            self.said = dict(line.partition(" ")[::2] for line in text.splitlines())
            if self.awaited in self.said:
                return
            if self.process.poll() is not None:
                raise ChainError(f"{self.log.stem} ended with {self.process.returncode}; it said:\n{text}")
            if time.monotonic() > deadline:
                raise ChainError(f"{self.log.stem} was not ready within {READY_LIMIT_SECONDS} s; it said:\n{text}")
            time.sleep(0.01)

    def text(self, began_at):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            log.seek(began_at)
            return log.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(END_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ChainError(f"{self.log.stem} did not end within {END_LIMIT_SECONDS} s of SIGTERM") from None


class Relay:
    """The process that all links go through, told over its standard input."""

    def __init__(self, target, count):
        script = pathlib.Path(__file__).resolve().parent / "relay"
        self.process = subprocess.Popen([script, target, "--links", str(count)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.lock = threading.Lock()
        self.addresses = [self.process.stdout.readline().split()[1] for _ in range(count)]

    def tell(self, command):
        with self.lock:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline().strip()

    def obey(self, command):
        answer = self.tell(command)
        if answer != "done":
            raise ChainError(f"the relay answered {command!r} with {answer!r}")

    def bytes(self):
        return tuple(map(int, self.tell("count").split()))

    def end(self):
        self.process.terminate()
        self.process.wait()


class Node:
    def __init__(self, chain, name, command):
        self.data = chain.place / name
        self.name = name
        self.chain = chain
        self.daemon = Daemon(chain.place / f"{name}.log", "ready", command)

    def ask(self, *words, text=None):
        return self.chain.syncctl(*words, "--data", self.data, text=text)

    def begin_import(self, entity, lines):
        """`syncctl import` under way, with all of its input."""
        command = [self.chain.program("syncctl"), "import", "-", "--format", "jsonl", "--entity", entity, "--json",
                   "--data", str(self.data)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, start_new_session=True)
        return process, "".join(line + "\n" for line in lines)

    def take(self, entity, lines):
        """Imports the lines; all of them must be taken. Answers with how many were committed."""
        process, text = self.begin_import(entity, lines)
        out, err = process.communicate(text, COMMAND_LIMIT_SECONDS)
        return self.report(entity, process.returncode, out, err)

    def report(self, entity, status, out, err):
        if status != 0:
            raise ChainError(f"the import of {entity} at {self.name} ended with status {status}: {err.strip()[:2000]}")
        return json.loads(out.splitlines()[-1])

    def is_in_sync(self):
        """Whether the node says so, and what is outstanding."""
        answer = self.ask("status", "--json")
        if not answer.stdout:
            return False, [answer.stderr.strip()]
        status = json.loads(answer.stdout)
        return answer.returncode == 0 and status["inSync"], status["reasons"]


class Chain:
    """Headquarters and its stores in a folder, one relay between them."""

    def __init__(self, programs, place):
        raise_open_files()
        self.programs = pathlib.Path(programs)
        self.place = place
        self.stores = {}
        self.relay = None
        self.cut_for = {}  # store -> why its link is cut
        self.lock = threading.Lock()
        self.hq = Node(self, "hq", lambda: [
            self.program("hq-node"), "run", "--data", str(place / "hq"), "--listen", "127.0.0.1:0"])

    def program(self, name):
        return str(self.programs / name)

    def run(self, name, *words, text=None):
        answer = subprocess.run([self.program(name), *map(str, words)], input=text, capture_output=True, text=True,
                                timeout=COMMAND_LIMIT_SECONDS, check=False)
        return answer

    def syncctl(self, *words, text=None):
        return self.run("syncctl", *words, text=text)

    def must(self, name, *words, text=None):
        answer = self.run(name, *words, text=text)
        if answer.returncode != 0:
            raise ChainError(f"{name} {words[0]} ended with status {answer.returncode}: {answer.stderr.strip()}")
        return answer.stdout

    def open(self, stores):
        self.must("hq-node", "init", "--data", self.hq.data, "--advertise", "127.0.0.1:7400", "--name", "Headquarters")
        self.hq.daemon.start()
        self.relay = Relay(self.hq.daemon.said["listening"], len(stores))
        self.link = {store: number for number, store in enumerate(stores)}
        self.cut_for = {store: set() for store in stores}

    def join(self, store, time_zone):
        code = self.must("syncctl", "store", "add", store, "--data", self.hq.data, "--name", f"Store {store} 号店",
                         "--time-zone", time_zone, "--currency", "USD")
        data = self.place / f"store-{store}"
        self.must("store-node", "join", "--data", data, "--hq", self.relay.addresses[self.link[store]], text=code)
        node = Node(self, f"store-{store}", lambda: [self.program("store-node"), "run", "--data", str(data)])
        node.daemon.start()
        with self.lock:
            self.stores[store] = node

    def cut(self, store, reason):
        with self.lock:
            self.cut_for[store].add(reason)
        self.relay.obey(f"cut {self.link[store]}")

    def mend(self, store, reason):
        with self.lock:
            self.cut_for[store].discard(reason)
            if self.cut_for[store]:
                return
        self.relay.obey(f"mend {self.link[store]}")

    def mend_all(self):
        for store, reasons in self.cut_for.items():
            reasons.clear()
            self.relay.obey(f"mend {self.link[store]}")

    def kill_hq(self):
        self.hq.daemon.kill()
        self.hq.daemon.start()
        self.relay.obey(f"target {self.hq.daemon.said['listening']}")

    def nodes(self):
        return [*self.stores.values(), self.hq]

    def end(self):
        """All daemons, cleanly."""
        for node in self.nodes():
            if node.daemon.process:
                node.daemon.process.send_signal(signal.SIGTERM)
        for node in self.nodes():
            node.daemon.end()
        if self.relay:
            self.relay.end()
            self.relay = None

    def kill(self):
        """Whatever is still there."""
        for node in self.nodes():
            if node.daemon.process and node.daemon.process.poll() is None:
                node.daemon.kill()
        if self.relay:
            self.relay.process.kill()

    def database_bytes(self):
        return sum(os.path.getsize(path) for path in (self.hq.data / "storesync.db", self.hq.data / "storesync.db-wal")
                   if path.exists())
