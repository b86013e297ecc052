#!/usr/bin/env python3
"""Sends a running service what its schema allows, and some of what it does not. Needs hypothesis-graphql.

usage: schema_fuzz.py --url URL [--schema FILE] [--examples N] [--seed N] [--seconds N]

Every document goes out twice: without credentials, and with the token of a person who was registered for it. A
refusal is a good answer. A fault is a status of 500 or more or an error that says the same, an error without a code
of the schema, a body that is no GraphQL answer, and an answer that takes more than five seconds. OVERLOADED is no
fault. A tenth of the answers to queries must be free of errors, since refusals alone would show little.

Prints how often each code came and, for each kind of fault, the shortest document that had it. Exit code 0: no
fault, 1: some.
"""

import argparse
import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import secrets
import sys
import tempfile
import time
import urllib.parse

import graphql
import hypothesis
import hypothesis.strategies as st
from hypothesis_graphql import Mode, from_schema, mutations, nodes, queries

SLOW = 5  # seconds
LEAST_GOOD = 0.1
DEFECTS = {"INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE"}
KINDS = ("queries", "mutations", "faulty documents")

REGISTER = """mutation ($input: RegisterInput!) {
  register(input: $input) { user { id } session { id } accessToken refreshToken verificationTicket }
}"""

# Values that get further than random ones, by the name of the argument or input field. What stands in
# <> is filled in when the document is sent: <new> with something new, the others with the person's own.
KNOWN = {
    "currentPassword": ["<password>"],
    "deviceName": ["laptop"],
    "email": ["<email>", "<new>@example.com"],
    "expectedVersion": [1],
    "first": [0, 1, 100],
    "id": ["<user>", "<session>"],
    "last": [0, 1, 100],
    "locale": ["en", "pt-BR"],
    "name": ["Ada Lovelace"],
    "newEmail": ["<email>", "<new>@example.com"],
    "newPassword": ["<password>", "correct horse <new>"],
    "password": ["<password>", "correct horse <new>"],
    "refreshToken": ["<refresh>"],
    "size": [1, 1024],
    "ticket": ["<ticket>"],
    "timeZone": ["Europe/Paris"],
    "username": ["ada.<new>"],
}


class Fault(AssertionError):
    """An answer that the service must not give."""


class TimeIsUp(BaseException):
    """Ends the run. Were it an Exception, Hypothesis would take it for a failure and look for a smaller one."""


def json_values():
    plain = st.one_of(
        st.just(nodes.Null),
        st.booleans().map(nodes.Boolean),
        st.integers().map(nodes.Int),
        st.floats(allow_nan=False, allow_infinity=False).map(nodes.Float),
        st.text(st.characters(codec="utf-8"), max_size=20).map(nodes.String),
    )

    def nested(values):
        names = st.from_regex("[A-Za-z_][A-Za-z_0-9]{0,8}", fullmatch=True)
        fields = st.dictionaries(names, values, max_size=4).map(
            lambda items: [
                graphql.ObjectFieldNode(name=graphql.NameNode(value=name), value=value)
                for name, value in items.items()
            ]
        )
        return st.lists(values, max_size=4).map(nodes.List) | fields.map(nodes.Object)

    return st.recursive(plain, nested, max_leaves=12)


SCALARS = {
    "DateTime": st.datetimes().map(lambda value: nodes.String(f"{value.isoformat()}Z")),
    "JSON": json_values(),
}


class PutKnown(graphql.Visitor):
    """Puts known values in the place of three of four random ones."""

    def __init__(self, draw):
        super().__init__()
        self.draw = draw

    def enter_argument(self, node, *_):
        known = KNOWN.get(node.name.value)
        if known is None or self.draw(st.integers(0, 3)) == 3:
            return None
        value = self.draw(st.sampled_from(known))
        value = nodes.Int(value) if isinstance(value, int) else nodes.String(value)
        return type(node)(name=node.name, value=value)

    enter_object_field = enter_argument


def as_tree(document):
    return document


def documents(schema):
    """Draws a kind and a document of it."""
    options = {"custom_scalars": SCALARS, "print_ast": as_tree}
    of_one_field = [mutations(schema, fields=[name], **options) for name in schema.mutation_type.fields]
    strategies = (
        queries(schema, **options),
        st.one_of(*of_one_field, mutations(schema, **options)),
        from_schema(schema, mode=Mode.NEGATIVE, **options),
    )

    @st.composite
    def of_any_kind(draw):
        kind, strategy = draw(st.sampled_from(list(zip(KINDS, strategies))))
        tree = draw(strategy)
        # A known value might mend what is faulty.
        if strategy is not strategies[-1]:
            tree = graphql.visit(tree, PutKnown(draw))
        return kind, graphql.print_ast(tree)

    return of_any_kind()


class Service:
    def __init__(self, url, known_codes):
        self.url = urllib.parse.urlsplit(url)
        self.known_codes = known_codes

    def ask(self, query, token=None, variables=None):
        """The data of the answer and the codes of its errors."""
        status, text = self.post(json.dumps({"query": query, "variables": variables}), token)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Fault(f"status {status}, and a body that is no JSON object")
        errors = answer.get("errors", [])
        codes = [error.get("extensions", {}).get("code") for error in errors]
        for error, code in zip(errors, codes):
            where = f"{code} at {field_path(error)}: {error.get('message')}"
            if code not in self.known_codes:
                raise Fault(f"an error without a code of the schema, {where}")
            if code in DEFECTS:
                raise Fault(where)
        if status >= 500 and set(codes) != {"OVERLOADED"}:
            raise Fault(f"status {status} with the codes {codes}")
        if not errors and not isinstance(answer.get("data"), dict):
            raise Fault(f"status {status}, and neither data nor errors")
        return answer.get("data"), codes

    def post(self, body, token):
        headers = {"Content-Type": "application/json", "Accept": "application/graphql-response+json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        started = time.monotonic()
        try:
            with contextlib.closing(http.client.HTTPConnection(self.url.netloc, timeout=SLOW)) as connection:
                connection.request("POST", self.url.path, body, headers)
                response = connection.getresponse()
                status, text = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Fault(f"no answer: {type(error).__name__}") from error
        if time.monotonic() - started > SLOW:
            raise Fault(f"an answer that took more than {SLOW} s")
        return status, text


def field_path(error):
    return ".".join(str(part) for part in error.get("path", [])) or "no field"


class Person:
    """What is known of somebody who was just registered."""

    def __init__(self, service):
        self.email, self.password = f"{secrets.token_hex(8)}@example.com", f"correct horse {secrets.token_hex(8)}"
        what = {"email": self.email, "password": self.password, "name": "Ada Lovelace"}
        data, self.codes = service.ask(REGISTER, variables={"input": what})
        if self.codes:
            return
        payload = data["register"]
        self.token, self.refresh = payload["accessToken"], payload["refreshToken"]
        self.user, self.session = payload["user"]["id"], payload["session"]["id"]
        self.ticket = payload["verificationTicket"]

    def fill_in(self, document):
        own = {name: getattr(self, name) for name in ("email", "password", "user", "session", "refresh", "ticket")}
        return re.sub(
            "<(new|email|password|user|session|refresh|ticket)>",
            lambda match: own.get(match[1]) or secrets.token_hex(8),
            document,
        )


class Fuzzer:
    def __init__(self, service, seconds):
        self.service = service
        self.end = time.monotonic() + seconds
        self.person = Person(service)
        if self.person.codes:
            sys.exit(f"nobody could be registered: {self.person.codes}")
        self.people = 1
        self.sent = 0
        self.answers = collections.Counter()
        self.outcomes = {kind: collections.Counter() for kind in KINDS}
        self.faults = {}

    def try_document(self, kind, document):
        if time.monotonic() > self.end:
            raise TimeIsUp
        self.sent += 1
        try:
            self.count(kind, document, None)
            if "UNAUTHENTICATED" in self.count(kind, document, self.person.token):
                self.replace_person()
        except Fault as fault:
            known = self.faults.get(str(fault))
            if known is None or len(document) < len(known):
                self.faults[str(fault)] = document
            raise

    def count(self, kind, document, token):
        _, codes = self.service.ask(self.person.fill_in(document), token)
        self.answers[kind] += 1
        self.outcomes[kind].update(set(codes) or {"no errors"})
        return codes

    def replace_person(self):
        """A logout, or one of many other things, may have ended the session."""
        _, codes = self.service.ask("{ me { id } }", self.person.token)
        if "UNAUTHENTICATED" not in codes:
            return
        person = Person(self.service)
        # Where no more people may register now, the next example tries again.
        if not person.codes:
            self.person = person
            self.people += 1

    def report(self):
        """Prints what came of it, and tells whether it was good."""
        print(f"{self.sent} documents, {self.people} people")
        for kind, outcomes in self.outcomes.items():
            counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
            print(f"{self.answers[kind]} answers to {kind}: {counts}")
        for fault, document in self.faults.items():
            print(f"\nFAULT: {fault}\n{ascii_only(document)}")
        enough = self.outcomes["queries"]["no errors"] > LEAST_GOOD * self.answers["queries"]
        if not enough:
            print("\nFAULT: too few answers to queries have no errors")
        return enough and not self.faults


def ascii_only(document):
    """Characters that a terminal may swallow, as GraphQL escapes them."""
    return re.sub("[^\n -~]", lambda match: f"\\u{{{ord(match[0]):x}}}", document)


def read_schema(path):
    schema = graphql.build_schema(path.read_text(encoding="utf-8"))
    for name, kind in schema.type_map.items():
        if graphql.is_scalar_type(kind) and not graphql.is_specified_scalar_type(kind) and name not in SCALARS:
            sys.exit(f"the scalar {name} needs a strategy in {pathlib.Path(__file__).name}")
    return schema


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True, help="where the service takes GraphQL by POST, in plain HTTP")
    parser.add_argument("--schema", type=pathlib.Path, default="schema.graphql")
    parser.add_argument("--examples", type=int, default=300, help="documents at most")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="makes the same documents again")
    parser.add_argument("--seconds", type=float, default=40, help="ends the run with fewer documents after this")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    schema = read_schema(arguments.schema)
    service = Service(arguments.url, schema.type_map["ErrorCode"].values)
    fuzzer = Fuzzer(service, arguments.seconds)
    print(f"seed {arguments.seed}")

    @hypothesis.seed(arguments.seed)
    @hypothesis.settings(
        max_examples=arguments.examples,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(documents(schema))
    def answers_are_good(example):
        fuzzer.try_document(*example)

    # What was done before changes the answers, so a smaller example may not fail again.
    with contextlib.suppress(Fault, TimeIsUp, hypothesis.errors.Flaky):
        answers_are_good()
    sys.exit(0 if fuzzer.report() else 1)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = folder
        main()
