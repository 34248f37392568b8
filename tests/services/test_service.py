"""Services, in memory and on a real server."""

from __future__ import annotations

import json
from typing import Any, cast

import msgspec
import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.contract.worlds import InMemory, OnNatsServer, Story
from txnats import (
    Client,
    ClientClosed,
    InvalidArgument,
    Message,
    NoResponders,
    PermissionDenied,
    RemoteProtocolError,
    RequestTimeout,
    UserPassword,
    events,
)
from txnats.server import ServerUser, SubjectRules
from txnats.services import FoundService, Request, Service, ServiceError, call, discover, infos, pings, stats
from txnats.services.errors import CODE, TEXT


class Add(msgspec.Struct):
    numbers: list[int]


async def told(client: Client, subject: str) -> Any:
    """What a verb is answered with, as plain JSON."""
    return json.loads((await client.request(subject)).payload)


def fail(_: Request) -> None:
    raise ZeroDivisionError("of no interest to others")


class Services(Story):
    async def adder(self, client: Client | None = None, **options: Any) -> Service:
        return await Service.start(client or await self.connect(), "adder", "1.0.0", **options)

    async def error(self, client: Client, subject: str, payload: Any = b"") -> ServiceError:
        with pytest.raises(ServiceError) as caught:
            await call(client, subject, payload)
        return caught.value

    # What it tells

    async def test_records_are_exact(self) -> None:
        service = await self.adder(description="adds", metadata={"team": "sums"})
        service.add_endpoint("add", lambda request: request.payload, metadata={"unit": "m"})
        service.add_group("v2", queue="two").add_endpoint("sub", fail, subject="minus.*", queue="")
        client = await self.connect()
        common = {"name": "adder", "id": service.id, "version": "1.0.0", "metadata": {"team": "sums"}}
        assert await told(client, "$SRV.PING") == {**common, "type": "io.nats.micro.v1.ping_response"}
        assert await told(client, f"$SRV.INFO.adder.{service.id}") == {
            **common,
            "type": "io.nats.micro.v1.info_response",
            "description": "adds",
            "endpoints": [
                {"name": "add", "subject": "add", "queue_group": "q", "metadata": {"unit": "m"}},
                {"name": "sub", "subject": "v2.minus.*", "queue_group": "", "metadata": {}},
            ],
        }
        await client.request("add", b"1")
        found = await told(client, "$SRV.STATS.adder")
        assert found["type"] == "io.nats.micro.v1.stats_response"
        assert found["started"].endswith("Z")
        assert all(found[key] == value for key, value in common.items())
        first, second = found["endpoints"]
        assert first["processing_time"] == first["average_processing_time"] > 0
        assert {**first, "processing_time": 0, "average_processing_time": 0} == {
            "name": "add",
            "subject": "add",
            "queue_group": "q",
            "num_requests": 1,
            "num_errors": 0,
            "last_error": "",
            "processing_time": 0,
            "average_processing_time": 0,
            "data": None,
        }
        assert (second["num_requests"], second["average_processing_time"]) == (0, 0)

    async def test_its_own_statistics_and_a_new_count(self) -> None:
        service = await self.adder(stats=lambda endpoint: {"of": endpoint.name})
        endpoint = service.add_endpoint("add", lambda request: b"")
        await service._client.request("add")
        assert service.stats().endpoints is not None
        assert [(each.data, each.num_requests) for each in service.stats().endpoints or ()] == [({"of": "add"}, 1)]
        assert endpoint.stats().seconds == endpoint.stats().average > 0
        service.reset()
        assert endpoint.stats().num_requests == 0

    async def test_statistics_that_cannot_be_had_leave_the_rest(self) -> None:
        for broken in (lambda _: 1 / 0, lambda _: object()):
            service = await self.adder(stats=broken)
            service.add_endpoint("add", lambda request: b"")
            (found,) = await stats(service._client, id=service.id, name=service.name).collect()
            assert [each.data for each in found.endpoints or ()] == [None]
            assert len(cast(TestCase, self).flushLoggedErrors()) == 1
            await service.stop()

    async def test_another_prefix(self) -> None:
        service = await self.adder(prefix="ops.SRV")
        client = await self.connect()
        assert (await told(client, "ops.SRV.PING"))["id"] == service.id
        with pytest.raises(NoResponders):
            await client.request("$SRV.PING")

    # What it answers

    async def test_each_kind_of_handler(self) -> None:
        client = await self.connect()
        service = await self.adder()
        service.add_endpoint("returns", lambda request: request.payload.upper())
        service.add_endpoint("responds", lambda request: request.respond(b"told", {"A": request.subject}))

        def deferred(request: Request) -> Deferred[bytes]:
            return deferLater(self.clock, 0.01, lambda: b"later")

        @service.endpoint("waits", concurrency=2)
        async def waits(request: Request) -> bytes:
            return await deferLater(self.clock, 0.01, lambda: b"waited")

        await service.add_endpoint("deferred", deferred).ready()
        assert (await call(client, "returns", "abc")).payload == b"ABC"
        reply = await call(client, "responds")
        assert (reply.payload, reply.headers.get("A")) == (b"told", "responds")
        assert (await call(client, "deferred")).payload == b"later"
        assert (await call(client, service.endpoints[2])).payload == b"waited"

    async def test_types(self) -> None:
        client = await self.connect()
        service = await self.adder()
        await service.add_endpoint("add", lambda request: sum(request.value.numbers), request=Add, reply=int).ready()
        assert await call(client, "add", Add([1, 2, 3]), reply=int) == 6
        error = await self.error(client, "add", {"numbers": ["x"]})
        assert (error.code, error.where) == (400, "add")
        assert error.description == "wrong request: Expected `int`, got `str` - at `$.numbers[0]`"
        assert service.stats().endpoints is not None
        assert (service.stats().endpoints or [])[0].last_error == f"400:{error.description}"

    async def test_errors_reach_the_caller_and_no_details_do(self) -> None:
        told: list[events.Event] = []
        client = await self.connect()
        service = await self.adder(await self.connect(on_event=told.append))

        def known(request: Request) -> None:
            raise ServiceError(404, "no such\r\nthing", payload=b"body")

        async def late(request: Request) -> None:
            await deferLater(self.clock, 0.01)
            raise ZeroDivisionError("of no interest to others")

        service.add_endpoint("known", known)
        service.add_endpoint("fails", fail)
        service.add_endpoint("late", late)
        service.add_endpoint("says", lambda request: request.respond_error(409, "taken", b"x", {"A": "1"}))
        await service.add_endpoint("wrong", lambda request: 7).ready()
        error = await self.error(client, "known")
        assert (error.code, error.description, error.payload) == (404, "no such thing", b"body")
        for subject in ("fails", "late"):
            reply = await client.request(subject)
            assert reply.headers.items() == ((TEXT, "the handler failed"), (CODE, "500"))
            assert reply.payload == b""
        error = await self.error(client, "says")
        assert (error.code, error.payload, error.headers.get("A")) == (409, b"x", "1")
        assert (await self.error(client, "wrong")).code == 500
        failed = [type(event.error) for event in told if isinstance(event, events.HandlerFailed)]
        assert failed == [ZeroDivisionError, ZeroDivisionError, ServiceError]
        counted = {
            each.name: (each.num_requests, each.num_errors, each.last_error) for each in service.stats().endpoints or ()
        }
        assert counted == {
            "known": (1, 1, "404:no such thing"),
            "fails": (1, 1, "500:the handler failed"),
            "late": (1, 1, "500:the handler failed"),
            "says": (1, 1, "409:taken"),
            "wrong": (1, 1, "500:the handler gave a int where bytes or text is sent"),
        }
        self.flush_logged()

    def flush_logged(self) -> None:
        self.flushLoggedErrors(ZeroDivisionError, ServiceError)  # type: ignore[attr-defined]

    async def test_a_publish_is_handled_and_not_answered(self) -> None:
        client = await self.connect()
        service = await self.adder(client)
        handled: list[bytes] = []

        def keep(request: Request) -> bytes:
            handled.append(request.payload)
            return b"nobody waits"

        endpoint = service.add_endpoint("keep", keep)
        client.publish("keep", b"1")
        await client.flush()
        assert handled == [b"1"]
        assert endpoint.stats().num_errors == 0

    async def test_instances_share_the_work_and_all_answer_without_a_group(self) -> None:
        client = await self.connect()
        shares: dict[str, int] = {}
        services = [await self.adder(await self.connect()) for _ in range(3)]
        for service in services:

            def count(request: Request, who: str = service.id) -> str:
                shares[who] = shares.get(who, 0) + 1
                return who

            await service.add_endpoint("one", count).ready()
            await service.add_endpoint("all", lambda request: b"", queue="").ready()
        for _ in range(10):
            await gatherResults([call(client, "one") for _ in range(30)])
        assert sum(shares.values()) == 300
        assert shares.keys() == {service.id for service in services}
        assert len(await client.request_many("all", stall=0.2).collect()) == 3

    # Who looks for it

    async def test_discovery(self) -> None:
        client = await self.connect()
        assert await discover(client).collect() == []
        services = [await self.adder(await self.connect()) for _ in range(3)]
        other = await Service.start(await self.connect(), "other", "2.0.0")
        for service in services:
            await service.add_endpoint("add", lambda request: b"", request=Add).ready()
        await call(client, "add", Add([]))
        found: list[FoundService] = await discover(client, "adder").collect()
        assert {each.id for each in found} == {service.id for service in services}
        counted = [each.endpoint("add").stats for each in found]
        assert sum(each.num_requests for each in counted if each is not None) == 1
        assert "request_schema" in found[0].endpoint("add").metadata
        assert (await call(client, found[0].endpoint("add"), Add([]))).payload == b""
        with pytest.raises(KeyError):
            found[0].endpoint("sub")
        assert [each.id for each in await pings(client, "other", other.id).collect()] == [other.id]
        assert [each.name for each in await infos(client, "other").collect()] == ["other"]
        assert len(await stats(client).collect()) == 4

    async def test_what_is_no_record_is_left_out(self) -> None:
        client = await self.connect()
        service = await self.adder()
        for body in (b"", b"[]", b'{"name":1}', b"[" * 50_000):
            client.subscribe("$SRV.INFO", lambda message, body=body: message.respond(body))  # type: ignore[misc]
        client.subscribe(
            "$SRV.INFO",
            lambda message: message.respond(b'{"name":"old","id":"1","version":"1","metadata":null,"endpoints":null}'),
        )
        await client.flush()
        looking = discover(client)
        found = await looking.collect()
        assert {each.name: each.started != "" for each in found} == {"adder": True, "old": False}
        assert looking.unreadable == 4
        await service.stop()

    async def test_leaving_a_search_ends_it(self) -> None:
        client = await self.connect()
        await self.adder(client)
        before = client.statistics.subscriptions
        async for _ in discover(client):
            break
        looking = discover(client)
        looking.close()
        await client.flush()
        assert client.statistics.subscriptions == before

    # Its end

    async def test_stop_finishes_what_is_in_work(self) -> None:
        client = await self.connect()
        service = await self.adder()
        gate: Deferred[bytes] = Deferred()
        service.add_endpoint("slow", lambda request: gate)
        await service.endpoints[0].ready()
        reply = call(client, "slow", timeout=20.0)
        await client.flush()
        await service._client.flush()
        stopped = service.stop()
        assert stopped is not service.stop()
        assert (await told(client, "$SRV.PING"))["id"] == service.id
        gate.callback(b"done")
        assert (await reply).payload == b"done"
        await stopped
        assert service.is_stopped
        assert await service.when_stopped() is None
        with pytest.raises(NoResponders):
            await client.request("$SRV.PING")
        with pytest.raises(InvalidArgument):
            service.add_endpoint("late", fail)
        assert service._client.statistics.subscriptions == 0

    async def test_stop_from_a_handler(self) -> None:
        client = await self.connect()
        service = await self.adder()

        @service.endpoint("stop")
        async def stop(request: Request) -> bytes:
            request.respond(b"stopping")
            await service.stop()
            return b""

        await service.endpoints[0].ready()
        assert (await call(client, "stop")).payload == b"stopping"
        assert await service.when_stopped() is None

    async def test_stop_under_load_fails_no_request(self) -> None:
        client = await self.connect()
        services = [await self.adder(await self.connect()) for _ in range(3)]
        for service in services:

            async def echo(request: Request) -> bytes:
                await deferLater(self.clock, 0.001)
                return request.payload

            await service.add_endpoint("echo", echo, concurrency=50).ready()
        for stopping in (services[0], services[1], None):
            asked = [call(client, "echo", b"%d" % number, timeout=20.0) for number in range(200)]
            if stopping is not None:
                await stopping.stop()
            assert [(await reply).payload for reply in asked] == [b"%d" % number for number in range(200)]

    async def test_it_ends_with_its_client(self) -> None:
        service = await self.adder()
        ended = service.when_stopped()
        await service._client.close()
        assert isinstance(await ended, ClientClosed)
        assert service.is_stopped
        await service.stop()

    async def test_leaving_its_block_stops_it(self) -> None:
        async with await self.adder() as service:
            pass
        assert service.is_stopped

    async def test_what_may_not_be_answered(self) -> None:
        await self.serve(users=[ServerUser(name="u", password="p", subscribe=SubjectRules(deny=["$SRV.>"]))])
        client = await self.connect(auth=UserPassword("u", "p"))
        with pytest.raises(PermissionDenied):
            await self.adder(client)
        assert client.statistics.subscriptions == 0

    # What cannot be

    async def test_wrong_arguments(self) -> None:
        client = await self.connect()
        wrong: Any
        for name, version, wrong in (
            ("a b", "1.0.0", {}),
            ("a", "1", {}),
            ("a", "1.0.0", {"metadata": {"a": 1}}),
            ("a", "1.0.0", {"description": 5}),
            ("a", "1.0.0", {"prefix": "a.>"}),
            ("a", "1.0.0", {"stats": 5}),
        ):
            with pytest.raises(InvalidArgument):
                await Service.start(client, name, version, **wrong)
        service = await self.adder(client)
        arguments: Any
        for arguments, wrong in (
            (("a.b", fail), {}),
            (("a", 5), {}),
            (("a", fail), {"subject": "a b"}),
            (("a", fail), {"queue": "a b"}),
            (("a", fail), {"queue": 5}),
            (("a", fail), {"metadata": []}),
            (("a", fail), {"request": object()}),
            (("a", fail), {"concurrency": 0}),
        ):
            with pytest.raises(InvalidArgument):
                service.add_endpoint(*arguments, **wrong)
        with pytest.raises(InvalidArgument):
            service.add_group("a.*")
        assert service.endpoints == ()
        with pytest.raises(InvalidArgument):
            discover(client, id="x")
        with pytest.raises(InvalidArgument):
            await call(client, "a b")
        with pytest.raises(InvalidArgument):
            await service.stop(-1)

    async def test_a_reply_of_another_kind(self) -> None:
        client = await self.connect()

        def answer(message: Message) -> None:
            headers = None if message.payload == b"type" else {TEXT: "odd", CODE: message.payload.decode()}
            message.respond(b"{}", headers)

        client.subscribe("odd", answer)
        with pytest.raises(RemoteProtocolError):
            await call(client, "odd", "type", reply=int)
        for code in ("12", "x", "99999", "050"):
            error = await self.error(client, "odd", code)
            assert error.code in {100, 500}
            assert error.description == "odd"

    async def test_an_answer_too_large_is_an_error(self) -> None:
        client = await self.connect()
        service = await self.adder()
        await service.add_endpoint("big", lambda request: b"x" * (2 << 20)).ready()
        error = await self.error(client, "big")
        assert error.code == 500
        self.flushLoggedErrors()  # type: ignore[attr-defined]

    async def test_silence_is_a_timeout(self) -> None:
        client = await self.connect()
        service = await self.adder()
        await service.add_endpoint("silent", lambda request: None).ready()
        with pytest.raises(RequestTimeout):
            await call(client, "silent", timeout=0.05)


class ServicesInMemory(Services, InMemory): ...


class ServicesOnNatsServer(Services, OnNatsServer): ...
