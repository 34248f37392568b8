"""The caller's own callables and endpoints may break their contract: the client is back, or closed with the reason."""

from __future__ import annotations

import pickle
import traceback
from typing import Any

import pytest
from twisted.internet.defer import Deferred

import txnats
from tests.client.harness import Net, Outcome


@pytest.fixture
def net() -> Net:
    return Net()


class Broken:
    """An endpoint that gives nothing, or raises."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error

    def connect(self, _: object) -> Deferred[Any] | None:
        if self.error is not None:
            raise self.error
        return None


ERRORS = [ZeroDivisionError("not today"), SystemExit("not today"), KeyboardInterrupt("not today")]


@pytest.mark.parametrize("error", ERRORS)
def test_an_endpoint_factory_that_raises_at_the_start(net: Net, error: BaseException) -> None:
    def factory(host: str, port: int) -> Any:
        raise error

    connecting = Outcome(txnats.connect(net.clock, "nats://h:4222", endpoint_factory=factory))
    assert isinstance(connecting.error, txnats.NatsError)


@pytest.mark.parametrize("how", ["factory", "connect"])
@pytest.mark.parametrize("error", [*ERRORS, None])
@pytest.mark.parametrize("end", [False, True])
def test_a_broken_way_to_the_server_is_a_failed_attempt(
    net: Net, how: str, error: BaseException | None, end: bool
) -> None:
    bad = False

    def factory(host: str, port: int) -> Any:
        if bad and how == "factory" and error is not None:
            raise error
        return Broken(error) if bad else net.endpoint(host, port)

    connecting = Outcome(
        txnats.connect(net.clock, "nats://h:4222", endpoint_factory=factory, on_event=net.events.append)
    )
    net.settle()
    client = connecting.value
    bad = True
    net.pipe.cut()
    net.wait(1)
    assert net.told(txnats.events.AttemptFailed)
    if not end:
        bad = False
        net.wait(4)
        assert client.status == "connected"
    net.end(client)


@pytest.mark.parametrize("error", ERRORS)
def test_a_delay_that_raises_closes_the_client_with_that_reason(net: Net, error: BaseException) -> None:
    def delay(passes: int) -> float:
        raise error

    client = net.client(reconnect=txnats.ReconnectOptions(delay=delay))
    closed = Outcome(client.when_closed())
    net.server.up = False
    net.pipe.cut()
    net.settle()
    assert isinstance(closed.value, txnats.InvalidArgument)
    assert "not today" in str(closed.value)
    net.end(client)


@pytest.mark.parametrize("error", ERRORS)
def test_a_choice_that_raises_closes_the_client_with_that_reason(net: Net, error: BaseException) -> None:
    def choose(names: Any, passes: int) -> tuple[str, float]:
        raise error

    connecting = Outcome(net.connecting(reconnect=txnats.ReconnectOptions(choose=choose)))
    net.settle()
    assert isinstance(connecting.error, txnats.InvalidArgument)


@pytest.mark.parametrize("given", [None, "1", -1, float("nan"), Deferred()])
def test_a_delay_that_is_no_number_closes_the_client_with_that_reason(net: Net, given: Any) -> None:
    client = net.client(reconnect=txnats.ReconnectOptions(delay=lambda _: given))
    closed = Outcome(client.when_closed())
    net.server.up = False
    net.pipe.cut()
    net.settle()
    assert isinstance(closed.value, txnats.InvalidArgument)
    net.end(client)


@pytest.mark.parametrize("raised", [RuntimeError, SystemExit])
def test_what_an_endpoint_factory_raises_is_named_and_not_shown(net: Net, raised: type[BaseException]) -> None:
    def factory(host: str, port: int) -> Any:
        raise raised("the proxy wants joe:S3CRET")

    connecting = txnats.connect(net.clock, "nats://host:4222", endpoint_factory=factory, on_event=net.events.append)
    outcome = Outcome(connecting)
    net.settle()
    error = outcome.error
    assert isinstance(error, txnats.NoServersLeft)
    shown = f"{error} {error!r} {net.events!r} {''.join(traceback.format_exception(error))}"
    assert raised.__name__ in shown
    assert "S3CRET" not in shown
    assert b"S3CRET" not in pickle.dumps(error)
    net.nothing_left()
