#!/usr/bin/env python3
"""What the limits cost those who keep to them, and what those who do not cost everybody else.

    python3 bench/surface.py PATH-TO-VESTIBULE [--short] [--json]

Starts the program on free ports of 127.0.0.1 with databases of its own and password cost 4, and measures:
  - the requests a second of `me` (bearer, 8 kept connections), and the server's processor time for them,
    with the limits as they are by default and with `GRAPHQL_LIMITS` and `RATE_LIMITS` off: two servers,
    driven in turn; at most 5 % of the throughput, and as much more processor time, may be lost;
  - the server's processor time for each request of tests/data/hostile.json, sent alone: less than 50 ms;
  - the 99th percentile of other people's `me`, 200 a second, measured from when each was due, in quiet and
    beside that list over 4 connections and 2,000 idle connections, in turn: at most three times as long.
--short takes seconds and shows no more than that all of it runs. Leaves with 1 where a bound is not kept.
Only the standard library; loops bounded in count and time.
"""

import argparse
import collections
import contextlib
import itertools
import json
import multiprocessing
import os
import pathlib
import resource
import select
import socket
import statistics
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from latency import RATE, percentile, register, started, stop

HOSTILE = pathlib.Path(__file__).parent.parent / "tests/data/hostile.json"
DEFAULTS = {"BCRYPT_COST": "4", "RATE_LIMITS": ""}
UNLIMITED = {"BCRYPT_COST": "4", "RATE_LIMITS": "off", "GRAPHQL_LIMITS": "off"}
CORES = len(os.sched_getaffinity(0))
# Real clients have cores of their own; where there are none to spare, these come after the server.
NICENESS = 5 if CORES <= 2 else 0
WARM_UP = 1  # seconds, of every drive; nothing is recorded in it
PATIENCE = 30  # seconds until an answer is given up
CONNECTIONS = 8
PEOPLE = 16
ATTACKERS = 4
IDLE = 2000

MOST_OVERHEAD = 0.05
MOST_MILLISECONDS = 50
MOST_RATIO = 3
# Where other programs take more of the cores, no figure but the least of several says much.
MOST_OTHERS = 0.1

Length = collections.namedtuple("Length", "pairs slice rounds quiet hostile tries")
FULL = Length(pairs=10, slice=3, rounds=5, quiet=10, hostile=20, tries=5)
SHORT = Length(pairs=2, slice=1, rounds=1, quiet=2, hostile=3, tries=2)


# Processor time, in seconds.


def processor_seconds(process):
    """Of all threads of a process so far, those that have ended too, which /proc/PID/task leaves out."""
    return time.clock_gettime(~process.pid << 3 | 2)


def seconds_of_others(*servers):
    """Of everything on this machine so far but the servers and this measurement."""
    ticks = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    busy = (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
    ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own = sum(usage.ru_utime + usage.ru_stime for usage in ours)
    return busy - own - sum(processor_seconds(server) for server in servers)


@contextlib.contextmanager
def running(program, settings):
    """The program with a database of its own, ended whatever happens, and its port."""
    with tempfile.TemporaryDirectory() as folder:
        process, port, _ = started(program, folder, settings)
        try:
            yield process, port
        finally:
            stop(process)


def client(target, *arguments):
    """A process of its own that starts at once, and does not outlive this one."""
    process = multiprocessing.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


# Those who keep to the limits.


class Connection:
    """A kept connection with at most one request under way, which is always the same."""

    def __init__(self, port, token):
        body = b'{"query":"{ me { id email name } }"}'
        head = f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self.request = head.encode() + body
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = b""

    def fileno(self):
        return self.socket.fileno()

    def send(self):
        self.answer = b""
        self.socket.sendall(self.request)

    def is_answered(self):
        """Takes what has arrived; whether it is the whole answer."""
        part = self.socket.recv(65536)
        self.answer += part
        head, end, body = self.answer.partition(b"\r\n\r\n")
        if part and not end:
            return False
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0] or -1)
        if part and len(body) < length:
            return False
        if not head.startswith(b"HTTP/1.1 200 ") or not body.startswith(b'{"data":{"me":{"id"') or len(body) != length:
            raise SystemExit(f"unexpected answer: {self.answer!r}")
        return True


def drive(connections, seconds):
    """Sends on every connection as soon as it is answered; how many were answered."""
    answered = 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for connection in select.select(connections, [], [], PATIENCE)[0]:
            if connection.is_answered():
                connection.send()
                answered += 1
    return answered


def drive_as_fast_as_answered(port, token, seconds, warm, result):
    connections = [Connection(port, token) for _ in range(CONNECTIONS)]
    for connection in connections:
        connection.send()
    drive(connections, WARM_UP)
    warm.wait(PATIENCE)
    began, spent = time.perf_counter(), time.process_time()
    answered = drive(connections, seconds)
    result.put((answered, time.perf_counter() - began, time.process_time() - spent))


def measure_slice(server, seconds):
    """Requests a second, the server's processor seconds for 1,000, and the client's share of a core."""
    process, port, token = server
    warm, result = multiprocessing.Barrier(2), multiprocessing.Queue()
    driver = client(drive_as_fast_as_answered, port, token, seconds, warm, result)
    warm.wait(PATIENCE)
    before = processor_seconds(process)
    answered, taken, client_spent = result.get(timeout=seconds + PATIENCE)
    spent = processor_seconds(process) - before
    driver.join(PATIENCE)
    return answered / taken, spent / answered * 1000, client_spent / taken


def measure_overhead(program, length):
    with running(program, DEFAULTS) as limited, running(program, UNLIMITED) as unlimited:
        sides = [(process, port, register(port, "me@example.com")) for process, port in (limited, unlimited)]
        for side in sides:
            measure_slice(side, WARM_UP)
        others, began = seconds_of_others(limited[0], unlimited[0]), time.perf_counter()
        pairs = []
        for number in range(length.pairs):
            # Each goes first as often as the other.
            order = (0, 1) if number % 2 == 0 else (1, 0)
            slices = {side: measure_slice(sides[side], length.slice) for side in order}
            pairs.append((slices[0], slices[1]))
        others = seconds_of_others(limited[0], unlimited[0]) - others
        return overhead_of(pairs, others / (time.perf_counter() - began) / CORES)


def overhead_of(pairs, others):
    def median(side, figure):
        return statistics.median(pair[side][figure] for pair in pairs)

    requests = [with_limits[0] / without[0] for with_limits, without in pairs]
    processor = [with_limits[1] / without[1] for with_limits, without in pairs]
    ratios = {"requests": statistics.median(requests), "processor": statistics.median(processor)}
    return {
        "pairs": len(pairs),
        "limited": {"requests": median(0, 0), "processor": median(0, 1), "client": median(0, 2)},
        "unlimited": {"requests": median(1, 0), "processor": median(1, 1), "client": median(1, 2)},
        "ratio": ratios,
        "ratios": {"requests": sorted(requests), "processor": sorted(processor)},
        "others": others,
        "kept": ratios["requests"] >= 1 - MOST_OVERHEAD and ratios["processor"] <= 1 / (1 - MOST_OVERHEAD),
    }


def keep_to_rate(connections, seconds):
    """Milliseconds from when each request was due to its answer; who finds no connection free waits."""
    began = time.perf_counter()
    due = collections.deque(began + number / RATE for number in range(int(RATE * (WARM_UP + seconds))))
    free, under_way, taken = collections.deque(connections), {}, []
    while (due or under_way) and time.perf_counter() < began + WARM_UP + seconds + PATIENCE:
        while due and free and due[0] <= time.perf_counter():
            connection = free.popleft()
            under_way[connection] = due.popleft()
            connection.send()
        # Not a poll, which counts in whole milliseconds.
        wait = due[0] - time.perf_counter() if due and free else PATIENCE
        for connection in select.select(under_way, [], [], max(0, wait))[0]:
            if connection.is_answered():
                was_due = under_way.pop(connection)
                free.append(connection)
                if was_due >= began + WARM_UP:
                    taken.append((time.perf_counter() - was_due) * 1000)
    if due or under_way:
        raise SystemExit("`me` was not answered in time")
    return taken


def measure_latency(port, tokens, seconds, result):
    os.nice(NICENESS)
    result.put(keep_to_rate([Connection(port, token) for token in tokens], seconds))


# Those who do not.


def repeated(part):
    return part.get("head", "") + part.get("unit", "") * part.get("times", 0) + part.get("tail", "")


def hostile_bytes(entry):
    """The request of an entry, as tests/it/process/hostile.rs makes it."""
    if "query" in entry:
        body = json.dumps({"query": repeated(entry["query"])}, ensure_ascii=False, separators=(",", ":")).encode()
    else:
        body = bytes.fromhex(entry["hex"]) if "hex" in entry else repeated(entry).encode()
    headers = entry.get("headers", {})
    lines = ["POST /graphql HTTP/1.1", "host: localhost", "connection: close"]
    if "content-type" not in headers:
        lines.append("content-type: application/json")
    if "accept" not in headers and entry["status"] != 200:
        lines.append("accept: application/graphql-response+json")
    for name, value in headers.items():
        lines += [f"{name}: {repeated(value)}"] * value.get("copies", 1)
    lines.append(f"content-length: {len(body)}\r\n\r\n")
    return "\r\n".join(lines).encode() + body


def hostile_requests():
    """Names, bytes and the status that each is answered with."""
    return [(entry["name"], hostile_bytes(entry), entry["status"]) for entry in json.loads(HOSTILE.read_text())]


def exchange(port, request):
    """The status of the answer, 0 where there is none."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        # Whoever is refused early may find the other end closed.
        try:
            connection.sendall(request)
        except OSError:
            pass
        try:
            while part := connection.recv(65536):
                answer += part
        except OSError:
            pass
    status = answer[9:12]
    return int(status) if status.isdigit() else 0


def attack(port, end, result):
    """Sends the list round and round; how many requests a second, and how many had another answer."""
    os.nice(NICENESS)
    requests, numbers, outcomes = hostile_requests(), itertools.count(), collections.Counter()

    def attack_by_one():
        mine = collections.Counter()
        while not end.is_set() and time.perf_counter() < limit:
            _, request, status = requests[next(numbers) % len(requests)]
            try:
                mine[exchange(port, request) == status] += 1
            except OSError:
                mine[False] += 1
                time.sleep(0.01)
        outcomes.update(mine)

    began = time.perf_counter()
    limit = began + FULL.hostile + 2 * PATIENCE
    attackers = [threading.Thread(target=attack_by_one) for _ in range(ATTACKERS)]
    for attacker in attackers:
        attacker.start()
    for attacker in attackers:
        attacker.join()
    result.put((outcomes.total() / (time.perf_counter() - began), outcomes[False]))


def stay_idle(port, opened, end):
    """Keeps connections open that say nothing, or begin to say something; who is closed comes back."""
    os.nice(NICENESS)
    poll, connections = select.poll(), {}

    def open_one(says_something):
        connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
        if says_something:
            connection.sendall(b"POST /graphql HTTP/1.1\r\nhost: x\r\n")
        connections[connection.fileno()] = (connection, says_something)
        poll.register(connection, select.POLLIN)

    for number in range(IDLE):
        open_one(number % 2 == 0)
    opened.set()
    limit = time.perf_counter() + FULL.hostile + 2 * PATIENCE
    while not end.is_set() and time.perf_counter() < limit:
        for descriptor, _ in poll.poll(500):
            connection, says_something = connections.pop(descriptor)
            poll.unregister(connection)
            connection.close()
            open_one(says_something)


def measure_kinds(process, port, tries):
    """The server's processor milliseconds for each request, the least of several, and what was answered."""
    kinds = []
    for name, request, expected in hostile_requests():
        spent = []
        for _ in range(tries):
            before = processor_seconds(process)
            status = exchange(port, request)
            time.sleep(0.005)  # for what the server does after the answer
            spent.append((processor_seconds(process) - before) * 1000)
        kinds.append({"name": name, "milliseconds": min(spent), "status": status, "expected": expected})
    return sorted(kinds, key=lambda kind: -kind["milliseconds"])


def measure_phase(server, tokens, seconds):
    """The two percentiles of `me`, and the share of all cores that the server took."""
    process, port = server
    result = multiprocessing.Queue()
    spent, began = processor_seconds(process), time.perf_counter()
    people = client(measure_latency, port, tokens, seconds, result)
    taken = result.get(timeout=seconds + 2 * PATIENCE)
    spent, elapsed = processor_seconds(process) - spent, time.perf_counter() - began
    people.join(PATIENCE)
    return percentile(taken, 0.5), percentile(taken, 0.99), spent / elapsed / CORES


def measure_attack(server, tokens, seconds):
    """The same beside those who mean harm, with how many requests a second they sent."""
    _, port = server
    opened, end, result = multiprocessing.Event(), multiprocessing.Event(), multiprocessing.Queue()
    idle = client(stay_idle, port, opened, end)
    if not opened.wait(PATIENCE):
        raise SystemExit("the idle connections were not opened")
    attackers = client(attack, port, end, result)
    phase = measure_phase(server, tokens, seconds)
    end.set()
    rate, unexpected = result.get(timeout=2 * PATIENCE)
    for process in (idle, attackers):
        process.join(PATIENCE)
    return (*phase, rate, unexpected)


def measure_round(server, tokens, length):
    others, began = seconds_of_others(server[0]), time.perf_counter()
    quiet50, quiet99, quiet_share = measure_phase(server, tokens, length.quiet)
    hostile50, hostile99, hostile_share, rate, unexpected = measure_attack(server, tokens, length.hostile)
    others = (seconds_of_others(server[0]) - others) / (time.perf_counter() - began) / CORES
    time.sleep(WARM_UP)  # for the end of two thousand connections
    return {
        "quiet": {"p50": quiet50, "p99": quiet99, "server": quiet_share},
        "hostile": {"p50": hostile50, "p99": hostile99, "server": hostile_share},
        "ratio": hostile99 / quiet99,
        "requests": rate,
        "unexpected": unexpected,
        "others": others,
    }


def median_of(rounds):
    """The medians of every figure in tables of the same form."""
    if isinstance(rounds[0], dict):
        return {name: median_of([one[name] for one in rounds]) for name in rounds[0]}
    return statistics.median(rounds)


def measure_hostile(program, length):
    with running(program, DEFAULTS) as (process, port):
        tokens = [register(port, f"person{number}@example.com") for number in range(PEOPLE)]
        exchange(port, hostile_requests()[0][1])
        kinds = measure_kinds(process, port, length.tries)
        rounds = [measure_round((process, port), tokens, length) for _ in range(length.rounds)]
    median = median_of(rounds)
    latency = {"rounds": rounds, "median": median, "kept": median["ratio"] <= MOST_RATIO}
    kept = all(kind["milliseconds"] < MOST_MILLISECONDS and kind["status"] == kind["expected"] for kind in kinds)
    return {"kinds": kinds, "kept": kept}, latency


# What is printed.


def verdict(kept, others=0):
    disturbed = ", but other programs disturbed the measurement" if others > MOST_OTHERS else ""
    return ("kept" if kept else "NOT KEPT") + disturbed


def print_overhead(overhead):
    ratio, ratios = overhead["ratio"], overhead["ratios"]
    print(f"`me` over {CONNECTIONS} kept connections, medians of {overhead['pairs']} pairs of slices")
    print("                        requests/s   processor s per 1,000   client, share of a core")
    for name, side in (("limits as by default", overhead["limited"]), ("limits off", overhead["unlimited"])):
        print(f"{name:<24}{side['requests']:10.0f}{side['processor']:24.4f}{side['client']:26.0%}")
    print(f"{'ratio':<24}{ratio['requests']:10.3f}{ratio['processor']:24.3f}")
    spread = [f"{ratios[name][0]:.3f}-{ratios[name][-1]:.3f}" for name in ("requests", "processor")]
    print(f"{'ratios of the pairs':<24}{spread[0]:>14}{spread[1]:>24}")
    print(f"other programs took {overhead['others']:.0%} of the {CORES} cores")
    print(f"at most {MOST_OVERHEAD:.0%} lost: {verdict(overhead['kept'], overhead['others'])}\n")


def print_kinds(kinds, tries):
    print(f"processor time of the server for one hostile request, the least of {tries}")
    for kind in kinds["kinds"][:10]:
        print(f"{kind['milliseconds']:9.3f} ms  {kind['name']}")
    rest = [kind["milliseconds"] for kind in kinds["kinds"][10:]]
    print(f"          and {len(rest)} more with {rest[0]:.3f} ms or less")
    for kind in kinds["kinds"]:
        if kind["status"] != kind["expected"]:
            print(f"{kind['status']} in place of {kind['expected']}: {kind['name']}")
    print(f"less than {MOST_MILLISECONDS} ms each, and each refused as it should be: {verdict(kinds['kept'])}\n")


def print_latency(latency):
    print(f"`me` of {PEOPLE} people, {RATE} a second, alone and beside {ATTACKERS} hostile connections and {IDLE} idle")
    print(f"clients at niceness {NICENESS}, on the {CORES} cores of the server; ms, and shares of all cores")
    print("round    quiet p50    p99  server   hostile p50    p99  server   requests/s  ratio of p99  others")
    for name, one in [*enumerate(latency["rounds"], 1), ("median", latency["median"])]:
        quiet, hostile = one["quiet"], one["hostile"]
        print(
            f"{name:<6}{quiet['p50']:12.2f}{quiet['p99']:7.2f}{quiet['server']:8.0%}"
            f"{hostile['p50']:14.2f}{hostile['p99']:7.2f}{hostile['server']:8.0%}"
            f"{one['requests']:13.0f}{one['ratio']:14.2f}{max(0, one['others']):8.0%}"
        )
    print(f"answered otherwise than expected: {sum(one['unexpected'] for one in latency['rounds'])}")
    others = max(one["others"] for one in latency["rounds"])
    print(f"99th percentile at most {MOST_RATIO} times as long: {verdict(latency['kept'], others)}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("program", help="the vestibule binary")
    arguments.add_argument("--short", action="store_true", help="seconds in place of minutes, to see that it runs")
    arguments.add_argument("--json", action="store_true", help="all figures as one JSON object in place of tables")
    given = arguments.parse_args()
    program, length = os.path.abspath(given.program), SHORT if given.short else FULL
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    overhead = measure_overhead(program, length)
    if not given.json:
        print_overhead(overhead)
    kinds, latency = measure_hostile(program, length)
    if given.json:
        settings = {"cores": CORES, "niceness": NICENESS, **length._asdict()}
        print(json.dumps({"settings": settings, "overhead": overhead, "kinds": kinds, "latency": latency}, indent=1))
    else:
        print_kinds(kinds, length.tries)
        print_latency(latency)
    if not (overhead["kept"] and kinds["kept"] and latency["kept"]):
        sys.exit(1)


if __name__ == "__main__":
    main()
