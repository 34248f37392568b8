"""What JetStream tells of its doings: streams made, messages given up, leaders elected.

Source: the advisories and metrics of nats-server 2.15; ADR-5, ADR-42.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from ..errors import ClientClosed, RemoteProtocolError
from ..message import Message
from ..streams import Queue
from ..subscription import EndReason, Subscription
from .base import JetStreamBase
from .records import Record, Seconds, Time, decode_object, from_wire

ADVISORIES, METRICS = "$JS.EVENT.ADVISORY", "$JS.EVENT.METRIC"
_WAITING = 1024


class Advisory(Record, frozen=True):
    """Something that JetStream tells. One of a kind that is not known here is this class, and ``extra`` has all of it.

    Attributes:
        type: Its kind, in the words of the wire.
        id: Names this one.
        timestamp: When it happened.
        domain: The JetStream domain.
    """

    type: str = ""
    id: str = ""
    timestamp: Time | None = None
    domain: str = ""


class StreamAction(Advisory, frozen=True):
    """A stream was made, changed or deleted: ``action`` is ``create``, ``modify`` or ``delete``."""

    stream: str = ""
    action: str = ""


class ConsumerAction(Advisory, frozen=True):
    """A consumer was made or deleted."""

    stream: str = ""
    consumer: str = ""
    action: str = ""


class ConsumerPause(Advisory, frozen=True):
    """A consumer rests, or goes on."""

    stream: str = ""
    consumer: str = ""
    paused: bool = False
    pause_until: Time | None = None


class MaxDeliver(Advisory, frozen=True):
    """A message was delivered as often as allowed and is given up."""

    stream: str = ""
    consumer: str = ""
    stream_seq: int = 0
    deliveries: int = 0


class MessageNaked(Advisory, frozen=True):
    """A receiver wants a message delivered again."""

    stream: str = ""
    consumer: str = ""
    consumer_seq: int = 0
    stream_seq: int = 0
    deliveries: int = 0


class MessageTerminated(Advisory, frozen=True):
    """A receiver wants a message never delivered again."""

    stream: str = ""
    consumer: str = ""
    consumer_seq: int = 0
    stream_seq: int = 0
    deliveries: int = 0
    reason: str = ""


class SnapshotCreate(Advisory, frozen=True):
    """A snapshot has begun."""

    stream: str = ""
    state: dict[str, Any] = {}
    client: dict[str, Any] = {}


class SnapshotComplete(Advisory, frozen=True):
    """A snapshot has ended."""

    stream: str = ""
    start: Time | None = None
    end: Time | None = None
    client: dict[str, Any] = {}
    error: str = ""


class RestoreCreate(Advisory, frozen=True):
    """A restore has begun."""

    stream: str = ""
    client: dict[str, Any] = {}


class RestoreComplete(Advisory, frozen=True):
    """A restore has ended."""

    stream: str = ""
    start: Time | None = None
    end: Time | None = None
    bytes: int = 0
    client: dict[str, Any] = {}


class DomainLeaderElected(Advisory, frozen=True):
    """The servers of a domain have another leader."""

    leader: str = ""
    replicas: list[dict[str, Any]] = []
    cluster: str = ""


class StreamLeaderElected(Advisory, frozen=True):
    """A stream has another leader."""

    account: str = ""
    stream: str = ""
    leader: str = ""
    replicas: list[dict[str, Any]] = []


class StreamQuorumLost(Advisory, frozen=True):
    """Too few servers of a stream are there: it stands still."""

    account: str = ""
    stream: str = ""
    replicas: list[dict[str, Any]] = []


class StreamBatchAbandoned(Advisory, frozen=True):
    """An atomic batch was dropped: ``reason`` is ``timeout``, ``large``, ``incomplete`` or ``unsupported``."""

    account: str = ""
    stream: str = ""
    batch: str = ""
    reason: str = ""


class ConsumerLeaderElected(Advisory, frozen=True):
    """A consumer has another leader."""

    account: str = ""
    stream: str = ""
    consumer: str = ""
    leader: str = ""
    replicas: list[dict[str, Any]] = []


class ConsumerQuorumLost(Advisory, frozen=True):
    """Too few servers of a consumer are there: it stands still."""

    account: str = ""
    stream: str = ""
    consumer: str = ""
    replicas: list[dict[str, Any]] = []


class ConsumerGroupPinned(Advisory, frozen=True):
    """A client was pinned in a priority group."""

    account: str = ""
    stream: str = ""
    consumer: str = ""
    group: str = ""
    pinned_id: str = ""


class ConsumerGroupUnpinned(Advisory, frozen=True):
    """A client is pinned no longer: ``reason`` is ``admin`` or ``timeout``."""

    account: str = ""
    stream: str = ""
    consumer: str = ""
    group: str = ""
    reason: str = ""


class ServerOutOfStorage(Advisory, frozen=True):
    """A server has no room left; it has switched JetStream off."""

    server: str = ""
    server_id: str = ""
    stream: str = ""
    cluster: str = ""


class ServerRemoved(Advisory, frozen=True):
    """A server was taken out of the domain."""

    server: str = ""
    server_id: str = ""
    cluster: str = ""


class MetaRescue(Advisory, frozen=True):
    """Fewer servers than before are needed to decide, by force."""

    server: str = ""
    server_id: str = ""
    prev_quorum: int = 0
    new_quorum: int = 0
    cluster: str = ""


class ApiLimitReached(Advisory, frozen=True):
    """A server has dropped calls of the API."""

    server: str = ""
    dropped: int = 0


class ApiAudit(Advisory, frozen=True):
    """Somebody has called the API."""

    server: str = ""
    client: dict[str, Any] = {}
    subject: str = ""
    request: str = ""
    response: str = ""


class ConsumerAck(Advisory, frozen=True):
    """How long a message took to be acknowledged: a metric, of a consumer with ``sample_freq``.

    Attributes:
        ack_time: Seconds from its delivery.
    """

    stream: str = ""
    consumer: str = ""
    consumer_seq: int = 0
    stream_seq: int = 0
    ack_time: Seconds = 0.0
    deliveries: int = 0


BY_TYPE: dict[str, type[Advisory]] = {
    "io.nats.jetstream.metric.v1.consumer_ack": ConsumerAck,
    "io.nats.jetstream.advisory.v1.stream_action": StreamAction,
    "io.nats.jetstream.advisory.v1.consumer_action": ConsumerAction,
    "io.nats.jetstream.advisory.v1.consumer_pause": ConsumerPause,
    "io.nats.jetstream.advisory.v1.max_deliver": MaxDeliver,
    "io.nats.jetstream.advisory.v1.nak": MessageNaked,
    "io.nats.jetstream.advisory.v1.terminated": MessageTerminated,
    "io.nats.jetstream.advisory.v1.snapshot_create": SnapshotCreate,
    "io.nats.jetstream.advisory.v1.snapshot_complete": SnapshotComplete,
    "io.nats.jetstream.advisory.v1.restore_create": RestoreCreate,
    "io.nats.jetstream.advisory.v1.restore_complete": RestoreComplete,
    "io.nats.jetstream.advisory.v1.domain_leader_elected": DomainLeaderElected,
    "io.nats.jetstream.advisory.v1.stream_leader_elected": StreamLeaderElected,
    "io.nats.jetstream.advisory.v1.stream_quorum_lost": StreamQuorumLost,
    "io.nats.jetstream.advisory.v1.stream_batch_abandoned": StreamBatchAbandoned,
    "io.nats.jetstream.advisory.v1.consumer_leader_elected": ConsumerLeaderElected,
    "io.nats.jetstream.advisory.v1.consumer_quorum_lost": ConsumerQuorumLost,
    "io.nats.jetstream.advisory.v1.consumer_group_pinned": ConsumerGroupPinned,
    "io.nats.jetstream.advisory.v1.consumer_group_unpinned": ConsumerGroupUnpinned,
    "io.nats.jetstream.advisory.v1.server_out_of_space": ServerOutOfStorage,
    "io.nats.jetstream.advisory.v1.server_removed": ServerRemoved,
    "io.nats.jetstream.advisory.v1.meta_rescue": MetaRescue,
    "io.nats.jetstream.advisory.v1.api_limit_reached": ApiLimitReached,
    "io.nats.jetstream.advisory.v1.api_audit": ApiAudit,
}
"""The class for each ``type`` of the wire."""


def read(payload: bytes) -> Advisory:
    """An advisory of the class for its kind.

    Raises:
        RemoteProtocolError: It is no JSON object, or a field has another type than is known.
    """
    told = decode_object(payload)
    return from_wire(BY_TYPE.get(str(told.get("type")), Advisory), told)


class Advisories(Queue[Advisory]):
    """Advisories from now on, as an iterator; leaving it ends it. What waits too long is dropped, oldest first.

    Args:
        js: Where.
        kinds: What to listen to: the rest of the subject, such as ``CONSUMER.>``.
        metrics: Metrics, too.

    Attributes:
        missed: Those that were dropped because too many waited.
        unreadable: Those that could not be read.
    """

    __slots__ = ("_subscriptions", "unreadable")

    def __init__(self, js: JetStreamBase, kinds: str = ">", *, metrics: bool = False) -> None:
        super().__init__(js.client.clock, _WAITING)
        self.unreadable = 0
        subjects = [f"{ADVISORIES}.{kinds}"] + ([f"{METRICS}.>"] if metrics else [])
        self._subscriptions: list[Subscription] = []
        for subject in subjects:
            subscription = js.client.subscribe(subject, self._accept)
            self._subscriptions.append(subscription)
            subscription.when_done().addCallback(self._subscription_ended, subscription)

    def ready(self) -> Deferred[None]:
        """Wait until the server tells; fails with PermissionDenied when the login may not listen."""
        return self._subscriptions[-1].ready()

    def _accept(self, message: Message) -> None:
        try:
            self._put(read(message.payload))
        except RemoteProtocolError:
            self.unreadable += 1

    def _subscription_ended(self, reason: EndReason, subscription: Subscription) -> None:
        if subscription.error is not None or reason is EndReason.CLIENT_CLOSED:
            self._released()
            self._finish(subscription.error or ClientClosed())

    def _released(self) -> None:
        for subscription in self._subscriptions:
            subscription.unsubscribe()
