"""A stream made of a snapshot's chunks: each is a request, and some of them are on their way at a time.

A server keeps what it has read of a restore that breaks off, as a stream with a part of the messages (seen in
nats-server 2.15, where chunks are stored as they come). So what fails here is taken back there.
Source: ADR-1's stream restore, and nats-server 2.15.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, Iterable

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...errors import NatsError
from ...message import Message
from ..api import Api, raise_error
from ..error_codes import StreamNameExistRestoreFailed
from ..errors import StreamNotFound
from ..records import Record, decode_object, from_wire
from . import checks
from .snapshot import Manifest
from .stream_config import StreamConfig
from .stream_info import StreamInfo, StreamState

CHUNKS_AHEAD = 16
"""Chunks that may be unanswered."""
_CHUNK = 128 * 1024
_log = Logger()


class RestoreRequest(Record, frozen=True):
    """The stream that is to be."""

    config: StreamConfig
    state: StreamState = StreamState()


def restore(
    api: Api, manifest: Manifest, chunks: Iterable[bytes] | AsyncIterable[bytes], *, timeout: float | None = None
) -> Deferred[StreamInfo]:
    """Make a stream of a snapshot's chunks.

    Args:
        api: Whom to ask.
        manifest: What they are.
        chunks: The chunks in order; the server gives up when 5 seconds pass without one.
        timeout: Seconds for each answer.

    Returns:
        A Deferred of the stream. It fails with StreamNameExistRestoreFailed when there is one of its name. Whatever
        else it fails with, what the server has made of the chunks so far is deleted before; where that cannot be done,
        a note on the error says so. Cancelled, it does not wait for that.
    """
    return Deferred.fromCoroutine(_restore(api, manifest, chunks, api.timeout if timeout is None else timeout))


async def _restore(
    api: Api, manifest: Manifest, chunks: Iterable[bytes] | AsyncIterable[bytes], timeout: float
) -> StreamInfo:
    name = checks.check_name("stream", manifest.config.name)
    request = RestoreRequest(config=manifest.config, state=manifest.state)
    begun = await api.call(f"STREAM.RESTORE.{name}", request, timeout=timeout, repeatable=False)
    sender = _Sender(api, str(begun.get("deliver_subject") or ""), timeout)
    try:
        if isinstance(chunks, AsyncIterable):
            async for chunk in chunks:
                await sender.send(chunk)
        else:
            for chunk in chunks:
                await sender.send(chunk)
        return await sender.finish()
    except StreamNameExistRestoreFailed:
        sender.stop()
        raise  # somebody else has made it meanwhile: it is not ours to delete
    except BaseException as error:
        # On its own feet: whoever cancels this does not cancel the clearing up.
        undone = Deferred.fromCoroutine(_undo(api, name, sender, timeout))
        if isinstance(error, CancelledError):
            undone.addCallback(_tell)
        elif left := await _apart(undone):
            error.add_note(left)
        raise


async def _undo(api: Api, name: str, sender: _Sender, timeout: float) -> str:
    """Delete what there is of a restore that has failed; what may be left of it, in words."""
    try:
        await sender.give_up()
        await api.call(f"STREAM.DELETE.{name}", timeout=timeout)
    except (StreamNotFound, StreamNameExistRestoreFailed):
        return ""
    except Exception as error:  # noqa: BLE001  # what has failed before is what is raised
        return f"a part of the stream {name} may be left at the server: {error}"
    return ""


def _apart(undone: Deferred[str]) -> Deferred[str]:
    """Its result, without a way to cancel it."""
    waiter: Deferred[str] = Deferred()
    undone.addCallback(lambda left: _tell(left) if waiter.called else waiter.callback(left))
    return waiter


def _tell(left: str) -> None:
    if left:
        _log.warn("a restore was cancelled: {left}", left=left)


class _Sender:
    """Sends chunks as requests, in order, some of them ahead of their answers."""

    def __init__(self, api: Api, subject: str, timeout: float) -> None:
        self._client = api.client
        self._subject = subject
        self._timeout = timeout
        self._unanswered: deque[Deferred[Message]] = deque()
        self._is_over = False

    async def send(self, chunk: bytes) -> None:
        """One chunk, in pieces if it is larger than the server takes."""
        size = min(_CHUNK, self._client.server_info.max_payload)
        for start in range(0, len(chunk), size):
            while len(self._unanswered) >= CHUNKS_AHEAD:
                self._check(await self._unanswered.popleft())
            self._ask(chunk[start : start + size])

    async def finish(self) -> StreamInfo:
        """Nothing more: the stream that it has become."""
        while self._unanswered:
            self._check(await self._unanswered.popleft())
        reply = await self._client.request(self._subject, timeout=self._timeout)
        self._is_over = True
        told = decode_object(reply.payload)
        raise_error(told, self._subject)
        return from_wire(StreamInfo, told)

    async def give_up(self) -> None:
        """Nothing more, and it is not wanted: wait until the server is done with it.

        Raises:
            StreamNameExistRestoreFailed: The stream is not what has come of the chunks.
        """
        if not self._is_over:
            self._ask(b"")
        while self._unanswered:
            answer = self._unanswered.popleft()
            try:
                self._check(await answer)
            except StreamNameExistRestoreFailed:
                self.stop()
                raise
            except NatsError:
                continue  # the first failure is told, and this one is of no more use

    def stop(self) -> None:
        """Wait for nothing any more."""
        for each in self._unanswered:
            each.addErrback(_forgotten)
            each.cancel()
        self._unanswered.clear()

    def _ask(self, piece: bytes) -> None:
        asked = self._client.request(self._subject, piece, timeout=self._timeout)
        self._unanswered.append(asked)

    def _check(self, reply: Message) -> None:
        if reply.payload:
            raise_error(decode_object(reply.payload), self._subject)


def _forgotten(_: Failure) -> None:
    """Nobody asks any more."""
