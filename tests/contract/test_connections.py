"""Coming in, being cut off, coming back."""

from __future__ import annotations

import pytest

import txnats
from tests.contract.worlds import SOON, Story, in_every_world
from txnats import AuthenticationRefused, PayloadTooLarge, ReconnectOptions, Status, Token, UserPassword, events
from txnats.server import ServerUser


class Connections(Story):
    async def test_the_server_says_what_it_is(self) -> None:
        await self.serve(name="hamlet", max_payload=5_000)
        client = await self.connect(name="joe")
        info = client.server_info
        assert (info.server_name, info.max_payload, info.headers, info.proto) == ("hamlet", 5_000, True, 1)
        assert (info.auth_required, info.tls_required, info.ldm, info.nonce) == (False, self.secure, False, "")
        assert info.client_id > 0
        assert client.status is Status.CONNECTED

    async def test_connect_is_answered_with_an_info_of_its_own(self) -> None:
        client = await self.connect()
        await client.flush()
        assert client.server_info.connect_info
        assert client.server_info.remote_account == "$G"

    async def test_a_user_logs_in(self) -> None:
        await self.serve(user="joe", password="secret")
        client = await self.connect(auth=UserPassword("joe", "secret"))
        assert client.server_info.auth_required

    async def test_one_of_several_users_logs_in(self) -> None:
        await self.serve(users=[ServerUser(name="joe", password="j"), ServerUser(name="sue", password="s")])
        await (await self.connect(auth=UserPassword("sue", "s"))).flush()

    async def test_a_token_logs_in(self) -> None:
        await self.serve(token="t0ken")
        await (await self.connect(auth=Token("t0ken"))).flush()

    async def test_a_wrong_login_is_refused_by_name(self) -> None:
        await self.serve(user="joe", password="secret")
        for auth in (None, UserPassword("joe", "wrong"), UserPassword("sue", "secret"), Token("secret")):
            with pytest.raises(AuthenticationRefused, match="Authorization Violation"):
                await self.connect(auth=auth)

    async def test_too_many_are_told_so(self) -> None:
        await self.serve(max_connections=1)
        await self.connect()
        # Before TLS it is not believed, and told all the same.
        with pytest.raises(txnats.NatsError, match="maximum connections exceed"):
            await self.connect()

    async def test_a_message_that_is_too_large_is_not_sent(self) -> None:
        await self.serve(max_payload=1_000)
        client = await self.connect()
        subscription = client.subscribe("a")
        client.publish("a", bytes(1_000))
        with pytest.raises(PayloadTooLarge):
            client.publish("a", bytes(1_001))
        with pytest.raises(PayloadTooLarge):
            client.publish("a", bytes(990), headers={"A": "1"})
        assert len((await subscription.next(SOON)).payload) == 1_000
        await client.flush()

    async def test_what_is_lost_comes_back(self) -> None:
        client = await self.connect(reconnect=ReconnectOptions(first_wait=0.01, max_wait=0.01))
        happens = client.events()
        plain, grouped = client.subscribe("a"), client.subscribe("a", queue="q")
        limited = client.subscribe("a", max_messages=3)
        client.publish("a", b"before")
        await client.flush()
        await self.crash()
        await _next(happens, events.Disconnected)
        assert client.status is Status.RECONNECTING
        client.publish("a", b"meanwhile")
        await self.start_again()
        await _next(happens, events.Reconnected)
        client.publish("a", b"after")
        client.publish("a", b"and after")
        everything = [b"before", b"meanwhile", b"after", b"and after"]
        for subscription in (plain, grouped):
            assert [message.payload for message in await self.collected(subscription, 4)] == everything
        assert [message.payload for message in await self.collected(limited, 3)] == everything[:3]
        assert client.statistics.reconnects == 1

    async def test_a_lame_duck_says_so_and_still_serves(self) -> None:
        await self.serve(lame_duck_duration=30.0, lame_duck_grace_period=20.0)
        client = await self.connect()
        happens = client.events()
        await self.lame_duck()
        await _next(happens, events.LameDuck)
        assert client.server_info.ldm
        subscription = client.subscribe("a")
        client.publish("a", b"")
        await subscription.next(SOON)
        with pytest.raises(txnats.NatsError):
            await self.connect()


async def _next(happens: txnats.event_hub.EventStream, kind: type) -> events.Event:
    """The next event of this kind."""
    while not isinstance(event := await happens.next(SOON), kind):
        pass
    return event


globals().update(in_every_world(Connections))
