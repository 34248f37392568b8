"""The API of txnats 0.7: what leaves, who is called, and what a program of those days sees on a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.error import ConnectionDone
from twisted.internet.error import ConnectionLost as SocketLost
from twisted.internet.protocol import connectionDone
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.internet.task import deferLater
from twisted.internet.testing import StringTransport
from twisted.internet.utils import getProcessOutputAndValue
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

import txnats
from tests.promises.papers import Papers
from txnats.auth.nkeys import Nkey
from txnats.io import NatsProtocol
from txnats.options import TlsOptions
from txnats.server import NatsServer, ServerUser, SubjectRules

reactor: Any = installed_reactor
INFO = b'INFO {"server_id":"S","max_payload":64,"headers":true}\r\n'


class Calls:
    """A handler that remembers how it was called."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []

    def __call__(self, **facts: Any) -> None:
        self.made.append(facts)

    def payloads(self) -> list[bytes]:
        return [facts["payload"] for facts in self.made]


@implementer(ILogObserver)
class Log(list[LogEvent]):
    """All that is logged."""

    def __call__(self, event: LogEvent) -> None:
        self.append(event)

    def failures(self) -> list[Any]:
        return [event["log_failure"].value for event in self if "log_failure" in event]

    def said(self) -> list[str]:
        """What the server said."""
        return [event["text"] for event in self if "text" in event]

    def end(self) -> LogEvent:
        """The one event that tells of the end."""
        (event,) = [event for event in self if "reason" in event]
        return event


@pytest.fixture
def log() -> Iterator[Log]:
    events = Log()
    globalLogPublisher.addObserver(events)
    yield events
    globalLogPublisher.removeObserver(events)


def greeted(info: bytes = INFO, **options: Any) -> tuple[NatsProtocol, StringTransport]:
    """A protocol that a server has taken in, and its transport, on which nothing has been written since."""
    protocol, transport = NatsProtocol(**options), StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(info + b"PONG\r\n")
    transport.clear()
    return protocol, transport


def connect_fields(**options: Any) -> dict[str, Any]:
    protocol, transport = NatsProtocol(**options), StringTransport()
    protocol.makeConnection(transport)
    assert transport.value() == b""
    protocol.dataReceived(INFO)
    line, ping, rest = transport.value().split(b"\r\n")
    assert (line[:8], ping, rest) == (b"CONNECT ", b"PING", b"")
    fields: dict[str, Any] = json.loads(line[8:])
    return fields


def lose(protocol: NatsProtocol, reason: Exception | None = None) -> None:
    protocol.connectionLost(Failure(reason or ConnectionDone()))


# ---------------------------------------------------------------------- the greeting


def test_connect_tells_what_was_asked_for() -> None:
    plain = connect_fields()
    assert (plain["verbose"], plain["pedantic"]) == (False, False)
    assert not {"auth_token", "user", "pass"} & set(plain)
    assert connect_fields(verbose=True, pedantic=True).items() >= {"verbose": True, "pedantic": True}.items()


def test_connect_carries_the_login() -> None:
    assert connect_fields(user="joe", password="s3cret").items() >= {"user": "joe", "pass": "s3cret"}.items()
    assert connect_fields(user="joe")["pass"] == ""
    assert connect_fields(auth_token="t0ken")["auth_token"] == "t0ken"


def test_on_connect_is_called_once_and_after_the_pong() -> None:
    connected: list[NatsProtocol] = []
    protocol, transport = NatsProtocol(on_connect=connected.append, verbose=True), StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(INFO + b"+OK\r\n")
    assert connected == []
    protocol.dataReceived(b"PONG\r\nPONG\r\n" + INFO)
    assert connected == [protocol]


def test_what_on_connect_raises_is_logged_and_ends_nothing(log: Log) -> None:
    protocol, transport = greeted(on_connect=lambda _: 1 / 0)
    assert [type(error) for error in log.failures()] == [ZeroDivisionError]
    protocol.pub("a", "b")
    assert transport.value() == b"PUB a 1\r\nb\r\n"


@pytest.mark.parametrize(
    ("options", "info", "why"),
    [
        ({"ssl_required": True}, INFO, "TLS is required, and cannot be begun on this connection"),
        ({}, b'INFO {"tls_required":true}\r\n', "TLS is required, and cannot be begun on this connection"),
        ({"tls": TlsOptions(hostname="h")}, INFO, "the server does not offer it"),
        ({"tls": TlsOptions()}, b'INFO {"tls_required":true}\r\n', "no name to check the server's certificate against"),
        ({"tls": TlsOptions(handshake_first=True)}, b"", "no name to check the server's certificate against"),
    ],
)
def test_without_tls_nothing_is_sent(options: dict[str, Any], info: bytes, why: str, log: Log) -> None:
    protocol, transport = NatsProtocol(auth_token="s3cret", **options), StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(info)
    assert transport.disconnecting
    assert transport.value() == b""
    lose(protocol)
    error = log.end()["reason"]
    assert isinstance(error, txnats.TlsUnavailable)
    assert why in error.why


def test_what_is_glued_to_info_is_told_and_not_believed(log: Log) -> None:
    for parts in (
        [b"INFO {\"tls_required\":true}\r\n-ERR 'x'\r\n"],
        [b'INFO {"tls_required":true}\r\n', b"-ERR 'x'\r\n"],
    ):
        protocol, transport = NatsProtocol(tls=TlsOptions(hostname="h"), auth_token="s3cret"), StringTransport()
        protocol.makeConnection(transport)
        for part in parts:
            protocol.dataReceived(part)
        lose(protocol)
        error = log.end()["reason"]
        assert isinstance(error, txnats.RemoteProtocolError)
        assert error.snippet == b"-ERR 'x'\r\n"
        assert b"s3cret" not in transport.value()
        log.clear()


def test_credentials_that_come_later() -> None:
    waiting: Deferred[str] = Deferred()
    protocol, transport = NatsProtocol(auth=txnats.Token(lambda: waiting)), StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(INFO)
    assert transport.value() == b""
    waiting.callback("t0ken")
    assert b'"auth_token":"t0ken"' in transport.value()
    lose(protocol)


def test_credentials_that_never_come(log: Log) -> None:
    cancelled: list[object] = []
    lost: Deferred[str] = Deferred(cancelled.append)
    protocol = NatsProtocol(auth=txnats.Token(lambda: lost))
    protocol.makeConnection(StringTransport())
    protocol.dataReceived(INFO)
    lose(protocol)
    assert cancelled == [lost]
    failed: Deferred[str] = Deferred()
    protocol, transport = NatsProtocol(auth=txnats.Token(lambda: failed)), StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(INFO)
    failed.errback(ValueError("the vault of s3cret is sealed"))
    assert transport.disconnecting
    log.clear()
    lose(protocol)
    assert isinstance(log.end()["reason"], txnats.CredentialsUnavailable)
    assert "s3cret" not in str(log.end())


def test_credentials_exclude_each_other() -> None:
    with pytest.raises(txnats.InvalidArgument, match="exclude each other"):
        NatsProtocol(auth=txnats.Token("a"), auth_token="b")
    with pytest.raises(txnats.InvalidArgument, match="no kind of credentials"):
        NatsProtocol(auth="token")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b'INFO {"tls_required":true}\r\n', txnats.TlsUnavailable),
        (INFO + b"-ERR 'Authorization Violation'\r\n", txnats.AuthenticationRefused),
        (b"SSH-2.0-OpenSSH_9.9\r\n", txnats.RemoteProtocolError),
        (b"PONG\r\n", txnats.RemoteProtocolError),
    ],
)
def test_a_failed_greeting_cuts_and_says_why(said: bytes, error: type[Exception], log: Log) -> None:
    protocol, transport = NatsProtocol(user="joe", password="s3cret"), StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(said + b"PONG\r\nMSG a 1 1\r\nx\r\n")
    assert transport.disconnecting
    if b"Authorization" not in said:
        assert transport.value() == b""
    lose(protocol)
    told = log.end()
    assert isinstance(told["reason"], error)
    assert told["log_level"] is LogLevel.critical
    assert "192.168.1.1:54321" in str(told["reason"])
    assert "s3cret" not in str(told)


def test_calls_before_the_greeting_are_refused() -> None:
    protocol, transport = NatsProtocol(), StringTransport()
    for _ in range(2):
        for call in calls(protocol):
            with pytest.raises(txnats.LocalProtocolError, match="on_connect"):
                call()
        if protocol.transport is None:
            protocol.makeConnection(transport)
    assert transport.value() == b""


def calls(protocol: NatsProtocol) -> list[Callable[[], None]]:
    return [
        lambda: protocol.pub("a", "b"),
        lambda: protocol.sub("a", "1"),
        lambda: protocol.unsub("1"),
        protocol.ping,
        protocol.pong,
    ]


# ---------------------------------------------------------------------- what leaves


def test_the_wire() -> None:
    protocol, transport = greeted()
    protocol.sub("happy", "6")
    protocol.sub("a.*", 7, queue_group="excelsior")
    protocol.unsub("7", max_msgs=3)
    protocol.unsub("6")
    protocol.pub("happy", "hé")
    protocol.pub("happy", b"\xff\r\n", reply_to="_INBOX.1")
    protocol.ping()
    protocol.pong()
    assert transport.value() == (
        b"SUB happy 6\r\nSUB a.* excelsior 7\r\nUNSUB 7 3\r\nUNSUB 6\r\n"
        b"PUB happy 3\r\nh\xc3\xa9\r\nPUB happy _INBOX.1 3\r\n\xff\r\n\r\nPING\r\nPONG\r\n"
    )


@pytest.mark.parametrize("sid", ["inbox", "0x1", "007", "-1", "²", "é", "9" * 30, "\udcff"])
def test_any_text_may_be_a_sid(sid: str) -> None:
    got = Calls()
    protocol, transport = greeted(on_msg=got)
    protocol.sub("a", sid)
    number = transport.value().split()[-1]
    assert number.isdigit()
    assert 10**18 <= int(number) < 10**19
    protocol.dataReceived(b"MSG a " + number + b" 1\r\nx\r\n")
    assert [facts["sid"] for facts in got.made] == [sid]
    transport.clear()
    protocol.unsub(sid)
    assert transport.value() == b"UNSUB " + number + b"\r\n"


@pytest.mark.parametrize(
    "bad",
    [
        lambda protocol: protocol.sub("a b", "1"),
        lambda protocol: protocol.sub("", "1"),
        lambda protocol: protocol.sub("a.>.b", "1"),
        lambda protocol: protocol.sub("a\r\nPUB x 0", "1"),
        lambda protocol: protocol.sub("a" * 5000, "1"),
        lambda protocol: protocol.sub("a", "1", queue_group="q 1"),
        lambda protocol: protocol.sub("a", "1", queue_group=""),
        lambda protocol: protocol.sub("a", ""),
        lambda protocol: protocol.sub("a", "1 2"),
        lambda protocol: protocol.sub("a", "1\r\n"),
        lambda protocol: protocol.sub("a", None),
        lambda protocol: protocol.sub("a", True),
        lambda protocol: protocol.sub("a", b"1"),
        lambda protocol: protocol.sub("a", "taken"),
        lambda protocol: protocol.unsub("1 2"),
        lambda protocol: protocol.unsub("taken", max_msgs=0),
        lambda protocol: protocol.unsub("taken", max_msgs="3"),
        lambda protocol: protocol.pub("a.*", ""),
        lambda protocol: protocol.pub("a\0", ""),
        lambda protocol: protocol.pub("a", "", reply_to="b c"),
        lambda protocol: protocol.pub("a", "", reply_to=""),
        lambda protocol: protocol.pub("a", 5),
        lambda protocol: protocol.pub("a", b"x" * 65),
    ],
)
def test_what_cannot_be_is_refused_before_a_byte_leaves(bad: Callable[[Any], None]) -> None:
    protocol, transport = greeted()
    protocol.sub("a", "taken")
    transport.clear()
    with pytest.raises(txnats.InvalidArgument):
        bad(protocol)
    assert transport.value() == b""
    assert not transport.disconnecting


def test_the_size_limit_is_the_servers_newest() -> None:
    protocol, transport = greeted()
    protocol.pub("a", b"x" * 64)
    with pytest.raises(txnats.PayloadTooLarge):
        protocol.pub("a", b"x" * 65)
    protocol.dataReceived(b'INFO {"max_payload":65}\r\n')
    transport.clear()
    protocol.pub("a", b"x" * 65)
    assert transport.value().startswith(b"PUB a 65\r\n")


def test_a_ping_of_the_server_is_answered() -> None:
    protocol, transport = greeted()
    protocol.dataReceived(b"PI")
    protocol.dataReceived(b"NG\r\nPONG\r\n+OK\r\n")
    assert transport.value() == b"PONG\r\n"


# ---------------------------------------------------------------------- who is called


def test_a_handler_is_called_with_keywords() -> None:
    got = Calls()
    protocol, _ = greeted()
    protocol.sub("happy.*", 6, on_msg=got)
    protocol.dataReceived(b"MSG happy.x 6 _INBOX.1 2\r\nhi\r\nMSG happy.y 6 0\r\n\r\n")
    assert got.made == [
        {"nats_protocol": protocol, "sid": "6", "subject": "happy.x", "reply_to": "_INBOX.1", "payload": b"hi"},
        {"nats_protocol": protocol, "sid": "6", "subject": "happy.y", "reply_to": None, "payload": b""},
    ]


def test_a_sid_without_a_handler_goes_to_on_msg() -> None:
    own, common = Calls(), Calls()
    protocol, _ = greeted(on_msg=common)
    protocol.sub("a", "1", on_msg=own)
    protocol.sub("b", "2")
    protocol.dataReceived(b"MSG a 1 1\r\na\r\nMSG b 2 1\r\nb\r\nMSG c 3 1\r\nc\r\n")
    assert own.payloads() == [b"a"]
    assert [(facts["sid"], facts["payload"]) for facts in common.made] == [("2", b"b"), ("3", b"c")]


def test_without_any_handler_it_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    protocol, _ = greeted()
    protocol.sub("happy", "6")
    protocol.dataReceived(b"MSG happy 6 4\r\n\x1b[2J\r\nMSG h\x1b\xff 6 2\r\nhi\r\n")
    assert capsys.readouterr().out == "happy (sid 6): b'\\x1b[2J'\n'h\\x1b\\udcff' (sid 6): b'hi'\n"


def test_a_handler_that_raises_is_logged_and_changes_nothing_else(log: Log) -> None:
    got = Calls()

    def broken(**facts: Any) -> None:
        got(**facts)
        raise ValueError("a bad day")

    protocol, transport = greeted()
    protocol.sub("a", "1", on_msg=broken)
    protocol.dataReceived(b"MSG a 1 1\r\nx\r\nMSG a 1 1\r\ny\r\nPING\r\n")
    assert got.payloads() == [b"x", b"y"]
    assert transport.value().endswith(b"PONG\r\n")
    assert [str(error) for error in log.failures()] == ["a bad day"] * 2


def test_a_handler_may_fail_later(log: Log) -> None:
    later: Deferred[None] = Deferred()

    async def slow(**facts: Any) -> None:
        await later

    protocol, _ = greeted()
    protocol.sub("a", "1", on_msg=slow)
    protocol.dataReceived(b"MSG a 1 1\r\nx\r\n")
    later.errback(ValueError("a bad day"))
    assert [str(error) for error in log.failures()] == ["a bad day"]


def test_an_ended_sid_reaches_nobody_and_is_free_again(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = Calls(), Calls()
    protocol, _ = greeted()
    protocol.sub("a", "1", on_msg=first)
    protocol.unsub("1")
    protocol.dataReceived(b"MSG a 1 4\r\nlate\r\n")
    protocol.unsub("1")
    protocol.sub("b", "1", on_msg=second)
    protocol.dataReceived(b"MSG b 1 1\r\nx\r\n")
    assert (first.payloads(), second.payloads()) == ([], [b"x"])
    assert capsys.readouterr().out == ""


def test_unsub_counts_from_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    got = Calls()
    protocol, _ = greeted()
    protocol.sub("a", "1", on_msg=got)
    protocol.dataReceived(b"MSG a 1 1\r\n1\r\n")
    protocol.unsub("1", max_msgs=3)
    protocol.dataReceived(b"MSG a 1 1\r\n2\r\nMSG a 1 1\r\n3\r\nMSG a 1 1\r\n4\r\n")
    assert got.payloads() == [b"1", b"2", b"3"]
    protocol.sub("a", "1", on_msg=got)
    protocol.dataReceived(b"MSG a 1 1\r\n5\r\n")
    protocol.unsub("1", max_msgs=1)
    protocol.dataReceived(b"MSG a 1 1\r\n6\r\n")
    assert got.payloads() == [b"1", b"2", b"3", b"5"]
    assert capsys.readouterr().out == ""


def test_a_sid_in_use_is_refused() -> None:
    protocol, _ = greeted()
    protocol.sub("a", 1)
    with pytest.raises(txnats.InvalidArgument, match="sid '1' is in use"):
        protocol.sub("b", "1")


def test_what_has_ended_is_not_remembered_for_ever() -> None:
    protocol, _ = greeted(on_msg=lambda **_: None)
    for number in range(3000):
        for sid in (number, f"inbox-{number}"):
            protocol.sub("a", sid)
            protocol.unsub(sid)
    assert len(protocol._subscribers) + len(protocol._ended) <= 1000


# ---------------------------------------------------------------------- the end


def test_a_loss_is_logged_with_the_servers_last_words(log: Log) -> None:
    protocol, _ = greeted()
    protocol.dataReceived(b"-ERR 'Permissions Violation for Publish to \"x\"'\r\n-ERR 'Slow Consumer'\r\n")
    lose(protocol)
    assert log.said() == ['Permissions Violation for Publish to "x"', "Slow Consumer"]
    assert isinstance(log.end()["reason"], txnats.ConnectionLost)
    assert "Slow Consumer" in str(log.end()["reason"])


def test_a_refused_operation_is_not_why_it_ended(log: Log) -> None:
    protocol, _ = greeted()
    protocol.dataReceived(b"-ERR 'Permissions Violation for Publish to \"x\"'\r\n")
    lose(protocol, SocketLost())
    assert "Permissions" not in str(log.end()["reason"])


def test_bytes_that_break_the_protocol_cut_the_connection(log: Log) -> None:
    protocol, transport = greeted()
    protocol.dataReceived(b"MSG a 1 99999999999999999999\r\n")
    assert transport.disconnecting
    lose(protocol)
    assert isinstance(log.end()["reason"], txnats.RemoteProtocolError)


def test_a_close_of_ones_own_is_no_alarm(log: Log) -> None:
    protocol, transport = greeted()
    transport.loseConnection()
    lose(protocol)
    assert log.end()["log_level"] is LogLevel.info


def test_calls_after_the_end_say_why() -> None:
    protocol, transport = greeted()
    protocol.dataReceived(b"-ERR 'Stale Connection'\r\n")
    lose(protocol)
    for call in calls(protocol):
        with pytest.raises(txnats.ConnectionLost, match="Stale Connection"):
            call()
    assert transport.value() == b""


def test_it_can_be_connected_again() -> None:
    connected: list[NatsProtocol] = []
    protocol, _ = greeted(on_connect=connected.append)
    protocol.sub("a", "1")
    protocol.dataReceived(b"MSG a 1 5\r\nha")
    lose(protocol)
    transport = StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(INFO + b"PONG\r\n")
    assert len(connected) == 2
    transport.clear()
    protocol.sub("a", "1")
    assert transport.value() == b"SUB a 1\r\n"


# ---------------------------------------------------------------------- a real server


class Watched(NatsProtocol):
    """One whose beginning and end can be waited for."""

    def __init__(self, **options: Any) -> None:
        self.taken_in: Deferred[Watched] = Deferred()
        self.ended: Deferred[None] = Deferred()
        super().__init__(on_connect=lambda _: self.taken_in.callback(self), **options)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self.ended.callback(None)

    def close(self) -> Deferred[None]:
        self.transport.loseConnection()
        return self.ended

    def turn(self) -> Deferred[None]:
        """Until the server has read what this one wrote: a message to itself and back."""
        back: Deferred[None] = Deferred()
        subject = f"turn.{id(back)}"
        self.sub(subject, subject, on_msg=lambda **_: back.callback(None))
        self.unsub(subject, max_msgs=1)
        self.pub(subject, "")
        return back


@pytest.mark.usefixtures("class_server", "make_server")
class RealServer(TestCase):
    server: NatsServer
    make_server: Callable[..., NatsServer]

    def connect(self, server: NatsServer | None = None, endpoint: object = None, **options: Any) -> Deferred[Watched]:
        """One that a server has taken in; it is closed after the test."""
        server = server or self.server
        protocol = Watched(**options)
        connecting = connectProtocol(endpoint or TCP4ClientEndpoint(reactor, server.host, server.port), protocol)
        self.addCleanup(protocol.close)
        connecting.addErrback(protocol.taken_in.errback)
        return protocol.taken_in

    @inlineCallbacks
    def test_hundred_requests_to_a_group_of_four_are_each_answered_once(self) -> Any:
        answers: Counter[str] = Counter()
        shares: Counter[bytes] = Counter()

        def respond(name: str) -> Callable[..., None]:
            return lambda nats_protocol, reply_to, **_: nats_protocol.pub(reply_to, name)

        def on_answer(subject: str, payload: bytes, **_: Any) -> None:
            answers[subject] += 1
            shares[payload] += 1

        responders = yield gatherResults([self.connect(verbose=True) for _ in range(4)])
        for number, responder in enumerate(responders):
            responder.sub("get-response", "6", queue_group="excelsior", on_msg=respond(f"{number}"))
            yield responder.turn()
        requester = yield self.connect(pedantic=True)
        requester.sub("inbox.*", "1", on_msg=on_answer)
        for number in range(100):
            requester.pub("get-response", f"{number}", reply_to=f"inbox.{number}")
        while len(answers) < 100:
            yield requester.turn()
        # A second answer would be here by the end of this.
        yield gatherResults([each.turn() for each in responders])
        yield requester.turn()
        self.assertEqual(answers, Counter({f"inbox.{number}": 1 for number in range(100)}))
        self.assertEqual(sum(shares.values()), 100)

    @inlineCallbacks
    def test_text_bytes_and_large_payloads_arrive_unchanged(self) -> Any:
        protocol = yield self.connect()
        got = Calls()
        protocol.sub("data", "inbox", on_msg=got)
        sent = ["hé", b"\r\nMSG data 1 1\r\nx\r\n", bytes(range(256)) * 4096, ""]
        for payload in sent:
            protocol.pub("data", payload)
        yield protocol.turn()
        self.assertEqual(got.payloads(), [p.encode() if isinstance(p, str) else p for p in sent])

    @inlineCallbacks
    def test_the_server_ends_a_subscription_after_its_maximum(self) -> Any:
        protocol = yield self.connect()
        got = Calls()
        protocol.sub("data", "6", on_msg=got)
        protocol.unsub("6", max_msgs=2)
        for number in range(4):
            protocol.pub("data", f"{number}")
        yield protocol.turn()
        self.assertEqual(got.payloads(), [b"0", b"1"])
        protocol.sub("data", "6", on_msg=got)
        protocol.pub("data", "4")
        yield protocol.turn()
        self.assertEqual(got.payloads(), [b"0", b"1", b"4"])

    @inlineCallbacks
    def test_own_close_sends_all_that_was_published(self) -> Any:
        listener = yield self.connect()
        got = Calls()
        listener.sub("much", "1", on_msg=got)
        yield listener.turn()
        publisher = yield self.connect()
        for _ in range(40):
            publisher.pub("much", b"x" * 500_000)
        yield publisher.close()
        while len(got.made) < 40:
            yield listener.turn()

    @inlineCallbacks
    def test_logins(self) -> Any:
        by_token = self.make_server(token="t0ken")
        by_name = self.make_server(user="joe", password="s3cret")
        yield self.connect(by_token, auth_token="t0ken")
        yield self.connect(by_name, user="joe", password="s3cret")

    @inlineCallbacks
    def test_a_refused_subscription_is_logged_and_ends_nothing(self) -> Any:
        log = Log()
        globalLogPublisher.addObserver(log)
        self.addCleanup(globalLogPublisher.removeObserver, log)
        rules = SubjectRules(deny=["secret"])
        server = self.make_server(users=[ServerUser(name="joe", password="s3cret", subscribe=rules)])
        protocol = yield self.connect(server, user="joe", password="s3cret")
        protocol.sub("secret", "1")
        yield protocol.turn()
        (text,) = log.said()
        self.assertIn('Permissions Violation for Subscription to "secret"', text)

    @inlineCallbacks
    def test_a_client_nkey_and_jwt(self) -> Any:
        """By the authenticators of ``connect``: here an nkey that is asked for at each attempt."""
        key = Nkey.generate("U")
        server = self.make_server(users=[ServerUser(nkey=key.public_key)])
        seed = key.seed.decode()
        protocol = yield self.connect(server, auth=txnats.NKey(lambda: deferLater(reactor, 0.01, lambda: seed)))
        yield protocol.turn()
        yield protocol.close()

    @inlineCallbacks
    def test_tls(self) -> Any:
        """The upgrade after INFO, and TLS first."""
        for first in (False, True):
            papers = Papers()
            self.addCleanup(papers.close)
            server = self.make_server(tls=papers.issue("nats.example").server(handshake_first=first), token="t0ken")
            options = TlsOptions(ca=papers.ca, hostname="nats.example", handshake_first=first)
            protocol = yield self.connect(server, tls=options, auth_token="t0ken")
            got = Calls()
            protocol.sub("a", "1", on_msg=got)
            protocol.pub("a", b"x" * 100_000)
            yield protocol.turn()
            self.assertEqual([len(payload) for payload in got.payloads()], [100_000])
            yield protocol.close()

    @inlineCallbacks
    def test_tls_with_somebody_else(self) -> Any:
        papers, log = Papers(), Log()
        self.addCleanup(papers.close)
        server = self.make_server(tls=papers.issue("nats.example").server(), token="t0ken")
        globalLogPublisher.addObserver(log)
        self.addCleanup(globalLogPublisher.removeObserver, log)
        for options in (
            TlsOptions(ca=papers.ca, hostname="elsewhere.example"),
            TlsOptions(ca=papers.other_ca, hostname="nats.example"),
        ):
            protocol = NatsProtocol(tls=options, auth_token="t0ken")
            yield connectProtocol(TCP4ClientEndpoint(reactor, server.host, server.port), protocol)
            yield protocol._gone
            self.assertIsInstance(log.end()["reason"], txnats.CertificateRefused)
            log.clear()

    @inlineCallbacks
    def test_an_endpoint_that_does_tls_by_itself(self) -> Any:
        papers = Papers()
        self.addCleanup(papers.close)
        server = self.make_server(tls=papers.issue("localhost").server(handshake_first=True))
        trust = Certificate.loadPEM(Path(papers.ca).read_bytes())
        tcp = HostnameEndpoint(reactor, server.host, server.port)
        endpoint = wrapClientTLS(optionsForClientTLS("localhost", trustRoot=trust), tcp)
        protocol = yield self.connect(endpoint=endpoint, ssl_required=True)
        yield protocol.turn()
        yield protocol.close()

    @inlineCallbacks
    def test_stopping_the_reactor_sends_what_was_published(self) -> Any:
        listener = yield self.connect()
        got = Calls()
        listener.sub("much", "1", on_msg=got)
        yield listener.turn()
        much = """
def much(np):
    for _ in range(20):
        np.pub("much", "x" * 500_000)
    reactor.stop()

nats_protocol = txnats.io.NatsProtocol(on_connect=much)
"""
        program = at(self.server, IMPORTS, much, CONNECT, "reactor.run()")
        output = yield getProcessOutputAndValue(sys.executable, ["-W", "error", "-c", program], env=os.environ)
        self.assertEqual(output, (b"", b"", 0))
        while len(got.made) < 20:
            yield listener.turn()


# ---------------------------------------------------------------------- programs of those days

IMPORTS = """
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
import txnats
responder_id = 1
"""

HANDLER = """
def on_happy_msg(nats_protocol, sid, subject, reply_to, payload):
    print("got message", sid, subject)
"""

SUBSCRIBE = """
point = TCP4ClientEndpoint(reactor, "demo.nats.io", 4222)

nats_protocol = txnats.io.NatsProtocol(
    verbose=False,
    on_connect=lambda np: np.sub("happy", "6", on_msg=on_happy_msg))

connecting = connectProtocol(point, nats_protocol)
reactor.run()
"""

RESPOND_HANDLER = """
def respond_on_msg(nats_protocol, sid, subject, reply_to, payload):
    if reply_to:
        nats_protocol.pub(reply_to, "Roger, from {}!".format(responder_id))
"""

RESPOND = """
nats_protocol = txnats.io.NatsProtocol(
    verbose=False,
    on_connect=lambda np: np.sub("get-response", "6", on_msg=respond_on_msg))
"""

QUEUE_RESPOND = """
nats_protocol = txnats.io.NatsProtocol(
    verbose=False,
    on_connect=lambda np: np.sub("get-response", "6",
                                 queue_group="excelsior",
                                 on_msg=respond_on_msg))
"""

CONNECT = """
point = TCP4ClientEndpoint(reactor, "demo.nats.io", 4222)
connecting = connectProtocol(point, nats_protocol)
"""

# Another connection that waits for what the blocks above do, and ends the program.
ASK = """
def ask(np):
    np.sub("inbox", "1", on_msg=on_answer)
    again(np)

def again(np):
    np.pub(SUBJECT, "anybody?", reply_to="inbox")
    reactor.callLater(0.05, again, np)

def on_answer(nats_protocol, sid, subject, reply_to, payload):
    print("answer", payload.decode())
    reactor.stop()

asking = txnats.io.NatsProtocol(on_connect=ask)
connectProtocol(TCP4ClientEndpoint(reactor, "demo.nats.io", 4222), asking)
"""


def at(server: NatsServer, *blocks: str) -> str:
    return "".join(blocks).replace('"demo.nats.io", 4222', f'"{server.host}", {server.port}')


def run_program(server: NatsServer, *blocks: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", at(server, *blocks)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_the_old_subscriber_works(nats_server: NatsServer) -> None:
    publish = """
def again(np):
    np.pub("happy", "you", reply_to="inbox")
    reactor.callLater(0.05, again, np)
happy = on_happy_msg
def on_happy_msg(**facts):
    happy(**facts)
    reactor.stop()
connectProtocol(TCP4ClientEndpoint(reactor, "demo.nats.io", 4222), txnats.io.NatsProtocol(on_connect=again))
"""
    ran = run_program(nats_server, IMPORTS, HANDLER, publish, SUBSCRIBE)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "got message 6 happy\n", "")


@pytest.mark.parametrize("responder", [RESPOND, QUEUE_RESPOND])
def test_the_old_responders_work(responder: str, nats_server: NatsServer) -> None:
    ask = ASK.replace("SUBJECT", '"get-response"')
    ran = run_program(nats_server, IMPORTS, RESPOND_HANDLER, responder, CONNECT, ask, "reactor.run()")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("answer Roger, from 1!\n")


def test_own_reactor_ends_the_program_with_its_connection(make_server: Callable[..., NatsServer]) -> None:
    server = make_server(token="t0ken")
    program = """
nats_protocol = txnats.io.NatsProtocol(auth_token="wrong", own_reactor=True)
"""
    ran = run_program(server, IMPORTS, program, CONNECT, "reactor.run()")
    assert ran.returncode == 0
    assert "the server refused the login" in ran.stderr
    assert "Authorization Violation" in ran.stderr


def test_importing_it_chooses_no_reactor() -> None:
    program = "import sys, txnats.io; txnats.io.NatsProtocol(); print('twisted.internet.reactor' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("False\n", "")
