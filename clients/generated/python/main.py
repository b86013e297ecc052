"""The story by ariadne-codegen: models of pydantic, and httpx."""

import json
import os
import sys
import uuid
from collections.abc import Callable, Generator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TypeVar, cast

import httpx
from pydantic import JsonValue
from typing_extensions import assert_type

from vestibule_client import (
    ErrorCode,
    GraphQLClientGraphQLError,
    GraphQLClientGraphQLMultiError,
    LoginInput,
    LoginLogin,
    PersonFacts,
    RegisterInput,
    RegisterRegister,
    SessionFacts,
    SessionsMeSessions,
    TokenTransport,
    UpdateProfileInput,
    VestibuleClient,
)
from vestibule_client.base_client import HttpClient

WORDS: dict[str, str] = json.loads(Path(__file__).parent.joinpath("../story/words.json").read_text())

T = TypeVar("T")


class BearerAuth(httpx.Auth):
    """The access token, once there is one."""

    def __init__(self) -> None:
        self.access_token: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self.access_token is not None:
            request.headers["Authorization"] = f"Bearer {self.access_token}"
        yield request


def tell(part: str) -> None:
    print(f"ok - {WORDS[part]}")


def equal(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"it is {found!r}, not {expected!r}")


def need(value: T | None, what: str) -> T:
    """What must be there in this story, though it need not be in every answer."""
    if value is None:
        raise AssertionError(f"there is no {what}")
    return value


def check_recent(instant: datetime) -> None:
    equal(instant.utcoffset(), timedelta(0))
    if abs(datetime.now(timezone.utc) - instant) > timedelta(minutes=1):
        raise AssertionError(f"{instant} is not now")


def refused(request: Callable[[], object]) -> tuple[ErrorCode, GraphQLClientGraphQLError]:
    """What the service says when it refuses: its code, and the error."""
    try:
        request()
    except GraphQLClientGraphQLMultiError as answer:
        error = answer.errors[0]
        extensions = need(error.extensions, "extensions")
        request_id = extensions["requestId"]
        if not (isinstance(request_id, str) and request_id.startswith("req_")):
            raise AssertionError(f"the request is {request_id!r}") from answer
        return ErrorCode(extensions["code"]), error
    raise AssertionError("it was to be refused")


def check_entrance(entrance: RegisterRegister | LoginLogin, device_name: str) -> None:
    equal(len(need(entrance.access_token, "access token").split(".")), 3)
    equal(need(entrance.refresh_token, "refresh token")[:4], "vrt_")
    if need(entrance.access_token_expires_at, "expiry") <= datetime.now(timezone.utc):
        raise AssertionError("the access token has expired already")
    session = need(entrance.session, "session")
    equal(session.id[:5], "sess_")
    equal((session.device_name, session.current), (device_name, True))
    check_recent(session.created_at)


def nodes(page: SessionsMeSessions) -> list[SessionFacts]:
    return [edge.node for edge in page.edges]


def play(client: VestibuleClient, auth: BearerAuth) -> None:
    secret = str(uuid.uuid4())
    email = f"story-{secret}@example.com"
    password = f"correct horse {secret}"

    equal(client.me().me, None)
    tell("nobody")

    newcomer = RegisterInput(email=email, password=password, name="Ada Lovelace", device_name="first device")
    registered = client.register(newcomer).register
    user = need(registered.user, "user")
    check_entrance(registered, "first device")
    equal(user.id[:5], "user_")
    check_recent(user.created_at)
    expected = PersonFacts(
        id=user.id,
        email=email,
        email_verified=False,
        name="Ada Lovelace",
        time_zone=None,
        roles=["user"],
        created_at=user.created_at,
        version=1,
        public_metadata={},
    )
    equal(user, expected)
    tell("register")

    again = newcomer.model_copy(update={"name": "Somebody Else"})
    code, error = refused(lambda: client.register(again))
    equal(code, ErrorCode.EMAIL_TAKEN)
    extensions = need(error.extensions, "extensions")
    equal((extensions["status"], error.path), (409, ["register"]))
    fields = extensions["fields"]
    assert isinstance(fields, list)
    equal([(fault["field"], fault["code"]) for fault in fields], [("input.email", "TAKEN")])
    tell("taken")

    wrong = LoginInput(email=email, password=f"{password}!", device_name="second device")
    code, error = refused(lambda: client.login(wrong))
    equal(code, ErrorCode.INVALID_CREDENTIALS)
    extensions = need(error.extensions, "extensions")
    equal((extensions["status"], error.path, "fields" in extensions), (401, ["login"], False))
    tell("wrong")

    entrance = client.login(LoginInput(email=email.upper(), password=password, device_name="second device")).login
    check_entrance(entrance, "second device")
    equal(entrance.user, user)
    first_session = need(registered.session, "session")
    if entrance.session.id == first_session.id:
        raise AssertionError("it is the same session")
    auth.access_token = entrance.access_token
    tell("login")

    equal(client.me().me, user)
    tell("me")

    first = need(need(client.sessions(first=1).me, "person").sessions, "sessions")
    equal(nodes(first), [entrance.session])
    equal((first.total_count, first.page_info.has_next_page), (2, True))
    cursor = need(first.page_info.end_cursor, "cursor")
    equal(cursor, first.edges[0].cursor)
    tell("firstPage")

    second = need(need(client.sessions(first=1, after=cursor).me, "person").sessions, "sessions")
    equal(nodes(second), [first_session.model_copy(update={"current": False})])
    equal((second.total_count, second.page_info.has_next_page), (2, False))
    equal(second.edges[0].cursor == cursor, False)
    tell("secondPage")

    changed = client.update_profile(UpdateProfileInput(time_zone="Europe/London")).update_profile.user
    equal(changed, user.model_copy(update={"time_zone": "Europe/London", "version": 2}))
    tell("set")

    cleared = client.update_profile(UpdateProfileInput(name="Augusta Ada King", time_zone=None)).update_profile.user
    equal(cleared, user.model_copy(update={"name": "Augusta Ada King", "version": 3}))
    tell("clear")

    print(f"# {user.id} has the sessions {entrance.session.id} and {first_session.id}")


def types(person: PersonFacts, login: LoginLogin, newcomer: RegisterInput) -> None:
    """What mypy knows, and what it must refuse: it complains of a comment that is not needed."""
    assert_type(person.created_at, datetime)
    assert_type(person.public_metadata, JsonValue)
    assert_type(person.time_zone, str | None)
    assert_type(person.roles, list[str])
    assert_type(login.access_token, str | None)
    assert_type(login.access_token_expires_at, datetime)
    assert_type(newcomer.transport, TokenTransport)
    RegisterInput(email="a@example.com", name="Ada")  # type: ignore[call-arg]
    RegisterInput(email="a@example.com", name="Ada", password="correct horse", transport=None)  # type: ignore[arg-type]
    newcomer.transport = "PIGEON"  # type: ignore[assignment]


def main() -> int:
    auth = BearerAuth()
    url = f"{os.environ['VESTIBULE_URL']}/graphql"
    # The settings of the environment, such as a proxy, are nothing to a service on this machine.
    http = httpx.Client(auth=auth, timeout=20, trust_env=False)
    # The generated protocol takes its arguments by position too, which httpx does not; only names are used.
    with VestibuleClient(url, http_client=cast(HttpClient, http)) as client:
        play(client, auth)
    return 0


if __name__ == "__main__":
    sys.exit(main())
