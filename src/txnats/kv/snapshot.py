"""Many keys as they are at one moment, in one request.

A server looks up which messages it will send in one step, and then sends them. What is overwritten in between and has
no history is left out: that is seen by the count, and the whole is asked for again.

Source: ADR-31, multi-subject requests; the behaviour of nats-server 2.15.
"""

from __future__ import annotations

from ..errors import NoResponders, OperationTimeout, RequestTimeout
from ..jetstream.assets.stored import GetRequest, StoredMessage, from_direct, status_error
from ..jetstream.context import JetStream
from ..jetstream.errors import JetStreamError
from ..jetstream.records import encode
from ..message import Message
from .errors import SnapshotTorn, TooManyKeys

MOST_KEYS = 1024
"""Subjects that a server looks up for one request."""
TRIES = 20
SILENCE = 2.0
"""Seconds without a message after which it is asked for again."""
_PENDING = "Nats-Num-Pending"
_TOO_MANY = 413


class _Again(Exception):
    """It was not whole."""


async def snapshot(
    js: JetStream, bucket: str, stream: str, subjects: list[str], timeout: float | None = None
) -> list[StoredMessage]:
    """The last message of each subject, or of each that a pattern matches, as of one moment.

    Raises:
        TooManyKeys: They are more than a server looks up at once.
        SnapshotTorn: Keys were overwritten faster than they could be read, each time.
        RequestTimeout, NoResponders, JetStreamError: It cannot be had.
    """
    await js.api.require(1, ("get_many",))
    clock = js.api.clock
    subject = js.api.subject(f"DIRECT.GET.{stream}")
    seconds = js.api.timeout if timeout is None else timeout
    deadline = clock.seconds() + seconds
    body = encode(GetRequest(multi_last=subjects))
    torn = 0
    while torn < TRIES:
        left = deadline - clock.seconds()
        if left <= 0:
            raise RequestTimeout(subject, timeout=seconds)
        try:
            return await _once(js, bucket, subject, body, min(left, SILENCE))
        except _Again:
            torn += 1
        except OperationTimeout:
            pass
    raise SnapshotTorn(bucket, TRIES)


async def _once(js: JetStream, bucket: str, subject: str, body: bytes, silence: float) -> list[StoredMessage]:
    client = js.client
    inbox = client.new_inbox()
    found: list[StoredMessage] = []
    total = 0
    async with client.subscribe(inbox) as replies:
        client.publish(subject, body, reply=inbox)
        while True:
            message = await replies.next(timeout=silence)
            if message.status is not None:
                _judge(message, bucket, subject)
                break
            if not found:
                total = int(message.headers.get(_PENDING) or 0) + 1
            found.append(from_direct(message))
    if len(found) < total:
        raise _Again
    return found


def _judge(message: Message, bucket: str, subject: str) -> None:
    """What the status at the end says."""
    match message.status:
        case 204 | 404:
            return
        case 413:
            raise TooManyKeys(bucket)
        case 503:
            raise NoResponders(subject)
    error = status_error(message)
    raise TooManyKeys(bucket) if isinstance(error, JetStreamError) and error.code == _TOO_MANY else error
