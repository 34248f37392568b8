"""Groups on a real server: shared out, in order, with members that come, go and die."""

from __future__ import annotations

from typing import Any

import pytest

from tests.jetstream.story import JetStreamStory, error_of, until
from txnats import ClientClosed, InvalidArgument, kv, partitioned
from txnats.jetstream import (
    ConsumerConfig,
    ConsumerNameInUse,
    JetStream,
    StreamConfig,
    StreamNotFound,
    SubjectTransform,
)
from txnats.partitioned import (
    GroupChanged,
    GroupExists,
    GroupMessage,
    GroupNotFound,
    Mapping,
    NotAMember,
    PartitioningFilter,
)

QUICK = ConsumerConfig(ack_wait=1.0, max_ack_pending=1)


class Seen:
    """What the members of a test have had."""

    def __init__(self) -> None:
        self.by: dict[str, list[tuple[str, int]]] = {}

    def taker(self, name: str) -> Any:
        had = self.by.setdefault(name, [])

        async def take(message: GroupMessage) -> None:
            # Counted when nothing about it is under way any more, so that a test may end.
            await message.ack_sync()
            had.append((message.subject, int(message.payload)))

        return take

    def count(self) -> int:
        return sum(map(len, self.by.values()))

    def in_order(self) -> bool:
        """Whether each subject came to one member, in its order."""
        for had in self.by.values():
            for subject in {subject for subject, _ in had}:
                numbers = [number for each, number in had if each == subject]
                if numbers != sorted(numbers):
                    return False
        return True


@pytest.mark.usefixtures("class_server")
class TestGroups(JetStreamStory):
    timeout = 60

    async def static(self, name: str, **fields: Any) -> tuple[JetStream, Any]:
        js = await self.js()
        transform = SubjectTransform(src=f"{name}.*", dest=f"{{{{partition(4,1)}}}}.{name}.{{{{wildcard(1)}}}}")
        await js.create_stream(StreamConfig(name=name, subjects=[f"{name}.*"], subject_transform=transform))
        return js, await partitioned.create_static(js, name, "g", 4, **fields)

    async def elastic(self, name: str) -> tuple[JetStream, Any]:
        js = await self.js()
        await js.create_stream(StreamConfig(name=name, subjects=[f"{name}.*"]))
        filters = [PartitioningFilter(filter=f"{name}.*", partitioning_wildcards=[1])]
        return js, await partitioned.create_elastic(js, name, "g", 4, filters=filters)

    async def fill(self, js: JetStream, name: str, count: int = 40, start: int = 0) -> None:
        for number in range(start, start + count):
            await js.publish(f"{name}.{number % 10}", f"{number}")

    async def test_a_static_group_shares_out_in_order(self) -> None:
        js, group = await self.static("STATIC", members=["a", "b"])
        await self.fill(js, "STATIC")
        seen = Seen()
        members = [await group.consume(name, seen.taker(name), QUICK) for name in ("a", "b")]
        await until(lambda: seen.count() == 40)
        assert seen.in_order()
        assert all(seen.by.values())
        subjects = [{subject for subject, _ in had} for had in seen.by.values()]
        assert not subjects[0] & subjects[1]
        assert sorted(number for had in seen.by.values() for _, number in had) == list(range(40))
        assert await group.active_members() == ["a", "b"]
        assert await partitioned.static_groups(js, "STATIC") == ["g"]
        assert type(await error_of(group.consume("c", seen.taker("c")))) is NotAMember
        await group.delete()
        for member in members:
            await member.when_done()
        assert await (await js.stream("STATIC")).consumer_names().collect() == []
        assert type(await error_of(partitioned.static_group(js, "STATIC", "g"))) is GroupNotFound

    async def test_a_second_instance_takes_over(self) -> None:
        js, group = await self.static("TWICE", members=["a"])
        await self.fill(js, "TWICE", 10)
        seen = Seen()
        first = await group.consume("a", seen.taker("first"), QUICK)
        await until(lambda: seen.count() == 10)
        other = await partitioned.static_group(await self.js(), "TWICE", "g")
        second = await other.consume("a", seen.taker("second"), QUICK)
        await until(lambda: second.is_consuming)
        first.stop()
        await first.when_done()
        await self.fill(js, "TWICE", 10, start=10)
        await until(lambda: seen.count() == 20)
        assert [number for _, number in seen.by["second"]][-1] == 19
        second.stop()

    async def test_an_instance_that_dies_is_replaced(self) -> None:
        js, group = await self.static("DIES", members=["a"])
        dying = await self.js()
        seen = Seen()
        first = await (await partitioned.static_group(dying, "DIES", "g")).consume("a", seen.taker("first"), QUICK)
        await self.fill(js, "DIES", 5)
        await until(lambda: seen.count() == 5)
        second = await group.consume("a", seen.taker("second"), QUICK)
        await until(lambda: second.is_consuming)
        await dying.client.close()
        assert isinstance(await error_of(first.when_done()), ClientClosed)
        await self.fill(js, "DIES", 5, start=5)
        await until(lambda: seen.count() >= 10)
        assert [number for _, number in seen.by["second"]] == [5, 6, 7, 8, 9]
        second.stop()
        await second.when_done()

    async def test_two_configurations_of_one_member_are_told(self) -> None:
        _, group = await self.static("DIFFER", members=["a"])
        first = await group.consume("a", Seen().taker("a"), QUICK)
        await until(lambda: first.is_consuming)
        second = await group.consume("a", Seen().taker("a"), QUICK.replace(max_ack_pending=7))
        assert type(await error_of(second.when_done())) is ConsumerNameInUse
        first.stop()
        await first.when_done()

    async def test_a_static_group_that_is_changed_ends(self) -> None:
        js, group = await self.static("CHANGED", members=["a"])
        member = await group.consume("a", Seen().taker("a"), QUICK)
        bucket = await kv.open(js, "static-consumer-groups")
        await bucket.put("CHANGED.g", b'{"max_members":5,"members":["a"]}')
        assert type(await error_of(member.when_done())) is GroupChanged
        assert not member.is_consuming
        assert "ended" in repr(member)

    async def test_making_it_twice(self) -> None:
        js, group = await self.static("AGAIN", members=["a"])
        again = await partitioned.create_static(js, "AGAIN", "g", 4, members=["a"])
        assert again.config == group.config
        assert type(await error_of(partitioned.create_static(js, "AGAIN", "g", 5, members=["a"]))) is GroupExists
        assert type(await error_of(partitioned.create_static(js, "NOWHERE", "g", 5))) is StreamNotFound
        assert isinstance(await error_of(partitioned.create_static(js, "AGAIN", "g", 0)), InvalidArgument)
        assert await partitioned.static_groups(js, "NOWHERE") == []

    async def test_members_of_an_elastic_group_come_and_go(self) -> None:
        js, group = await self.elastic("ELASTIC")
        seen = Seen()
        members = {name: await group.consume(name, seen.taker(name), QUICK) for name in ("a", "b")}
        await self.fill(js, "ELASTIC", 20)
        await group.add("a")
        await until(lambda: seen.count() == 20)
        assert seen.by["b"] == []
        await group.add("b")
        await until(lambda: members["b"].is_consuming and members["a"].is_consuming)
        total = 20
        while not seen.by["b"]:
            await self.fill(js, "ELASTIC", 10, start=total)
            total += 10
            await until(lambda total=total: seen.count() >= total)  # type: ignore[misc]
        await group.drop("a")
        await until(lambda: not members["a"].is_consuming)
        had = len(seen.by["a"])
        await self.fill(js, "ELASTIC", 20, start=total)
        await until(lambda: {number for each in seen.by.values() for _, number in each} == set(range(total + 20)))
        assert len(seen.by["a"]) == had
        assert await partitioned.elastic_groups(js, "ELASTIC") == ["g"]
        await group.delete()
        for member in members.values():
            await member.when_done()
        assert type(await error_of(js.stream("ELASTIC-g"))) is StreamNotFound

    async def test_mappings_of_an_elastic_group(self) -> None:
        js, group = await self.elastic("MAPPED")
        await group.map([Mapping(member="a", partitions=[0, 1, 2, 3])])
        seen = Seen()
        member = await group.consume("a", seen.taker("a"), QUICK)
        await self.fill(js, "MAPPED", 10)
        await until(lambda: seen.count() == 10)
        assert await group.active_members() == ["a"]
        await group.step_down("a")
        assert isinstance(await error_of(group.add("b")), InvalidArgument)
        found = await partitioned.elastic_group(js, "MAPPED", "g")
        assert found.config.member_mappings == [Mapping(member="a", partitions=[0, 1, 2, 3])]
        policy = ConsumerConfig(ack_policy="all")
        assert isinstance(await error_of(group.consume("a", seen.taker("a"), policy)), InvalidArgument)
        member.stop()
        await member.when_done()
        await member.when_done()
