#!/usr/bin/env python3
"""Checks that alerts, dashboard and documentation speak of metrics that are there, and of all of them.

    deploy/prometheus/check.py URL                     a service in development that nobody else uses, at this address,
                                                       started with BCRYPT_COST=4 RATE_LIMITS=strength.address=1/1m
    deploy/prometheus/check.py URL --prometheus URL    the same, and each expression is asked of a Prometheus that has
                                                       scraped it

Needs promtool. What has a series only after an event is made to happen. Prints what is wrong, and fails if anything is.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ALERTS = HERE / "alerts.yml"
TESTS = HERE / "alerts.test.yml"
DASHBOARD = HERE.parent / "grafana" / "vestibule.json"
DOCS = HERE.parents[1] / "docs" / "operations.md"

NAME = re.compile(r"\b(?:vestibule|process)_[a-z_]+\b")
# Variables of the dashboard, as Grafana fills them in.
FILLED = {"$__rate_interval": "1m", "$job": "vestibule", "$instance": ".*"}

FAULTS = []


def expect(holds, fault):
    if not holds:
        FAULTS.append(fault)


def get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def ask(base, query, **variables):
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(base + "/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def make_events(base):
    """One of each kind that has no series before."""
    account = {"email": "ada@example.com", "password": "correct horse battery", "name": "Ada"}
    register = "mutation ($input: RegisterInput!) { register(input: $input) { refreshToken } }"
    token = ask(base, register, input=account)["data"]["register"]["refreshToken"]
    refresh = "mutation ($input: RefreshInput!) { refresh(input: $input) { refreshToken } }"
    token = ask(base, refresh, input={"refreshToken": token})["data"]["refresh"]["refreshToken"]
    ask(base, "mutation ($input: LogoutInput!) { logout(input: $input) { success } }", input={"refreshToken": token})
    for _ in range(2):
        ask(base, '{ passwordStrength(input: { password: "correct horse battery" }) { score } }')
    # The mail of the registration is a task; each look at the metrics gives it time.
    for _ in range(100):
        if "vestibule_outbox_tasks_total{" in get(base + "/metrics"):
            return


def exposed(text):
    """Each name with its labels."""
    names = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, labels = re.match(r"([a-zA-Z0-9_]+)(?:\{(.*)\})? ", line).groups()
            names.setdefault(name, set()).update(re.findall(r'(\w+)="', labels or ""))
    return names


def dashboard_expressions():
    dashboard = json.loads(DASHBOARD.read_text())
    found = [t["expr"] for panel in dashboard["panels"] for t in panel.get("targets", [])]
    for number, text in enumerate(found):
        for variable, value in FILLED.items():
            text = text.replace(variable, value)
        expect("$" not in text, f"the dashboard has a variable that is not known: {text}")
        found[number] = text
    return found


def alert_blocks():
    """Each alert's name and text."""
    blocks = re.split(r"^ +- alert: ", ALERTS.read_text(), flags=re.M)[1:]
    return {block.split("\n", 1)[0]: block for block in blocks}


def alert_expression(block):
    return re.search(r"expr:(?: \|)?\s+(.*?)\n +(?:for|labels):", block, re.S)[1]


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    expect(done.returncode == 0, f"promtool {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}")


def check_expressions(expressions):
    """Those of the dashboard, as promtool reads them: as rules that record something."""
    with tempfile.TemporaryDirectory() as folder:
        rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions)]
        path = Path(folder) / "dashboard.json"
        # JSON is YAML.
        path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        promtool("check", "rules", path)


def check_names(names):
    bare = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    docs = DOCS.read_text()
    for path in (ALERTS, TESTS, DASHBOARD):
        for name in set(NAME.findall(path.read_text())):
            expect(name in names, f"{path.name}: there is no {name}")
    for name in set(re.findall(r"`((?:vestibule|process)_[a-z_]+)`", docs)):
        expect(name in bare, f"{DOCS.name}: there is no {name}")
    rows = {name: line for line in docs.splitlines() if line.startswith("| `") for name in NAME.findall(line.split("|")[1])}
    for name in sorted(bare):
        expect(name in rows, f"{DOCS.name}: {name} is not in the table")
        labels = set().union(*(names.get(name + end, set()) for end in ("", "_bucket"))) - {"le"}
        for label in labels:
            expect(f"`{label}`" in rows.get(name, f"`{label}`"), f"{DOCS.name}: {name} has a label {label}")


def check_alerts():
    headings = set(re.findall(r"^#+ (Vestibule\w+)$", DOCS.read_text(), re.M))
    tests = TESTS.read_text()
    alerts = alert_blocks()
    expect(headings == set(alerts), f"alerts and headings differ: {sorted(headings ^ set(alerts))}")
    for name, block in alerts.items():
        expect(f"runbook: docs/operations.md#{name.lower()}\n" in block, f"{name} leads to another runbook")
        expect(re.search(rf"alertname: {name}\n +eval_time: \w+\n +exp_alerts:\n", tests), f"no test sees {name} fire")
        expect(re.search(rf"alertname: {name}, eval_time: \w+, exp_alerts: \[\]", tests), f"no test sees {name} silent")


def check_answers(prometheus, expressions):
    """Every expression is answered; one of the dashboard with something, where a SQLite node at work has it."""
    for text in expressions:
        url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': text})}"
        try:
            answer = json.loads(get(url))
        except urllib.error.HTTPError as error:
            expect(False, f"{text}: {error.read().decode()}")
            continue
        if answer["status"] != "success":
            expect(False, f"{text}: {answer}")
        elif not answer["data"]["result"]:
            print(f"nothing now: {' '.join(text.split())}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--prometheus")
    arguments = parser.parse_args()
    expressions = dashboard_expressions()
    promtool("check", "rules", ALERTS)
    promtool("test", "rules", TESTS)
    promtool("check", "config", HERE / "scrape.example.yml")
    check_expressions(expressions)
    check_alerts()
    if not arguments.prometheus:
        make_events(arguments.url)
    names = exposed(get(arguments.url + "/metrics"))
    check_names(names)
    if arguments.prometheus:
        check_answers(arguments.prometheus, expressions + [alert_expression(block) for block in alert_blocks().values()])
    for fault in FAULTS:
        print(fault)
    print(f"{len(names)} names, {len(expressions)} expressions of the dashboard, {len(alert_blocks())} alerts")
    return 1 if FAULTS else 0


if __name__ == "__main__":
    sys.exit(main())
