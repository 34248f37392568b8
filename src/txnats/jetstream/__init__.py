"""JetStream: streams that keep messages, consumers that hand them out, publishing that is acknowledged."""

from . import advisories, error_codes, errors
from .account import AccountInfo
from .ack_reply import Metadata
from .advisories import Advisory
from .assets.consumer_config import AckPolicy, ConsumerConfig, DeliverPolicy, PriorityPolicy, ReplayPolicy
from .assets.consumer_info import ConsumerInfo
from .assets.consumers import Consumer
from .assets.snapshot import Manifest, Snapshot
from .assets.stored import StoredMessage
from .assets.stream_config import (
    Compression,
    ConsumerLimits,
    Discard,
    ExternalStream,
    PersistMode,
    Placement,
    Republish,
    Retention,
    SourceConsumer,
    Storage,
    StreamConfig,
    StreamSource,
    SubjectTransform,
)
from .assets.stream_info import StreamInfo, StreamState
from .assets.streams import Stream
from .consume.consuming import Consuming
from .consume.messages import Messages
from .consume.ordered import Ordered
from .consume.pull_request import Priority
from .context import JetStream
from .errors import (
    ConsumerDeleted,
    ConsumerNameInUse,
    ConsumerNotFound,
    JetStreamError,
    JetStreamNotEnabled,
    JetStreamUnavailable,
    MessageNotFound,
    NoStreamForSubject,
    NotSupported,
    PublishOutcomeUnknown,
    PullFailed,
    StreamNameInUse,
    StreamNotFound,
    WrongLastSequence,
)
from .explanations import explain
from .message import JsMessage
from .publish.ack import PubAck
from .publish.atomic import AtomicBatch
from .publish.errors import BatchFailed, IngestFailed, PublisherStopped, PublishesFailed
from .publish.headers import Expect
from .publish.ingest import FastIngest
from .publish.window import Publisher
from .units import Timestamp

__all__ = [
    "AccountInfo",
    "AckPolicy",
    "Advisory",
    "AtomicBatch",
    "BatchFailed",
    "Compression",
    "Consumer",
    "ConsumerConfig",
    "ConsumerDeleted",
    "ConsumerInfo",
    "ConsumerLimits",
    "ConsumerNameInUse",
    "ConsumerNotFound",
    "Consuming",
    "DeliverPolicy",
    "Discard",
    "Expect",
    "ExternalStream",
    "FastIngest",
    "IngestFailed",
    "JetStream",
    "JetStreamError",
    "JetStreamNotEnabled",
    "JetStreamUnavailable",
    "JsMessage",
    "Manifest",
    "MessageNotFound",
    "Messages",
    "Metadata",
    "NoStreamForSubject",
    "NotSupported",
    "Ordered",
    "PersistMode",
    "Placement",
    "Priority",
    "PriorityPolicy",
    "PubAck",
    "PublishOutcomeUnknown",
    "Publisher",
    "PublisherStopped",
    "PublishesFailed",
    "PullFailed",
    "ReplayPolicy",
    "Republish",
    "Retention",
    "Snapshot",
    "SourceConsumer",
    "Storage",
    "StoredMessage",
    "Stream",
    "StreamConfig",
    "StreamInfo",
    "StreamNameInUse",
    "StreamNotFound",
    "StreamSource",
    "StreamState",
    "SubjectTransform",
    "Timestamp",
    "WrongLastSequence",
    "advisories",
    "error_codes",
    "errors",
    "explain",
]
