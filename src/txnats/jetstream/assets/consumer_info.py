"""What a server tells of a consumer.

Source: the ConsumerInfo of nats-server 2.15.
"""

from __future__ import annotations

from ..records import Record, Seconds, Time
from .consumer_config import ConsumerConfig
from .stream_info import ClusterInfo


class SequencePair(Record, frozen=True):
    """A place in a consumer's work: in its own count, and in the stream's."""

    consumer_seq: int = 0
    stream_seq: int = 0
    last_active: Time | None = None


class PriorityGroupState(Record, frozen=True):
    """Who is pinned in a priority group."""

    group: str = ""
    pinned_client_id: str = ""
    pinned_ts: Time | None = None


class ConsumerInfo(Record, frozen=True):
    """A consumer as it is.

    Attributes:
        delivered: The last message that was delivered.
        ack_floor: The last one below which all are settled.
        num_ack_pending: Messages delivered and not settled.
        num_redelivered: Of these, delivered more than once.
        num_waiting: Pulls that wait.
        num_pending: Messages of the stream that are still to be delivered.
        push_bound: Somebody listens at a push consumer's subject.
        paused: It delivers nothing for now.
        pause_remaining: Seconds until it does.
        ts: When this was true.
    """

    stream_name: str = ""
    name: str = ""
    created: Time | None = None
    config: ConsumerConfig = ConsumerConfig()
    delivered: SequencePair = SequencePair()
    ack_floor: SequencePair = SequencePair()
    num_ack_pending: int = 0
    num_redelivered: int = 0
    num_waiting: int = 0
    num_pending: int = 0
    cluster: ClusterInfo | None = None
    push_bound: bool = False
    paused: bool = False
    pause_remaining: Seconds = 0.0
    priority_groups: list[PriorityGroupState] = []
    ts: Time | None = None
    offline_reason: str = ""
    type: str = ""
    reset_seq: int = 0


class Pause(Record, frozen=True):
    """Whether a consumer rests now, and until when."""

    paused: bool = False
    pause_until: Time | None = None
    pause_remaining: Seconds = 0.0
    type: str = ""
