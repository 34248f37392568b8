"""One tree of errors; each carries its facts, and its text is made of them."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

import txnats
from txnats import errors
from txnats.errors import NatsError

ALL = [each for _, each in inspect.getmembers(errors, inspect.isclass) if each.__module__ == errors.__name__]
SERVER = "nats://h:4222"
SAMPLES = [
    (NatsError("it broke"), "it broke"),
    (NatsError("it broke", where="here", why="no", hint="try"), "it broke [here]: no (try)"),
    (errors.InvalidSubject("a subject", why="it is empty"), "a subject: it is empty"),
    (errors.InvalidHeader("a header", hint="strip it"), "a header (strip it)"),
    (errors.InvalidOption("an option", where="x"), "an option [x]"),
    (
        errors.HeadersTooLarge(size=70_000, limit=65_536),
        "headers of 70,000 bytes are too large: Limits.header_block is 65,536 (put it into the payload)",
    ),
    (
        errors.PayloadTooLarge(size=1_048_577, limit=1_048_576),
        (
            "message of 1,048,577 bytes is too large: the server accepts 1,048,576 bytes of headers and payload "
            "(split it, or raise max_payload on the server)"
        ),
    ),
    (errors.LocalProtocolError("ours"), "ours"),
    (errors.RemoteProtocolError("theirs", snippet=b"Z" * 40), f"theirs: got {b'Z' * 32!r}"),
    (errors.RemoteProtocolError("theirs", where=SERVER, hint="look"), f"theirs [{SERVER}] (look)"),
    (errors.DialFailed(SERVER, "connection refused"), f"cannot connect [{SERVER}]: connection refused"),
    (
        errors.NoServersLeft(
            [("a", errors.DialFailed("a", "refused")), ("b", errors.TlsUnavailable("b", "not offered"))]
        ),
        (
            "no NATS server could be reached: 2 tried: a: refused; b: TLS is not available: not offered "
            "(is a nats-server running there, and does its address match?)"
        ),
    ),
    (
        errors.NoServersLeft(
            [
                ("a", errors.CredentialsUnavailable("/me.creds", "gone")),
                ("b", errors.CredentialsUnavailable("b", "no")),
            ],
            hint="look",
        ),
        (
            "no NATS server could be reached: 2 tried: a: the credentials could not be had [/me.creds]: gone; "
            "b: the credentials could not be had: no (look)"
        ),
    ),
    (errors.NoServersLeft([], hint="wait"), "no NATS server could be reached: the pool is empty (wait)"),
    (
        errors.AuthenticationRefused(SERVER, "Authorization Violation"),
        (
            f"the server refused the login [{SERVER}]: Authorization Violation "
            "(check the user, password, token or credentials)"
        ),
    ),
    (errors.CredentialsExpired(SERVER, "old", hint="renew"), f"the server refused the login [{SERVER}]: old (renew)"),
    (
        errors.CredentialsUnavailable("/a.creds", "it is no plain file"),
        "the credentials could not be had [/a.creds]: it is no plain file",
    ),
    (errors.TlsUnavailable(SERVER, "not offered"), f"TLS is not available [{SERVER}]: not offered"),
    (errors.ConnectionLost(SERVER, "EOF"), f"the connection was lost [{SERVER}]: EOF"),
    (errors.CertificateRefused(SERVER, "expired"), f"a certificate was refused [{SERVER}]: expired"),
    (errors.WebSocketRefused(SERVER, "HTTP 404", status=404), f"cannot connect [{SERVER}]: HTTP 404"),
    (
        errors.WebSocketClosed(SERVER, code=1001, meaning="going away", reason="bye"),
        f"the connection was lost [{SERVER}]: the server closed the WebSocket with 1001 (going away): 'bye'",
    ),
    (errors.StaleConnection(SERVER, "silence"), f"the connection was lost [{SERVER}]: silence"),
    (errors.ClientClosed(), "the client is closed (connect a new one)"),
    (
        errors.ClientClosed(errors.ConnectionLost(SERVER, "EOF")),
        f"the client is closed: the connection was lost [{SERVER}]: EOF",
    ),
    (errors.ClientDraining("subscribe"), "cannot subscribe: the client is draining"),
    (
        errors.OutboxFull(waiting=9_000, limit=8_192, what="full", hint="wait"),
        "full: 9,000 bytes wait and the limit is 8,192 (wait)",
    ),
    (
        errors.CertificateRefused(SERVER, "it has expired", hint="renew it"),
        f"a certificate was refused [{SERVER}]: it has expired (renew it)",
    ),
    (errors.ServerError("Parser Error"), "the server reported an error: Parser Error"),
    (
        errors.PermissionDenied("publish", "a.b"),
        "no permission to publish on 'a.b' (ask for this subject in the account's permissions)",
    ),
    (
        errors.PermissionDenied("subscribe", "a", queue="q", text="Permissions Violation"),
        (
            "no permission to subscribe on 'a' in queue group 'q': Permissions Violation "
            "(ask for this subject in the account's permissions)"
        ),
    ),
    (errors.RequestFailed("no", subject="a", why="w", hint="h"), "no [a]: w (h)"),
    (
        errors.NoResponders("a"),
        (
            "nobody answers here [a]: the server knows no subscriber "
            "(is the responder running and its subject spelled alike?)"
        ),
    ),
    (
        errors.RequestTimeout("a", timeout=2.0),
        (
            "no reply within 2 s [a]: a responder may have it still in work"
            " (give it more time, or see what the responder does)"
        ),
    ),
    (
        errors.RequestTimeout("a", timeout=0.25, link_lost=True),
        "no reply within 0.25 s [a]: the connection was lost meanwhile (ask again if that does no harm)",
    ),
    (errors.OperationTimeout("flush", timeout=10.0, hint="h"), "flush took longer than 10 s (h)"),
    (
        errors.SlowConsumer("a", dropped=1_234),
        (
            "1,234 messages were dropped [a]: messages came faster than they were taken "
            "(raise the pending limits, add concurrency, or share the load in a queue group)"
        ),
    ),
    (errors.EndOfStream(), "there is nothing more to read"),
]
IDS = [type(error).__name__ for error, _ in SAMPLES]


@pytest.mark.parametrize(("error", "text"), SAMPLES, ids=IDS)
def test_the_text(error: NatsError, text: str) -> None:
    assert str(error) == text


def test_there_is_a_text_here_for_each() -> None:
    abstract = {errors.InvalidArgument, errors.ProtocolError, errors.ConnectionProblem}
    assert {type(error) for error, _ in SAMPLES} == set(ALL) - abstract


@pytest.mark.parametrize(("error", "_"), SAMPLES, ids=IDS)
def test_the_text_follows_the_fields(error: NatsError, _: str) -> None:
    changed = copy.copy(error) if type(error) is NatsError else error
    before = (changed.what, changed.where, changed.why, changed.hint)
    changed.what, changed.where, changed.why, changed.hint = "W", "", "Y", ""
    assert str(changed) == "W: Y"
    changed.what, changed.where, changed.why, changed.hint = before


@pytest.mark.parametrize("kind", ALL)
def test_one_except_catches_all(kind: type) -> None:
    assert issubclass(kind, NatsError)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.InvalidSubject, ValueError),
        (errors.PayloadTooLarge, ValueError),
        (errors.RequestTimeout, TimeoutError),
        (errors.OperationTimeout, TimeoutError),
    ],
)
def test_some_are_what_python_calls_them_too(kind: type, builtin: type) -> None:
    assert issubclass(kind, builtin)


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        (errors.StaleConnection, errors.ConnectionLost),
        (errors.WebSocketClosed, errors.ConnectionLost),
        (errors.WebSocketRefused, errors.DialFailed),
        (errors.CredentialsExpired, errors.AuthenticationRefused),
        (errors.PermissionDenied, errors.ServerError),
        (errors.NoResponders, errors.RequestFailed),
        (errors.RequestTimeout, errors.RequestFailed),
        (errors.OutboxFull, errors.ConnectionProblem),
        (errors.NoServersLeft, errors.ConnectionProblem),
        (errors.RemoteProtocolError, errors.ProtocolError),
        (errors.PayloadTooLarge, errors.InvalidArgument),
    ],
)
def test_the_tree(kind: type, parent: type) -> None:
    assert issubclass(kind, parent)


def test_the_tree_is_drawn_with_every_error_in_it() -> None:
    drawn = errors.__doc__ or ""
    assert [kind.__name__ for kind in ALL if kind.__name__ not in drawn] == []


def test_each_is_a_public_name() -> None:
    missing = [kind.__name__ for kind in ALL if getattr(txnats, kind.__name__, None) is not kind]
    assert missing == []


def test_facts_are_kept() -> None:
    cause = OSError("x")
    assert errors.DialFailed("s", "w", cause=cause).cause is cause
    assert errors.ClientClosed(cause).reason is cause
    dial = errors.DialFailed("a", "refused")
    assert errors.NoServersLeft([("a", dial)]).causes == (("a", dial),)
    denied = errors.PermissionDenied("subscribe", "a", queue="q", text="t")
    assert (denied.operation, denied.subject, denied.queue, denied.text) == ("subscribe", "a", "q", "t")
    full = errors.OutboxFull(waiting=1, limit=2, what="w", hint="h")
    assert (full.waiting, full.limit) == (1, 2)
    assert errors.RemoteProtocolError("w", snippet=b"Z" * 99).snippet == b"Z" * 32


def test_an_error_can_be_copied_and_sent_to_another_process() -> None:
    broken = set()
    for error, text in SAMPLES:
        try:
            for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
                assert (type(other), str(other)) == (type(error), text)
                assert vars(other).keys() == vars(error).keys()
        except (TypeError, ValueError):
            broken.add(type(error).__name__)
    assert broken == set()


def test_an_error_in_an_event_shows_its_cause() -> None:
    lost = errors.ConnectionLost("nats://h:1", "no byte came")
    assert repr(lost) == "ConnectionLost('the connection was lost [nats://h:1]: no byte came')"
