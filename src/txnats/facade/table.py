"""Which classes both facades wrap, and which of their names they leave out.

A class is *live* when its objects belong to a reactor. All others are plain values and pass as they are. A public name
of a live class is offered by the facades unless this table says otherwise: a new method is there from its first day.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import msgspec

INLINE = frozenset(
    {
        "endpoint_factory",
        "is_last",
        "key",
        "on_created",
        "on_event",
        "on_failure",
        "on_loss",
        "progress",
        "stats",
        "tell",
    }
)
"""Parameters that take a function which is called in the reactor's thread, or in the loop, and may not wait."""

HANDLERS = frozenset({"handler", "told"})
"""Parameters that take a handler: a blocking one runs in a thread, an asyncio one may be a coroutine function."""

PIECES = frozenset({"chunks", "source"})
"""Parameters that may take an iterator that has to be waited for."""

WORK = frozenset({"work"})
"""Parameters that take an awaitable."""

HOMES = frozenset({"client", "js"})
"""A function whose first parameter is one of these runs where that one lives."""

MODULES = ("jetstream", "kv", "objectstore", "partitioned", "services")
"""The modules that both facades have too, besides the names of ``txnats`` itself."""

NOT_CARRIED = frozenset({"cli", "monitoring", "testing"})
"""Rooms that stay with Twisted: operators and tests use them there."""

ONLY_TWISTED = frozenset({"Hosting", "NatsService", "ObjectConsumer", "io"})
"""Public names that only make sense with Twisted."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A live class.

    Attributes:
        module: Where it is defined.
        name: Its name.
        made_by_users: Whether users call the class.
        still: Attributes that never change, and are read in any thread.
        inside: Public names that are meant for its neighbours.
        only_twisted: Names that only make sense with Twisted; camelCase ones are so by themselves.
        not_blocking: Names that only make sense where something can be awaited.
    """

    module: str
    name: str
    made_by_users: bool = False
    still: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()
    only_twisted: frozenset[str] = frozenset()
    not_blocking: frozenset[str] = frozenset()

    @property
    def path(self) -> str:
        """The class, as ``path_of`` writes it."""
        return f"{self.module}.{self.name}"

    def original(self) -> type[Any]:
        """The class itself."""
        found: type[Any] = getattr(import_module(self.module), self.name)
        return found

    def leaves_out(self, name: str) -> bool:
        """Whether a name of the class is not for users of a facade."""
        return name.startswith("_") or name != name.lower() or name in self.inside | self.only_twisted | ALWAYS_INSIDE


def _row(path: str, /, inside: str = "", still: str = "", **options: Any) -> Row:
    module, _, name = path.rpartition(".")
    return Row(
        module=f"txnats.{module}",
        name=name,
        inside=frozenset(inside.split()),
        still=frozenset(still.split()),
        **options,
    )


ALWAYS_INSIDE = frozenset({"log"})
_MESSAGE = "payload subject reply size status description subject_bytes reply_bytes sid message value"
_FEED = "deliver ended excuse_caller handled running watch"
_SINK = "deliver ended excuse_caller fell_behind handler_failed running settled watch"
_SENDING = (
    "abandon answered back cancel closed deadline expire has_id is_over last_sent lost losses size start unanswered"
)
_GROUP = "consumer may_become kind bucket_name deletes_at_end source"

ROWS = (
    _row("client.Client", inside="clock inbox"),
    _row(
        "subscription.Subscription",
        inside="accept attach client_closed denied divert exhausted fell_behind handler_failed settled",
    ),
    _row("event_hub.EventStream", inside="call tell"),
    _row("request_many.Replies", inside="accept start"),
    _row("message.Message", still=_MESSAGE),
    _row("jetstream.context.JetStream", inside="api outgoing", made_by_users=True),
    _row("jetstream.assets.streams.Stream", inside="cached"),
    _row("jetstream.assets.consumers.Consumer", inside="cached"),
    _row("jetstream.assets.consumers.PushConsumer", inside="cached"),
    _row("jetstream.assets.snapshot.Snapshot"),
    _row("jetstream.assets.paging.Pages"),
    _row("jetstream.assets.direct.DirectMessages"),
    _row("jetstream.advisories.Advisories"),
    _row("jetstream.picked.Picked"),
    _row("jetstream.consume.ordered.Ordered", inside="deliver_to"),
    _row("jetstream.consume.consuming.Consuming", inside=_SINK),
    _row(
        "jetstream.consume.messages.Messages",
        inside=_FEED,
        only_twisted=frozenset({"pour"}),
    ),
    _row("jetstream.message.JsMessage", still=_MESSAGE),
    _row("jetstream.publish.window.Publisher", inside="one_done one_failed"),
    _row("jetstream.publish.window.Sent", inside=_SENDING),
    _row("jetstream.publish.atomic.AtomicBatch"),
    _row("jetstream.publish.ingest.FastIngest"),
    _row("jetstream.watching.watcher.Watcher", inside=_FEED),
    _row("kv.bucket.Bucket", inside="check_ttl coding create_with reading writing"),
    _row("kv.election.Election"),
    _row("kv.lease.Lease", not_blocking=frozenset({"guard"})),
    _row("objectstore.store.ObjectStore", only_twisted=frozenset({"consumer"})),
    _row("objectstore.reader.ObjectReader"),
    _row("services.service.Service", inside="host"),
    _row("services.group.Group"),
    _row("services.endpoint.Endpoint"),
    _row("services.request.Request", still=_MESSAGE),
    _row("services.discovery.Answers", inside="found read start"),
    _row("partitioned.groups.ElasticGroup", inside=_GROUP),
    _row("partitioned.groups.StaticGroup", inside=_GROUP),
    _row("partitioned.member.Member"),
    _row("partitioned.member.GroupMessage", still=_MESSAGE),
)

LIVE = {row.path: row for row in ROWS}


def path_of(kind: type) -> str:
    """What ROWS calls a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def row_of(kind: type) -> Row | None:
    """The row of a class, or of the nearest class that it is made from."""
    for each in kind.__mro__:
        row = LIVE.get(path_of(each))
        if row is not None:
            return row
    return None
