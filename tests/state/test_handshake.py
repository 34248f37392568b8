"""From INFO to PONG: what is sent, in one write, and what each way of going wrong is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from txnats import events
from txnats.auth.authenticators import Proof
from txnats.errors import (
    AuthenticationRefused,
    CredentialsExpired,
    CredentialsUnavailable,
    InvalidOption,
    NatsError,
    RemoteProtocolError,
    ServerError,
    TlsUnavailable,
)
from txnats.message import Message
from txnats.secret import Secret
from txnats.state.handshake import Ask, Handshake, Ready, Refused, Send, StartTls
from txnats.wire.info import ConnectInfo, ServerInfo
from txnats.wire.ops import OK, PING, PONG, Err, Fault, Info, Op

SERVER = "nats://h:4222"
MESSAGE = Message(b"a", 1, None, b"")


class Login:
    """Credentials that tell which nonces they were asked with."""

    def __init__(self, **fields: str) -> None:
        self.fields = fields
        self.nonces: list[str] = []

    def __call__(self, nonce: str) -> Mapping[str, str]:
        self.nonces.append(nonce)
        return self.fields


def handshake(login: Any = None, **options: Any) -> Handshake:
    return Handshake(SERVER, ConnectInfo(echo=True), login or Login(), **options)


def info(**fields: Any) -> Info:
    return Info(ServerInfo(server_id="S", **fields))


def sent(answer: object) -> dict[str, Any]:
    """The CONNECT of a greeting, which is followed by PING in the same write."""
    assert isinstance(answer, Send)
    connect, ping, rest = answer.data.split(b"\r\n")
    assert (ping, rest) == (b"PING", b"")
    body: dict[str, Any] = json.loads(connect.removeprefix(b"CONNECT "))
    return body


def refused(answer: object) -> NatsError:
    assert isinstance(answer, Refused)
    return answer.error


# ---------------------------------------------------------------------- the good way


def test_info_then_connect_and_ping_in_one_write_then_pong() -> None:
    login = Login(user="joe", **{"pass": "pw"})
    shake = handshake(login)
    assert shake.info is None
    assert sent(shake.receive(info(nonce="n1"))) == {"echo": True, "user": "joe", "pass": "pw"}
    assert login.nonces == ["n1"]
    assert shake.receive(PONG) == Ready(ServerInfo(server_id="S", nonce="n1"))


def test_what_may_come_on_the_way() -> None:
    login = Login()
    shake = handshake(login)
    shake.receive(info())
    assert shake.receive(OK) is None
    assert shake.receive(PING) == Send(b"PONG\r\n")
    # A second INFO is merged and never answered by a second CONNECT.
    assert shake.receive(info(connect_info=True)) is None
    assert shake.receive(PONG) == Ready(ServerInfo(server_id="S", connect_info=True))
    assert login.nonces == [""]


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize("op", [OK, PING, PONG, MESSAGE])
def test_a_server_speaks_info_first(op: Op) -> None:
    error = refused(handshake().receive(op))
    assert isinstance(error, RemoteProtocolError)
    assert str(error) == f"the server sent {type(op).__name__} before INFO [{SERVER}]"


def test_a_message_before_the_answer_to_connect() -> None:
    shake = handshake()
    shake.receive(info())
    error = refused(shake.receive(MESSAGE))
    assert str(error) == f"the server sent Message before the answer to CONNECT [{SERVER}]"


def test_wrong_bytes_are_a_refusal_at_any_time() -> None:
    error = RemoteProtocolError("no")
    assert handshake().receive(Fault(error)) == Refused(error)
    shake = handshake()
    shake.receive(info())
    assert shake.receive(Fault(error)) == Refused(error)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Authorization Violation", AuthenticationRefused),
        ("Authentication Timeout", AuthenticationRefused),
        ("User Authentication Expired", CredentialsExpired),
        ("Account Authentication Expired", CredentialsExpired),
        ("maximum connections exceeded", ServerError),
        ("invalid client protocol", ServerError),
        ("something new", ServerError),
    ],
)
@pytest.mark.parametrize("greeted", [True, False])
def test_an_error_is_a_refusal_with_the_servers_words(text: str, kind: type[NatsError], greeted: bool) -> None:
    shake = handshake()
    if greeted:
        shake.receive(info())
    error = refused(shake.receive(Err(text)))
    assert type(error) is kind
    assert (error.where, error.why) == (SERVER, text)


@pytest.mark.parametrize("kind", [InvalidOption, CredentialsExpired])
def test_credentials_that_cannot_be_had_send_nothing(kind: type[NatsError]) -> None:
    error = InvalidOption("no file") if kind is InvalidOption else CredentialsExpired(SERVER, "old")

    def login(nonce: str) -> Mapping[str, str]:
        raise error

    assert handshake(login).receive(info()) == Refused(error)


def test_credentials_of_the_callers_that_raise_are_the_reason_of_the_refusal() -> None:
    sealed = OSError("the vault for S3CRET is sealed")

    def login(nonce: str) -> Mapping[str, str]:
        raise sealed

    error = refused(handshake(login).receive(info()))
    assert isinstance(error, CredentialsUnavailable)
    assert error.cause is sealed
    assert str(error) == f"the credentials could not be had [{SERVER}]: OSError was raised"


def test_even_an_exit_is_the_reason_of_a_refusal() -> None:
    def login(nonce: str) -> Mapping[str, str]:
        raise SystemExit("S3CRET")

    error = refused(handshake(login).receive(info()))
    assert isinstance(error, CredentialsUnavailable)
    assert "SystemExit" in str(error)
    assert "S3CRET" not in str(error)


@pytest.mark.parametrize("later", [True, False])
def test_warnings_that_are_none_send_nothing(*, later: bool) -> None:
    proof = Proof(user="joe", **{"pass": "S3CRET"})
    proof.warnings = 5  # type: ignore[assignment]
    shake = handshake(lambda _: proof)
    error = refused(shake.proven(proof) if later else shake.receive(info()))
    assert isinstance(error, CredentialsUnavailable)
    assert "S3CRET" not in str(error)


def test_a_login_that_cannot_be_encoded_sends_nothing() -> None:
    error = refused(handshake(Login(auth_token="S3CRET\ud800")).receive(info()))
    assert isinstance(error, InvalidOption)
    # Neither does another error hang on to it that holds the text.
    assert error.__context__ is error.__cause__ is None


# ---------------------------------------------------------------------- credentials that take their time


def later(fields: Mapping[str, Any] | None = None) -> Handshake:
    """One that has asked for credentials and waits for them."""

    async def give() -> Mapping[str, Any]:
        return fields or {}

    coroutine = give()
    coroutine.close()
    shake = handshake(lambda nonce: coroutine)
    assert shake.awaits == "INFO"
    answer = shake.receive(info(nonce="n1"))
    assert isinstance(answer, Ask)
    assert answer.credentials is coroutine
    assert shake.awaits == "credentials"
    return shake


def test_credentials_that_come_later() -> None:
    shake = later()
    # Meanwhile all is as it is between CONNECT and its answer, but for that.
    assert shake.receive(info(server_name="n")) is None
    assert shake.receive(PING) == Send(b"PONG\r\n")
    assert sent(shake.proven({"user": "joe", "pass": Secret("pw")})) == {"echo": True, "user": "joe", "pass": "pw"}
    assert shake.awaits == "answer to CONNECT"
    assert isinstance(shake.receive(PONG), Ready)


def test_a_pong_before_they_are_there_means_nothing_good() -> None:
    assert isinstance(refused(later().receive(PONG)), RemoteProtocolError)


def test_credentials_that_do_not_come() -> None:
    cause = OSError("the vault for S3CRET is sealed")
    error = refused(later().unproven(cause))
    assert isinstance(error, CredentialsUnavailable)
    assert error.cause is cause
    assert "S3CRET" not in str(error)
    ours = CredentialsExpired(SERVER, "old")
    assert later().unproven(ours) == Refused(ours)


def test_a_server_that_loses_patience_has_refused_nobody() -> None:
    error = refused(later().receive(Err("Authentication Timeout")))
    assert isinstance(error, CredentialsUnavailable)
    assert "'Authentication Timeout'" in str(error)
    assert type(refused(later().receive(Err("maximum connections exceeded")))) is ServerError


def test_warnings_are_told_when_the_credentials_are_used() -> None:
    told: list[object] = []
    warning = events.CredentialsReadable("/c", 0o644)

    def login(nonce: str) -> Proof:
        proof = Proof(user="joe")
        proof.warnings = (warning,)
        return proof

    assert sent(handshake(login, warn=told.append).receive(info())) == {"echo": True, "user": "joe"}
    assert told == [warning]


@pytest.mark.parametrize("wrong", [None, 5, {"pass": 1j}, {"pass": Secret}])
def test_what_is_no_login_is_the_callers_mistake(wrong: Any) -> None:
    assert isinstance(refused(handshake(lambda nonce: wrong).receive(info())), NatsError)


# ---------------------------------------------------------------------- TLS


@pytest.mark.parametrize(
    ("wants", "offers"),
    [(False, {"tls_required": True}), (True, {"tls_required": True}), (True, {"tls_available": True})],
)
def test_the_upgrade_comes_before_any_word_of_ours(wants: bool, offers: dict[str, bool]) -> None:
    login = Login(auth_token="t")
    shake = handshake(login, tls=wants, can_upgrade=True)
    assert shake.receive(info(**offers)) == StartTls()
    assert login.nonces == []
    assert shake.awaits == "TLS handshake"
    assert sent(shake.secured()) == {"echo": True, "auth_token": "t", "tls_required": True}
    assert (shake.awaits, shake.secure) == ("answer to CONNECT", True)
    assert isinstance(shake.receive(PONG), Ready)


@pytest.mark.parametrize("op", [OK, PING, PONG, MESSAGE, info(nonce="theirs")])
def test_nothing_may_come_between_info_and_the_upgrade(op: Op) -> None:
    shake = handshake(tls=True, can_upgrade=True)
    shake.receive(info(tls_available=True, nonce="ours"))
    assert isinstance(refused(shake.receive(op)), RemoteProtocolError)


def test_what_is_said_in_clear_before_the_upgrade_is_told_and_not_believed() -> None:
    shake = handshake(tls=True, can_upgrade=True)
    shake.receive(info(tls_available=True))
    error = refused(shake.look_behind_info(b"INFO {}\r\n-ERR 'Authorization Violation' and a lot more"))
    assert isinstance(error, RemoteProtocolError)
    assert shake.look_behind_info(b"INFO {}\r\n") is None
    assert error.snippet == b"-ERR 'Authorization Violation' a"
    assert "somebody else" in error.hint
    secret = refused(shake.look_behind_info(b'\r\nCONNECT {"auth_token":"S3CRET"}'))
    assert "S3CRET" not in str(secret)


@pytest.mark.parametrize(
    ("first", "good"), [(b"\x16\x03\x03", True), (b"\x15\x03", True), (b"-ERR 'x'\r\n", False), (b"\x17", False)]
)
def test_the_first_answer_to_the_upgrade_sounds_like_tls(first: bytes, good: bool) -> None:
    shake = handshake(tls=True, can_upgrade=True)
    shake.receive(info(tls_available=True))
    assert (shake.answer_to_tls(first) is None) is good
    assert shake.answer_to_tls(b"the middle of a record") is None
    early = handshake(tls=True, tls_first=True, can_upgrade=True)
    early.begin()
    assert early.answer_to_tls(b"INFO {}\r\n") is None


def test_tls_first_comes_before_info() -> None:
    login = Login(auth_token="t")
    shake = handshake(login, tls=True, tls_first=True, can_upgrade=True)
    assert shake.begin() == StartTls()
    assert isinstance(refused(shake.receive(info(tls_required=True))), RemoteProtocolError)
    assert shake.secured() is None
    assert shake.awaits == "INFO"
    assert sent(shake.receive(info(tls_required=True))) == {"echo": True, "auth_token": "t", "tls_required": True}


def test_what_a_server_that_says_nothing_may_wait_for() -> None:
    assert handshake().awaits == "INFO"
    assert handshake(tls=True, can_upgrade=True).awaits == "INFO (or does it do TLS first?)"
    assert handshake(tls=True, tls_first=True, secure=True).awaits == "INFO"


def test_without_tls_first_nothing_is_done_before_info() -> None:
    assert handshake(tls=True, can_upgrade=True).begin() is None
    assert handshake(tls=True, tls_first=True, secure=True, can_upgrade=True).begin() is None


def test_tls_that_is_not_offered_is_never_replaced_by_none() -> None:
    login = Login()
    shake = handshake(login, tls=True, can_upgrade=True)
    error = refused(shake.receive(info()))
    assert isinstance(error, TlsUnavailable)
    assert (
        str(error)
        == f"TLS is not available [{SERVER}]: the server does not offer it (set it up there; nothing was sent in clear)"
    )
    assert login.nonces == []


@pytest.mark.parametrize(("wants", "demands"), [(True, False), (False, True)])
def test_without_tls_here_a_need_for_it_is_a_refusal(wants: bool, demands: bool) -> None:
    login = Login()
    error = refused(handshake(login, tls=wants).receive(info(tls_required=demands)))
    assert isinstance(error, TlsUnavailable)
    assert login.nonces == []


def test_a_transport_that_is_secure_already_is_not_upgraded_again() -> None:
    shake = handshake(tls=True, secure=True)
    assert sent(shake.receive(info(tls_required=True))) == {"echo": True, "tls_required": True}


# ---------------------------------------------------------------------- secrets


def test_an_answer_shows_no_secret() -> None:
    answer = handshake(Login(auth_token="S3CRET")).receive(info())
    assert isinstance(answer, Send)
    assert b"S3CRET" in answer.data
    assert "S3CRET" not in repr(answer)
    assert repr(answer) == f"Send(<{len(answer.data)} bytes>)"
    assert repr(answer.data) == f"<{len(answer.data)} bytes>"
