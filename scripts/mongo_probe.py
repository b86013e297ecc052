#!/usr/bin/env python3
"""Asks a MongoDB server who it is, with nothing but Python's standard library.

usage: mongo_probe.py HOST PORT [--any | --initiate REPLICA_SET]

Prints the server's name and version and exits 0 once it accepts writes (--any: once it answers); exits 1
until then. With --initiate, a fresh member is made the primary of a replica set of one.
"""

import socket
import struct
import sys

FIXED = {0x01: "<d", 0x08: "<?", 0x09: "<q", 0x10: "<i", 0x11: "<Q", 0x12: "<q"}


def encode(document):
    """BSON for the few types that the commands below need."""
    body = b""
    for key, value in document.items():
        name = key.encode() + b"\0"
        if isinstance(value, int):
            body += b"\x10" + name + struct.pack("<i", value)
        elif isinstance(value, str):
            text = value.encode() + b"\0"
            body += b"\x02" + name + struct.pack("<i", len(text)) + text
        elif isinstance(value, list):
            body += b"\x04" + name + encode({str(i): item for i, item in enumerate(value)})
        else:
            body += b"\x03" + name + encode(value)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def decode(data):
    """The top-level fields of a BSON document; nested documents and binary values stay bytes."""
    fields, at = {}, 4
    while data[at]:
        kind = data[at]
        end = data.index(b"\0", at)
        key, at = data[at + 1 : end].decode(), end + 1
        if kind in FIXED:
            size = struct.calcsize(FIXED[kind])
            value = struct.unpack_from(FIXED[kind], data, at)[0]
        elif kind == 0x07:
            size, value = 12, data[at : at + 12]
        elif kind == 0x0A:
            size, value = 0, None
        else:
            (length,) = struct.unpack_from("<i", data, at)
            if kind == 0x02:
                size, value = 4 + length, data[at + 4 : at + 3 + length].decode()
            elif kind in (0x03, 0x04):
                size, value = length, data[at : at + length]
            elif kind == 0x05:
                size, value = 5 + length, data[at + 5 : at + 5 + length]
            else:
                raise ValueError(f"field {key} has the unknown BSON type {kind:#x}")
        fields[key] = value
        at += size
    return fields


def receive(connection, count):
    data = b""
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            raise ConnectionError("the server closed the connection")
        data += chunk
    return data


def run(connection, command):
    """One command on the database admin, as OP_MSG (opcode 2013)."""
    message = struct.pack("<IB", 0, 0) + encode({**command, "$db": "admin"})
    connection.sendall(struct.pack("<iiii", len(message) + 16, 1, 0, 2013) + message)
    (length,) = struct.unpack("<i", receive(connection, 4))
    return decode(receive(connection, length - 4)[17:])


def main():
    host, port = sys.argv[1], int(sys.argv[2])
    with socket.create_connection((host, port), timeout=5) as connection:
        hello = run(connection, {"hello": 1})
        if not hello.get("isWritablePrimary") and "--any" not in sys.argv:
            if "--initiate" in sys.argv:
                member = {"_id": 0, "host": f"{host}:{port}"}
                run(connection, {"replSetInitiate": {"_id": sys.argv[4], "members": [member]}})
            sys.exit(f"{host}:{port} does not accept writes")
        build = run(connection, {"buildInfo": 1})
        name = f"MongoDB {build.get('version') or 'of wire version %s' % hello.get('maxWireVersion')}"
        if "secantusVersion" in build:
            name = f"SecantusDB {build['secantusVersion']} (speaks as {name})"
        print(name)


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, LookupError, struct.error) as error:
        sys.exit(f"no MongoDB server answers: {error}")
