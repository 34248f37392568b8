"""What a server tells of a stream.

Source: the StreamInfo of nats-server 2.15.
"""

from __future__ import annotations

from ..records import Record, Seconds, Time
from .stream_config import ExternalStream, StreamConfig, SubjectTransform


class LostData(Record, frozen=True):
    """Messages that a damaged store has lost."""

    msgs: list[int] = []
    bytes: int = 0


class StreamState(Record, frozen=True):
    """What a stream holds.

    Attributes:
        messages: How many there are.
        bytes: What they take.
        first_seq: The lowest sequence; one above ``last_seq`` when there are none.
        first_ts: When the first one was stored.
        num_subjects: Different subjects.
        subjects: Messages of each subject; only when they were asked for.
        num_deleted: Sequences in between that are gone.
        deleted: These sequences; only when they were asked for.
    """

    messages: int = 0
    bytes: int = 0
    first_seq: int = 0
    first_ts: Time | None = None
    last_seq: int = 0
    last_ts: Time | None = None
    num_subjects: int = 0
    subjects: dict[str, int] = {}
    num_deleted: int = 0
    deleted: list[int] = []
    lost: LostData | None = None
    consumer_count: int = 0


class PeerInfo(Record, frozen=True):
    """A server that holds a copy: ``active`` is seconds since it was heard of, ``lag`` operations it is behind."""

    name: str = ""
    current: bool = False
    offline: bool = False
    active: Seconds = 0.0
    lag: int = 0
    peer: str = ""
    pending: bool = False


class ClusterInfo(Record, frozen=True):
    """The servers that hold it, and which of them leads."""

    name: str = ""
    raft_group: str = ""
    leader: str = ""
    leader_since: Time | None = None
    system_account: bool = False
    traffic_account: str = ""
    replicas: list[PeerInfo] = []


class SourceError(Record, frozen=True):
    """Why a source is not read."""

    code: int = 0
    err_code: int = 0
    description: str = ""


class StreamSourceInfo(Record, frozen=True):
    """How far a mirror or source has come.

    Attributes:
        lag: Messages that it is behind.
        active: Seconds since it was last heard of; -1e-9 for never.
    """

    name: str = ""
    external: ExternalStream | None = None
    lag: int = 0
    active: Seconds = 0.0
    error: SourceError | None = None
    filter_subject: str = ""
    subject_transforms: list[SubjectTransform] = []


class StreamAlternate(Record, frozen=True):
    """Another stream that can be read instead: a mirror, nearest first."""

    name: str = ""
    domain: str = ""
    cluster: str = ""


class StreamInfo(Record, frozen=True):
    """A stream as it is.

    Attributes:
        config: How it is set up; the server has filled in what it was not told.
        created: When it was made.
        state: What it holds.
        cluster: Where it is; None on a server alone.
        did_create: Whether the call that this answers has made it.
        ts: When this was true.
    """

    config: StreamConfig
    created: Time | None = None
    state: StreamState = StreamState()
    domain: str = ""
    cluster: ClusterInfo | None = None
    mirror: StreamSourceInfo | None = None
    sources: list[StreamSourceInfo] = []
    alternates: list[StreamAlternate] = []
    did_create: bool = False
    ts: Time | None = None
    offline_reason: str = ""
    type: str = ""
    total: int = 0
    offset: int = 0
    limit: int = 0
