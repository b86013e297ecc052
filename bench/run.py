#!/usr/bin/env python3
"""The service beside what would be used instead of it, in one run: what `make bench` runs.

    bench/run.py --service VESTIBULE --load LOAD --ceilings CEILINGS [--quick] [--only PART,...]

Starts each contender on a free port of 127.0.0.1 with a store of its own, measures it, ends it, and takes
the next: all of them in each round, so that what else this machine does hits all alike. Writes all values to
bench/results/latest.json, and their medians, the ratios and what is asked of them to latest.md there and to
the standard output. See bench/README.md. Only the standard library; everything bounded in time and count.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import platform
import shlex
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench/peers/node"
sys.path.insert(0, str(ROOT / "scripts"))
import mongo_probe  # noqa: E402

PASSWORD = "correct horse battery"
ADMIN = "admin@example.com"
PERSON = "person@example.com"
STORM = "storm@example.com"
JWT_SECRET = "a secret of the benchmark, of more than 32 characters"
MANY = 64  # connections where throughput is measured
SOME = 16  # connections that log in or register
RATE = 200  # `me` a second, where latency is measured
PAGE = 50
LISTED = 1_000  # users in the store where a page is read
FAST, REAL = 4, 10  # costs of bcrypt: to seed, to measure
SEED_SECONDS = 120  # the longest that a store is seeded
IMPORTED = 100  # users that are imported at a time: more in one transaction is too much for some stores
BUSY = 0.9  # of a core: from here on it counts as fully used
TICKS = os.sysconf("SC_CLK_TCK")

ME = "{ me { id email name roles createdAt } }"
LOGIN = "mutation ($input: LoginInput!) { login(input: $input) { accessToken refreshToken user { id } } }"
REGISTER = "mutation ($input: RegisterInput!) { register(input: $input) { accessToken refreshToken user { id } } }"
REFRESH = "mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken refreshToken } }"
COOKIES = "mutation ($input: LoginInput!) { login(input: $input) { user { id } } }"
USERS = (
    f"{{ users(first: {PAGE}) {{ edges {{ cursor node {{ id email name roles createdAt }} }} "
    "pageInfo { hasNextPage endCursor } } }"
)


class Unavailable(Exception):
    """Something cannot be measured on this machine; the report says why."""


class Failed(Exception):
    """A measurement went wrong."""


# ---------------------------------------------------------------------------------------- small helpers


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def body(query: str, **variables: object) -> str:
    return json.dumps({"query": query, "variables": variables} if variables else {"query": query})


def login_body(email: str) -> str:
    return body(LOGIN, input={"email": email, "password": PASSWORD})


def register_body(email: str) -> str:
    return body(REGISTER, input={"email": email, "password": PASSWORD, "name": "Bench Person"})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(seconds: float, what: str, ready: Callable[[], bool], pause: float = 0.02) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise Failed(f"{what}: nothing within {seconds:.0f} s")
        time.sleep(pause)


def output(*command: str) -> str:
    """What a command prints, or nothing where it cannot run."""
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return ""
    return ended.stdout.strip()


def environment(**settings: str) -> dict[str, str]:
    """No more than what is needed: settings of the shell must not reach what is measured."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, **settings}


# -------------------------------------------------------------------------------------------- processes


def parents() -> dict[int, int]:
    """The parent of each process."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
                found[int(entry)] = int(stat.rsplit(")", 1)[1].split()[1])
    return found


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    everybody, members = parents(), [pid]
    for member in members:
        members += [child for child, parent in everybody.items() if parent == member]
    return members


def cpu_seconds(pids: Iterable[int]) -> float:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_mebibytes(pids: Iterable[int]) -> float:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS"):
                    total += int(line.split()[1])
    return total / 1024


class Processes:
    """Everything that was started and has not ended; `close` ends it, the newest first."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen] = []

    def spawn(
        self, command: list[str], env: dict[str, str], log: pathlib.Path, folder: pathlib.Path, cores: Cores | None = None
    ) -> subprocess.Popen:
        """In a session of its own, so that Ctrl-C reaches this program alone, which then ends the others."""
        pinned = ["taskset", "-c", cores.named(), *command] if cores else command
        with log.open("ab") as sink:
            process = subprocess.Popen(
                pinned, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
            )
        self._running.append(process)
        return process

    def stop(self, process: subprocess.Popen) -> None:
        if process in self._running:
            self._running.remove(process)
        if process.poll() is not None:
            return
        members = family(process.pid)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait(20)

    def close(self) -> None:
        while self._running:
            self.stop(self._running[-1])


@dataclass(frozen=True)
class Cores:
    """The cores that a process may use."""

    numbers: tuple[int, ...]

    def named(self) -> str:
        return ",".join(map(str, self.numbers))

    def __len__(self) -> int:
        return len(self.numbers)


# ----------------------------------------------------------------------------------- MongoDB and Redis


class Redis:
    """A database of Redis that was found empty, so that it may be emptied again."""

    def __init__(self, url: str) -> None:
        self._parts = urllib.parse.urlsplit(url)
        self._socket = socket.create_connection((self._parts.hostname, self._parts.port or 6379), timeout=20)
        self._answers = self._socket.makefile("rb")
        if self._parts.password:
            self.ask("AUTH", *filter(None, [self._parts.username, self._parts.password]))
        self.version = next(
            line.split(":")[1] for line in self.ask("INFO", "server").splitlines() if line.startswith("redis_version")
        )
        self.url = self._parts._replace(path=f"/{self._choose()}").geturl()

    def _choose(self) -> int:
        for number in range(15, 0, -1):
            self.ask("SELECT", str(number))
            if self.ask("DBSIZE") == "0":
                return number
        raise Unavailable("none of the databases 1 to 15 of Redis is empty")

    def ask(self, *words: str) -> str:
        parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
        self._socket.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
        line = self._answers.readline().decode().rstrip()
        if line.startswith("-"):
            raise Failed(f"Redis: {line}")
        if line.startswith("$"):
            return self._answers.read(int(line[1:]) + 2).decode()
        return line[1:]

    def empty(self) -> None:
        self.ask("FLUSHDB")


class MongoDb:
    """The server that was given, with a new database for each contender."""

    def __init__(self, url: str) -> None:
        self._parts = urllib.parse.urlsplit(url)
        self._made = 0
        host, port = self._parts.hostname or "", str(self._parts.port or 27017)
        self.version = os.environ.get("VESTIBULE_TEST_MONGODB_KIND") or output(
            sys.executable, str(ROOT / "scripts/mongo_probe.py"), host, port, "--any"
        )

    def database(self) -> tuple[str, str]:
        """The name of a new database, and its URL."""
        self._made += 1
        name = f"vestibule_bench_{os.getpid()}_{self._made}"
        return name, self._parts._replace(path=f"/{name}").geturl()

    def drop(self, name: str) -> None:
        """Where the server asks for no password; elsewhere the database stays."""
        if self._parts.username or self._parts.scheme != "mongodb":
            return
        command = {"dropDatabase": 1, "$db": name}
        message = struct.pack("<IB", 0, 0) + mongo_probe.encode(command)
        with contextlib.suppress(OSError):
            with socket.create_connection((self._parts.hostname, self._parts.port or 27017), timeout=30) as connection:
                connection.sendall(struct.pack("<iiii", len(message) + 16, 1, 0, 2013) + message)
                (length,) = struct.unpack("<i", mongo_probe.receive(connection, 4))
                mongo_probe.receive(connection, length - 4)


class Stores:
    """MongoDB and Redis: those that the environment names, or else those of scripts/servers.sh."""

    NAMES = ("VESTIBULE_TEST_MONGODB_URL", "VESTIBULE_TEST_REDIS_URL")

    def __init__(self, processes: Processes, folder: pathlib.Path) -> None:
        if not all(os.environ.get(name) for name in self.NAMES):
            self._start(processes, folder)
        self.mongodb = MongoDb(os.environ[self.NAMES[0]])
        self.redis = Redis(os.environ[self.NAMES[1]])

    def _start(self, processes: Processes, folder: pathlib.Path) -> None:
        say("starting MongoDB and Redis (scripts/servers.sh)")
        log = folder / "servers.log"
        process = processes.spawn([str(ROOT / "scripts/servers.sh")], dict(os.environ), log, ROOT)
        try:
            until(600, "scripts/servers.sh", lambda: process.poll() is not None or self._read(log), 0.2)
        except Failed as failure:
            raise Unavailable(str(failure)) from failure
        if process.poll() is not None:
            raise Unavailable(f"scripts/servers.sh ended: {log.read_text()[-300:]}")

    def _read(self, log: pathlib.Path) -> bool:
        text = log.read_text()
        lines = text[: text.rfind("\n") + 1].splitlines()
        exports = [shlex.split(line)[1].split("=", 1) for line in lines if line.startswith("export VESTIBULE_TEST_")]
        os.environ.update(dict(exports))
        return all(os.environ.get(name) for name in self.NAMES)


# ------------------------------------------------------------------------------------------------ setup


@dataclass
class Bench:
    """What every measurement needs."""

    options: argparse.Namespace
    processes: Processes
    folder: pathlib.Path
    both: Cores
    server: Cores
    generator: Cores
    pinned: bool
    started: int = 0
    _stores: Stores | None = None
    _no_stores: Unavailable | None = None

    @property
    def stores(self) -> Stores:
        """Started when first asked for, and asked for once."""
        if self._no_stores:
            raise self._no_stores
        if not self._stores:
            try:
                self._stores = Stores(self.processes, self.folder)
            except (OSError, Failed, Unavailable) as cause:
                self._no_stores = Unavailable(f"no MongoDB and Redis: {cause}")
                raise self._no_stores from cause
        return self._stores

    @property
    def versions_of_stores(self) -> dict[str, str]:
        if not self._stores:
            return {}
        return {"mongodb": self._stores.mongodb.version, "redis": self._stores.redis.version}

    def new_folder(self) -> pathlib.Path:
        self.started += 1
        folder = self.folder / f"{self.started:04}"
        folder.mkdir()
        return folder


@dataclass
class Server:
    """A contender that runs."""

    process: subprocess.Popen
    port: int
    folder: pathlib.Path
    log: pathlib.Path
    cores: Cores
    admin_path: str = "/graphql"
    given_token: str | None = None  # of the ceilings, which have no users

    def url(self, path: str = "/graphql") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def pids(self) -> list[int]:
        return family(self.process.pid)

    def post(self, text: str, token: str | None = None) -> tuple[dict, list[str]]:
        """The data of the answer, and its cookies."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/graphql", text, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
            cookies = [value.split(";")[0] for value in response.headers.get_all("Set-Cookie") or []]
        finally:
            connection.close()
        if answer.get("errors"):
            raise Failed(f"unexpected answer: {str(answer)[:300]}")
        return answer["data"], cookies

    def add(self, email: str) -> None:
        self.post(register_body(email))

    def token(self, email: str) -> str:
        return self.given_token or self.post(login_body(email))[0]["login"]["accessToken"]

    def cookies(self, email: str) -> str:
        text = body(COOKIES, input={"email": email, "password": PASSWORD, "transport": "COOKIE"})
        return "; ".join(self.post(text)[1])

    def answers(self) -> bool:
        """Whether it answers; raises when it has ended."""
        if self.process.poll() is not None:
            raise Failed(f"it ended: {self.log.read_text(errors='replace')[-400:]}")
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            return self.post(body("{ __typename }"))[0] is not None
        return False

    def says(self, word: str) -> bool:
        if self.process.poll() is not None:
            raise Failed(f"it ended: {self.log.read_text(errors='replace')[-400:]}")
        return any(line.startswith(word) for line in self.log.read_text(errors="replace").splitlines())


# ------------------------------------------------------------------------------------------- contenders


@dataclass(frozen=True)
class Contender:
    """Something that serves `me`."""

    name: str
    title: str

    def run(self, bench: Bench, cores: Cores, cost: int, listed: int = 0) -> contextlib.AbstractContextManager[Server]:
        """A server with ADMIN, and that many other users where a page of them is to be read."""
        raise NotImplementedError


@dataclass(frozen=True)
class Ceiling(Contender):
    kind: str = "http"

    @contextlib.contextmanager
    def run(self, bench: Bench, cores: Cores, cost: int, listed: int = 0) -> Iterator[Server]:
        folder, port = bench.new_folder(), free_port()
        log = folder / "log"
        command = [bench.options.ceilings, self.kind, "--port", str(port)]
        if self.kind == "redis":
            command += ["--redis", bench.stores.redis.url]
        process = bench.processes.spawn(command, environment(), log, folder, cores)
        server = Server(process, port, folder, log, cores)
        try:
            until(30, self.name, lambda: server.says("token " if self.kind == "graphql" else "listening"))
            tokens = [line[6:].strip() for line in log.read_text().splitlines() if line.startswith("token ")]
            yield dataclasses.replace(server, given_token=tokens[0] if tokens else "none")
        finally:
            bench.processes.stop(process)
            if self.kind == "redis":
                bench.stores.redis.empty()


@contextlib.contextmanager
def stores_of_its_own(bench: Bench) -> Iterator[tuple[str, str]]:
    """The URLs of an empty database of MongoDB and one of Redis; both are gone afterwards."""
    name, url = bench.stores.mongodb.database()
    try:
        yield url, bench.stores.redis.url
    finally:
        bench.stores.mongodb.drop(name)
        bench.stores.redis.empty()


@dataclass(frozen=True)
class Vestibule(Contender):
    embedded: bool = True

    @contextlib.contextmanager
    def run(self, bench: Bench, cores: Cores, cost: int, listed: int = 0) -> Iterator[Server]:
        with contextlib.ExitStack() as stack:
            settings = self.settings(bench, cost)
            if not self.embedded:
                mongodb, redis = stack.enter_context(stores_of_its_own(bench))
                settings |= {"DATABASE_URL": mongodb, "REDIS_URL": redis}
            folder, port = bench.new_folder(), free_port()
            settings["BIND_ADDR"] = f"127.0.0.1:{port}"
            self._fill(bench, folder, settings, listed)
            log = folder / "log"
            command = [bench.options.service, "serve"]
            process = bench.processes.spawn(command, environment(**settings), log, folder, cores)
            stack.callback(bench.processes.stop, process)
            server = Server(process, port, folder, log, cores, admin_path="/admin/graphql")
            until(30, self.name, server.answers)
            yield server

    @staticmethod
    def settings(bench: Bench, cost: int) -> dict[str, str]:
        """The defaults, but for these."""
        given = dict(setting.split("=", 1) for setting in bench.options.set)
        fixed = {"BCRYPT_COST": str(cost), "RATE_LIMITS": "off", "RUST_LOG": "warn", "ACCESS_TOKEN_TTL": "1h"}
        return fixed | given

    def _fill(self, bench: Bench, folder: pathlib.Path, settings: dict[str, str], listed: int) -> None:
        create = ["users", "create", "--email", ADMIN, "--name", "Ada Admin", "--role", "admin", "--password-stdin"]
        self._command(bench, folder, settings, create, PASSWORD + "\n")
        if listed:
            rows = [{"email": f"listed{number}@example.com", "name": "Bench Person"} for number in range(listed)]
            for first in range(0, listed, IMPORTED):
                lines = "".join(json.dumps(row) + "\n" for row in rows[first : first + IMPORTED])
                self._command(bench, folder, settings, ["users", "import", "--format", "jsonl", "-"], lines)

    @staticmethod
    def _command(
        bench: Bench, folder: pathlib.Path, settings: dict[str, str], arguments: list[str], typed: str = ""
    ) -> None:
        ended = subprocess.run(
            [bench.options.service, *arguments], cwd=folder, env=environment(**settings), input=typed,
            capture_output=True, text=True, timeout=SEED_SECONDS, check=False,
        )
        if ended.returncode != 0:
            raise Failed(f"{' '.join(arguments[:2])}: {(ended.stderr or ended.stdout)[-300:]}")


@dataclass(frozen=True)
class Node(Contender):
    file: str = ""
    cluster: int = 0

    @contextlib.contextmanager
    def run(self, bench: Bench, cores: Cores, cost: int, listed: int = 0) -> Iterator[Server]:
        node = find_node()
        with stores_of_its_own(bench) as (mongodb, redis):
            folder, port = bench.new_folder(), free_port()
            log = folder / "log"
            settings = {
                "MONGODB_URL": mongodb, "REDIS_URL": redis, "JWT_SECRET": JWT_SECRET, "HOST": "127.0.0.1",
                "PORT": str(port), "BCRYPT_COST": str(cost), "ACCESS_TOKEN_SECONDS": "3600",
                "BENCH_ADMIN_EMAIL": ADMIN, "NODE_ENV": "production",
            }
            command = [node, str(PEERS / self.file)] + (["--cluster", str(self.cluster)] if self.cluster else [])
            process = bench.processes.spawn(command, environment(**settings), log, PEERS, cores)
            server = Server(process, port, folder, log, cores)
            try:
                until(60, self.name, lambda: server.says("listening"))
                server.add(ADMIN)
                if listed:
                    self._fill(node, settings, listed)
                yield server
            finally:
                bench.processes.stop(process)

    @staticmethod
    def _fill(node: str, settings: dict[str, str], listed: int) -> None:
        """Documents as both peers write them, put in at once."""
        ended = subprocess.run(
            [node, "--input-type=module", "--eval", FILL, str(listed)], cwd=PEERS, env=environment(**settings),
            capture_output=True, text=True, timeout=SEED_SECONDS, check=False,
        )
        if ended.returncode != 0:
            raise Failed(f"seeding: {ended.stderr[-300:]}")


FILL = """
import { MongoClient } from 'mongodb';
const client = await MongoClient.connect(process.env.MONGODB_URL);
const now = new Date();
const people = Array.from({ length: Number(process.argv[1]) }, (_, number) => ({
  name: 'Bench Person', email: `listed${number}@example.com`, password: 'none', role: 'user', isVerified: false,
  createdAt: now, updatedAt: now,
}));
for (let at = 0; at < people.length; at += 100) {
  await client.db().collection('users').insertMany(people.slice(at, at + 100));
}
await client.close();
"""


def find_node() -> str:
    node = shutil.which("node")
    if not node:
        raise Unavailable("node is not on the PATH")
    if not (PEERS / "node_modules").is_dir():
        raise Unavailable("the packages are not there: `npm ci` in bench/peers/node")
    return node


HTTP = Ceiling("http", "(a) axum, a constant", "http")
REDIS = Ceiling("redis", "(b) axum and one Redis GET", "redis")
GRAPHQL = Ceiling("graphql", "(c) async-graphql, a constant `me`, HS256", "graphql")
EMBEDDED = Vestibule("vestibule embedded", "**Vestibule**, embedded", True)
NETWORKED = Vestibule("vestibule mongodb redis", "**Vestibule**, MongoDB + Redis", False)
TUTORIAL = Node("d1", "(d1) Node, the tutorials' stack", "tutorial.mjs")
FASTEST = Node("d2", "(d2) Node, the fastest stack", "fastest.mjs")
TUTORIAL_CLUSTER = Node("d1 cluster", "(d1) in two processes", "tutorial.mjs", 2)
FASTEST_CLUSTER = Node("d2 cluster", "(d2) in two processes", "fastest.mjs", 2)
SERVICES = (EMBEDDED, NETWORKED)
REAL_ONES = (*SERVICES, TUTORIAL, FASTEST)

# Not servers: what hashes passwords.
CRATE = Contender("bcrypt crate", "(e) the `bcrypt` crate alone")
ADDON = Contender("bcrypt node", "Node's native addon alone")


# -------------------------------------------------------------------------------------- load generation


@dataclass(frozen=True)
class Load:
    """One run of the load generator."""

    text: str
    connections: int
    expect: str
    path: str = "/graphql"
    rate: float | None = None
    more: tuple[str, ...] = ()

    def command(self, bench: Bench, server: Server, seconds: float, warmup: float) -> list[str]:
        command = [
            bench.options.load, "--url", server.url(self.path), "--connections", str(self.connections),
            "--seconds", str(seconds), "--warmup", str(warmup), "--body", self.text, "--expect", self.expect,
        ]
        return command + (["--rate", str(self.rate)] if self.rate else []) + list(self.more)


def me_load(token: str, rate: float | None = None, connections: int = MANY) -> Load:
    return Load(body(ME), connections, '"me":{', rate=rate, more=("--token", token))


def begin(
    bench: Bench, server: Server, load: Load, seconds: float, warmup: float, cores: Cores | None
) -> tuple[subprocess.Popen, pathlib.Path]:
    report = server.folder / f"load-{time.monotonic_ns()}"
    command = load.command(bench, server, seconds, warmup)
    return bench.processes.spawn(command, environment(), report, server.folder, cores), report


def finish(bench: Bench, process: subprocess.Popen, report: pathlib.Path, seconds: float) -> dict:
    try:
        process.wait(seconds + 60)
    except subprocess.TimeoutExpired as expired:
        raise Failed("the load generator did not end") from expired
    finally:
        bench.processes.stop(process)
    lines = [line for line in report.read_text(errors="replace").splitlines() if line.startswith("{")]
    if process.returncode != 0 or not lines:
        raise Failed(f"the load generator: {report.read_text(errors='replace')[-300:]}")
    return json.loads(lines[-1])


def drive(
    bench: Bench, server: Server, load: Load, cores: Cores | None = None, tick: Callable[[], None] | None = None
) -> dict:
    """Runs the load; its report, with the processor time of the server over the same seconds."""
    seconds, warmup = bench.options.seconds, bench.options.warmup
    process, report = begin(bench, server, load, seconds, warmup, cores)
    pids = server.pids()
    time.sleep(warmup)
    used, since = cpu_seconds(pids), time.monotonic()
    while time.monotonic() < since + seconds and process.poll() is None:
        if tick:
            tick()
        time.sleep(min(0.1, max(0.0, since + seconds - time.monotonic())))
    busy = (cpu_seconds(pids) - used) / (time.monotonic() - since)
    values = finish(bench, process, report, 30)
    if not values["requests"]:
        raise Failed(f"no answer was right: {str(values.get('firstError'))[:200]}")
    values["serverCpu"] = busy
    values["serverCores"] = len(server.cores)
    values["serverShare"] = busy / len(server.cores)
    values["generatorShare"] = values["cpuSeconds"] / values["seconds"]
    values["cpuPer1000"] = busy / values["rps"] * 1_000
    return values


def collect(
    bench: Bench, server: Server, text: str, count: int, member: str, seconds: float = SEED_SECONDS, least: int = 0
) -> tuple[pathlib.Path, int]:
    """Sends `text` so many times, or at `least` so many where time is up before; a file with that member of
    each answer, one a line, and how many these are."""
    kept = server.folder / f"kept-{time.monotonic_ns()}"
    more = ("--max-requests", str(count), "--keep", member, "--keep-to", str(kept))
    load = Load(text, min(SOME, count), f'"{member}":"', more=more)
    process, report = begin(bench, server, load, seconds, 0, None)
    values = finish(bench, process, report, seconds)
    got = len(kept.read_text().splitlines()) if kept.exists() else 0
    if values["errors"] or got < (least or count):
        raise Failed(f"seeding: {got} of {count}, first error: {str(values.get('firstError'))[:200]}")
    return kept, got


# ----------------------------------------------------------------------------------------- measurements

Values = dict[str, float]
Measured = Iterator[tuple[str, Values]]  # the name of a measure, and its values


def measure_me(bench: Bench, contender: Contender) -> Measured:
    """One core for the server, another for the load."""
    with contender.run(bench, bench.server, FAST) as server:
        yield "me", drive(bench, server, me_load(server.token(ADMIN)), bench.generator)
        if contender in SERVICES:
            cookies = Load(body(ME), MANY, '"me":{', more=("--cookie", server.cookies(ADMIN)))
            yield "me by cookie", drive(bench, server, cookies, bench.generator)


def measure_both(bench: Bench, contender: Contender) -> Measured:
    """The server on all cores, with the load among them."""
    with contender.run(bench, bench.both, FAST) as server:
        yield "me on all cores", drive(bench, server, me_load(server.token(ADMIN)))


def measure_login(bench: Bench, contender: Contender) -> Measured:
    with contender.run(bench, bench.both, REAL) as server:
        server.add(PERSON)
        yield "login", drive(bench, server, Load(login_body(PERSON), SOME, '"accessToken":"'))
        yield "register", drive(bench, server, Load(register_body("new{n}@example.com"), SOME, '"accessToken":"'))
        yield "one login at a time", drive(bench, server, Load(login_body(PERSON), 1, '"accessToken":"'))


def measure_refresh(bench: Bench, contender: Contender) -> Measured:
    with contender.run(bench, bench.both, FAST) as server:
        for connections, measure in ((MANY, "refresh"), (1, "refresh by one client")):
            tokens, _ = collect(bench, server, login_body(ADMIN), connections, "refreshToken")
            text = body(REFRESH, input={"refreshToken": "{token}"})
            more = ("--chain", "--refresh-tokens", str(tokens))
            yield measure, drive(bench, server, Load(text, connections, '"refreshToken":"', more=more))


def measure_users(bench: Bench, contender: Contender) -> Measured:
    with contender.run(bench, bench.server, FAST, LISTED) as server:
        more = ("--token", server.token(ADMIN))
        load = Load(body(USERS), MANY, '"hasNextPage":true', server.admin_path, more=more)
        yield "page of users", drive(bench, server, load, bench.generator)


def measure_bcrypt(bench: Bench, contender: Contender) -> Measured:
    for threads, measure in ((len(bench.both), "hashes"), (1, "hashes, one at a time")):
        if contender is CRATE:
            arguments = ["--seconds", str(bench.options.seconds), "--threads", str(threads), "--cost", str(REAL)]
            command, env = [bench.options.ceilings, "bcrypt", *arguments], environment()
        else:
            in_flight = 1 if threads == 1 else 4 * threads
            command = [find_node(), str(PEERS / "bcrypt.mjs"), str(bench.options.seconds), str(in_flight)]
            env = environment(UV_THREADPOOL_SIZE=str(max(4, threads)))
        folder = bench.new_folder()
        report = folder / "bcrypt"
        process = bench.processes.spawn(command, env, report, folder, bench.both)
        yield measure, {"hashesPerSecond": finish(bench, process, report, bench.options.seconds)["hashesPerSecond"]}


def measure_storm(bench: Bench, contender: Contender) -> Measured:
    """`me` at a fixed rate, alone, and beside connections that log in without a pause."""
    with contender.run(bench, bench.both, REAL) as server:
        server.add(STORM)
        load = me_load(server.token(ADMIN), RATE, SOME)
        quiet = drive(bench, server, load)
        yield "me alone", quiet
        storm = Load(login_body(STORM), SOME, '"accessToken":"')
        length = bench.options.seconds + bench.options.warmup + 1
        process, report = begin(bench, server, storm, length, 0, None)
        time.sleep(0.5)
        beside = drive(bench, server, load)
        logins = finish(bench, process, report, length)
        beside |= {"loginsPerSecond": logins["rps"], "loginErrors": logins["errors"], "overQuiet": beside["p99"] / quiet["p99"]}
        yield "me beside logins", beside


def measure_memory(bench: Bench, contender: Contender) -> Measured:
    """After a second of idleness, and at most while `me` is asked for with the tokens of all sessions."""
    with contender.run(bench, bench.both, FAST) as server:
        time.sleep(1)
        idle = resident_mebibytes(server.pids())
        text, wanted = register_body("session{n}@example.com"), bench.options.sessions
        tokens, count = collect(bench, server, text, wanted, "accessToken", bench.options.seed_seconds, 1)
        # Where registering is slow the rest are further sessions of the same people. The last of them may have been
        # cut off.
        people = max(1, count - SOME)
        since = time.monotonic()
        while count < wanted and time.monotonic() < since + 4 * bench.options.seed_seconds:
            more, got = collect(
                bench, server, login_body("session{n}@example.com"), min(people, wanted - count), "accessToken",
                bench.options.seed_seconds, 1,
            )
            with tokens.open("a") as kept:
                kept.write(more.read_text())
            count += got
        seeded = resident_mebibytes(server.pids())
        seen = [seeded]
        load = Load(body(ME), MANY, '"me":{', more=("--tokens", str(tokens)))
        values = drive(bench, server, load, tick=lambda: seen.append(resident_mebibytes(server.pids())))
        yield "memory", values | {"idle": idle, "seeded": seeded, "loaded": max(seen), "sessions": count}


def first_answer(port: int, since: float) -> float:
    """Milliseconds until a request is answered with 200, asked each millisecond."""
    text = body("{ __typename }")
    head = f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    request = f"{head}Connection: close\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
    while time.monotonic() < since + 30:
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(request)
                if connection.recv(4096).startswith(b"HTTP/1.1 200"):
                    return (time.monotonic() - since) * 1_000
        time.sleep(0.001)
    raise Failed("no answer within 30 s")


def measure_start(bench: Bench, contender: Contender) -> Measured:
    """With a store that has to be made, and once more with the one that is there then. No pinning, which costs time."""
    folder, port = bench.new_folder(), free_port()
    settings = Vestibule.settings(bench, REAL) | {"BIND_ADDR": f"127.0.0.1:{port}"}
    for measure in ("start, new store", "start, store there"):
        since = time.monotonic()
        process = bench.processes.spawn(
            [bench.options.service, "serve"], environment(**settings), folder / "log", folder
        )
        try:
            yield measure, {"milliseconds": first_answer(port, since)}
        finally:
            bench.processes.stop(process)


@dataclass(frozen=True)
class Part:
    """Something that `--only` names."""

    name: str
    contenders: tuple[Contender, ...]
    measure: Callable[[Bench, Contender], Measured]
    measures: tuple[str, ...]


PARTS = (
    Part("me", (HTTP, REDIS, GRAPHQL, *REAL_ONES), measure_me, ("me", "me by cookie")),
    Part("both", (*SERVICES, TUTORIAL_CLUSTER, FASTEST_CLUSTER), measure_both, ("me on all cores",)),
    Part("bcrypt", (CRATE, ADDON), measure_bcrypt, ("hashes", "hashes, one at a time")),
    Part("login", REAL_ONES, measure_login, ("login", "register", "one login at a time")),
    Part("refresh", REAL_ONES, measure_refresh, ("refresh", "refresh by one client")),
    Part("users", REAL_ONES, measure_users, ("page of users",)),
    Part("storm", REAL_ONES, measure_storm, ("me alone", "me beside logins")),
    Part("memory", REAL_ONES, measure_memory, ("memory",)),
    Part("start", (EMBEDDED,), measure_start, ("start, new store", "start, store there")),
)


# ---------------------------------------------------------------------------------------------- results


@dataclass
class Results:
    """All that was measured: one set of values for each measure, contender and round."""

    samples: list[dict] = field(default_factory=list)
    faults: dict[tuple[str, str], str] = field(default_factory=dict)  # (part, contender): why
    missing: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, part: Part, measure: str, contender: Contender, turn: int, values: Values) -> None:
        sample = {"part": part.name, "measure": measure, "contender": contender.name, "round": turn, "values": values}
        self.samples.append(sample)

    def by_round(self, measure: str, contender: Contender, key: str) -> dict[int, float]:
        return {
            sample["round"]: sample["values"][key]
            for sample in self.samples
            if (sample["measure"], sample["contender"]) == (measure, contender.name)
            and sample["values"].get(key) is not None
        }

    def median(self, measure: str, contender: Contender, key: str) -> float | None:
        values = self.by_round(measure, contender, key).values()
        return statistics.median(values) if values else None

    def why_not(self, part: str, contender: Contender) -> str:
        key = (part, contender.name)
        if key in self.missing:
            return f"not here: {self.missing[key]}"
        return f"failed: {self.faults[key]}" if key in self.faults else "not measured"

    def medians(self) -> list[dict]:
        found: dict[tuple[str, str], dict[str, list[float]]] = {}
        for sample in self.samples:
            columns = found.setdefault((sample["measure"], sample["contender"]), {})
            for key, value in sample["values"].items():
                if isinstance(value, (int, float)):
                    columns.setdefault(key, []).append(value)
        return [
            {"measure": measure, "contender": contender, **{key: statistics.median(all_) for key, all_ in columns.items()}}
            for (measure, contender), columns in found.items()
        ]


@dataclass(frozen=True)
class Value:
    """One of the values of a measure."""

    measure: str
    contender: Contender
    key: str = "rps"


@dataclass(frozen=True)
class Demand:
    """What must be shown: a value, or the ratio of two of the same round, with its bound."""

    text: str
    of: Value
    to: Value | None
    bound: float
    at_least: bool = True
    unit: str = ""
    needs: tuple[Value, float] | None = None  # without so much of it, nothing is shown

    def lacks(self, results: Results) -> str:
        if not self.needs:
            return ""
        value, least = self.needs
        there = results.median(value.measure, value.contender, value.key)
        return f"only {there:,.0f} {value.key}" if there is not None and there < least else ""

    def found(self, results: Results) -> list[float]:
        top = results.by_round(self.of.measure, self.of.contender, self.of.key)
        if self.to is None:
            return sorted(top.values())
        bottom = results.by_round(self.to.measure, self.to.contender, self.to.key)
        return sorted(top[turn] / bottom[turn] for turn in top if bottom.get(turn))

    def judged(self, results: Results) -> dict:
        found = self.found(results)
        middle = statistics.median(found) if found else None
        met = None if middle is None else (middle >= self.bound if self.at_least else middle <= self.bound)
        lacks = self.lacks(results)
        met = None if lacks else met
        return {
            "text": self.text, "bound": self.bound, "atLeast": self.at_least, "unit": self.unit,
            "found": middle, "all": found, "met": met, "lacks": lacks,
        }


def demands(sessions: int) -> Iterator[Demand]:
    for service in SERVICES:
        name = service.title.replace("*", "")
        for peer, bound in ((GRAPHQL, 1.0), (HTTP, 0.35), (TUTORIAL, 30), (FASTEST, 4)):
            yield Demand(f"`me` by bearer, {name} : {peer.title}", Value("me", service), Value("me", peer), bound)
        for measure in ("login", "register"):
            for peer, bound in ((CRATE, 1.7), (ADDON, 1.5)):
                hashes = Value("hashes", peer, "hashesPerSecond")
                yield Demand(f"{measure}, {SOME} connections, {name} : {peer.title}", Value(measure, service), hashes, bound)
        alone = Value("hashes, one at a time", CRATE, "hashesPerSecond")
        yield Demand(f"a single login at a time, {name} : {CRATE.title}", Value("one login at a time", service), alone, 1.0)
    one = Value("refresh by one client", EMBEDDED)
    yield Demand(f"refresh, Vestibule, embedded, {MANY} clients : one", Value("refresh", EMBEDDED), one, 10)
    for service in SERVICES:
        name = service.title.replace("*", "")
        over = Value("me beside logins", service, "overQuiet")
        text = f"99th percentile of `me` at {RATE}/s, {name}, beside {SOME} that log in : alone"
        yield Demand(text, over, None, 3, at_least=False)
    for service in SERVICES:
        name = service.title.replace("*", "")
        yield Demand(f"memory, idle, {name}", Value("memory", service, "idle"), None, 30, False, "MiB")
        text = f"memory, {sessions:,} live sessions under load, {name}"
        needs = (Value("memory", service, "sessions"), sessions)
        yield Demand(text, Value("memory", service, "loaded"), None, 100, False, "MiB", needs)
    start = Value("start, new store", EMBEDDED, "milliseconds")
    yield Demand("start to first answer, Vestibule, embedded, new store", start, None, 150, False, "ms")
    for service in SERVICES:
        name = service.title.replace("*", "")
        page, peer = Value("page of users", service), Value("page of users", TUTORIAL)
        yield Demand(f"a page of {PAGE} users, {name} : {TUTORIAL.title}", page, peer, 10)


def choked(results: Results) -> list[str]:
    """Where the load generator may be what was measured: its core full, the server with time left."""
    found = {}
    for sample in results.samples:
        values = sample["values"]
        if values.get("generatorShare", 0) > BUSY and values["serverShare"] < BUSY:
            text = f"generator {values['generatorShare']:.0%} of a core, server {values['serverShare']:.0%} of its own"
            found[f"{sample['measure']}, {sample['contender']}, round {sample['round']}"] = text
    return [f"{name}: {text}" for name, text in found.items()]


def idle(sample: dict) -> bool:
    """Whether `me` on a core of its own did not fill it, and the generator did not fill the other."""
    values, is_pinned = sample["values"], sample["measure"] in ("me", "me by cookie")
    return is_pinned and values["serverShare"] < BUSY and values["generatorShare"] < BUSY


# ----------------------------------------------------------------------------------------------- report


@dataclass(frozen=True)
class Column:
    title: str
    key: str
    show: Callable[[float], str]


def plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def milliseconds(micros: float) -> str:
    return f"{micros / 1_000:.2f}" if micros < 100_000 else f"{micros / 1_000:,.0f}"


def share(value: float) -> str:
    return f"{value:.0%}"


PERCENTILES = (
    Column("p50 ms", "p50", milliseconds),
    Column("p99 ms", "p99", milliseconds),
    Column("p99.9 ms", "p999", milliseconds),
)
ERRORS = Column("errors", "errors", lambda value: f"{value:.0f}")
COSTS = (
    Column("CPU s per 1,000", "cpuPer1000", lambda value: f"{value:.4f}" if value < 1 else f"{value:.1f}"),
    Column("server CPU", "serverShare", share),
    Column("generator CPU", "generatorShare", share),
    ERRORS,
)
THROUGHPUT = (Column("requests/s", "rps", plain), *PERCENTILES, *COSTS)
LATENCY = (
    *PERCENTILES, Column("p99 : alone", "overQuiet", plain), Column("logins/s", "loginsPerSecond", plain), *COSTS[1:]
)
MEMORY = (
    Column("idle MiB", "idle", plain), Column("with the sessions MiB", "seeded", plain),
    Column("at most under load MiB", "loaded", plain), Column("sessions", "sessions", lambda value: f"{value:,.0f}"),
    Column("requests/s", "rps", plain), *COSTS[1:],
)
HASHES = (Column("hashes/s", "hashesPerSecond", plain),)
START = (Column("ms", "milliseconds", plain),)
COLUMNS = {"storm": LATENCY, "memory": MEMORY, "bcrypt": HASHES, "start": START}
HEADINGS = {
    "me": f"`me` by bearer: one core for the server, one for the load, {MANY} connections",
    "me by cookie": f"`me` by cookie: the same",
    "me on all cores": f"`me` by bearer: the server on both cores, the load among them, {MANY} connections",
    "hashes": f"bcrypt alone, cost {REAL}, both cores",
    "hashes, one at a time": f"bcrypt alone, cost {REAL}, one at a time",
    "login": f"login, cost {REAL}, {SOME} connections, both cores",
    "register": f"register, cost {REAL}, {SOME} connections, both cores",
    "one login at a time": f"login, cost {REAL}, one at a time",
    "refresh": f"refresh, {MANY} clients, both cores",
    "refresh by one client": "refresh, one client",
    "page of users": f"a page of {PAGE} of {LISTED:,} users: one core each, {MANY} connections",
    "me alone": f"`me` at {RATE}/s, alone, both cores",
    "me beside logins": f"`me` at {RATE}/s while {SOME} connections log in at cost {REAL}, both cores",
    "memory": "memory (resident)",
    "start, new store": "start to first answer, the store has to be made",
    "start, store there": "start to first answer, the store is there",
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = list(head)
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join([" --- "] + [" ---: "] * (len(head) - 1)) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def measure_table(results: Results, part: Part, measure: str) -> Iterator[str]:
    columns = [
        column for column in COLUMNS.get(part.name, THROUGHPUT)
        if any(results.by_round(measure, contender, column.key) for contender in part.contenders)
    ]
    rows = []
    for contender in part.contenders:
        values = [results.median(measure, contender, column.key) for column in columns]
        if any(value is not None for value in values):
            shown = ("" if value is None else column.show(value) for column, value in zip(columns, values))
            rows.append([contender.title, *shown])
        elif measure != "me by cookie" or contender in SERVICES:
            why = " ".join(results.why_not(part.name, contender).replace("|", "/").split())
            rows.append([contender.title, why, *[""] * (len(columns) - 1)])
    yield from table(["", *(column.title for column in columns)] if columns else ["", ""], rows)


def demand_table(judged: list[dict]) -> Iterator[str]:
    rows = []
    for demand in judged:
        sign, unit = "≥" if demand["atLeast"] else "≤", f" {demand['unit']}" if demand["unit"] else ""
        found, spread, verdict = "–", "", "not measured"
        if demand["found"] is not None:
            found = f"{demand['found']:,.2f}{unit}"
            spread = f"{demand['all'][0]:,.2f} – {demand['all'][-1]:,.2f}"
            verdict = "met" if demand["met"] else "**not met**"
            verdict = f"not shown: {demand['lacks']}" if demand["lacks"] else verdict
        rows.append([demand["text"], f"{sign} {demand['bound']:g}{unit}", found, spread, verdict])
    return table(["", "asked", "found", "from – to", ""], rows)


def cautions(results: Results, machine: dict) -> Iterator[str]:
    """What a reader must know before believing the tables."""
    narrow = choked(results)
    driven = [sample for sample in results.samples if "generatorShare" in sample["values"]]
    if narrow:
        yield f"**The load generator may have been the bottleneck** (it used more than {BUSY:.0%} of its core while the"
        yield "server had time left):"
        yield ""
        yield from (f"- {text}" for text in narrow)
    elif driven:
        most = max(driven, key=lambda sample: sample["values"]["generatorShare"])
        yield (
            f"The load generator was not the bottleneck: in none of {len(driven)} measurements did it use more than "
            f"{BUSY:.0%} of a core while the server had time left; the most was "
            f"{most['values']['generatorShare']:.0%} ({most['measure']}, {most['contender']}, where the server used "
            f"{most['values']['serverShare']:.0%} of its own)."
        )
    if "SecantusDB" in str(machine.get("mongodb")):
        yield ""
        yield "MongoDB is played by SecantusDB, which is slower than `mongod` by far. What waits for it (logins, refresh, a"
        yield "page of users of d1 and d2) says more about it than about those who ask."
    waited = sorted({f"{sample['measure']}, {sample['contender']}" for sample in driven if idle(sample)})
    if waited:
        yield ""
        yield "Neither the server nor the generator had a full core, in at least one round, so that something else was waited"
        yield f"for (Redis on the core of the generator, or other work on this machine): {'; '.join(waited)}."
    wrong = [sample for sample in driven if sample["values"]["errors"]]
    for sample in wrong:
        first = str(sample["values"].get("firstError"))[:120].replace("\n", " ")
        yield f"- errors: {sample['measure']}, {sample['contender']}, round {sample['round']}: `{first}`"
    for (part, contender), why in results.faults.items():
        yield f"- failed: {part}, {contender}: {' '.join(why.split())}"


def report(results: Results, machine: dict, options: argparse.Namespace, judged: list[dict]) -> str:
    pinning = "" if machine["pinned"] else " **Only one core: nothing is pinned, and no ratio counts.**"
    lines = ["# Results of `make bench`", ""]
    lines += [f"- {name}: {value}" for name, value in machine.items() if value not in ("", None)]
    lines += [
        "", f"Medians of {options.runs} rounds of {options.seconds:g} s, after {options.warmup:g} s to warm up. CPU of the"
        f" server is that of its processes, without MongoDB and Redis, which use what cores are free.{pinning}",
        "", *cautions(results, machine), "",
    ]
    lines += ["## What must be shown", "", "Medians of the ratios of each round.", "", *demand_table(judged), ""]
    for part in chosen(options):
        for measure in part.measures:
            lines += [f"## {HEADINGS[measure][0].upper()}{HEADINGS[measure][1:]}", ""]
            lines += [*measure_table(results, part, measure), ""]
    return "\n".join(lines)


def file_system(folder: pathlib.Path) -> str:
    """Whether commits reach a disk depends on it."""
    kinds = {}
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/mounts").read_text().splitlines():
            _, where, kind, *_ = line.split()
            kinds[where] = kind
    for parent in (folder, *folder.parents):
        if str(parent) in kinds:
            return kinds[str(parent)]
    return ""


def describe(bench: Bench) -> dict:
    model = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")]
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": model[0] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "cores used": bench.both.named(),
        "pinned": bench.pinned,
        "kernel": ".".join(platform.release().split(".")[:2]),
        "file system of the embedded store": file_system(bench.folder),
        "load average before": f"{os.getloadavg()[0]:.2f}",
        "commit": output("git", "describe", "--always", "--dirty"),
        "vestibule": output(bench.options.service, "--version"),
        "node": output("node", "--version") or "none",
        "python": platform.python_version(),
    }


# ------------------------------------------------------------------------------------------------- main


def chosen(options: argparse.Namespace) -> list[Part]:
    return [part for part in PARTS if not options.only or part.name in options.only]


def run_one(bench: Bench, results: Results, part: Part, contender: Contender, turn: int) -> None:
    key = (part.name, contender.name)
    if key in results.missing:
        return
    say(f"round {turn} of {bench.options.runs}: {part.name}, {contender.name}")
    began = time.monotonic()
    try:
        for measure, values in part.measure(bench, contender):
            results.add(part, measure, contender, turn, values)
            say(f"    {measure}: {brief(values)}")
    except Unavailable as cause:
        results.missing[key] = str(cause)
        say(f"    not here: {cause}")
    except (Failed, OSError, ValueError, KeyError, subprocess.SubprocessError, http.client.HTTPException) as cause:
        results.faults[key] = f"{cause}"[:400]
        say(f"    failed: {cause}")
    say(f"    in {time.monotonic() - began:.0f} s")


def brief(values: Values) -> str:
    keys = ("rps", "p99", "errors", "hashesPerSecond", "milliseconds", "idle", "loaded", "overQuiet", "cpuPer1000",
            "serverShare", "generatorShare")
    return ", ".join(f"{key} {values[key]:.4g}" for key in keys if key in values)


def run_all(bench: Bench, results: Results) -> None:
    for turn in range(1, bench.options.runs + 1):
        for part in chosen(bench.options):
            for contender in part.contenders:
                run_one(bench, results, part, contender, turn)


NOTED = ("runs", "seconds", "warmup", "sessions", "seed_seconds", "only", "set")


def write(bench: Bench, results: Results, machine: dict, folder: pathlib.Path) -> None:
    machine |= bench.versions_of_stores | {"load average after": f"{os.getloadavg()[0]:.2f}"}
    judged = [demand.judged(results) for demand in demands(bench.options.sessions)]
    settings = {name: value for name, value in vars(bench.options).items() if name in NOTED}
    whole = {
        "machine": machine,
        "settings": settings,
        "demands": judged,
        "generatorMayHaveBeenTheBottleneck": choked(results),
        "notHere": [{"part": part, "contender": name, "why": why} for (part, name), why in results.missing.items()],
        "failed": [{"part": part, "contender": name, "why": why} for (part, name), why in results.faults.items()],
        "medians": results.medians(),
        "samples": results.samples,
    }
    text = report(results, machine, bench.options, judged)
    (folder / "latest.json").write_text(json.dumps(whole, indent=1) + "\n")
    (folder / "latest.md").write_text(text)
    print(text)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--service", required=True, help="the program vestibule")
    parser.add_argument("--load", required=True, help="the load generator (bench/load.rs)")
    parser.add_argument("--ceilings", required=True, help="the bare servers (bench/peers/ceilings.rs)")
    parser.add_argument("--runs", type=int, help="rounds; 5")
    parser.add_argument("--seconds", type=float, help="of each measurement; 5")
    parser.add_argument("--warmup", type=float, help="seconds before each measurement; 1.5")
    parser.add_argument("--sessions", type=int, help="live sessions where memory is measured; 10,000")
    parser.add_argument("--seed-seconds", type=float, help="the longest that these sessions are made; 60, quick 20")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], metavar="PART,...",
                        help="parts: " + ", ".join(part.name for part in PARTS))
    parser.add_argument("--quick", action="store_true", help="1 round of 2 s, 1,000 sessions: to see that it works")
    parser.add_argument("--cores", help="two cores, such as 0,1: of the server and of the load; the first two that there are")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the service, to compare")
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / "bench/results", help="folder; bench/results")
    options = parser.parse_args()
    for name, usual, quick in (("runs", 5, 1), ("seconds", 5.0, 2.0), ("warmup", 1.5, 0.5), ("sessions", 10_000, 1_000),
                                 ("seed_seconds", 60.0, 20.0)):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else usual)
    unknown = set(options.only) - {part.name for part in PARTS}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if not (1 <= options.runs <= 100 and 0.5 <= options.seconds <= 120 and 0 <= options.warmup <= 60):
        parser.error("1 to 100 runs of 0.5 to 120 seconds, after 0 to 60 to warm up")
    for name in ("service", "load", "ceilings"):
        path = pathlib.Path(getattr(options, name)).resolve()
        if not os.access(path, os.X_OK):
            parser.error(f"--{name}: no program at {getattr(options, name)}")
        setattr(options, name, str(path))
    if any("=" not in setting for setting in options.set):
        parser.error("--set takes NAME=VALUE")
    return options


def pick_cores(options: argparse.Namespace) -> tuple[int, ...]:
    there = sorted(os.sched_getaffinity(0))
    wanted = tuple(int(core) for core in options.cores.split(",")) if options.cores else tuple(there[:2])
    if not set(wanted) <= set(there) or len(wanted) > 2:
        sys.exit(f"--cores: two of {', '.join(map(str, there))}")
    return wanted


def interrupted(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    options = parse()
    if not shutil.which("taskset"):
        sys.exit("taskset (util-linux) is needed, to give the server and the load cores of their own")
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    cores = pick_cores(options)
    options.results.mkdir(parents=True, exist_ok=True)
    # Beside the results and not in /tmp, which may be memory: commits are to reach a disk.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=options.results.resolve()))
    processes, results = Processes(), Results()
    bench = Bench(options, processes, folder, Cores(cores), Cores(cores[:1]), Cores(cores[-1:]), len(cores) == 2)
    try:
        machine = describe(bench)
        run_all(bench, results)
        write(bench, results, machine, options.results)
    except KeyboardInterrupt:
        say("interrupted: no report")
        return 130
    finally:
        # A second Ctrl-C must not leave processes behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        processes.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if results.faults else 0


if __name__ == "__main__":
    sys.exit(main())
