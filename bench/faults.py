#!/usr/bin/env python3
"""A minute of mixed load on two nodes while what they depend on goes away and one of them is killed.

    bench/faults.py [--service VESTIBULE] [--seconds 60] [--rate N] [--mongodb MODE] [--redis MODE] [--first-node-only]

Two nodes of a copy of the program, with password cost 4, on one MongoDB and one Redis, which each of them reaches through
a TCP proxy of its own; in front of both an HTTP balancer, which asks /health/ready, takes the nodes in turn, and tries
another one only where the connection was refused, so that nothing had been sent. At a sixth of the time MongoDB is cut
off for --outage seconds, at five twelfths Redis, and at two thirds the second node is killed (kill -9) and started
again after 3 s. MODE is another fault in place of a cut:

    cut        connections break, new ones are closed at once
    delay      what is sent comes --delay seconds later, 0.2 unless told otherwise
    silent     nothing comes until the fault is over, then all of it
    drip       eight bytes come every 10 ms
    half-open  connections of before and of meanwhile stay, and nothing ever comes on them

People register (some twice at once, some with an Idempotency-Key), log in, ask `me`, refresh, write a counter into their
profile, change their password, and have sessions end on one node that are then used on the other. Each client remembers
what was acknowledged, and what may or may not have been done because no answer came. It tries again as clients do: a
refresh after 250 ms, with the same token. From a few sessions the copies in Redis are taken away when a fault begins, as
if their minute were over, so that they need the store meanwhile.

Checked during the run and after it, on both nodes: what was acknowledged is there, what was revoked is refused in the
time that docs/architecture.md states, `me` fails no longer than a second after the end of a fault, every refusal has a
documented code, nobody waits for ever, and no secret is in a log. Prints tables and, as the last line, JSON. Leaves with
1 when something does not hold, and with 3 when nothing could be tried. It asks MongoDB itself all the while, by no
proxy: on a machine so busy that a write there takes longer than STARVED, bounds in time that were not kept say nothing
about the service, and it leaves with 75; what was lost is lost on any machine. Logs are kept. Only the standard
library; bounded in time and count; 127.0.0.1 only; ends only what it has started.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import random
import re
import secrets
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from run import (  # noqa: E402
    ROOT, Failed, Processes, Stores, Unavailable, body, environment, free_port, interrupted, mongo_probe, output, say,
    table,
)
from soak import (  # noqa: E402
    Answer, Connection, NoAnswer, NotSent, message, percentile, read_body, read_head, until_told,
)

BOUND = 2.0  # seconds: docs/architecture.md, "How long a revocation that was answered may go unnoticed"
RECOVERY = 1.0  # seconds after the end of a fault from which on `me` must succeed
GRACE = 10.0  # seconds: the default of REFRESH_GRACE
PATIENCE = 35.0  # seconds until an answer counts as never given: REQUEST_TIMEOUT is 30
HEALTH_PATIENCE = 1.0  # seconds that the balancer waits for /health/ready
BUSY = 75  # the status of a run that says nothing, since the machine was too busy: EX_TEMPFAIL
STARVED = 1.0  # seconds that a write at MongoDB itself, or a turn of this program, takes on a machine that is too busy
RETRY = 0.25  # seconds until a client tries again
DRIP, DRIP_EVERY = 8, 0.01  # bytes, seconds
MODES = ("cut", "delay", "silent", "drip", "half-open")
IN_FLIGHT = 400  # operations at once; more are not begun
RESTART_AFTER = 3.0  # seconds after the kill
READERS, COLD, WRITERS, CHAINS, CHANGERS, OWNERS = 40, 8, 12, 24, 8, 24
SEED = 20_261_128
MARK = "canary"

SESSION = "session { id } accessToken refreshToken user { id name }"
LOGIN = f"mutation ($input: LoginInput!) {{ login(input: $input) {{ {SESSION} }} }}"
REGISTER = f"mutation ($input: RegisterInput!) {{ register(input: $input) {{ {SESSION} }} }}"
REFRESH = f"mutation ($input: RefreshInput!) {{ refresh(input: $input) {{ {SESSION} }} }}"
READY = b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n"
ME = "{ me { id email name } }"
PROFILE = "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { user { name } } }"
CHANGE = "mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { user { id } } }"
REVOKE = "mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) { sessionId } }"
REVOKE_OTHERS = "mutation { revokeOtherSessions { revokedCount } }"
LOGOUT = "mutation { logout { success } }"
ENDED = ("UNAUTHENTICATED", "TOKEN_INVALID")  # what a refresh token of a session is answered with that has ended
OUTAGE = ("SERVICE_UNAVAILABLE", "OVERLOADED", "no answer", "nobody", "never")
OPERATIONS = {"me": 60, "refresh": 9, "login": 6, "register": 5, "profile": 8, "revoke": 5, "change": 2, "recheck": 5}


# --------------------------------------------------------------------------------------- what can go wrong


@dataclass(eq=False)
class Link:
    """A connection through a proxy."""

    writers: list[asyncio.StreamWriter]
    is_dead: bool = False


class Proxy:
    """Stands between a node and a store, and does to the connection what its mode says."""

    def __init__(self, host: str, port: int, delay: float) -> None:
        self._target, self._delay = (host, port), delay
        self._links: set[Link] = set()
        self._mode = "open"
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server
        return self._server.sockets[0].getsockname()[1]

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    def set(self, mode: str) -> None:
        """One of MODES, or `open`."""
        self._mode = mode
        if mode == "cut":
            self._break()
        if mode == "half-open":
            for link in self._links:
                link.is_dead = True
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        if self._server:
            self._server.close()
        self._break()

    def _break(self) -> None:
        for link in list(self._links):
            for writer in link.writers:
                writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == "cut":
            writer.transport.abort()
            return
        link = Link([writer], self._mode == "half-open")
        self._links.add(link)
        try:
            there, back = await asyncio.open_connection(*self._target)
            link.writers.append(back)
            ways = [asyncio.create_task(self._copy(link, *way)) for way in ((reader, back), (there, writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._links.discard(link)
            for end in link.writers:
                end.transport.abort() if self._mode == "cut" else end.close()

    async def _copy(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if self._mode == "delay":
                    await asyncio.sleep(self._delay)
                while self._mode == "silent":
                    await self._changed.wait()
                while self._mode == "drip" and len(data) > DRIP:
                    writer.write(data[:DRIP])
                    data = data[DRIP:]
                    await asyncio.sleep(DRIP_EVERY)
                if not link.is_dead:
                    writer.write(data)
                    await writer.drain()


@dataclass
class Node:
    """A process of the service, and the ways by which it reaches its stores."""

    name: str
    port: int
    command: list[str]
    settings: dict[str, str]
    folder: pathlib.Path
    mongodb: Proxy
    redis: Proxy
    processes: Processes
    process: subprocess.Popen | None = None
    is_ready: bool = False
    states: list[tuple[float, str]] = field(default_factory=list)  # when /health/ready said what
    idle: list[Connection] = field(default_factory=list)

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> pathlib.Path:
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        home = self.folder / self.name
        home.mkdir(exist_ok=True)
        self.process = self.processes.spawn(self.command, environment(**self.settings), self.log, home)

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(20)

    async def until_ready(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.is_ready:
            if not self.is_alive:
                raise Failed(f"{self.name} ended by itself")
            if time.monotonic() > end:
                raise Failed(f"{self.name} was not ready within {seconds:.0f} s")
            await asyncio.sleep(0.02)

    async def exchange(self, request: bytes, patience: float = PATIENCE) -> Answer:
        """On a connection that was kept or a new one."""
        connection = self.idle.pop() if self.idle else Connection(self.port)
        answer = await connection.exchange(request, patience)
        self.idle.append(connection)
        return answer

    def drop_idle(self) -> None:
        while self.idle:
            self.idle.pop().close()

    def connections(self) -> int:
        """How many of clients the node has, those included that only the client has closed."""
        lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        fields = (line.split() for line in lines)
        return sum(1 for entry in fields if int(entry[1].split(":")[1], 16) == self.port and entry[3] in ("01", "08"))


class Balancer:
    """An HTTP proxy in front of the nodes, one after the other."""

    def __init__(self, nodes: list[Node]) -> None:
        self._nodes = nodes
        self._turn = 0
        self.open = self.retried = 0
        self.server: asyncio.Server | None = None
        self._checks: list[asyncio.Task] = []

    @property
    def port(self) -> int:
        assert self.server
        return self.server.sockets[0].getsockname()[1]

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._checks = [asyncio.create_task(self._check(node)) for node in self._nodes]

    def close(self) -> None:
        if self.server:
            self.server.close()
        for check in self._checks:
            check.cancel()

    async def _check(self, node: Node) -> None:
        with contextlib.closing(Connection(node.port)) as connection:
            while True:
                said = "nothing"
                with contextlib.suppress(NotSent, NoAnswer, asyncio.TimeoutError):
                    answer = await connection.exchange(READY, HEALTH_PATIENCE)
                    parts = answer.json()
                    said = f"{answer.status} {parts.get('status')}"
                    said += "".join(f", no {part}" for part in ("store", "cache") if parts.get(part) == "unavailable")
                node.is_ready = said.startswith("200")
                node.states.append((time.monotonic(), said))
                await asyncio.sleep(0.2)

    def _order(self) -> list[Node]:
        """The next ones first, those that are not ready last: where none is, those who are logged in may still be
        served from copies."""
        self._turn += 1
        turn = self._turn % len(self._nodes)
        nodes = self._nodes[turn:] + self._nodes[:turn]
        return sorted(nodes, key=lambda node: not node.is_ready)

    async def _forward(self, request: bytes) -> Answer:
        refused = NotSent()
        for node in self._order():
            try:
                return await node.exchange(request)
            except NotSent as cause:
                node.is_ready = False
                self.retried += 1
                refused = cause
        raise refused

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while True:
                line, headers = await read_head(reader)
                content = await read_body(reader, headers)
                lines = [line, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
                request = "\r\n".join(lines).encode("latin-1") + content
                try:
                    answer = await self._forward(request)
                except (NotSent, NoAnswer, asyncio.TimeoutError) as cause:
                    text = json.dumps({"balancer": type(cause).__name__}).encode()
                    answer = Answer(503 if isinstance(cause, NotSent) else 502, {"x-balancer": type(cause).__name__}, text)
                kept = {n: v for n, v in answer.headers.items() if n not in ("transfer-encoding", "content-length", "connection")}
                kept["content-length"] = str(len(answer.body))
                head = [f"HTTP/1.1 {answer.status} -", *(f"{name}: {value}" for name, value in kept.items()), "", ""]
                writer.write("\r\n".join(head).encode("latin-1") + answer.body)
                await writer.drain()
        except (OSError, EOFError, ValueError, IndexError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.close()


# ------------------------------------------------------------------------------------ what clients remember


@dataclass(eq=False)
class Session:
    """Somebody is logged in."""

    id: str
    access: str
    refresh: str
    person: Person
    ended_at: float | None = None  # when its end was acknowledged
    may_have_ended: bool = False
    in_doubt_since: float | None = None  # a refresh was not answered, and not repeated with success


@dataclass(eq=False)
class Person:
    """An account, as far as its owner can know."""

    email: str
    password: str
    id: str | None = None
    is_there: bool = False  # a registration was acknowledged, or refused because the account is there
    ids: set[str] = field(default_factory=set)  # what registrations were answered with
    session: Session | None = None
    is_busy: bool = False
    former: list[str] = field(default_factory=list)  # passwords that must not be good any more
    written: int = 0  # the counter that was acknowledged last
    written_at: float = 0.0
    sent: int = 0  # the largest that was sent


@dataclass(frozen=True)
class Record:
    """A request, and what came of it."""

    what: str
    sent: float
    answered: float
    outcome: str  # ok, a code, "no answer", "nobody", "never"
    group: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether an outage is the reason that it was not done."""
        return self.outcome in OUTAGE


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong, from a time to another one."""

    name: str
    begins: float
    ends: float


class Refusal(Exception):
    """An answer with an error, or none."""

    def __init__(self, code: str, reason: str = "", answered: float = 0.0) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code, self.reason, self.answered = code, reason, answered

    @property
    def is_open(self) -> bool:
        """Whether it may have been done or may not, and trying again makes sense."""
        return self.code in OUTAGE


def documented() -> set[str]:
    """The codes of the table of errors."""
    return set(re.findall(r"^\| `([A-Z_]+)` \| \d{3} \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE))


class World:
    """Everybody, everything that was asked, and what was wrong with it."""

    def __init__(self, nodes: list[Node], balancer: Balancer) -> None:
        self.nodes, self.balancer = nodes, balancer
        self.codes = documented()
        self.began = time.monotonic()
        self.records: list[Record] = []
        self.faults: list[Fault] = []
        self.store_away: list[list[float]] = []  # from when to when
        self.wrong: dict[str, list[str]] = collections.defaultdict(list)
        self.figures: collections.Counter = collections.Counter()
        self.late: list[tuple[float, float, str]] = []  # accepted after the revocation: how long, when, where
        self.stale = 0.0
        self.lag = self.slowest_write = 0.0
        self.readers: list[Session] = []
        self.cold: list[Session] = []
        self.writers: list[Person] = []
        self.chains: list[Session] = []
        self.changers: list[Person] = []
        self.owners: list[Person] = []
        self.registered: list[Person] = []
        self.logins: list[Session] = []
        self.revoked: list[Session] = []
        self._clients: list[Connection] = []
        self._serial = 0

    def now(self) -> float:
        return time.monotonic() - self.began

    def fail(self, check: str, text: str) -> None:
        self.wrong[check].append(f"{self.now():.2f} s: {text}")

    def newcomer(self) -> Person:
        self._serial += 1
        return Person(f"{MARK}-{self._serial}-{secrets.token_hex(4)}@example.com", new_password())

    # ---- requests

    async def ask(self, what: str, query: str, *, at: Node | None = None, token: str | None = None, group: str = "",
                  allowed: Iterable[str] = (), key: str | None = None, **variables: object) -> dict:
        """The payload of an operation, by the balancer or of one node. Raises `Refusal`; every answer is looked at."""
        headers = {"idempotency_key": key} if key else {}
        request = message(body(query, **variables).encode(), token, **headers)
        sent = self.now()
        outcome, reason, payload, retry_after = "ok", "", {}, True
        try:
            answer = await (at.exchange(request) if at else self._by_balancer(request))
            outcome, reason, payload, retry_after = self._read(answer)
        except NotSent:
            outcome = "nobody"
        except NoAnswer:
            outcome = "no answer"
        except asyncio.TimeoutError:
            outcome = "never"
            self.fail("hanging", f"{what} was not answered in {PATIENCE:g} s")
        answered = self.now()
        self.records.append(Record(what, sent, answered, outcome, "direct" if at else group))
        if outcome == "ok":
            return payload
        refusal = Refusal(outcome, reason, answered)
        if not refusal.is_open and outcome not in (code.split()[0] for code in allowed):
            self.fail("codes", f"{what}: {refusal}, which nothing explains")
        elif reason and allowed and outcome == "UNAUTHENTICATED" and reason != "SESSION_REVOKED":
            self.fail("codes", f"{what}: {refusal}, in place of SESSION_REVOKED")
        if not retry_after:
            self.fail("codes", f"{what}: {outcome} without retryAfter")
        raise refusal

    def _read(self, answer: Answer) -> tuple[str, str, dict, bool]:
        """Outcome, reason, payload, and whether the error says when to try again, if it should."""
        if "x-balancer" in answer.headers:
            outcome = {"NotSent": "nobody", "NoAnswer": "no answer"}.get(answer.headers["x-balancer"], "never")
            return outcome, "", {}, True
        parsed = answer.json()
        errors = parsed.get("errors")
        if not errors:
            if answer.status != 200 or not isinstance(parsed.get("data"), dict):
                self.fail("codes", f"status {answer.status} with neither data nor errors: {answer.body[:200]!r}")
                return "nonsense", "", {}, True
            return "ok", "", next(iter(parsed["data"].values())) or {}, True
        extensions = errors[0].get("extensions") or {}
        code = extensions.get("code", "none")
        if code not in self.codes or "requestId" not in extensions:
            self.fail("codes", f"not of the table of docs/errors.md: {answer.body[:300]!r}")
        needs = code in ("SERVICE_UNAVAILABLE", "OVERLOADED")
        return code, extensions.get("reason", ""), {}, not needs or isinstance(extensions.get("retryAfter"), int)

    async def _by_balancer(self, request: bytes) -> Answer:
        connection = self._clients.pop() if self._clients else Connection(self.balancer.port)
        answer = await connection.exchange(request, PATIENCE + 5)
        self._clients.append(connection)
        return answer

    def hang_up(self) -> None:
        while self._clients:
            self._clients.pop().close()

    async def persist(self, attempt: Callable[[], Awaitable], seconds: float) -> object:
        """Tries again while nobody knows what became of it, as a client does."""
        end = self.now() + seconds
        while True:
            try:
                return await attempt()
            except Refusal as refusal:
                if not refusal.is_open or self.now() > end:
                    raise
            await asyncio.sleep(RETRY)

    # ---- accounts and sessions

    def session_of(self, payload: dict, person: Person) -> Session:
        return Session(payload["session"]["id"], payload["accessToken"], payload["refreshToken"], person)

    async def register(self, person: Person, key: str | None = None, allowed: Iterable[str] = ()) -> None:
        given = {"email": person.email, "password": person.password, "name": "n0"}
        payload = await self.ask("register", REGISTER, key=key, allowed=allowed, input=given)
        person.ids.add(payload["user"]["id"])
        person.is_there, person.id = True, payload["user"]["id"]
        person.session = self.session_of(payload, person)

    async def login(
        self, person: Person, password: str | None = None, at: Node | None = None, allowed: Iterable[str] = ()
    ) -> Session:
        given = {"email": person.email, "password": password or person.password}
        payload = await self.ask("login", LOGIN, at=at, allowed=allowed, input=given)
        if person.id and payload["user"]["id"] != person.id:
            self.fail("double accounts", f"{payload['user']['id']} logs in where {person.id} was registered")
        return self.session_of(payload, person)

    async def me(self, session: Session, at: Node | None = None, group: str = "", allowed: Iterable[str] = ()) -> dict:
        """Must succeed, but for outages: the session is alive."""
        payload = await self.ask("me", ME, at=at, token=session.access, group=group, allowed=allowed)
        if payload.get("email") != session.person.email:
            self.fail("sessions lost", f"me is {'nobody' if not payload else 'somebody else'}")
        return payload

    async def accepts(self, session: Session, at: Node) -> bool:
        """Whether a node takes a session that has ended, or may have."""
        payload = await self.ask("me of an ended session", ME, at=at, token=session.access, allowed=["UNAUTHENTICATED"])
        return bool(payload)

    async def keeps(self, person: Person, since: float) -> None:
        """Whether somebody who has ended all other sessions has kept their own. docs/architecture.md: if the store
        fails after the write that counts, it may have ended too; the owner logs in again."""
        try:
            await self.me(person.session, allowed=["UNAUTHENTICATED"])
        except Refusal as refusal:
            if refusal.is_open:
                person.session.may_have_ended = True
                return
            if not any(begins <= self.now() and since <= ends + RECOVERY for begins, ends in self.store_away):
                self.fail("sessions lost", f"one's own, with the end of the others: {refusal}")
            self.figures["own sessions ended with the others as the store failed"] += 1
            person.session = await self.persist(lambda: self.login(person), 20)

    async def watch_end(self, session: Session, acknowledged: float) -> None:
        """Uses a session that has ended on every node, until each refuses it, and some times more."""
        session.ended_at = acknowledged
        self.revoked.append(session)
        await asyncio.gather(*(self._until_refused(session, node, acknowledged) for node in self.nodes))

    async def _until_refused(self, session: Session, node: Node, acknowledged: float) -> None:
        refused = 0
        while refused < 3 and self.now() < acknowledged + BOUND + 1:
            sent = self.now()
            try:
                if await self.accepts(session, node):
                    self.late.append((sent - acknowledged, sent, node.name))
                    refused = 0
            except Refusal as refusal:
                if refusal.code in ("nobody", "no answer"):
                    return
                refused += refusal.code == "UNAUTHENTICATED"
            await asyncio.sleep(0.02)


def new_password() -> str:
    return f"{MARK.capitalize()}-{secrets.token_hex(9)}"


# ------------------------------------------------------------------------------------------ what people do


def free(people: list[Person]) -> Person | None:
    waiting = [person for person in people if not person.is_busy]
    return random.choice(waiting) if waiting else None


@contextlib.asynccontextmanager
async def busy(person: Person):
    person.is_busy = True
    try:
        yield
    finally:
        person.is_busy = False


async def do_me(world: World) -> None:
    roll = random.random()
    if roll < 0.7:
        await world.me(random.choice(world.readers), group="warm")
    elif roll < 0.8:
        await world.me(random.choice(world.cold), group="cold")
    else:
        writer = random.choice(world.writers)
        known, known_at, sent = writer.written, writer.written_at, world.now()
        name = (await world.me(writer.session, group="warm"))["name"]
        if int(name[1:]) < known:
            # As old as the acknowledgement of a later one, at the least.
            world.stale = max(world.stale, sent - known_at)


async def do_profile(world: World) -> None:
    writer = free(world.writers)
    if not writer:
        return
    async with busy(writer):
        writer.sent += 1
        number = writer.sent
        payload = await world.ask("updateProfile", PROFILE, token=writer.session.access, input={"name": f"n{number}"})
        if payload["user"]["name"] != f"n{number}":
            world.fail("writes lost", f"n{number} was answered with {payload['user']['name']}")
        writer.written, writer.written_at = number, world.now()
        world.figures["profile writes"] += 1


async def do_refresh(world: World) -> None:
    chain = random.choice(world.chains)
    if chain.person.is_busy:
        return
    async with busy(chain.person):
        first = chain.in_doubt_since = chain.in_doubt_since or world.now()

        async def rotate() -> dict:
            return await world.ask("refresh", REFRESH, allowed=ENDED, input={"refreshToken": chain.refresh})

        try:
            payload = await world.persist(rotate, 20)
        except Refusal as refusal:
            if not refusal.is_open:
                took = refusal.answered - first
                if took < GRACE:
                    world.fail("chains broken", f"{refusal} {took:.1f} s after the first attempt")
                else:
                    world.figures["chains out of grace"] += 1
                # Not twice.
                world.chains.remove(chain)
                chain.may_have_ended = True
            raise
        if payload["session"]["id"] != chain.id:
            world.fail("chains broken", "the refresh was answered with another session")
        chain.access, chain.refresh, chain.in_doubt_since = payload["accessToken"], payload["refreshToken"], None
        world.figures["refreshes"] += 1
        await world.me(chain, group="refreshed")


async def do_login(world: World) -> None:
    there = [person for person in world.registered if person.is_there]
    if there:
        world.logins.append(await world.login(random.choice(there)))
        world.figures["logins"] += 1


async def do_register(world: World) -> None:
    person = world.newcomer()
    world.registered.append(person)
    kind = random.choice(("once", "with a key", "twice"))
    if kind == "twice":
        world.figures["registrations twice at once"] += 1
        both = (register_until_known(world, person, None, True) for _ in range(2))
        await asyncio.gather(*both)
    else:
        await register_until_known(world, person, secrets.token_urlsafe(24) if kind == "with a key" else None, False)


async def register_until_known(world: World, person: Person, key: str | None, is_twice: bool) -> None:
    """A client that was not answered tries again, and then `EMAIL_TAKEN` says that it has an account."""
    is_open = is_twice
    end = world.now() + 15
    while True:
        try:
            await world.register(person, key, ["EMAIL_TAKEN", "CONFLICT"] if is_open else [])
            world.figures["registrations"] += 1
            return
        except Refusal as refusal:
            if refusal.code == "EMAIL_TAKEN":
                person.is_there = True
                return
            if not (refusal.is_open or refusal.code == "CONFLICT") or world.now() > end:
                raise
            is_open = True
        await asyncio.sleep(RETRY * 2)


async def do_revoke(world: World) -> None:
    """A session ends on one node and is used on both."""
    owner = free(world.owners)
    here, there = random.sample(world.nodes, 2)
    if not (owner and here.is_alive and there.is_alive):
        return
    async with busy(owner):
        session = await world.login(owner, at=here)
        for _ in range(3):
            await world.me(session, at=there)
        kind = random.choice(("revokeSession", "logout", "revokeOtherSessions"))
        session.may_have_ended = True
        began, attempts = world.now(), 0

        async def end() -> dict:
            nonlocal attempts
            attempts += 1
            if kind == "logout":
                return await world.ask(kind, LOGOUT, at=here, token=session.access)
            if kind == "revokeSession":
                return await world.ask(kind, REVOKE, at=here, token=owner.session.access, input={"id": session.id})
            # The one before may have ended it.
            allowed = ["UNAUTHENTICATED"] if attempts > 1 else []
            return await world.ask(kind, REVOKE_OTHERS, at=here, token=owner.session.access, allowed=allowed)

        try:
            await world.persist(end, 8)
        except Refusal as refusal:
            if kind == "revokeOtherSessions" or not refusal.is_open:
                # Its own session may have ended with it.
                owner.session.may_have_ended = True
                owner.session = await world.persist(lambda: world.login(owner), 20)
            raise
        acknowledged = world.now()
        world.figures["revocations"] += 1
        await world.watch_end(session, acknowledged)
        if kind == "revokeOtherSessions":
            await world.keeps(owner, began)


async def do_change(world: World) -> None:
    person = free(world.changers)
    if not person:
        return
    async with busy(person):
        other = await world.login(person)
        await asyncio.gather(*(world.me(other, at=node) for node in world.nodes if node.is_ready))
        new, old = new_password(), person.password
        given = {"currentPassword": old, "newPassword": new}
        other.may_have_ended = True
        began = world.now()
        try:
            await world.ask("changePassword", CHANGE, token=person.session.access, input=given)
        except Refusal as refusal:
            await find_password(world, person, new)
            world.figures["changes of passwords in doubt"] += 1
            if refusal.is_open:
                return
            raise
        acknowledged = world.now()
        person.password = new
        person.former.append(old)
        world.figures["changes of passwords"] += 1
        await world.watch_end(other, acknowledged)
        await world.keeps(person, began)


async def find_password(world: World, person: Person, new: str) -> None:
    """Nobody knows whether it was changed: one of the two is good, and stays so."""

    async def try_both() -> Session:
        try:
            session = await world.login(person, new, allowed=["INVALID_CREDENTIALS"])
            person.former.append(person.password)
            person.password = new
        except Refusal as refusal:
            if refusal.code != "INVALID_CREDENTIALS":
                raise
            session = await world.login(person)
            person.former.append(new)
        return session

    person.session = await world.persist(try_both, 30)


async def do_recheck(world: World) -> None:
    """What ended a while ago stays so, whatever has happened since."""
    if not world.revoked:
        return
    session, node = random.choice(world.revoked), random.choice(world.nodes)
    sent = world.now()
    with contextlib.suppress(Refusal):
        if await world.accepts(session, node):
            world.late.append((sent - session.ended_at, sent, f"{node.name}, again"))


DEEDS = {
    "me": do_me, "refresh": do_refresh, "login": do_login, "register": do_register, "profile": do_profile,
    "revoke": do_revoke, "change": do_change, "recheck": do_recheck,
}


# ------------------------------------------------------------------------------------------------- the run


async def settle_people(world: World) -> None:
    """Everybody who is there from the start, and warm sessions on both nodes."""
    people = [world.newcomer() for _ in range(READERS + COLD + WRITERS + CHAINS + CHANGERS + OWNERS)]
    rest = iter(people)

    async def come() -> None:
        for person in rest:
            await world.register(person)

    await asyncio.gather(*(come() for _ in range(8)))
    parts = iter(people)

    def take(count: int) -> list[Person]:
        return [next(parts) for _ in range(count)]

    world.readers = [person.session for person in take(READERS)]
    world.cold = [person.session for person in take(COLD)]
    world.writers, world.changers, world.owners = take(WRITERS), take(CHANGERS), take(OWNERS)
    world.chains = [person.session for person in take(CHAINS)]
    world.registered = people[:READERS]
    for session in [*world.readers, *(writer.session for writer in world.writers)]:
        for node in world.nodes:
            for _ in range(2):
                await world.me(session, at=node)
    if any(world.wrong.values()):
        raise Failed(f"it does not even begin: {dict(world.wrong)}")


async def attempt(world: World, what: str) -> None:
    try:
        await DEEDS[what](world)
    except Refusal:
        pass  # it is in the records
    except Exception as defect:  # noqa: BLE001 - of this program; it must not be taken for a run in which all was well
        world.fail("this program", f"{what}: {type(defect).__name__}: {defect}")


async def drive(world: World, rate: float, seconds: float) -> None:
    """Begins so many operations a second, whatever becomes of them, and waits for their ends."""
    names, weights = zip(*OPERATIONS.items())
    running: set[asyncio.Task] = set()
    begun = 0
    while (now := world.now()) < seconds:
        while begun < now * rate:
            begun += 1
            if len(running) >= IN_FLIGHT:
                world.figures["operations not begun"] += 1
                continue
            what = random.choices(names, weights)[0]
            task = asyncio.create_task(attempt(world, what))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.sleep(0.005)
    if running:
        _, left = await asyncio.wait(running, timeout=PATIENCE * 2)
        for task in left:
            task.cancel()
            world.fail("hanging", "an operation did not end")
    world.figures["operations"] = begun


async def measure_lag(world: World) -> None:
    """How late this program itself is: what it measures can be that much too long."""
    while True:
        due = time.monotonic() + 0.02
        await asyncio.sleep(0.02)
        world.lag = max(world.lag, time.monotonic() - due)


async def measure_store(world: World, url: str, database: str) -> None:
    """How long a write takes at MongoDB itself, which no fault concerns. Where it wants a password this is not known."""
    parts = urllib.parse.urlsplit(url)
    if parts.username or parts.scheme != "mongodb":
        return
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 27017)
    number = 0
    while True:
        began, number = time.monotonic(), number + 1
        command = {"insert": "probe", "documents": [{"_id": number}], "$db": database}
        text = struct.pack("<IB", 0, 0) + mongo_probe.encode(command)
        writer.write(struct.pack("<iiii", len(text) + 16, number, 0, 2013) + text)
        (length,) = struct.unpack("<i", await reader.readexactly(4))
        await reader.readexactly(length - 4)
        world.slowest_write = max(world.slowest_write, time.monotonic() - began)
        await asyncio.sleep(0.25)


async def command_redis(port: int, *words: str) -> None:
    """Of the real Redis, which no fault concerns."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    writer.write(f"*{len(words)}\r\n{''.join(parts)}".encode())
    answer = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    if not answer.startswith(b":"):
        raise Failed(f"Redis says {answer!r}")


@dataclass
class Script:
    """When what goes wrong."""

    world: World
    options: argparse.Namespace
    redis_port: int
    prefix: str

    async def run(self) -> None:
        options, seconds = self.options, self.options.seconds
        hit = self.world.nodes[:1] if options.first_node_only else self.world.nodes
        if "mongodb" in options.only:
            await self._break("MongoDB", options.mongodb, seconds / 6, [node.mongodb for node in hit])
        if "redis" in options.only:
            await self._break("Redis", options.redis, seconds * 5 / 12, [node.redis for node in hit])
        if "kill" in options.only:
            await self._kill(seconds * 2 / 3)

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self.world.now()))

    async def _cool(self) -> None:
        """Takes copies away, as time does."""
        keys = [
            key for session in self.world.cold
            for key in (f"{self.prefix}:{{{session.person.id}}}:u", f"{self.prefix}:{{{session.person.id}}}:s:{session.id}")
        ]
        await command_redis(self.redis_port, "DEL", *keys)

    async def _break(self, what: str, mode: str, at: float, proxies: list[Proxy]) -> None:
        await self._until(at - 0.05)
        await self._cool()
        await self._until(at)
        begins = self.world.now()
        if what == "MongoDB":
            self.world.store_away.append([begins, float("inf")])
        for proxy in proxies:
            proxy.set(mode)
        say(f"{begins:.1f} s: {what}: {mode}")
        await self._until(at + self.options.outage)
        for proxy in proxies:
            proxy.set("open")
        ends = self.world.now()
        if what == "MongoDB":
            self.world.store_away[-1][1] = ends
        self.world.faults.append(Fault(f"{what}: {mode}", begins, ends))
        say(f"{ends:.1f} s: {what} is back")

    async def _kill(self, at: float) -> None:
        await self._until(at - 0.05)
        await self._cool()
        await self._until(at)
        node = self.world.nodes[1]
        begins = self.world.now()
        node.kill()
        node.is_ready = False
        self.world.faults.append(Fault(f"{node.name}: kill -9", begins, self.world.now()))
        say(f"{begins:.1f} s: {node.name} is killed")
        await self._until(at + RESTART_AFTER)
        node.drop_idle()
        began = self.world.now()
        node.start()
        await node.until_ready(60)
        self.world.faults.append(Fault(f"{node.name}: back", began, self.world.now()))
        say(f"{self.world.now():.1f} s: {node.name} is ready again")


# ---------------------------------------------------------------------------------------------- afterwards


async def each(things: Iterable, work: Callable[[object], Awaitable], at_once: int = 6) -> int:
    """Does it to all, some at once; how many there were."""
    rest, count = iter(things), 0

    async def some() -> None:
        nonlocal count
        for thing in rest:
            count += 1
            await work(thing)

    await asyncio.gather(*(some() for _ in range(at_once)))
    return count


async def verify(world: World) -> None:
    """What was acknowledged is there, on both nodes."""
    turn = iter(range(1_000_000))

    def next_node() -> Node:
        return world.nodes[next(turn) % len(world.nodes)]

    async def logs_in(person: Person) -> None:
        node, allowed = next_node(), () if person.is_there else ("INVALID_CREDENTIALS",)
        try:
            await world.persist(lambda: world.login(person, at=node, allowed=allowed), 10)
        except Refusal as refusal:
            if refusal.is_open:
                world.fail("unanswered", f"login: {refusal}")
            elif person.is_there and refusal.code == "INVALID_CREDENTIALS":
                world.fail("accounts lost", f"{refusal}: {person.id or 'an account that was said to be there'}")
        if len(person.ids) > 1:
            world.fail("double accounts", f"one address was answered with {len(person.ids)} accounts")

    async def reads_back(writer: Person) -> None:
        given = {"email": writer.email, "password": writer.password}
        ways = [lambda node=node: world.me(writer.session, at=node) for node in world.nodes]
        ways.append(lambda: world.ask("login", LOGIN, input=given))
        names = []
        for way in ways:
            try:
                found = await world.persist(way, 10)
                names.append(found.get("user", found)["name"])
            except Refusal as refusal:
                world.fail("unanswered", f"a profile: {refusal}")
        for name in names:
            if not writer.written <= int(name[1:]) <= writer.sent:
                world.fail("writes lost", f"{name} is read where n{writer.written} was acknowledged, n{writer.sent} sent")

    async def goes_on(chain: Session) -> None:
        try:
            payload = await world.persist(
                lambda: world.ask("refresh", REFRESH, at=next_node(), allowed=ENDED if chain.in_doubt_since else (),
                                  input={"refreshToken": chain.refresh}), 5
            )
            if payload["session"]["id"] != chain.id:
                world.fail("chains broken", "the last refresh was answered with another session")
        except Refusal as refusal:
            if refusal.is_open:
                world.fail("unanswered", f"refresh: {refusal}")
            elif chain.in_doubt_since is not None and world.now() - chain.in_doubt_since >= GRACE:
                world.figures["chains out of grace"] += 1
            else:
                world.fail("chains broken", f"{refusal}, at the end")

    async def is_changed(person: Person) -> None:
        try:
            await world.persist(lambda: world.login(person, at=next_node()), 10)
        except Refusal as refusal:
            world.fail("unanswered" if refusal.is_open else "passwords lost", f"login with the new password: {refusal}")
        for old in person.former[-3:]:
            for node in world.nodes:
                with contextlib.suppress(Refusal):
                    await world.login(person, old, at=node, allowed=["INVALID_CREDENTIALS"])
                    world.fail("passwords lost", "one of before is good again")

    async def is_refused(session: Session) -> None:
        for node in world.nodes:
            sent = world.now()
            with contextlib.suppress(Refusal):
                if await world.accepts(session, node):
                    world.late.append((sent - session.ended_at, sent, f"{node.name}, at the end"))
        with contextlib.suppress(Refusal):
            await world.ask("refresh of an ended session", REFRESH, at=next_node(), allowed=ENDED,
                            input={"refreshToken": session.refresh})
            world.fail("revoked accepted", "a refresh of a session that has ended")

    async def is_alive(session: Session) -> None:
        for node in world.nodes:
            try:
                await world.persist(lambda node=node: world.me(session, at=node), 10)
            except Refusal as refusal:
                world.fail("unanswered" if refusal.is_open else "sessions lost", f"me at {node.name}: {refusal}")

    alive = [*world.readers, *world.cold, *world.logins, *(person.session for person in world.owners)]
    counts = {
        "accounts looked for": await each(world.registered, logs_in),
        "profiles read back": await each(world.writers, reads_back),
        "live sessions used": await each((session for session in alive if not session.may_have_ended), is_alive),
        "chains continued": await each(world.chains, goes_on),
        "passwords tried": await each(world.changers, is_changed),
        "ended sessions used": await each(world.revoked, is_refused),
    }
    world.figures.update(counts)


def look_into_store(world: World, program: list[str], settings: dict[str, str], folder: pathlib.Path) -> None:
    """What the program's own commands say of the store: each address once, and the audit log whole."""
    file = folder / "export.jsonl"
    export = subprocess.run(
        [*program, "users", "export", "--output", str(file)], env=environment(**settings), cwd=folder, capture_output=True,
        text=True, timeout=120, check=False,
    )
    if export.returncode != 0:
        raise Failed(f"users export: {export.stderr[-400:]}")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    found = collections.Counter(row["email"].lower() for row in rows)
    ids = {row["email"].lower(): row["id"] for row in rows}
    world.figures["accounts in the store"] = len(rows)
    for email, count in found.items():
        if count > 1:
            world.fail("double accounts", f"{count} accounts of one address")
    for person in world.registered:
        if person.id and ids.get(person.email) != person.id:
            world.fail("accounts lost", f"{person.id} is not in the store")
    audit = subprocess.run(
        [*program, "audit", "verify"], env=environment(**settings), cwd=folder, capture_output=True, text=True, timeout=120,
        check=False,
    )
    if audit.returncode != 0:
        world.fail("audit", f"audit verify: {audit.stdout[-200:]} {audit.stderr[-200:]}")


def search_logs(world: World, secret: str) -> None:
    """No line of a log has anything that was planted: passwords, addresses, tokens, hashes, the key."""
    planted = re.compile(rf"(?i:{MARK})|v[rd]t_[\w-]{{8}}|eyJ[\w-]{{8}}|\$2[aby]\$|{re.escape(secret)}")
    for node in world.nodes:
        text = node.log.read_text(errors="replace")
        world.figures["lines of logs"] += text.count("\n")
        for line in text.splitlines():
            if planted.search(line):
                world.fail("secrets in logs", f"{node.name}: {line[:300]}")
        if "account made" not in text:
            world.fail("secrets in logs", f"{node.name}: the log is not one of this run")


async def hang_up(world: World) -> None:
    """When all clients have gone, no node has a connection of one."""
    world.hang_up()
    world.balancer.close()
    for node in world.nodes:
        node.drop_idle()
    for _ in range(100):
        left = {node.name: node.connections() for node in world.nodes}
        if not any(left.values()) and not world.balancer.open:
            return
        await asyncio.sleep(0.1)
    world.fail("hanging", f"10 s after everybody has gone there are connections: {left}, {world.balancer.open} of the balancer")


# ------------------------------------------------------------------------------------------------- verdict


@dataclass(frozen=True)
class Verdict:
    """A check, and what was found."""

    what: str
    asked: str
    found: str
    holds: bool | None  # None: told alone
    value: float = 0.0
    needs_time: bool = False  # a machine that is too busy cannot keep it


def spans(world: World) -> list[tuple[Fault, float]]:
    """Each fault, and the time until which what happens is counted for it."""
    faults = sorted(world.faults, key=lambda fault: fault.begins)
    nexts = [fault.begins for fault in faults[1:]] + [float("inf")]
    return list(zip(faults, nexts))


def of(world: World, fault: Fault, until: float, **wanted: object) -> list[Record]:
    """The requests that were answered, or not, in a fault or after it, before the next one."""
    return [
        record for record in world.records
        if fault.begins <= record.answered < until
        and all(getattr(record, name) in values for name, values in wanted.items())
    ]


def outage(records: list[Record], fault: Fault) -> float:
    """How long after the end of a fault the last of them was refused."""
    return max([0.0, *(record.answered - fault.ends for record in records if record.is_refused)])


def felt(world: World, options: argparse.Namespace) -> Iterable[Verdict]:
    """Whether each fault was one, by what /health/ready of the first node said of that part: else nothing was tried."""
    parts = {"MongoDB": "no store", "Redis": "no cache"}
    for fault in world.faults:
        words = parts.get(fault.name.split(":")[0])
        if not words:
            continue
        said = [state for at, state in world.nodes[0].states if fault.begins <= at - world.began <= fault.ends + 0.5]
        holds = any(words in state for state in said) if options.mongodb == options.redis == "cut" else None
        found = "; ".join(dict.fromkeys(said))
        yield Verdict(f"{fault.name}: /health/ready said", words, found, holds, needs_time=True)


ASKED = {"what": {"me"}, "group": {"warm", "cold", "refreshed"}}


def verdicts(world: World, options: argparse.Namespace) -> list[Verdict]:
    figures = world.figures

    def none(check: str, what: str, of_what: str, needs_time: bool = False) -> Verdict:
        count = len(world.wrong[check])
        return Verdict(what, "0", f"{count} {of_what}", count == 0, count, needs_time)

    results = [
        none("accounts lost", "acknowledged registrations lost", f"of {figures['accounts looked for']}"),
        none("writes lost", "acknowledged profile writes lost",
             f"of {figures['profile writes']}, {figures['profiles read back']} profiles"),
        none("chains broken", "acknowledged refresh chains broken",
             f"of {figures['chains continued']}, {figures['refreshes']} refreshes"),
        none("passwords lost", "acknowledged changes of passwords lost", f"of {figures['changes of passwords']}"),
        none("sessions lost", "live sessions refused", f"of {figures['live sessions used']}"),
        none("double accounts", "addresses with two accounts", f"of {figures['accounts in the store']}"),
        none("unanswered", "acknowledged things that could not be asked for", "", True),
        none("audit", "faults of the audit log's chain", ""),
    ]
    longest = max([0.0, *(late for late, _, _ in world.late)])
    beyond = [entry for entry in world.late if entry[0] > BOUND]
    for late, sent, where in beyond:
        world.fail("revoked accepted", f"at {where}, {late:.2f} s after the acknowledgement, {sent:.2f} s")
    results += [
        none("revoked accepted", f"revoked sessions accepted later than {BOUND:g} s", f"of {len(world.revoked)}"),
        Verdict("longest that one was", f"<= {BOUND:g} s", f"{longest * 1000:.0f} ms", longest <= BOUND, longest),
    ]
    for fault, until in spans(world):
        asked = of(world, fault, until, **ASKED)
        took = outage(asked, fault)
        results.append(Verdict(f"{fault.name}: `me` failed after the end", f"<= {RECOVERY:g} s", f"{took * 1000:.0f} ms",
                               took <= RECOVERY, took, True))
        if fault.name.startswith("Redis") or fault.name.endswith("back"):
            refused = [record for record in of(world, fault, until) if record.outcome == "SERVICE_UNAVAILABLE"]
            results.append(Verdict(f"{fault.name}: refused while the store was there", "0", str(len(refused)), not refused,
                                   len(refused), True))
    rarest = min(("registrations", "logins", "profile writes", "refreshes", "changes of passwords", "revocations"),
                 key=lambda name: figures[name])
    results += [
        Verdict("what was tried least often", ">= 3", f"{figures[rarest]} {rarest}", figures[rarest] >= 3, needs_time=True),
        *felt(world, options),
        none("codes", "answers without a documented and explained code", f"of {len(world.records)}"),
        none("hanging", "requests and connections left hanging", f"of {len(world.records)}"),
        none("secrets in logs", "planted secrets in logs", f"in {figures['lines of logs']:,} lines"),
        none("this program", "faults of this program", ""),
        Verdict("operations not begun, as too many were under way", "0",
                f"{figures['operations not begun']} of {figures['operations']}", figures["operations not begun"] == 0,
                needs_time=True),
        Verdict("longest that a profile was read older than acknowledged", "told alone", f"{world.stale * 1000:.0f} ms",
                None, world.stale),
        Verdict("chains whose client was not answered within the grace", "told alone",
                str(figures["chains out of grace"]), None),
        Verdict("own sessions that ended with the others as the store failed", "told alone",
                str(figures["own sessions ended with the others as the store failed"]), None),
        Verdict("longest that a write took at MongoDB itself", "told alone", f"{world.slowest_write * 1000:.0f} ms", None,
                world.slowest_write),
        Verdict("this program was late by", "told alone", f"{world.lag * 1000:.0f} ms", None, world.lag),
    ]
    return results


def share(records: list[Record]) -> str:
    good = sum(not record.is_refused for record in records)
    return f"{good} of {len(records)}" if records else "–"


def fault_rows(world: World) -> Iterable[list[str]]:
    for fault, until in spans(world):
        during = [record for record in of(world, fault, until) if record.sent < max(fault.ends, fault.begins + 1)]
        rest = of(world, fault, until)
        asked = of(world, fault, until, **ASKED)
        others = [record for record in rest if record.what != "me" and record.group != "direct"]
        meanwhile = [record for record in during if record.what == "me" and record.group in ("warm", "cold")]
        yield [
            fault.name, f"{fault.begins:.1f} s", f"{fault.ends - fault.begins:.1f} s",
            share([record for record in meanwhile if record.group == "warm"]),
            share([record for record in meanwhile if record.group == "cold"]),
            f"{outage(asked, fault) * 1000:.0f} ms", f"{max([0.0, *(r.answered - r.sent for r in asked)]):.2f} s",
            share([record for record in during if record in set(others)]), f"{outage(others, fault) * 1000:.0f} ms",
            f"{max([0.0, *(r.answered - r.sent for r in others)]):.2f} s",
        ]


FAULTS = ("fault", "from", "for", "warm `me` answered meanwhile", "cold `me`", "`me` failed after the end", "longest `me`",
          "other operations done meanwhile", "failed after the end", "longest")


def operation_rows(world: World) -> Iterable[list[str]]:
    by_name = collections.defaultdict(list)
    for record in world.records:
        by_name[record.what].append(record)
    for what, records in sorted(by_name.items(), key=lambda item: -len(item[1])):
        outcomes = collections.Counter(record.outcome for record in records)
        good = outcomes.pop("ok", 0)
        times = [(record.answered - record.sent) * 1000 for record in records if record.outcome == "ok"]
        yield [what, str(len(records)), str(good), ", ".join(f"{code} {count}" for code, count in outcomes.most_common()) or "–",
               f"{percentile(times, 0.5):.0f} ms", f"{percentile(times, 0.99):.0f} ms"]


def report(world: World, options: argparse.Namespace, machine: dict) -> int:
    """Prints all; the status to leave with."""
    results = verdicts(world, options)
    print("\n".join(table(FAULTS, fault_rows(world))))
    print()
    print("\n".join(table(("requests", "sent", "done", "else", "median", "99 %"), operation_rows(world))))
    print()
    signs = {True: "holds", False: "**does not hold**", None: ""}
    print("\n".join(table(("", "asked", "found", ""), ([r.what, r.asked, r.found, signs[r.holds]] for r in results))))
    print()
    for check, texts in world.wrong.items():
        for text in texts[:10]:
            print(f"- {check}: {text}")
    broken = [result for result in results if result.holds is False]
    is_starved = max(world.slowest_write, world.lag) > STARVED
    status = 0 if not broken else BUSY if is_starved and all(result.needs_time for result in broken) else 1
    if status == BUSY:
        print("The machine was too busy to keep bounds in time: what was not kept says nothing.\n")
    whole = {
        "machine": machine, "settings": {name: value for name, value in vars(options).items() if name not in ("logs",)},
        "status": status, "verdicts": [dataclasses.asdict(result) for result in results], "figures": dict(world.figures),
        "faults": [dataclasses.asdict(fault) for fault in world.faults],
        "wrong": {name: texts[:50] for name, texts in world.wrong.items() if texts},
    }
    print(json.dumps(whole))
    return status


# ------------------------------------------------------------------------------------------------- main


def start_redis(processes: Processes, folder: pathlib.Path) -> int | None:
    """One of its own, where there is the program; its port."""
    program = os.environ.get("VESTIBULE_TEST_REDIS_SERVER") or shutil.which("redis-server")
    if not program:
        return None
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    processes.spawn(command, environment(), folder / "redis.log", folder)
    return port


def through(url: str, proxy: Proxy, **query: str) -> str:
    """The same by way of a proxy."""
    parts = urllib.parse.urlsplit(url)
    given = dict(urllib.parse.parse_qsl(parts.query))
    host = f"{parts.netloc.rsplit('@', 1)[0]}@" if "@" in parts.netloc else ""
    return parts._replace(netloc=f"{host}127.0.0.1:{proxy.port}", query=urllib.parse.urlencode(given | query)).geturl()


async def run(options: argparse.Namespace, processes: Processes, folder: pathlib.Path) -> int:
    program = folder / "vestibule"
    shutil.copy2(options.service, program)  # a build may replace the other one meanwhile
    stores = Stores(processes, folder)
    name, mongodb = stores.mongodb.database()
    own = start_redis(processes, folder)
    redis = f"redis://127.0.0.1:{own}" if own else stores.redis.url
    prefix, secret = f"faults-{os.getpid()}", secrets.token_urlsafe(32)
    common = {
        "BCRYPT_COST": "4", "SECRET_KEY": secret, "RATE_LIMITS": "off", "SMTP_URL": "none", "ACCESS_TOKEN_TTL": "1h",
        "REDIS_KEY_PREFIX": prefix, "RUST_LOG": options.log,
    }
    proxies = []

    async def proxy(url: str, usual: int) -> Proxy:
        parts = urllib.parse.urlsplit(url)
        proxies.append(Proxy(parts.hostname, parts.port or usual, options.delay))
        await proxies[-1].start()
        return proxies[-1]

    nodes = []
    for number in (1, 2):
        ways, port = (await proxy(mongodb, 27017), await proxy(redis, 6379)), free_port()
        settings = common | {
            "BIND_ADDR": f"127.0.0.1:{port}", "DATABASE_URL": through(mongodb, ways[0], directConnection="true"),
            "REDIS_URL": through(redis, ways[1]),
        }
        nodes.append(Node(f"node {number}", port, [str(program), "serve"], settings, folder, *ways, processes))
    balancer = Balancer(nodes)
    world = World(nodes, balancer)
    try:
        await balancer.start()
        nodes[0].start()
        await nodes[0].until_ready(60)
        nodes[1].start()
        await nodes[1].until_ready(60)
        await asyncio.sleep(1.5)  # the connections track, and copies are believed
        say("making people")
        await settle_people(world)
        world.records.clear()
        world.figures.clear()
        world.began = time.monotonic()
        say(f"{options.rate:g} operations a second for {options.seconds:g} s")
        probes = [measure_lag(world), measure_store(world, mongodb, f"{name}_probe")]
        probes = [asyncio.create_task(probe) for probe in probes]
        redis_port = urllib.parse.urlsplit(redis).port or 6379
        await asyncio.gather(drive(world, options.rate, options.seconds), Script(world, options, redis_port, prefix).run())
        for probe in probes:
            probe.cancel()
        for node in nodes:
            await node.until_ready(30)
        counted = len(world.records)
        say(f"{counted} requests; looking for what was acknowledged")
        during = list(world.records)
        await verify(world)
        world.records, after = during, world.records[counted:]
        await asyncio.to_thread(
            look_into_store, world, [str(program)], common | {"DATABASE_URL": mongodb, "REDIS_URL": redis}, folder
        )
        await hang_up(world)
        world.figures["requests afterwards"] = len(after)
        search_logs(world, secret)
        status = report(world, options, {
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "cores": len(os.sched_getaffinity(0)),
            "load average": f"{os.getloadavg()[0]:.1f}", "version": output(str(program), "--version"),
            "mongodb": stores.mongodb.version, "redis": stores.redis.version,
        })
    finally:
        balancer.close()
        for node in nodes:
            if node.process:
                processes.stop(node.process)
        for each_proxy in proxies:
            each_proxy.close()
        stores.mongodb.drop(name)
        stores.mongodb.drop(f"{name}_probe")
        if not own:
            stores.redis.empty()
    return status


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--service", default=str(ROOT / "target/debug/vestibule"), help="the program; target/debug/vestibule")
    parser.add_argument("--seconds", type=float, default=60.0, help="of load; 60")
    parser.add_argument("--rate", type=float, default=30.0, help="operations a second; 30")
    parser.add_argument("--outage", type=float, default=5.0, help="seconds that a store is away; 5")
    parser.add_argument("--delay", type=float, default=0.2, help="seconds, of the mode delay; 0.2")
    parser.add_argument("--mongodb", choices=MODES, default="cut")
    parser.add_argument("--redis", choices=MODES, default="cut")
    parser.add_argument("--only", type=lambda text: text.split(","), default=["mongodb", "redis", "kill"], metavar="FAULT,...",
                        help="of mongodb, redis and kill; all three")
    parser.add_argument("--first-node-only", action="store_true", help="the stores are away for the first node alone")
    parser.add_argument("--log", default="info,fred=error,vestibule=debug", help="RUST_LOG of the nodes")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--logs", type=pathlib.Path, default=target / "faults-logs",
                        help="where the logs of the nodes are kept; target/faults-logs")
    options = parser.parse_args()
    if not (20 <= options.seconds <= 1_800 and 1 <= options.rate <= 1_000 and 0.5 <= options.outage <= options.seconds / 6):
        parser.error("20 to 1,800 s, 1 to 1,000 operations a second, outages of 0.5 s to a sixth of the time")
    options.service = str(pathlib.Path(options.service).resolve())
    if not os.access(options.service, os.X_OK):
        parser.error(f"--service: no program at {options.service}")
    return options


def keep_logs(folder: pathlib.Path, kept: pathlib.Path, is_shown: bool) -> None:
    kept.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        shutil.copy2(log, kept / log.name)
        if is_shown and log.name.startswith("node"):
            lines = [line for line in log.read_text(errors="replace").splitlines() if " WARN " in line or "ERROR" in line]
            say("\n".join([f"\n-- warnings and errors at the end of {kept / log.name}", *lines[-30:]]))


async def limited(options: argparse.Namespace, processes: Processes, folder: pathlib.Path) -> int:
    async with asyncio.timeout(options.seconds + 900):
        return await run(options, processes, folder)


def main() -> int:
    options = parse()
    random.seed(SEED)
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vestibule-faults-"))
    processes, status = Processes(), 3
    try:
        status = asyncio.run(until_told(limited(options, processes, folder)))
        return status
    except KeyboardInterrupt:
        say("interrupted: no report")
        status = 130
        return status
    except (Unavailable, Failed, Refusal, OSError, asyncio.TimeoutError, subprocess.SubprocessError) as cause:
        say(f"not tried: {cause or type(cause).__name__}")
        return 3
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        processes.close()
        keep_logs(folder, options.logs, status not in (0, 130))
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
