#!/usr/bin/env python3
"""Half an hour at half of the load that one node bears: memory must stay flat, and descriptors must not grow.

    bench/soak.py [--service VESTIBULE] [--store embedded|mongodb] [--minutes 30] [--rate N]

Starts a copy of the program on a free port of 127.0.0.1 with a store of its own and password cost 4, makes PEOPLE with
two devices each, which log in again until the store has FILL MiB, measures for some seconds how many requests a second
it bears (16 connections without a pause), and then sends half as many, each at its time, of what people do:

  - `me` mostly; a device whose access token is near its end refreshes instead, so each does once in 5 minutes;
  - a logout and the login that follows it, by the device token of before; changes of a profile;
  - registrations, one in 5 seconds, whose device takes the place of another one, which logs out.

Every 10 s it notes resident memory, open descriptors and threads of the process (/proc), and each minute percentiles of
the latencies, counted from when a request was due. What must hold, after WARM_UP (5 minutes, a sixth of shorter runs):

  - memory: the median of the last fifth of the samples is at most 5 % above the median of the first fifth;
  - descriptors and threads: the median of the last fifth is no larger than that of the first fifth;
  - no failed answer but OVERLOADED, and at least 95 % of what was due was sent.

What has a fixed room or a fixed life in the process is full by then, or its filling is small and told:

  - pages of SQLite: 16 MiB of the connection that writes and 2 of each that reads are full, since the store is larger;
  - copies of sessions and users (1 minute) and verified tokens (their life, 5 minutes): as many as there are devices
    and tokens, the same number from the fifth minute on;
  - counters of limits, which are on: those of each device and its address, which stay the same, are there before;
    each newcomer adds three, of the room for 200,000 of each kind;
  - parsed documents: those of this load;
  - tombstones of sessions that ended live for 15 minutes, so their number grows to the fifteenth: the report has how
    many there are at the end, each some hundred bytes.

What grows for ever, accounts, ended sessions and the audit log, is on the disk.

Prints a table and, as the last line, JSON. Leaves with 1 when something does not hold, with 2 when nothing could be
measured, or when nothing but the last of these did not hold: then this was not half of what the machine bears. Only the
standard library; bounded in time and count; ends only what it has started.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import itertools
import json
import os
import pathlib
import random
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from run import (  # noqa: E402
    ROOT, Failed, Processes, Stores, Unavailable, body, cpu_seconds, environment, file_system, free_port, interrupted,
    output, say, table,
)

PEOPLE = 1_000
DEVICES = 2_000  # of all people together
ASKING, DOING = 16, 48  # connections of the soak: those that ask `me`, and those that wait for writes and hashes
CROWD = 16  # connections that measure the capacity, and that make the people
SHARE = 0.5  # of the capacity
FILL = 28  # MiB of the embedded store before anything is measured; its writer keeps 16 of them in memory
FILL_SECONDS = 600  # the longest that it is filled
REGISTER_EVERY = 5.0  # seconds
TURNOVER = 0.015  # of the requests: a logout and a login each
PROFILE = 0.01
TOKEN_TTL = 300  # seconds: the default of ACCESS_TOKEN_TTL
TOMBSTONE_TTL = 900  # seconds, as in src/cache/mod.rs
BACKLOG = 60  # seconds of requests that may wait for a connection; their waiting is part of their latency
PATIENCE = 40  # seconds until an answer is given up: REQUEST_TIMEOUT is 30
MOST_GROWTH = 0.05
LEAST_SENT = 0.95
SEED = 20_261_128

ME = body("{ me { id email name roles } }").encode()
AUTH = "{ session { id } accessToken refreshToken deviceToken user { id } }"
REFRESHED = "{ session { id } accessToken refreshToken }"
REGISTER = f"mutation Register($input: RegisterInput!) {{ register(input: $input) {AUTH} }}"
LOGIN = f"mutation Login($input: LoginInput!) {{ login(input: $input) {AUTH} }}"
REFRESH = f"mutation Refresh($input: RefreshInput!) {{ refresh(input: $input) {REFRESHED} }}"
LOGOUT = body("mutation Logout { logout { success } }").encode()
PROFILES = "mutation Rename($input: UpdateProfileInput!) { updateProfile(input: $input) { user { id version } } }"


# ------------------------------------------------------------------------------------------ connections


class NotSent(Exception):
    """Nothing of the request has left: it may be sent elsewhere."""


class NoAnswer(Exception):
    """The request was sent, and what became of it is not known."""


@dataclass(frozen=True)
class Answer:
    """An answer of HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict:
        """The body, or nothing where it is none."""
        with contextlib.suppress(ValueError):
            parsed = json.loads(self.body)
            if isinstance(parsed, dict):
                return parsed
        return {}


def message(content: bytes, token: str | None = None, **headers: str) -> bytes:
    """A POST to /graphql."""
    lines = ["POST /graphql HTTP/1.1", "host: localhost", "content-type: application/json", f"content-length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if token:
        lines.append(f"authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode() + content


async def read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """The first line and the header of a message."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in head[1:] if line)
    return head[0], {name.lower(): value.strip() for name, value in pairs}


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    """The body of a message, by its length or in chunks."""
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    parts = []
    while length := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(length))
        await reader.readexactly(2)
    await reader.readline()
    return b"".join(parts)


class Connection:
    """A connection that is kept, and made when it is needed; one request at a time."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    def close(self) -> None:
        if self._writer:
            self._writer.close()
        self._reader = self._writer = None

    async def open(self) -> None:
        """Raises `NotSent`."""
        if self._reader and (self._reader.at_eof() or self._reader.exception()):
            self.close()
        if not self._writer:
            try:
                self._reader, self._writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.port), 5)
            except (OSError, asyncio.TimeoutError) as cause:
                raise NotSent(str(cause) or "no connection in time") from cause

    async def exchange(self, request: bytes, patience: float = PATIENCE) -> Answer:
        """Raises `NotSent`, `NoAnswer`, or `asyncio.TimeoutError` when there is none in time."""
        await self.open()
        assert self._reader and self._writer
        try:
            self._writer.write(request)
            async with asyncio.timeout(patience):
                line, headers = await read_head(self._reader)
                content = await read_body(self._reader, headers)
        except (OSError, EOFError, ValueError, IndexError) as cause:
            self.close()
            raise NoAnswer(f"{type(cause).__name__}: {cause}"[:200]) from cause
        except BaseException:
            self.close()
            raise
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(int(line.split()[1]), headers, content)


# ------------------------------------------------------------------------------------------------ people


@dataclass
class Device:
    """Somebody's device that is logged in."""

    number: int
    email: str
    password: str
    access: str = ""
    refresh: str = ""
    device: str = ""
    refresh_at: float = 0.0
    is_busy: bool = False
    asking: int = 0  # what is under way and must not meet the end of the session

    @property
    def address(self) -> str:
        """Of its own, and the same for ever, as the proxy tells it."""
        return f"10.{self.number >> 16 & 255}.{self.number >> 8 & 255}.{self.number & 255}"

    def take(self, payload: dict, soon: bool) -> None:
        self.access, self.refresh = payload["accessToken"], payload["refreshToken"]
        self.device = payload.get("deviceToken") or self.device
        # At a time of its own within the life of the token, or all would refresh at once.
        self.refresh_at = time.monotonic() + TOKEN_TTL * random.uniform(0.1 if soon else 0.7, 0.85)


Deed = Callable[[Connection, float], Awaitable[None]]


class Refused(Exception):
    """An answer with an error."""

    def __init__(self, what: str, answer: Answer) -> None:
        errors = answer.json().get("errors") or [{}]
        self.code = errors[0].get("extensions", {}).get("code", f"status {answer.status}")
        super().__init__(f"{what}: {self.code} {answer.body[:200]!r}")


@dataclass
class Load:
    """What people do, and how long it took."""

    port: int
    devices: list[Device] = field(default_factory=list)
    outside: list[Device] = field(default_factory=list)  # logged out, and busy until they are in again
    latencies: dict[str, list[float]] = field(default_factory=lambda: collections.defaultdict(list))
    faults: collections.Counter = field(default_factory=collections.Counter)
    first_faults: list[str] = field(default_factory=list)
    done: int = 0
    ended: int = 0
    registered: int = 0
    made: int = 0

    async def ask(self, connection: Connection, what: str, request: bytes, due: float) -> dict:
        """The payload of an operation, whose time counts from when it was due."""
        answer = await connection.exchange(request)
        self.done += 1
        self.latencies[what].append(time.monotonic() - due)
        parsed = answer.json()
        if parsed.get("errors") or not parsed.get("data"):
            raise Refused(what, answer)
        return parsed["data"].get(what) or {}

    async def register(self, connection: Connection, due: float) -> Device:
        self.made += 1
        number = self.made
        device = Device(number, f"soak-{number}@example.com", f"soaked-{number}-horse-battery")
        content = body(REGISTER, input={"email": device.email, "password": device.password, "name": f"Soak {number}"})
        request = message(content.encode(), x_forwarded_for=device.address)
        device.take(await self.ask(connection, "register", request, due), True)
        self.registered += 1
        return device

    async def login(self, connection: Connection, device: Device, due: float, soon: bool = False) -> None:
        given = {"email": device.email, "password": device.password}
        if device.device:
            given["deviceToken"] = device.device
        request = message(body(LOGIN, input=given).encode(), x_forwarded_for=device.address)
        device.take(await self.ask(connection, "login", request, due), soon)

    async def logout(self, connection: Connection, device: Device, due: float) -> None:
        await self.ask(connection, "logout", message(LOGOUT, device.access, x_forwarded_for=device.address), due)
        self.ended += 1

    async def refresh(self, connection: Connection, device: Device, due: float) -> None:
        content = body(REFRESH, input={"refreshToken": device.refresh}).encode()
        device.take(await self.ask(connection, "refresh", message(content, x_forwarded_for=device.address), due), False)

    async def rename(self, connection: Connection, due: float) -> None:
        device = self._free()
        if not device:
            return
        content = body(PROFILES, input={"name": f"Soak {device.number} at {due:.0f}"}).encode()
        device.asking += 1
        try:
            await self.ask(connection, "updateProfile", message(content, device.access, x_forwarded_for=device.address), due)
        finally:
            device.asking -= 1

    def _free(self, is_silent: bool = False) -> Device | None:
        """One that is not at something else; silent where its session is to end."""
        for _ in range(20):
            device = random.choice(self.devices)
            if not device.is_busy and not (is_silent and device.asking):
                return device
        return None

    async def newcomer(self, connection: Connection, due: float) -> None:
        """Somebody registers, and another device is done with."""
        left = self._free(True)
        if not left:
            return
        left.is_busy = True
        new = await self.register(connection, due)
        await self.logout(connection, left, time.monotonic())
        self.devices[self.devices.index(left)] = new

    async def turn_over(self, connection: Connection, due: float) -> None:
        """A logout, and the login of the same device that follows it."""
        if not self.outside:
            device = self._free(True)
            if not device:
                return
            device.is_busy = True
            await self.logout(connection, device, due)
            self.outside.append(device)
        device = self.outside.pop()
        try:
            await self.login(connection, device, time.monotonic())
            device.is_busy = False
        except BaseException:
            self.outside.append(device)
            raise

    async def ask_me(self, connection: Connection, due: float) -> None:
        """Or the refresh that comes before it."""
        device = self._free()
        if not device:
            return
        if time.monotonic() >= device.refresh_at:
            device.is_busy = True
            try:
                await self.refresh(connection, device, due)
            finally:
                device.is_busy = False
        device.asking += 1
        try:
            await self.ask(connection, "me", message(ME, device.access, x_forwarded_for=device.address), due)
        finally:
            device.asking -= 1

    def deed(self) -> Deed:
        """What one of them does next."""
        choice = random.random()
        return self.turn_over if choice < TURNOVER else self.rename if choice < TURNOVER + PROFILE else self.ask_me

    def note(self, fault: Exception) -> None:
        code = fault.code if isinstance(fault, Refused) else type(fault).__name__
        self.faults[code] += 1
        if len(self.first_faults) < 10:
            self.first_faults.append(str(fault)[:300])

    async def attempt(self, connection: Connection, deed: Deed, due: float) -> None:
        try:
            await deed(connection, due)
        except (Refused, NotSent, NoAnswer, asyncio.TimeoutError) as fault:
            self.note(fault)


async def settle_people(load: Load) -> None:
    """Everybody, and their devices."""
    left = iter(range(PEOPLE))

    async def come(connection: Connection) -> None:
        for number in left:
            first = await load.register(connection, time.monotonic())
            load.devices.append(first)
            if number < DEVICES - PEOPLE:
                # Tells addresses of second devices from those of newcomers.
                second = Device(first.number | 1 << 20, first.email, first.password)
                await load.login(connection, second, time.monotonic(), True)
                load.devices.append(second)

    connections = [Connection(load.port) for _ in range(CROWD)]
    await asyncio.gather(*map(come, connections))
    for connection in connections:
        connection.close()


async def fill(load: Load, home: pathlib.Path) -> None:
    """Devices log in again, in turn, until the embedded store is large enough."""
    end, turn = time.monotonic() + FILL_SECONDS, itertools.cycle(list(load.devices))
    connections = [Connection(load.port) for _ in range(CROWD)]

    async def again(connection: Connection) -> None:
        while size_of(home) < FILL and time.monotonic() < end:
            for _ in range(20):
                device = next(turn)
                device.is_busy = True
                await load.login(connection, device, time.monotonic(), True)
                device.is_busy = False

    await asyncio.gather(*map(again, connections))
    for connection in connections:
        connection.close()
    if size_of(home) < FILL:
        raise Failed(f"the store was not filled in {FILL_SECONDS} s")


async def capacity(load: Load, seconds: float) -> float:
    """How many requests a second are answered to connections that do not pause."""
    connections = [Connection(load.port) for _ in range(CROWD)]

    async def press(connection: Connection, end: float) -> None:
        while time.monotonic() < end:
            await load.attempt(connection, load.deed(), time.monotonic())

    for share in (0.25, 1.0):  # to warm up; to measure
        began, before = time.monotonic(), load.done
        await asyncio.gather(*(press(connection, began + seconds * share) for connection in connections))
        rate = (load.done - before) / (time.monotonic() - began)
    for connection in connections:
        connection.close()
    return rate


# ------------------------------------------------------------------------------------------------ samples


@dataclass(frozen=True)
class Sample:
    """What the system says of the process."""

    at: float
    resident: float  # MiB
    anonymous: float  # MiB, of the resident ones
    descriptors: int
    threads: int


def sample(pid: int, at: float) -> Sample:
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    values = {name: value.split()[0] for name, value in (line.split(":", 1) for line in lines if ":" in line) if value.split()}
    descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    mebibytes = (int(values[name]) / 1024 for name in ("VmRSS", "RssAnon"))
    return Sample(at, *mebibytes, descriptors, int(values["Threads"]))


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def milliseconds(seconds: list[float]) -> tuple[float, float, float]:
    """The median, the 99th percentile and the longest."""
    return tuple(round(value * 1000, 2) for value in (percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds)))


@dataclass
class Minute:
    """What one minute was like."""

    number: int
    requests: int
    late: int
    faults: int
    latencies: dict[str, tuple[float, float, float]]  # ms: median, 99th percentile, longest
    last: Sample

    def row(self) -> list[str]:
        median, high, longest = self.latencies.get("me", (0, 0, 0))
        others = max((values[1] for name, values in self.latencies.items() if name != "me"), default=0)
        figures = [self.requests, self.late, self.faults, f"{median:.1f}", f"{high:.1f}", f"{longest:.0f}", f"{others:.0f}"]
        figures += [f"{self.last.resident:.1f}", f"{self.last.anonymous:.1f}", self.last.descriptors, self.last.threads]
        return [str(self.number), *map(str, figures)]


HEAD = ("minute", "requests", "not sent", "failed", "me 50 % ms", "me 99 %", "me longest", "others 99 %", "MiB",
        "anonymous", "descriptors", "threads")


@dataclass
class Soak:
    """The run: load at a rate, samples, minutes."""

    load: Load
    pid: int
    rate: float
    minutes: float
    every: float
    samples: list[Sample] = field(default_factory=list)
    table: list[Minute] = field(default_factory=list)
    due: int = 0
    late: int = 0

    async def run(self) -> None:
        self.load.latencies.clear()
        self.load.faults.clear()
        self.load.first_faults.clear()
        self.load.done = self.load.ended = self.load.registered = 0
        asking, doing = (asyncio.Queue(round(self.rate * BACKLOG)) for _ in range(2))
        connections = [Connection(self.load.port) for _ in range(ASKING + DOING)]
        await asyncio.gather(*(connection.open() for connection in connections))
        queues = [asking] * ASKING + [doing] * DOING
        workers = [asyncio.create_task(self._work(*pair)) for pair in zip(connections, queues)]
        try:
            await asyncio.gather(self._send(asking, doing), self._sample())
            self.late += asking.qsize() + doing.qsize()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            for connection in connections:
                connection.close()

    async def _work(self, connection: Connection, waiting: asyncio.Queue) -> None:
        while True:
            await self.load.attempt(connection, *await waiting.get())

    async def _send(self, asking: asyncio.Queue, doing: asyncio.Queue) -> None:
        """Each request at its time; one that finds the queue full is not sent."""
        began = time.monotonic()
        end, next_register = began + self.minutes * 60, began
        while (now := time.monotonic()) < end:
            if now >= next_register:
                next_register += REGISTER_EVERY
                self._offer(doing, self.load.newcomer, now)
            while self.due < (now - began) * self.rate:
                deed = self.load.deed()
                self._offer(asking if deed == self.load.ask_me else doing, deed, began + self.due / self.rate)
                self.due += 1
            await asyncio.sleep(0.005)

    def _offer(self, waiting: asyncio.Queue, deed: Deed, due: float) -> None:
        try:
            waiting.put_nowait((deed, due))
        except asyncio.QueueFull:
            self.late += 1

    async def _sample(self) -> None:
        began = time.monotonic()
        count = round(self.minutes * 60 / self.every)
        a_minute = max(1, round(60 / self.every))
        before = (0, 0, 0)
        for number in range(1, count + 1):
            await asyncio.sleep(began + number * self.every - time.monotonic())
            self.samples.append(sample(self.pid, number * self.every))
            if number % a_minute == 0 or number == count:
                now = (self.load.done, self.late, sum(self.load.faults.values()))
                taken, self.load.latencies = self.load.latencies, collections.defaultdict(list)
                shown = {name: milliseconds(values) for name, values in taken.items()}
                minute = Minute(len(self.table) + 1, *(b - a for a, b in zip(before, now)), shown, self.samples[-1])
                self.table.append(minute)
                before = now
                say(" | ".join(minute.row()))


# ------------------------------------------------------------------------------------------------ verdict


def fifths(samples: list[Sample], warm_up: float) -> tuple[list[Sample], list[Sample]]:
    """The first and the last fifth of the samples after the warm-up."""
    after = [sample for sample in samples if sample.at > warm_up]
    count = len(after) // 5
    if count < 3:
        raise Unavailable(f"{len(after)} samples after {warm_up:.0f} s are too few to say anything")
    return after[:count], after[-count:]


def judged(soak: Soak, warm_up: float) -> list[dict]:
    first, last = fifths(soak.samples, warm_up)

    def medians(name: str) -> tuple[float, float]:
        return tuple(statistics.median(getattr(sample, name) for sample in part) for part in (first, last))

    def growth(name: str) -> tuple[float, str]:
        before, after = medians(name)
        most = max(getattr(sample, name) for sample in soak.samples if sample.at > warm_up)
        return after / before - 1, f"{after / before - 1:+.2%} ({before:.1f} to {after:.1f} MiB; the most {most:.1f})"

    grown, text = growth("resident")
    results = [{
        "what": "resident memory, growth of the median from the first to the last fifth after the warm-up",
        "asked": f"<= {MOST_GROWTH:.0%}", "found": text, "value": grown, "holds": grown <= MOST_GROWTH,
    }]
    grown, text = growth("anonymous")
    results.append({
        "what": "of it that which is no file, the same", "asked": "told alone", "found": text, "value": grown, "holds": True,
    })
    for name in ("descriptors", "threads"):
        before, after = medians(name)
        results.append({
            "what": f"{name}, the same medians", "asked": "no growth", "found": f"{before:g} to {after:g}",
            "value": after - before, "holds": after <= before,
        })
    wrong = {code: count for code, count in soak.load.faults.items() if code != "OVERLOADED"}
    results.append({
        "what": "failed answers, OVERLOADED aside", "asked": "0",
        "found": f"{sum(wrong.values())} {wrong or ''}".strip(), "value": sum(wrong.values()), "holds": not wrong,
    })
    sent = 1 - soak.late / max(1, soak.due)
    results.append({
        "what": "of what was due was sent", "asked": f">= {LEAST_SENT:.0%}", "found": f"{sent:.2%}",
        "value": sent, "holds": sent >= LEAST_SENT,
    })
    return results


# ------------------------------------------------------------------------------------------------- main


@contextlib.contextmanager
def store_of_its_own(options: argparse.Namespace, processes: Processes, folder: pathlib.Path) -> Iterator[dict[str, str]]:
    """The settings of an empty store, which is gone afterwards."""
    if options.store == "embedded":
        yield {}
        return
    stores = Stores(processes, folder)
    name, url = stores.mongodb.database()
    say(f"MongoDB is {stores.mongodb.version}, Redis is {stores.redis.version}")
    try:
        yield {"DATABASE_URL": url, "REDIS_URL": stores.redis.url}
    finally:
        stores.mongodb.drop(name)
        stores.redis.empty()


def size_of(folder: pathlib.Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def measure(options: argparse.Namespace, processes: Processes, folder: pathlib.Path) -> dict:
    program = folder / "vestibule"
    shutil.copy2(options.service, program)  # a build may replace the other one meanwhile
    home, log, port = folder / "node", folder / "node.log", free_port()
    home.mkdir()
    with store_of_its_own(options, processes, folder) as store:
        settings = {
            "BIND_ADDR": f"127.0.0.1:{port}", "BCRYPT_COST": "4", "SECRET_KEY": secrets.token_urlsafe(32),
            "SMTP_URL": "none", "TRUSTED_PROXIES": "127.0.0.1", "RUST_LOG": "error", **store,
        }
        node = processes.spawn([str(program), "serve"], environment(**settings), log, home)
        try:
            report = asyncio.run(until_told(drive(options, node, port, home)))
            report["onDiskMiB"] = round(size_of(home), 1)
            report["fileSystem"] = file_system(home)
            report["version"] = output(str(program), "--version")
        except Exception:
            say(f"the end of the log of the node:\n{log.read_text(errors='replace')[-4000:]}")
            raise
        finally:
            processes.stop(node)
    return report


async def ready(node: subprocess.Popen, port: int) -> None:
    for _ in range(600):
        if node.poll() is not None:
            raise Failed("the node ended")
        with contextlib.suppress(NotSent, NoAnswer, asyncio.TimeoutError):
            if (await Connection(port).exchange(message(ME))).status == 200:
                return
        await asyncio.sleep(0.1)
    raise Failed("the node did not answer in 60 s")


async def until_told(work: Coroutine[None, None, Any]) -> Any:
    """Does the work, and ends it where signals tell to stop. asyncio has an eye on Ctrl-C by itself."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def drive(options: argparse.Namespace, node: subprocess.Popen, port: int, home: pathlib.Path) -> dict:
    await ready(node, port)
    load = Load(port)
    say(f"making {PEOPLE} people with {DEVICES} devices")
    await settle_people(load)
    if options.store == "embedded":
        say(f"filling the store to {FILL} MiB")
        await fill(load, home)
    say(f"measuring what it bears for {options.capacity_seconds:g} s")
    borne = await capacity(load, options.capacity_seconds)
    rate = options.rate or borne * SHARE
    # A deed is a request or, in a turnover, two of them.
    soak = Soak(load, node.pid, rate / (1 + TURNOVER), options.minutes, options.every)
    warm_up = min(300.0, options.minutes * 10)
    say(f"it bears {borne:.0f}/s; {rate:.0f}/s for {options.minutes:g} minutes, of which {warm_up:g} s to warm up")
    say(" | ".join(HEAD))
    cpu, wall = cpu_seconds([node.pid]), time.monotonic()
    await soak.run()
    cpu, wall = cpu_seconds([node.pid]) - cpu, time.monotonic() - wall
    if node.poll() is not None:
        raise Failed("the node ended by itself")
    tombstones = round(load.ended * min(1, TOMBSTONE_TTL / wall))
    return {
        "judged": judged(soak, warm_up), "store": options.store, "borne": round(borne), "rate": round(rate),
        "minutes": options.minutes, "warmUpSeconds": warm_up, "requests": load.done, "coresUsed": round(cpu / wall, 3),
        "registered": load.registered, "loggedOut": load.ended, "tombstonesAtTheEnd": tombstones,
        "firstFaults": load.first_faults, "faults": dict(load.faults),
        "samples": [list(vars(sample).values()) for sample in soak.samples],
        "perMinute": [{"minute": m.number, "requests": m.requests, "ms": m.latencies} for m in soak.table],
        "rows": [minute.row() for minute in soak.table],
    }


def show(report: dict) -> None:
    print("\n".join(table(HEAD, report.pop("rows"))))
    print()
    rows = [[r["what"], r["asked"], r["found"], "holds" if r["holds"] else "**does not hold**"] for r in report["judged"]]
    print("\n".join(table(("", "asked", "found", ""), rows)))
    print()
    print(f"{report['requests']:,} requests at {report['rate']}/s of {report['borne']}/s borne, {report['coresUsed']} cores used;"
          f" {report['registered']} registered, {report['loggedOut']} logged out, about {report['tombstonesAtTheEnd']}"
          f" tombstones at the end; {report['onDiskMiB']} MiB on disk.")
    for text in report["firstFaults"]:
        print(f"- {text}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--service", default=str(ROOT / "target/debug/vestibule"), help="the program; target/debug/vestibule")
    parser.add_argument("--store", choices=("embedded", "mongodb"), default="embedded", help="mongodb: with Redis")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between samples; 10")
    parser.add_argument("--rate", type=float, help="requests a second; half of what it bears")
    parser.add_argument("--capacity-seconds", type=float, help="for which is measured what it bears; 30, on MongoDB 90")
    options = parser.parse_args()
    if options.capacity_seconds is None:
        # Longer than copies live: where reading them again costs most, it counts.
        options.capacity_seconds = 30.0 if options.store == "embedded" else 90.0
    if not (0.5 <= options.minutes <= 1_440 and 0.5 <= options.every <= 60 and 1 <= options.capacity_seconds <= 120):
        parser.error("0.5 to 1,440 minutes, a sample every 0.5 to 60 s, 1 to 120 s to measure")
    if options.rate is not None and not 1 <= options.rate <= 20_000:
        parser.error("1 to 20,000 requests a second")
    options.service = str(pathlib.Path(options.service).resolve())
    if not os.access(options.service, os.X_OK):
        parser.error(f"--service: no program at {options.service}")
    return options


def main() -> int:
    options = parse()
    random.seed(SEED)
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    results = ROOT / "bench/results"
    results.mkdir(parents=True, exist_ok=True)
    # Beside the results and not in /tmp, which may be memory: what is on the disk must not count as memory.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="soak-", dir=results))
    processes = Processes()
    try:
        report = measure(options, processes, folder)
    except KeyboardInterrupt:
        say("interrupted: no report")
        return 130
    except (Unavailable, Failed, OSError, Refused, NotSent, NoAnswer) as cause:
        say(f"not measured: {cause}")
        return 2
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        processes.close()
        shutil.rmtree(folder, ignore_errors=True)
    report["date"] = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    report["cores"] = len(os.sched_getaffinity(0))
    show(report)
    print(json.dumps(report))
    broken = [result for result in report["judged"] if not result["holds"]]
    return 0 if not broken else 2 if broken == report["judged"][-1:] else 1


if __name__ == "__main__":
    sys.exit(main())
