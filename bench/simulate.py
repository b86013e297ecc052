#!/usr/bin/env python3
"""What the copies in the process save, and what they cost Redis and the store, by simulation.

    python3 bench/simulate.py                            a table for several sizes, in less than a minute
    python3 bench/simulate.py --sessions 500000 --rate 100000 --nodes 8 --balancer sticky
    python3 bench/simulate.py --check                    only the comparison with arithmetic

Sessions ask `me` at random times; how often each does is log-normal, Zipf or uniform. Followed are the rules of
src/cache/redis/: copies in each process (least recently used out first; the program's own cache, moka, also
weighs how often), copies in Redis that end after their time, client tracking on four connections a node, a
touch a minute, a refresh every five minutes, and the tokens whose signature a node remembers. Every session
has a user of its own and is active all the time. Answers take no time, so that nothing races; a copy that
ends in Redis is told at that instant. Nothing breaks.

Large sizes are simulated as a part: fewer sessions, at the same rate each, with as much less room; with a
sticky balancer one node, since all are alike. What is printed is multiplied up again. Deterministic by --seed.
Leaves with 1 if simulation and arithmetic differ by more than 2 %. Only the standard library.
"""

import argparse
import itertools
import json
import math
import random
import sys
from collections import OrderedDict, deque, namedtuple

CONNECTIONS = 4  # of a process, src/cache/redis/connection.rs
NEAR_ENTRIES = 20_000  # src/cache/redis/near.rs; a session and its user are two
TOKENS = 10_000  # whose signature is remembered, src/domain/tokens/issuer.rs
COPY_TTL = 60.0  # seconds, src/cache/mod.rs
TOUCH = 60.0  # seconds, src/domain/sessions/session.rs
REFRESH = 300.0  # seconds, the default of ACCESS_TOKEN_TTL
WARM_UP = 90.0  # seconds, simulated and not counted
MEASURED = 150.0  # seconds
MOST_REQUESTS = 20_000_000
MOST_ERROR = 0.02

Case = namedtuple(
    "Case", "sessions rate nodes balancer near tokens copy_ttl touch refresh activity spread in_step", defaults=(
        NEAR_ENTRIES, TOKENS, COPY_TTL, TOUCH, REFRESH, "lognormal", 1.0, False))

TABLE = [
    Case(1_000, 500, 2, "random"),
    Case(10_000, 5_000, 2, "random"),
    Case(100_000, 50_000, 4, "random"),
    Case(100_000, 50_000, 4, "sticky"),
    Case(1_000_000, 1_000_000, 50, "random"),
    Case(1_000_000, 1_000_000, 50, "sticky"),
    Case(1_000_000, 1_000_000, 10, "random"),
    Case(1_000_000, 1_000_000, 10, "sticky"),
    Case(10_000_000, 1_000_000, 50, "random"),
    Case(10_000_000, 1_000_000, 50, "sticky"),
    # What other constants would do.
    Case(1_000_000, 1_000_000, 50, "random", 200_000, 100_000),
    Case(1_000_000, 1_000_000, 50, "sticky", 200_000, 100_000),
    Case(1_000_000, 1_000_000, 50, "sticky", 200_000, 100_000, 300.0),
    Case(1_000_000, 1_000_000, 50, "sticky", 200_000, 100_000, 300.0, 300.0),
    Case(10_000_000, 1_000_000, 50, "sticky", 1_000_000, 500_000),
    Case(10_000_000, 1_000_000, 50, "sticky", 1_000_000, 500_000, 300.0, 300.0),
]


class Lru(OrderedDict):
    """What was used last, up to so many; values are when an entry ends."""

    def __init__(self, room):
        super().__init__()
        self.room = max(1, round(room))

    def has(self, key, now):
        if self.get(key, 0.0) <= now:
            return False
        self.move_to_end(key)
        return True

    def keep(self, key, until):
        self[key] = until
        self.move_to_end(key)
        if len(self) > self.room:
            self.popitem(last=False)


class System:
    """Nodes, Redis and the store. The copy of session `i` has key `2 * i`, that of its user the next one."""

    def __init__(self, case, sessions, nodes, scale, rng):
        self.case, self.rng, self.nodes = case, rng, nodes
        self.near = [Lru(case.near / scale) for _ in range(nodes)]
        self.verified = [Lru(case.tokens / scale) for _ in range(nodes)]
        # As if all of it had gone on for long: copies are of any age, and so are tokens. The copy of a session was
        # written when it was last seen; that of its user at another time, since a refresh writes the one alone.
        self.seen = [-rng.random() * case.touch for _ in range(sessions)]
        self.ends = [0.0] * (2 * sessions)
        for session, seen in enumerate(self.seen):
            self.ends[2 * session] = self.ends[2 * session + 1] = seen + case.copy_ttl
            if not case.in_step:
                self.ends[2 * session + 1] = rng.random() * case.copy_ttl
        self.endings = deque(sorted((end, key) for key, end in enumerate(self.ends)))
        self.issued = [-rng.random() * case.refresh for _ in range(sessions)]
        self.readers = {}  # key -> connections that Redis would tell of a change
        self.forget_counts()

    def forget_counts(self):
        self.requests = self.hits = self.far = self.signatures = 0
        self.mgets = self.scripts = self.told = self.reads = self.touches = self.rotations = 0

    def read_by(self, key, connection):
        readers = self.readers.get(key)
        if readers is None:
            self.readers[key] = {connection}
        else:
            readers.add(connection)

    def tell(self, key):
        """Redis tells whoever has read the key since it last told of it."""
        readers = self.readers.pop(key, ())
        self.told += len(readers)
        for connection in readers:
            self.near[connection // CONNECTIONS].pop(key, None)

    def let_end(self, now):
        while self.endings and self.endings[0][0] <= now:
            end, key = self.endings.popleft()
            if self.ends[key] == end:
                self.tell(key)

    def connection(self, node):
        return node * CONNECTIONS + int(self.rng.random() * CONNECTIONS)

    def put(self, node, key, now, is_newer):
        """put_if_newer.lua, which also reads; then the node forgets its own copy."""
        self.scripts += 1
        self.read_by(key, self.connection(node))
        if is_newer or self.ends[key] <= now:
            self.ends[key] = now + self.case.copy_ttl
            self.endings.append((self.ends[key], key))
            self.tell(key)
        self.near[node].pop(key, None)

    def load_far(self, node, key, now):
        self.mgets += 1
        connection, is_whole = self.connection(node), True
        for wanted in (key, key + 1):
            self.read_by(wanted, connection)
            if self.ends[wanted] > now:
                self.near[node].keep(wanted, now + self.case.copy_ttl)
            else:
                self.near[node].pop(wanted, None)
                is_whole = False
        if is_whole:
            self.far += 1
            return
        self.reads += 2
        self.put(node, key, now, False)
        self.put(node, key + 1, now, False)

    def rotate(self, node, session, now):
        self.rotations += 1
        self.reads += 1  # the user
        self.issued[session] = self.seen[session] = now
        self.put(node, 2 * session, now, True)
        self.put(node, 2 * session + 1, now, False)

    def me(self, node, session, now):
        self.requests += 1
        if not self.verified[node].has(session, now):
            self.signatures += 1
            self.verified[node].keep(session, self.issued[session] + self.case.refresh)
        key, near = 2 * session, self.near[node]
        if near.has(key, now) and near.has(key + 1, now):
            self.hits += 1
        else:
            self.load_far(node, key, now)
        if now - self.seen[session] >= self.case.touch:
            self.touches += 1
            self.seen[session] = now
            self.put(node, key, now, True)

    def run(self, weights, rate, seconds):
        """Requests at random times; a token that has ended is exchanged first."""
        rng, population, count = self.rng, range(len(weights)), round(rate * (WARM_UP + seconds))
        total, now, tracked = list(itertools.accumulate(weights)), 0.0, 0
        for begun in range(0, count, 50_000):
            for session in rng.choices(population, cum_weights=total, k=min(50_000, count - begun)):
                is_warm = now >= WARM_UP
                now += rng.expovariate(rate)
                if now >= WARM_UP and not is_warm:
                    self.forget_counts()
                self.let_end(now)
                if now - self.issued[session] >= self.case.refresh:
                    self.rotate(int(rng.random() * self.nodes), session, now)
                self.me(int(rng.random() * self.nodes), session, now)
            tracked = max(tracked, len(self.readers))
        return now - WARM_UP, tracked


def weights_of(case, sessions, rng):
    """How often each session asks, in relation to the others."""
    if case.activity == "uniform":
        return [1.0] * sessions
    if case.activity == "zipf":
        return [1.0 / rank**case.spread for rank in range(1, sessions + 1)]
    # Evenly over the distribution, so that a part has the mean of the whole.
    return [math.exp(case.spread * rng.gauss(0.0, 1.0)) for _ in range(sessions)]


def simulate(case, seed, budget, seconds=MEASURED):
    """What happens in a second, in all."""
    rng = random.Random(seed)
    part = case.nodes if case.balancer == "sticky" else 1
    scale = max(1.0, case.rate / part * (WARM_UP + seconds) / budget)
    sessions = max(1, round(case.sessions / part / scale))
    nodes = 1 if case.balancer == "sticky" else case.nodes
    system = System(case, sessions, nodes, scale, rng)
    weights = weights_of(case, sessions, rng)
    took, tracked = system.run(weights, case.rate * sessions / case.sessions, seconds)
    up = case.sessions / sessions  # from the part to all of it
    found = {name: getattr(system, name) * up / took for name in (
        "requests", "hits", "far", "signatures", "mgets", "scripts", "told", "reads", "touches", "rotations")}
    return {**found, "tracked": tracked * up, "scale": scale}


def arithmetic(case):
    """The same in closed form, for sessions that are alike, unlimited room, and no refresh, so that the copies of a
    session and of its user begin and end together.

    A cycle is the life of the copies, T, and the wait for the next request, 1 / r. The first request finds
    nothing: one MGET, two reads, two scripts, a touch with a third. Of the r * T that follow, the first on each
    of N nodes asks Redis and the others are hits. Redis tells the connection of the first MGET and those of the
    three scripts, 2 * 1.75 + 1 times, since one in four scripts takes the connection that the MGET took; and at
    the end of the copies each node that has read them, once for either copy.
    """
    each = case.rate / case.sessions
    follow = each * case.copy_ttl
    readers = case.nodes * (1 - math.exp(-follow / case.nodes))
    cycles = case.sessions / (case.copy_ttl + 1 / each)
    return {"requests": cycles * (1 + follow), "hits": cycles * (follow - readers),
            "mgets": cycles * (1 + readers), "reads": cycles * 2, "touches": cycles, "scripts": cycles * 3,
            "told": cycles * (2 * (2 - 1 / CONNECTIONS) + 1 + 2 * readers)}


def check(seed):
    """Whether both agree, for one node and for ten."""
    print("Simulation and arithmetic: 1,000 sessions alike, 0.5 requests/s each, room for all, no refresh.\n")
    print(f"{'per second':12} {'1 node':>10} {'arithmetic':>10} {'off':>7}  {'10 nodes':>10} "
          f"{'arithmetic':>10} {'off':>7}")
    cases = [Case(1_000, 500, nodes, "random", near=1e9, tokens=1e9, refresh=1e9, activity="uniform",
                  in_step=True)
             for nodes in (1, 10)]
    pairs = [(simulate(case, seed, 600_000, 620.0), arithmetic(case)) for case in cases]
    worst = 0.0
    for name in pairs[0][1]:
        row = f"{name:12}"
        for found, expected in pairs:
            off = found[name] / expected[name] - 1
            worst = max(worst, abs(off))
            row += f" {found[name]:10.2f} {expected[name]:10.2f} {off:+7.2%} "
        print(row)
    print(f"\nThe largest difference is {worst:.2%}; {MOST_ERROR:.0%} are allowed.")
    return worst <= MOST_ERROR


HEADINGS = ("sessions", "me/s", "nodes", "balancer", "near", "copy", "touch", "near hit", "Redis hit", "cold",
            "checked", "Redis cmd/s", "reads/s", "writes/s", "told/s", "told/s node", "tracked")


def row(case, found):
    """A line of the table, as text."""
    share = lambda part: f"{found[part] / found['requests']:.1%}"
    cold = 1 - (found["hits"] + found["far"]) / found["requests"]
    figure = lambda number: f"{number:,.0f}"
    return (figure(case.sessions), figure(case.rate), str(case.nodes), case.balancer, figure(case.near),
            f"{case.copy_ttl:.0f} s", f"{case.touch:.0f} s", share("hits"), share("far"), f"{cold:.1%}",
            share("signatures"), figure(found["mgets"] + found["scripts"]), figure(found["reads"]),
            figure(found["touches"] + found["rotations"]), figure(found["told"]),
            figure(found["told"] / case.nodes), figure(found["tracked"]))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, help="active sessions; simulates this size alone")
    parser.add_argument("--rate", type=float, default=None, help="me/s in all (default: one a second each)")
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--balancer", choices=("random", "sticky"), default="random")
    parser.add_argument("--near", type=int, default=NEAR_ENTRIES, help="copies in a process")
    parser.add_argument("--tokens", type=int, default=TOKENS, help="verified tokens that a process remembers")
    parser.add_argument("--copy-ttl", type=float, default=COPY_TTL, help="life of a copy, seconds")
    parser.add_argument("--touch", type=float, default=TOUCH, help="time between touches, seconds")
    parser.add_argument("--refresh", type=float, default=REFRESH, help="life of an access token, seconds")
    parser.add_argument("--activity", choices=("lognormal", "zipf", "uniform"), default="lognormal")
    parser.add_argument("--spread", type=float, default=1.0, help="sigma of the log-normal, exponent of Zipf")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=int, default=400_000, help="requests to simulate for each size")
    parser.add_argument("--check", action="store_true", help="compare with arithmetic, and no more")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each size instead of a table")
    given = parser.parse_args()
    if not 10_000 <= given.budget <= MOST_REQUESTS:
        parser.error(f"--budget is 10000 to {MOST_REQUESTS}")
    numbers = (given.sessions or 1, given.rate or 1, given.nodes, given.near, given.tokens, given.copy_ttl,
               given.touch, given.refresh)
    if min(numbers) <= 0 or given.nodes > 1_000:
        parser.error("numbers are more than 0, and nodes 1,000 at the most")
    return given


def main():
    given = arguments()
    agrees = given.json or check(given.seed)
    cases = [] if given.check else TABLE
    if given.sessions:
        cases = [Case(given.sessions, given.rate or float(given.sessions), given.nodes, given.balancer, given.near,
                      given.tokens, given.copy_ttl, given.touch, given.refresh, given.activity, given.spread)]
    if cases and not given.json:
        print("\nnear: room for copies in a process; copy, touch: how long a copy lives and how often use is written;"
              "\nnear hit, Redis hit, cold: where `me` found session and user; checked: signatures checked per `me`;"
              "\nreads, writes: of the store; told: messages of client tracking; tracked: keys in Redis's table\n")
        widths = [max(len(heading), 10) if heading != "nodes" else 5 for heading in HEADINGS]
        print(" ".join(heading.rjust(width) for heading, width in zip(HEADINGS, widths)))
    for case in cases:
        found = simulate(case, given.seed, given.budget)
        if given.json:
            print(json.dumps({**case._asdict(), "per_second": found}), flush=True)
        else:
            print(" ".join(cell.rjust(width) for cell, width in zip(row(case, found), widths)), flush=True)
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
