"""What a user may not do."""

from __future__ import annotations

from typing import Any

import pytest

import txnats
from tests.contract.worlds import SOON, Story, in_every_world
from txnats import EndReason, PermissionDenied, UserPassword, events
from txnats.server import ServerUser, SubjectRules

JOE = ServerUser(
    name="joe",
    password="j",
    publish=SubjectRules(allow=["orders.*", "_INBOX.>"], deny=["orders.secret"]),
    subscribe=SubjectRules(allow=["orders.>", "_INBOX.>", "jobs workers.*"], deny=["orders.secret", "orders.eu q"]),
)
SERVICE = ServerUser(name="service", password="s", subscribe=SubjectRules(deny=["hidden"]), allow_responses=True)
ADMIN = ServerUser(name="admin", password="a")


class Permissions(Story):
    async def as_user(self, user: ServerUser, **options: Any) -> txnats.Client:
        await self.endpoint_of_users()
        return await self.connect(auth=UserPassword(str(user.name), str(user.password)), **options)

    async def endpoint_of_users(self) -> None:
        if not getattr(self, "served", False):
            self.served = True
            await self.serve(users=[JOE, SERVICE, ADMIN])

    async def test_a_refused_publish_is_told_by_flush_once(self) -> None:
        told: list[events.Event] = []
        joe, admin = await self.as_user(JOE, on_event=told.append), await self.as_user(ADMIN)
        seen = admin.subscribe("orders.*")
        await admin.flush()
        joe.publish("orders.secret", b"")
        joe.publish("orders.1", b"")
        with pytest.raises(PermissionDenied) as caught:
            await joe.flush()
        assert (caught.value.operation, caught.value.subject) == ("publish", "orders.secret")
        assert events.PermissionDenied("publish", "orders.secret") in told
        await joe.flush()
        assert (await seen.next(SOON)).subject == "orders.1"

    async def test_a_refused_request_fails_with_the_refusal(self) -> None:
        joe = await self.as_user(JOE)
        with pytest.raises(PermissionDenied):
            await joe.request("elsewhere", b"", timeout=30.0)

    async def test_a_refused_subscription_ends_and_the_others_go_on(self) -> None:
        joe, admin = await self.as_user(JOE), await self.as_user(ADMIN)
        good, denied, in_group = joe.subscribe("orders.>"), joe.subscribe("news"), joe.subscribe("news", queue="q")
        await good.ready()
        for refused, queue in ((denied, None), (in_group, "q")):
            with pytest.raises(PermissionDenied) as caught:
                await refused.ready()
            assert (caught.value.operation, caught.value.subject, caught.value.queue) == ("subscribe", "news", queue)
            assert await refused.when_done() is EndReason.DENIED
        admin.publish("orders.1", b"")
        assert (await good.next(SOON)).subject == "orders.1"

    async def test_what_is_denied_stays_out_of_a_wider_pattern(self) -> None:
        joe, admin = await self.as_user(JOE), await self.as_user(ADMIN)
        wide = joe.subscribe("orders.*")
        await wide.ready()
        admin.publish("orders.secret", b"")
        admin.publish("orders.open", b"")
        assert (await wide.next(SOON)).subject == "orders.open"
        assert wide.delivered == 1

    async def test_rules_may_name_queue_groups(self) -> None:
        joe = await self.as_user(JOE)
        for queue in ("workers.1", "workers.2"):
            await joe.subscribe("jobs", queue=queue).ready()
        await joe.subscribe("orders.eu", queue="other").ready()
        for subject, refused in (("jobs", None), ("jobs", "helpers"), ("orders.eu", "q")):
            with pytest.raises(PermissionDenied):
                await joe.subscribe(subject, queue=refused).ready()

    async def test_whoever_may_answer_may_answer_once(self) -> None:
        service, admin = await self.as_user(SERVICE), await self.as_user(ADMIN)

        def answer_twice(message: txnats.Message) -> None:
            message.respond(b"1")
            message.respond(b"2")

        service.subscribe("ask", answer_twice)
        await service.flush()
        inbox = admin.subscribe("inbox")
        admin.publish("ask", b"", reply="inbox")
        assert (await inbox.next(SOON)).payload == b"1"
        with pytest.raises(PermissionDenied) as caught:
            await service.flush()
        assert caught.value.subject == "inbox"
        service.publish("anything", b"")
        with pytest.raises(PermissionDenied):
            await service.flush()

    async def test_replies_of_the_system_are_no_replies_of_ours(self) -> None:
        admin = await self.as_user(ADMIN)
        admin.publish("a", b"", reply="$JS.ACK.x")
        with pytest.raises(PermissionDenied) as caught:
            await admin.flush()
        assert (caught.value.operation, caught.value.subject) == ("reply", "$JS.ACK.x")


globals().update(in_every_world(Permissions))
