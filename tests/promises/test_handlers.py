"""P14 and P29: what goes wrong with one message, subscription or request harms no other."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

import txnats
from tests.promises.promise import Promise, Told, sized, until
from txnats import Message, events
from txnats.server import ServerUser, SubjectRules


class Wrong(Exception):
    """What the handler raises."""


@pytest.mark.usefixtures("make_server")
class Handlers(Promise):
    @sized
    async def test_p14_failing_handler(self, messages: int) -> None:
        """One message in ten makes its handler raise, in one of three ways; all the others are handled."""
        server = self.make_server()
        told = Told()
        client = await self.client(server.url, on_event=told)
        well: list[int] = []

        def plain(number: int) -> None:
            if number % 10 == 0:
                raise Wrong(number)
            well.append(number)

        async def coroutine(number: int) -> None:
            plain(number)

        def later(number: int) -> Deferred[None]:
            done: Deferred[None] = Deferred()
            done.addCallback(lambda _: plain(number))
            done.callback(None)
            return done

        ways = [plain, coroutine, later]

        def handle(message: Message) -> object:
            number = int(message.payload)
            return ways[number // 10 % 3](number)

        subscription = client.subscribe("work", handle)
        for number in range(messages):
            client.publish("work", b"%d" % number)
        await client.flush()
        await until(lambda: subscription.handled == messages)
        failed = told.of(events.HandlerFailed)
        logged = self.flushLoggedErrors(Wrong)
        self.tell(
            messages=messages,
            handled_well=len(well),
            failed=len(failed),
            logged=len(logged),
            losses=len(told.of(events.Disconnected)),
        )
        assert well == [number for number in range(messages) if number % 10]
        assert len(failed) == len(logged) == messages // 10
        assert subscription.is_active
        assert client.status is txnats.Status.CONNECTED
        assert not told.of(events.Disconnected)

    @sized
    async def test_p29_denied(self, others: int) -> None:
        """A refusal by the server ends the subscription or the request that it is meant for, and nothing else."""
        rules = SubjectRules(deny=("secret.>",))
        server = self.make_server(users=[ServerUser(name="joe", password="pw", publish=rules, subscribe=rules)])
        told = Told()
        client = await self.client(server.url, auth=txnats.UserPassword("joe", "pw"), on_event=told)
        got: list[str] = []
        alive = [
            client.subscribe(f"open.{number}", lambda message: got.append(message.subject)) for number in range(others)
        ]
        client.subscribe("ask", lambda message: message.respond(b"yes"))
        slow: Deferred[Message] = client.request("open.0", timeout=5.0)
        denied = client.subscribe("secret.a", lambda _: None)
        with self.assertRaises(txnats.PermissionDenied):
            await denied.ready()
        self.assertEqual(await denied.when_done(), txnats.EndReason.DENIED)
        with self.assertRaises(txnats.PermissionDenied):
            await client.request("secret.b", timeout=5.0)
        client.publish("secret.c")
        with self.assertRaises(txnats.PermissionDenied):
            await client.flush()
        self.assertEqual((await client.request("ask")).payload, b"yes")
        for number in range(others):
            client.publish(f"open.{number}")
        await client.flush()
        await client.flush()
        self.tell(
            denied=len(told.of(events.PermissionDenied)),
            still_alive=sum(each.is_active for each in alive),
            losses=len(told.of(events.Disconnected)),
        )
        assert len(got) == others + 1
        assert all(each.is_active for each in alive)
        assert [(event.operation, event.subject) for event in told.of(events.PermissionDenied)] == [
            ("subscribe", "secret.a"),
            ("publish", "secret.b"),
            ("publish", "secret.c"),
        ]
        assert not told.of(events.Disconnected)
        assert not slow.called
        slow.addErrback(lambda failure: failure.trap(txnats.ClientClosed, Exception))
        slow.cancel()
