"""Credentials that come later: within the attempt's deadline, wanted no more when it is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

import txnats
from tests.client.harness import Net, Outcome
from txnats import events
from txnats.errors import AuthenticationRefused, CredentialsUnavailable, DialFailed, NoServersLeft

Given = Deferred[Any]


class Vault:
    """A key service that answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Given] = []
        self.cancelled = 0

    def __call__(self) -> Given:
        def cancel(_: Given) -> None:
            self.cancelled += 1

        self.asked.append(Deferred(cancel))
        return self.asked[-1]


def connecting(vault: Callable[[], Any], **options: Any) -> tuple[Net, Outcome, list[events.Event]]:
    net = Net()
    told: list[events.Event] = []
    auth = txnats.Token(vault)
    outcome = Outcome(
        txnats.connect(
            net.clock, "nats://host:4222", auth=auth, endpoint_factory=net.endpoint, on_event=told.append, **options
        )
    )
    net.settle()
    return net, outcome, told


def test_connect_waits_for_them_and_nothing_is_sent_before() -> None:
    vault = Vault()
    net, outcome, _ = connecting(vault)
    assert not outcome.fired
    assert not net.pipe.log
    vault.asked[0].callback("t0ken")
    net.settle()
    assert net.pipe.connects[0]["auth_token"] == "t0ken"
    client = outcome.value
    assert client.status is txnats.Status.CONNECTED
    # And anew for the next connection.
    net.pipe.cut()
    net.wait(1)
    vault.asked[1].callback("an0ther")
    net.settle()
    assert net.pipe.connects[0]["auth_token"] == "an0ther"
    net.end(client)


def test_the_deadline_is_that_of_the_attempt() -> None:
    vault = Vault()
    net, outcome, _ = connecting(vault, timeout=2.0)
    net.wait(1.9, 0.1)
    assert not outcome.fired
    net.wait(0.3, 0.1)
    assert isinstance(outcome.error, NoServersLeft)
    (cause,) = (error for _, error in outcome.error.causes)
    assert isinstance(cause, DialFailed)
    assert cause.why == "no credentials within 2 s"
    assert vault.cancelled == 1
    net.nothing_left()


def test_a_lost_connection_wants_them_no_more() -> None:
    vault = Vault()
    net, outcome, _ = connecting(vault)
    net.pipe.cut()
    net.settle()
    assert vault.cancelled == 1
    assert isinstance(outcome.error, NoServersLeft)
    net.nothing_left()


def test_a_cancelled_connect_wants_them_no_more() -> None:
    vault = Vault()
    net, outcome, _ = connecting(vault)
    outcome.deferred.cancel()
    net.settle()
    assert vault.cancelled == 1
    assert isinstance(outcome.error, CancelledError | txnats.ClientClosed)
    net.nothing_left()


def test_credentials_that_come_all_the_same_are_not_sent() -> None:
    """A callable that does not let itself be cancelled."""
    gate: Given = Deferred()
    stubborn: list[str] = []

    async def give() -> str:
        try:
            await gate
        except CancelledError:
            stubborn.append("cancelled")
        return "t0ken"

    net, outcome, _ = connecting(give)
    net.pipe.cut()
    net.settle()
    assert stubborn == ["cancelled"]
    assert not net.pipe.log
    assert isinstance(outcome.error, NoServersLeft)


@pytest.mark.parametrize("later", [False, True])
def test_a_failure_is_the_final_error(later: bool) -> None:
    sealed = OSError("the vault for S3CRET is sealed")

    def at_once() -> Given:
        raise sealed

    vault = Vault()
    net, outcome, told = connecting(vault if later else at_once)
    if later:
        vault.asked[0].errback(sealed)
        net.settle()
    error = outcome.error
    assert isinstance(error, CredentialsUnavailable)
    assert error.cause is sealed
    assert "S3CRET" not in f"{error!r} {told!r}"
    assert not net.pipe.log
    assert isinstance(told[0], events.AttemptFailed)
    net.nothing_left()


def test_while_reconnecting_a_failure_is_told_and_tried_again() -> None:
    """A key service that is away for a while ends no client."""
    vault = Vault()
    net, outcome, told = connecting(vault)
    vault.asked[0].callback("t0ken")
    net.settle()
    client = outcome.value
    net.pipe.cut()
    for _ in range(5):
        net.wait(6, 0.5)
        if not vault.asked[-1].called:
            vault.asked[-1].errback(OSError("away"))
        net.settle()
    failed = [event for event in told if isinstance(event, events.AttemptFailed)]
    assert len(failed) > 3
    assert {type(event.error) for event in failed} <= {CredentialsUnavailable, DialFailed}
    while vault.asked[-1].called:
        net.wait(1, 0.5)
    vault.asked[-1].callback("t0ken")
    net.settle()
    assert client.status is txnats.Status.CONNECTED
    net.end(client)


def test_a_server_that_loses_patience_twice_ends_no_client() -> None:
    vault = Vault()
    net, outcome, told = connecting(vault, reconnect=txnats.ReconnectOptions(retry_on_first_connect=True))
    for _ in range(3):
        net.pipe.send(b"-ERR 'Authentication Timeout'\r\n")
        net.settle()
        net.wait(6, 0.5)
    assert not outcome.fired
    causes = [event.error for event in told if isinstance(event, events.AttemptFailed)]
    assert not any(isinstance(error, AuthenticationRefused) for error in causes)
    outcome.deferred.cancel()
    net.settle()


def test_the_readable_file_is_told(tmp_path: Any) -> None:
    path = tmp_path / "k"
    path.write_text("SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY")
    path.chmod(0o644)
    net = Net()
    told: list[events.Event] = []
    outcome = Outcome(
        txnats.connect(
            net.clock,
            "nats://host:4222",
            auth=txnats.NKeyFile(path),
            endpoint_factory=net.endpoint,
            on_event=told.append,
        )
    )
    net.settle()
    assert told == [events.CredentialsReadable(str(path), 0o644), events.Connected("nats://host:4222")]
    assert repr(told[0]) == f"CredentialsReadable({str(path)!r}, 0o644)"
    net.end(outcome.value)
