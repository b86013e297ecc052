#!/usr/bin/env python3
"""Imports 100,000 users with bcrypt hashes into SQLite, and exports them again.

    bench/import.py target/release/vestibule [USERS]

Prints users a second, and the most memory that the process had. Uses only the standard library.
"""
import json, os, resource, subprocess, sys, tempfile, time

HASH = "$2b$10$YjsAPwIbPtLKQfDZnUHeZO5aNl3.Nj.nHkwv9vQZ6cLVNvJg1B8fK"
RUNS = 3


def people(path, count):
    with open(path, "w", encoding="utf-8") as lines:
        for number in range(count):
            row = {
                "id": f"{number}", "email": f"person{number * 2654435761 % 4294967296:010}@example.com",
                "emailVerified": number % 10 > 0, "name": f"Person {number}", "passwordHash": HASH,
                "createdAt": f"2024-{number % 12 + 1:02}-{number % 28 + 1:02}T10:20:30.456Z",
            }
            lines.write(json.dumps(row) + "\n")


def run(binary, folder, *arguments):
    """The seconds that a command takes, its peak memory in MiB, and what it printed."""
    env = {"PATH": os.environ["PATH"], "RUST_LOG": "error"}
    started = time.monotonic()
    with subprocess.Popen([binary, *arguments], cwd=folder, env=env, stdout=subprocess.PIPE) as process:
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{arguments}: exit code {process.returncode}")
    return time.monotonic() - started, usage.ru_maxrss / 1024, printed


def main():
    binary = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    outcomes = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            people(os.path.join(folder, "people.jsonl"), count)
            seconds, memory, printed = run(binary, folder, "users", "import", "people.jsonl", "--json")
            report = json.loads(printed)
            if report["added"] != count:
                sys.exit(f"not all were added: {report}")
            again, again_memory, printed = run(binary, folder, "users", "import", "people.jsonl", "--json")
            if json.loads(printed)["present"] != count:
                sys.exit(f"not all were present: {printed}")
            out, out_memory, _ = run(binary, folder, "users", "export", "--output", "all.jsonl")
            outcomes.append((count / seconds, memory, count / again, again_memory, count / out, out_memory))
    middle = [sorted(column)[RUNS // 2] for column in zip(*outcomes)]
    for name, rate, memory in zip(("import", "import again", "export"), middle[::2], middle[1::2]):
        print(f"{name}: {rate:,.0f} users/s, {memory:.0f} MiB at most (medians of {RUNS} runs of {count:,})")


if __name__ == "__main__":
    main()
