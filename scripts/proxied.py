#!/usr/bin/env python3
"""What a client sees of two nodes behind the reverse proxy, with nothing but Python's standard library.

usage: proxied.py PORT [--stop NODE] [--end-store STORE]

Logs in, listens by both protocols and asks what the proxy must refuse. Then, under load, the process NODE is told to
stop: no request may fail, and the sockets that it held must be told to come back. Then the process STORE is told to
end: no node is ready any more, and those who are logged in must be served all the same. Prints a line per check; exits 1
where one fails. Clients have addresses of their own (127.0.0.2 and on), by which the proxy chooses a node.
"""

import base64
import http.client
import json
import os
import secrets
import signal
import socket
import struct
import sys
import threading
import time

PORT = int(sys.argv[1])
PASSWORD = "correct horse battery"
REGISTER = "mutation ($input: RegisterInput!) { register(input: $input) { accessToken } }"
LOGIN = "mutation ($input: LoginInput!) { login(input: $input) { session { id ipAddress } accessToken } }"
RENAME = "mutation ($input: RenameSessionInput!) { renameSession(input: $input) { session { id } } }"
EVENTS = "subscription { sessionEvents { type } }"
ME = "{ me { email } }"
CLIENTS = 16
LOAD_SECONDS = 10
GOING_AWAY = 1001


def check(condition, what, found=""):
    if not condition:
        sys.exit(f"FAILED: {what} {found}")
    print(f"ok  {what}")


class Client:
    """One client with an address of its own, and a connection that it keeps."""

    def __init__(self, number):
        self.address = f"127.0.0.{number}"
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20, source_address=(self.address, 0))

    def request(self, method, path, body=None, **headers):
        """The status, the header fields and the body of the answer."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, names)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()

    def ask(self, query, variables=None, token=None, **headers):
        """The status and the body, parsed, of one operation."""
        body = json.dumps({"query": query, "variables": variables or {}})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        status, _, text = self.request("POST", "/graphql", body, Content_Type="application/json", **headers)
        return status, json.loads(text) if text.startswith("{") else text


class Socket:
    """As much of RFC 6455 and of graphql-transport-ws as is needed here."""

    def __init__(self, number):
        self.stream = socket.create_connection(("127.0.0.1", PORT), 20, (f"127.0.0.{number}", 0))
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self.stream.sendall(
            f"GET /graphql/ws HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        self.status = int(head.split()[1])

    def fill(self):
        data = self.stream.recv(65536)
        if not data:
            raise ConnectionError("the socket ended without a close frame")
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self.fill()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def send(self, message):
        data = json.dumps(message).encode()
        mask = secrets.token_bytes(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack("!BH", 0xFE, len(data))
        self.stream.sendall(b"\x81" + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self):
        """The next message, or the code of the close frame; pings are passed over."""
        while True:
            first, second = self.take(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", self.take(2))
            data = self.take(length)
            if first & 0x0F == 1:
                return json.loads(data)
            if first & 0x0F == 8:
                return struct.unpack("!H", data[:2])[0]

    def listen(self, token):
        self.send({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
        acknowledged = self.receive()
        self.send({"id": "1", "type": "subscribe", "payload": {"query": EVENTS}})
        return acknowledged


def rename(client, token, session):
    status, answer = client.ask(RENAME, {"input": {"id": session, "deviceName": secrets.token_hex(4)}}, token)
    check(status == 200 and "errors" not in answer, "a session is renamed", answer)


def try_event_stream(token, session):
    listener, client = Client(5), Client(6)
    listener.connection.request(
        "POST", "/graphql", json.dumps({"query": EVENTS}),
        {"Content-Type": "application/json", "Accept": "text/event-stream", "Authorization": f"Bearer {token}"},
    )
    answer = listener.connection.getresponse()
    check(answer.status == 200, "an event stream is opened", answer.status)
    time.sleep(1)  # until the subscription runs
    rename(client, token, session)
    started, seen = time.monotonic(), b""
    while b"RENAMED" not in seen and time.monotonic() - started < 10:
        seen += answer.read1(65536)
    waited = time.monotonic() - started
    check(b"RENAMED" in seen and waited < 5, f"its event is not kept back ({waited:.2f} s)", seen)
    listener.connection.close()


def try_refusals(client):
    for path in ["/admin/graphql", "/metrics", "/health/ready"]:
        status, _, _ = client.request("GET", path)
        check(status == 404, f"{path} is not for the public", status)
    status, _, text = client.request("POST", "/graphql", "x" * 300_000, Content_Type="application/json")
    check(status == 413 and text.startswith("{"), "a body that is too long is refused by the service", text[:80])
    status, headers, _ = client.request("GET", "/.well-known/jwks.json")
    check(status == 200 and not headers["Server"], "the key set is there", status)


def load(number, email, token, until, failures, counts):
    client, count = Client(number), 0
    while time.monotonic() < until:
        try:
            if number % 4 == 0:
                status, answer = client.ask(LOGIN, {"input": {"email": email, "password": PASSWORD}})
            else:
                status, answer = client.ask(ME, token=token)
            if status != 200 or "errors" in answer:
                failures.append((status, str(answer)[:200]))
        except (OSError, http.client.HTTPException) as error:
            failures.append((0, repr(error)))
            client = Client(number)
        count += 1
    counts.append(count)


def try_stop(pid, email, token):
    sockets = [Socket(number) for number in range(20, 36)]
    for held in sockets:
        check_quietly(held.listen(token))
    failures, counts, closed, until = [], [], [], time.monotonic() + LOAD_SECONDS
    threads = [
        threading.Thread(target=load, args=(number, email, token, until, failures, counts))
        for number in range(40, 40 + CLIENTS)
    ] + [threading.Thread(target=wait_for_close, args=(held, until, closed)) for held in sockets]
    for thread in threads:
        thread.start()
    time.sleep(LOAD_SECONDS / 5)
    os.kill(pid, signal.SIGTERM)
    for thread in threads:
        thread.join(60)
    check(counts and not failures, f"no request of {sum(counts)} failed while a node was told to stop", failures[:3])
    check(closed and set(closed) == {GOING_AWAY}, f"its {len(closed)} of {len(sockets)} sockets were closed with 1001", closed)
    again = Socket(20)
    check(again.status == 101 and again.listen(token) == {"type": "connection_ack"}, "a client that comes back is taken")


def wait_for_close(held, until, closed):
    """Notes the code with which a socket is closed, if it is; the events before it are passed over."""
    held.stream.settimeout(1)
    while time.monotonic() < until:
        try:
            message = held.receive()
        except TimeoutError:
            continue
        if isinstance(message, int):
            closed.append(message)
            return


def try_without_store(pid, email, token):
    client = Client(2)
    client.ask(ME, token=token)
    os.kill(pid, signal.SIGTERM)
    # Longer than the checks of the proxy take to find that no node is ready, shorter than copies last.
    time.sleep(8)
    status, answer = client.ask(ME, token=token)
    check(status == 200 and "errors" not in answer, "without the store, those who are logged in are served", answer)
    status, answer = client.ask(LOGIN, {"input": {"email": email, "password": PASSWORD}})
    check("SERVICE_UNAVAILABLE" in str(answer), "and whoever logs in hears from the service why not", answer)


def check_quietly(acknowledged):
    if acknowledged != {"type": "connection_ack"}:
        sys.exit(f"FAILED: a socket was not taken {acknowledged}")


def main():
    client = Client(2)
    email = f"{secrets.token_hex(6)}@example.com"
    status, answer = client.ask(REGISTER, {"input": {"email": email, "password": PASSWORD, "name": "Ada"}})
    check(status == 200 and "errors" not in answer, "somebody registers", answer)
    status, answer = client.ask(
        LOGIN, {"input": {"email": email, "password": PASSWORD}},
        X_Forwarded_For="203.0.113.9", Forwarded="for=203.0.113.9",
    )
    login = answer["data"]["login"]
    token, session = login["accessToken"], login["session"]["id"]
    check(login["session"]["ipAddress"] == client.address, "the address is the client's, whatever it claims", login["session"])
    status, answer = Client(3).ask(ME, token=token)
    check(status == 200 and answer["data"]["me"]["email"] == email, "they are known to another node", answer)
    held = Socket(4)
    check(held.status == 101, "a socket is opened", held.status)
    check(held.listen(token) == {"type": "connection_ack"}, "it is acknowledged")
    time.sleep(1)  # until the subscription runs
    rename(client, token, session)
    event = held.receive()
    check(isinstance(event, dict) and event.get("type") == "next" and "RENAMED" in str(event), "it hears of a rename", event)
    try_event_stream(token, session)
    try_refusals(client)
    if "--stop" in sys.argv:
        try_stop(int(sys.argv[sys.argv.index("--stop") + 1]), email, token)
    if "--end-store" in sys.argv:
        try_without_store(int(sys.argv[sys.argv.index("--end-store") + 1]), email, token)


main()
