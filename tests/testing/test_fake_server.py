"""What the in-memory server can do beyond what a real one does alike: faults, scripts, its own clock."""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

import txnats
from tests.testing.stage import Stage
from txnats import errors, events
from txnats.server import ServerConfig, ServerTls, ServerUser, SubjectRules
from txnats.testing import FakeConnection, FakeServer, MemoryNetwork, Reply, in_turn
from txnats.testing.commands import Command, Ping, Publish, Subscribe

# INFO


def test_info_says_what_it_is_told_to_say() -> None:
    stage = Stage(info={"version": "2.9.0", "nonce": "abc", "connect_urls": ["10.0.0.1:4222"]})
    client = stage.connect()
    assert (client.server_info.version, client.server_info.nonce) == ("2.9.0", "abc")
    stage.server.inform(max_payload=10, cluster="c")
    stage.network.pump()
    assert (client.server_info.max_payload, client.server_info.cluster) == (10, "c")
    with pytest.raises(errors.PayloadTooLarge):
        client.publish("a", bytes(11))


# Messages


def test_requests_are_answered_by_a_script() -> None:
    stage = Stage()
    client = stage.connect()
    end = stage.server.answer("greet.*", b"hello", Reply(b"again", {"N": "2"}, delay=0.5))
    first, second = stage.run(client.request_many("greet.joe", b"", timeout=1.0).collect())
    assert (first.payload, second.payload, second.headers["N"]) == (b"hello", b"again", "2")
    client.publish("greet.joe", b"nothing to answer")
    end()
    with pytest.raises(errors.NoResponders):
        stage.run(client.request("greet.joe", b""))


def test_a_script_may_look_at_the_request() -> None:
    stage = Stage()
    client = stage.connect()

    def double(request: Publish) -> list[bytes | Reply]:
        return [request.payload * 2]

    stage.server.answer("double", double)
    assert stage.run(client.request("double", b"ab")).payload == b"abab"


def test_a_reply_may_be_a_status() -> None:
    stage = Stage()
    client = stage.connect()
    stage.server.answer("next", Reply(status="404 No Messages", headers={"A": "b"}))
    reply = stage.run(client.request("next", b""))
    assert (reply.status, reply.description, reply.headers["A"]) == (404, "No Messages", "b")


def test_the_server_publishes() -> None:
    stage = Stage()
    client = stage.connect()
    assert not stage.server.publish("news")
    subscription = client.subscribe("news")
    stage.network.pump()
    assert stage.server.publish("news", b"1", reply="back", headers={"A": "b"})
    message = stage.run(subscription.next())
    assert (message.payload, message.reply, message.headers["A"]) == (b"1", "back", "b")


@pytest.mark.parametrize("order", [in_turn, None])
def test_a_group_is_served_in_turn_or_in_the_same_disorder(order: Any) -> None:
    def served() -> list[int]:
        stage = Stage(order=order)
        client = stage.connect()
        members = [client.subscribe("a", queue="q") for _ in range(3)]
        stage.network.pump()
        told = []
        for _ in range(9):
            before = [member.delivered for member in members]
            stage.server.publish("a")
            stage.network.pump()
            told.append([member.delivered - had for member, had in zip(members, before, strict=True)].index(1))
        return told

    assert served() == served()
    assert set(served()) == {0, 1, 2}
    assert (served() == [0, 1, 2] * 3) == (order is in_turn)


def test_commands_are_noted_and_may_be_intercepted() -> None:
    seen: list[tuple[int, Command]] = []

    def intercept(connection: FakeConnection, command: Command) -> bool:
        seen.append((connection.id, command))
        return isinstance(command, Subscribe) and command.subject == b"ignored"

    stage = Stage(intercept=intercept)
    client = stage.connect()
    client.subscribe("ignored")
    client.subscribe("heard")
    stage.run(client.flush())
    (connection,) = stage.server.connections
    assert [sub.subject for sub in connection.subscriptions.values()] == [b"heard"]
    assert [command for _, command in seen] == list(connection.commands)
    assert connection.commands[-1] == Ping()
    assert stage.server.interest.match(b"ignored") == ([], [])
    assert "2 subscriptions" not in repr(connection)


def test_a_drop_at_a_chosen_command() -> None:
    """A publish that was written and not read is told as unconfirmed."""

    def intercept(connection: FakeConnection, command: Command) -> bool:
        if isinstance(command, Publish) and command.payload == b"fatal":
            connection.drop()
        return False

    stage = Stage(intercept=intercept)
    client = stage.connect()
    for payload in (b"1", b"fatal", b"3"):
        client.publish("a", payload)
    stage.network.advance(1.0)
    (lost,) = [event for event in stage.happened if isinstance(event, events.Disconnected)]
    assert lost.unconfirmed == 3


# Options


def test_it_takes_the_options_of_a_real_server_that_it_knows() -> None:
    network = MemoryNetwork()
    server = FakeServer(network.clock, ServerConfig(name="hamlet", host="127.0.0.1"), max_payload=5)
    assert (server.info["server_name"], server.max_payload) == ("hamlet", 5)
    unknown: list[dict[str, Any]] = [
        {"jetstream": True},
        {"tls": ServerTls(certificate="c", key="k")},
        {"extra": "debug: true"},
        {"users": [ServerUser(nkey="U...")]},
    ]
    for options in unknown:
        with pytest.raises(errors.InvalidOption, match="in-memory server knows no"):
            FakeServer(network.clock, **options)


def test_permissions_hold_for_each_user() -> None:
    users = [
        ServerUser(name="joe", password="j", subscribe=SubjectRules(deny=["secret"])),
        ServerUser(name="sue", password="s"),
    ]
    stage = Stage(users=users)
    joe = stage.connect(auth=txnats.UserPassword("joe", "j"))
    sue = stage.connect(auth=txnats.UserPassword("sue", "s"))
    stage.run(sue.subscribe("secret").ready())
    with pytest.raises(errors.PermissionDenied):
        stage.run(joe.subscribe("secret").ready())


class OverTcp(TestCase):
    """The same server behind a real endpoint."""

    def setUp(self) -> None:
        self.server = FakeServer(reactor)
        self.listening = reactor.listenTCP(0, self.server, interface="127.0.0.1")
        self.port = cast(IPv4Address, self.listening.getHost()).port

    def tearDown(self) -> Deferred[None] | None:  # type: ignore[override]
        self.server.kill()
        return self.listening.stopListening()

    async def test_a_client_talks_to_it(self) -> None:
        async with await txnats.connect(reactor, f"127.0.0.1:{self.port}") as client:
            assert (client.server_info.port, client.server_info.client_ip) == (self.port, "127.0.0.1")
            self.server.answer("greet", b"hello")
            assert (await client.request("greet", b"")).payload == b"hello"

    async def test_a_dropped_client_comes_back(self) -> None:
        client = await txnats.connect(reactor, f"127.0.0.1:{self.port}")
        happens = client.events()
        self.server.drop()
        while not isinstance(await happens.next(5.0), events.Reconnected):
            pass
        await client.close()
        while self.server.connections:
            await _turn()


def _turn() -> Deferred[None]:
    turn: Deferred[None] = Deferred()
    reactor.callLater(0, turn.callback, None)
    return turn
