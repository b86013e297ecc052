#!/usr/bin/env python3
"""An SMTP server for tests, which keeps what it accepts. Needs aiosmtpd.

usage: smtp_server.py --mail-dir DIR [--port N] [--tls starttls|implicit --cert PEM --key PEM]
                      [--auth USER:PASSWORD] [--greeting-hang] [--no-smtputf8]

Listens on 127.0.0.1, prints `listening PORT`, and ends at the end of its standard input or on SIGTERM. With
--tls and with --auth, nothing is accepted without; --greeting-hang accepts connections and never says a word.

Each accepted message is in DIR as 000001.json, 000002.json and so on before the client hears of it.
What a recipient's local part starts with makes the server misbehave:

  refuse  550 at RCPT
  later   451 at RCPT, the first time for this address
  hang    no answer to the content
  die     the connection is closed in the middle of the content, the first time for this address
"""

import argparse
import asyncio
import email
import email.policy
import json
import logging
import os
import pathlib
import signal
import ssl
import threading
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, TLSSetupException

SIZE_LIMIT = 10 * 1024 * 1024
FOREVER = 3600


def starts(address, word):
    return address.rpartition("@")[0].lower().startswith(word)


def part_text(message, kind):
    """The decoded body of this kind (plain, html), if there is one."""
    part = message.get_body((kind,))
    if part is None:
        return None
    return part.get_content().replace("\r\n", "\n").replace("\r", "\n")


def describe(envelope):
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)

    def header(name):
        return None if message[name] is None else str(message[name])

    return {
        "mail_from": envelope.mail_from,
        "rcpt_tos": envelope.rcpt_tos,
        "subject": header("Subject"),
        "from": header("From"),
        "to": header("To"),
        "message_id": header("Message-ID"),
        "date": header("Date"),
        "language": header("Content-Language"),
        "text": part_text(message, "plain"),
        "html": part_text(message, "html"),
        "content_types": [part.get_content_type() for part in message.walk()],
        "headers": {name: str(value) for name, value in message.items()},
        "raw": envelope.content.decode("utf-8", "replace"),
    }


class Mailbox:
    """What all connections share; aiosmtpd calls its handle_* methods."""

    def __init__(self, folder, auth):
        self.folder = folder
        self.auth = auth
        self.tried = set()
        folder.mkdir(parents=True, exist_ok=True)
        self.count = max((int(path.stem) for path in folder.glob("[0-9]*.json")), default=0)

    def first_time(self, address):
        first = address not in self.tried
        self.tried.add(address)
        return first

    def authenticate(self, _server, _session, _envelope, _mechanism, login):
        given = b":".join(login)
        return AuthResult(success=given == self.auth.encode(), handled=False, auth_data=login)

    async def handle_EHLO(self, _server, session, _envelope, hostname, lines):
        session.host_name = hostname
        return [line for line in lines if self.auth or not line.startswith("250-AUTH")]

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if starts(address, "refuse"):
            return "550 5.1.1 No such mailbox"
        if starts(address, "later") and self.first_time(address):
            return "451 4.7.1 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server, _session, envelope):
        if any(starts(address, "hang") for address in envelope.rcpt_tos):
            await asyncio.sleep(FOREVER)
        self.store(describe(envelope))
        return f"250 2.0.0 Stored as {self.count:06}"

    async def handle_exception(self, error):
        # A client that does not trust the certificate is no fault.
        if not isinstance(error, TLSSetupException):
            logging.error("the SMTP server of the tests failed", exc_info=error)
        return f"500 5.5.0 {type(error).__name__}: {error}"

    def store(self, mail):
        """Renamed into place when whole. What is not Unicode becomes a question mark."""
        whole = json.dumps(mail, ensure_ascii=False, indent=2).encode("utf-8", "replace")
        self.count += 1
        path = self.folder / f"{self.count:06}.json"
        unfinished = path.with_suffix(".tmp")
        unfinished.write_bytes(whole)
        unfinished.rename(path)


class Connection(SMTP):
    AuthLoginUsernameChallenge = "Username:"
    AuthLoginPasswordChallenge = "Password:"

    async def smtp_DATA(self, arg):
        dying = [address for address in self.envelope.rcpt_tos if starts(address, "die")]
        if not [address for address in dying if self.event_handler.first_time(address)]:
            return await super().smtp_DATA(arg)
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        # The content has begun: the client has the answer and relies on the connection.
        await self._reader.read(1)
        self.transport.abort()
        # Until the loss of the connection cancels this.
        await asyncio.sleep(FOREVER)


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mail-dir", type=pathlib.Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", choices=["starttls", "implicit"])
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--auth", metavar="USER:PASSWORD")
    parser.add_argument("--greeting-hang", action="store_true")
    parser.add_argument("--no-smtputf8", action="store_true")
    arguments = parser.parse_args()
    if arguments.tls and not (arguments.cert and arguments.key):
        parser.error("--tls needs --cert and --key")
    if arguments.auth and ":" not in arguments.auth:
        parser.error("--auth needs USER:PASSWORD")
    return arguments


def tls_context(arguments):
    if not arguments.tls:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(arguments.cert, arguments.key)
    return context


def call_at_end_of_input(loop, callback):
    """A thread, since not everything that may be the standard input can be polled."""

    def read():
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        loop.call_soon_threadsafe(callback)

    threading.Thread(target=read, daemon=True).start()


async def main():
    arguments = parse_arguments()
    mailbox = Mailbox(arguments.mail_dir, arguments.auth)
    context = tls_context(arguments)
    starttls = arguments.tls == "starttls"
    loop = asyncio.get_running_loop()

    def connection():
        if arguments.greeting_hang:
            return asyncio.Protocol()
        return Connection(
            mailbox,
            loop=loop,
            hostname="localhost",
            ident="SMTP for tests",
            timeout=2 * FOREVER,
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=not arguments.no_smtputf8,
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=mailbox.authenticate,
            auth_required=bool(arguments.auth),
            # aiosmtpd knows of no TLS but that of STARTTLS.
            auth_require_tls=starttls,
            auth_exclude_mechanism=[] if arguments.auth else ["LOGIN", "PLAIN"],
        )

    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(
        connection, "127.0.0.1", arguments.port, ssl=None if starttls else context
    )
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    call_at_end_of_input(loop, ended.set)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    # It warns of what is meant here: passwords without TLS.
    warnings.simplefilter("ignore")
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    asyncio.run(main())
