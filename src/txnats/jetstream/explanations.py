"""What an error means, and what to try, in plain words.

One table: the nearest class of an error's own line of classes that stands in it is taken.
"""

from __future__ import annotations

from typing import NamedTuple

from .. import errors as core
from . import error_codes as codes
from . import errors


class Explanation(NamedTuple):
    """Why it came about, and what helps."""

    means: str
    try_this: str


EXPLANATIONS: dict[type[BaseException], Explanation] = {
    errors.StreamNotFound: Explanation(
        "No stream of this name is in the account and domain that the client uses.",
        "List js.stream_names(); check the spelling, the domain or prefix of JetStream(...), and the login's account.",
    ),
    errors.ConsumerNotFound: Explanation(
        "The stream has no consumer of this name. One without a durable name goes when nobody has used it for a while.",
        "Create it again; give it a durable_name or a longer inactive_threshold if it shall stay.",
    ),
    errors.MessageNotFound: Explanation(
        "The stream holds no such message: it never did, or it was deleted, purged or has expired.",
        "Look at first_seq and last_seq of stream.info(); a reader of direct copies may also be a little behind.",
    ),
    errors.SequenceNotFound: Explanation(
        "The stream holds nothing at this sequence: it was deleted already, or never stored.",
        "Nothing need be done if it was to be deleted.",
    ),
    errors.TooManyResults: Explanation(
        "More than 1,024 subjects match, and a server reads no more at a time.",
        "Ask for a part of them, or read with an ordered consumer and deliver_policy='last_per_subject'.",
    ),
    errors.StreamNameInUse: Explanation(
        "A stream of this name exists and is set up otherwise.",
        "Use create_or_update_stream; stream.config.differences(config) tells what differs.",
    ),
    errors.ConsumerNameInUse: Explanation(
        "A consumer of this name exists and is set up otherwise.",
        "Use create_or_update_consumer; consumer.config.differences(config) tells what differs.",
    ),
    errors.WrongLastSequence: Explanation(
        "Somebody has stored a message since you read: the expected last sequence is not the last one any more.",
        "Read again, decide anew, publish with the sequence that you have read then.",
    ),
    errors.WrongLastMessageId: Explanation(
        "The last message of the stream has another id than was expected.",
        "Read the last message, decide anew.",
    ),
    errors.WrongStream: Explanation(
        "The subject is stored by another stream than was expected.",
        "Look which stream has the subject: js.stream_names(subject).",
    ),
    errors.JetStreamNotEnabled: Explanation(
        "This login has no JetStream: the server runs without it, the account has none, or the domain is wrong.",
        "Run nats-server with -js, enable JetStream in the account, check the domain and prefix.",
    ),
    errors.JetStreamUnavailable: Explanation(
        "JetStream has no leader at the moment: servers are starting, or an election is going on. Nothing was done.",
        "Try again, with a longer timeout; if it stays so, more than half of the servers have to be reachable.",
    ),
    errors.NotSupported: Explanation(
        "The server is older than what was asked of it. Nothing was done.",
        "Run a newer nats-server, or do without the options that the error names.",
    ),
    errors.NoStreamForSubject: Explanation(
        "No stream takes messages of this subject. Nothing was stored.",
        "Create a stream whose subjects cover it, or use client.publish if it need not be stored.",
    ),
    errors.PublishOutcomeUnknown: Explanation(
        "The message left and no answer came: it may be stored or not.",
        "Publish with a message_id; then it can be published again without becoming two.",
    ),
    errors.ConsumerDeleted: Explanation(
        "Somebody deleted the consumer or its stream while you were receiving.",
        "Create it again, if it was not meant to go.",
    ),
    errors.ConsumerIsPush: Explanation(
        "The consumer has a deliver_subject: it sends by itself and cannot be pulled from.",
        "Receive from it as a push consumer, or create one without deliver_subject.",
    ),
    errors.BadPullRequest: Explanation(
        "The server does not take the pull as it was asked for.",
        "Look at the server's words; a heartbeat may be at most half of the time that a pull waits.",
    ),
    errors.PullLimitExceeded: Explanation(
        "The pull asks for more than the consumer allows, or too many pulls wait.",
        "Ask for less, or raise max_batch, max_expires, max_bytes or max_waiting of the consumer.",
    ),
    errors.MessageExceedsMaxBytes: Explanation(
        "The next message is larger than max_bytes, so that none can ever come.",
        "Raise max_bytes above the largest message.",
    ),
    errors.WrongPinId: Explanation(
        "Another client of the priority group is served now.",
        "Wait: when that one falls silent, another is pinned.",
    ),
    codes.StreamSubjectOverlap: Explanation(
        "Another stream stores some of these subjects already, and a subject has one stream.",
        "Find it with js.stream_names(subject); choose other subjects, or have the one stream source from the other.",
    ),
    codes.InvalidJSON: Explanation(
        "The server cannot read the request. A server of 2.12 or later refuses fields that it does not know.",
        "The client may be newer than the server: compare their versions.",
    ),
    codes.InsufficientResources: Explanation(
        "The servers have no room for it: storage, memory, or not enough servers for the replicas.",
        "Free some, lower max_bytes or num_replicas, or add servers.",
    ),
    codes.ClusterNoPeers: Explanation(
        "No servers fit: too few for the replicas, or none with the cluster, tags or room that are asked for.",
        "Lower num_replicas or change the placement; the server's words tell what each server lacks.",
    ),
    codes.StreamReplicasNotSupported: Explanation(
        "A server alone cannot hold more than one replica.", "Use num_replicas=1, or run a cluster of three."
    ),
    codes.MaximumStreamsLimit: Explanation(
        "The account may have no more streams.", "Delete some, or raise the account's limit."
    ),
    codes.MaximumConsumersLimit: Explanation(
        "The stream or account may have no more consumers.",
        "Delete some, or raise max_consumers; consumers without a use go by themselves if they are not durable.",
    ),
    codes.StreamMessageExceedsMaximum: Explanation(
        "The message is larger than the stream's max_msg_size.", "Raise it, or store the data in an object store."
    ),
    codes.StreamStoreFailed: Explanation(
        "The stream did not store the message: it is full with discard='new', or its disk fails.",
        "Look at the server's words; make room, raise the limits, or use discard='old'.",
    ),
    codes.StreamSealed: Explanation(
        "The stream is sealed: nothing goes in or out any more.", "Use another stream; a seal is for ever."
    ),
    codes.ConsumerFilterNotSubset: Explanation(
        "The filter matches nothing that the stream can store.", "Choose a filter inside the stream's subjects."
    ),
    codes.ConsumerWQMultipleUnfiltered: Explanation(
        "A work queue gives each message to one consumer, and there is one without a filter already.",
        "Let several clients pull from that one consumer, or give each consumer a filter of its own.",
    ),
    codes.ConsumerWQConsumerNotUnique: Explanation(
        "A work queue gives each message to one consumer, and another one has some of these subjects already.",
        "Let several clients pull from one consumer, or choose filters that do not overlap.",
    ),
    codes.MessageTTLDisabled: Explanation(
        "The stream takes no messages with a time to live.", "Update the stream with allow_msg_ttl=True."
    ),
    codes.StreamDuplicateMessageConflict: Explanation(
        "A message of the same id is being stored at this moment.", "Try again: then it is told as a duplicate."
    ),
    core.NoResponders: Explanation(
        "Nobody listens on this subject: the server said so at once.",
        "Look whether JetStream is enabled and the stream exists, or whether the responder runs.",
    ),
    core.RequestTimeout: Explanation(
        "No answer came in time. Whether the request was handled is not known.",
        "Try again if it may be done twice; look at the health of the server and of the link.",
    ),
    core.PermissionDenied: Explanation(
        "The login may not use this subject.",
        "Grant it: JetStream needs to publish to $JS.API.> and $JS.ACK.>, and to subscribe to _INBOX.>.",
    ),
    core.ClientClosed: Explanation(
        "The client is closed.", "Connect a new one; its reason tells what closed this one."
    ),
    core.OutboxFull: Explanation(
        "More was published than the server has read, up to the limit of what may wait.",
        "Wait with client.ready_to_write(), or publish less at a time.",
    ),
    core.InvalidArgument: Explanation("An argument breaks a rule. Nothing was sent.", "The error names the rule."),
}

_BY_CODE = {
    400: Explanation("The server does not take the request as it is.", "Look at its words, and change the request."),
    403: Explanation("It is forbidden.", "Ask for the permission."),
    404: Explanation("It is not there.", "Check the name, the domain and the account."),
    408: Explanation("No answer came in time.", "Try again."),
    409: Explanation("It does not fit what is there.", "Look what is there, and decide anew."),
    429: Explanation(
        "The server has too much to do of this kind.", "Wait a moment, then try again with less at a time."
    ),
    500: Explanation("The server failed at it.", "Look at its words and its log."),
    503: Explanation("It cannot be done at the moment.", "Try again in a moment."),
}


def explain(error: BaseException) -> str:
    """What an error means and what to try.

    Works for every error of this library, and says of others what they say themselves.
    """
    found = next((EXPLANATIONS[kind] for kind in type(error).__mro__ if kind in EXPLANATIONS), None)
    if found is None and isinstance(error, errors.JetStreamError):
        found = _BY_CODE.get(error.code)
    lines = [str(error) or type(error).__name__]
    if found is not None:
        lines += [found.means, f"Try: {found.try_this}"]
    elif isinstance(error, core.NatsError) and error.hint:
        lines.append(f"Try: {error.hint}")
    return "\n".join(lines)
