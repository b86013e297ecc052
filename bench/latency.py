#!/usr/bin/env python3
"""Start, idle memory, and the latency of `me` beside a storm of logins.

    bench/latency.py PATH-TO-VESTIBULE [ROUNDS]

Starts the program on a free port of 127.0.0.1 with a database of its own and password cost 10, and
prints, as medians of ROUNDS (5) runs:
  - the time from the start of the process to its first answer, and its resident memory when idle;
  - the median and the 99th percentile of `me` (bearer, warm), 200 a second, alone and beside 16
    connections that log in without a pause, in turn, with the ratio of each pair.
Only the standard library; loops bounded in count and time.
"""

import http.client
import json
import multiprocessing
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

PASSWORD = "correct horse battery"
RATE = 200
SECONDS = 5
CONNECTIONS = 16


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def post(connection, query, variables=None, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request("POST", "/graphql", json.dumps({"query": query, "variables": variables}), headers)
    answer = json.loads(connection.getresponse().read())
    if "errors" in answer:
        raise SystemExit(f"unexpected answer: {answer}")
    return answer["data"]


def started(program, folder, settings):
    """The running program, its port, and the seconds to its first answer."""
    port = free_port()
    environment = {"BIND_ADDR": f"127.0.0.1:{port}", "BCRYPT_COST": "10", "RATE_LIMITS": "off", "RUST_LOG": "warn", **settings}
    began = time.perf_counter()
    process = subprocess.Popen([program, "serve"], cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    while time.perf_counter() - began < 30:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            post(connection, "{ me { id } }")
            return process, port, time.perf_counter() - began
        except OSError:
            time.sleep(0.001)
    raise SystemExit("the program did not answer")


def resident_mebibytes(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def stop(process):
    process.terminate()
    process.wait(30)


def measure_starts(program, rounds, settings):
    times, memory = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            process, _, seconds = started(program, folder, settings)
            time.sleep(1)
            times.append(seconds * 1000)
            memory.append(resident_mebibytes(process))
            stop(process)
    return statistics.median(times), statistics.median(memory)


def log_in_until(port, end, count):
    # Real clients have cores of their own; these must not take those that answer `me`.
    os.nice(19)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    query = "mutation($input: LoginInput!) { login(input: $input) { user { id } } }"
    done = 0
    while time.time() < end:
        post(connection, query, {"input": {"email": "storm@example.com", "password": PASSWORD}})
        done += 1
    count.put(done)


def latencies(port, token):
    """Milliseconds of each `me`, sent at a fixed rate: a late answer counts from its due time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    taken = []
    began = time.perf_counter()
    for number in range(RATE * SECONDS):
        due = began + number / RATE
        wait = due - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        sent = max(due, began) if wait <= 0 else time.perf_counter()
        post(connection, "{ me { id name } }", token=token)
        taken.append((time.perf_counter() - sent) * 1000)
    return taken


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def register(port, email):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    query = "mutation($input: RegisterInput!) { register(input: $input) { accessToken } }"
    data = post(connection, query, {"input": {"email": email, "password": PASSWORD, "name": "Bench"}})
    return data["register"]["accessToken"]


def measure_storm(program, rounds, settings):
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        process, port, _ = started(program, folder, settings)
        register(port, "storm@example.com")
        token = register(port, "me@example.com")
        latencies(port, token)
        for _ in range(rounds):
            quiet = latencies(port, token)
            count = multiprocessing.Queue()
            end = time.time() + SECONDS + 1
            storm = [multiprocessing.Process(target=log_in_until, args=(port, end, count)) for _ in range(CONNECTIONS)]
            for client in storm:
                client.start()
            time.sleep(0.5)
            beside = latencies(port, token)
            for client in storm:
                client.join(60)
            logins = sum(count.get() for _ in storm) / (SECONDS + 1)
            row = (percentile(quiet, 0.5), percentile(quiet, 0.99), percentile(beside, 0.5), percentile(beside, 0.99))
            rows.append((*row, row[3] / row[1], logins))
        memory = resident_mebibytes(process)
        stop(process)
    return [statistics.median(column) for column in zip(*rows)], memory


def main():
    program = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    settings = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL") if name in os.environ}
    start, idle = measure_starts(program, rounds, settings)
    print(f"start to first answer {start:7.1f} ms   resident when idle {idle:6.1f} MiB")
    (quiet50, quiet99, beside50, beside99, ratio, logins), loaded = measure_storm(program, rounds, settings)
    print(f"me alone              median {quiet50:6.2f} ms   99th percentile {quiet99:6.2f} ms")
    print(f"me beside {CONNECTIONS} logins   median {beside50:6.2f} ms   99th percentile {beside99:6.2f} ms")
    print(f"ratio of the 99th percentiles {ratio:.2f}   logins {logins:.1f} a second   resident after {loaded:.1f} MiB")


if __name__ == "__main__":
    main()
