"""JetStream of an account: where everything of it begins."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable

from twisted.internet.defer import Deferred

from ..client import Client
from .account import AccountInfo
from .advisories import Advisories
from .api import Api, api_prefix
from .assets import streams
from .assets.paging import Pages
from .assets.restore import restore
from .assets.snapshot import Manifest
from .assets.stream_config import StreamConfig
from .assets.stream_info import StreamInfo
from .assets.streams import Stream
from .publish.front import Publishes


class JetStream(Publishes):
    """JetStream as a client's account has it.

    It holds nothing that must be closed: make as many as you like.

    Args:
        client: A connected client; it does all the talking.
        domain: The JetStream domain, if it is not the one of the server in use.
        prefix: First tokens of the API's subjects, where an account imports the API under others.
        timeout: Seconds for a call with all its tries. Electing a new leader takes some of them.

    Attributes:
        client: The client.
        api: The calls of the JetStream API.
    """

    def __init__(
        self, client: Client, domain: str | None = None, prefix: str | None = None, timeout: float = 15.0
    ) -> None:
        super().__init__(client, Api(client, api_prefix(domain, prefix), timeout))

    def account_info(self, timeout: float | None = None) -> Deferred[AccountInfo]:
        """What the account uses, and may use. It fails with JetStreamNotEnabled when it has no JetStream."""
        return self.api.call("INFO", None, AccountInfo, timeout=timeout)

    def api_level(self, timeout: float | None = None) -> Deferred[int]:
        """What the server can do: 0 is nats-server 2.10, 1 is 2.11, 2 is 2.12, 4 is 2.14, 5 is 2.15."""
        return self.api.api_level(timeout)

    # Streams

    def create_stream(self, config: StreamConfig, timeout: float | None = None) -> Deferred[Stream]:
        """Make a stream; one that stands already and is set up alike is that stream.

        Returns:
            A Deferred that fails with StreamNameInUse when one of its name is set up otherwise, with
            StreamSubjectOverlap when another stores its subjects, with NotSupported when the server is too old, with
            InvalidArgument when no server takes it.
        """
        return streams.create(self, config, timeout)

    def update_stream(self, config: StreamConfig, timeout: float | None = None) -> Deferred[Stream]:
        """Set up a stream anew, as a whole. It fails with StreamNotFound when there is none."""
        return streams.update(self, config, timeout)

    def create_or_update_stream(self, config: StreamConfig, timeout: float | None = None) -> Deferred[Stream]:
        """Make a stream, or set it up anew."""
        return streams.create_or_update(self, config, timeout)

    def stream(self, name: str, timeout: float | None = None) -> Deferred[Stream]:
        """A stream that stands. It fails with StreamNotFound when there is none."""
        return streams.bind(self, name, timeout)

    def delete_stream(self, name: str, timeout: float | None = None) -> Deferred[None]:
        """Delete a stream with all that it holds."""
        return streams.delete(self, name, timeout)

    def streams(self, subject: str = "", timeout: float | None = None) -> Pages[StreamInfo]:
        """All streams, or those that store something under a subject or pattern."""
        return streams.infos(self, subject, timeout)

    def stream_names(self, subject: str = "", timeout: float | None = None) -> Pages[str]:
        """The names of all streams, or of those that store something under a subject or pattern."""
        return streams.names(self, subject, timeout)

    def restore_stream(
        self,
        manifest: Manifest,
        chunks: Iterable[bytes] | AsyncIterable[bytes],
        *,
        config: StreamConfig | None = None,
        timeout: float | None = None,
    ) -> Deferred[Stream]:
        """Make a stream of a snapshot.

        Args:
            manifest: What the chunks are: ``await snapshot.manifest()``.
            chunks: The chunks in order, such as a ``Snapshot``; the server gives up when 5 seconds pass without one.
            config: How the stream is set up instead, under the name that it had.
            timeout: Seconds for each answer.

        Returns:
            A Deferred that fails with StreamNameExistRestoreFailed when there is one of its name. Whatever else it
            fails with, what the server has made of the chunks is deleted; where that cannot be done, a note on the
            error (``__notes__``) says so.
        """
        wanted = manifest if config is None else Manifest(config=config, state=manifest.state)
        return restore(self.api, wanted, chunks, timeout=timeout).addCallback(lambda info: Stream(self, info))

    def advisories(self, kinds: str = ">", *, metrics: bool = False) -> Advisories:
        """What JetStream tells of its doings from now on, as an iterator of typed values.

        Args:
            kinds: The rest of the subject after ``$JS.EVENT.ADVISORY.``, such as ``CONSUMER.MAX_DELIVERIES.>``.
            metrics: Whether to take in metrics, too.
        """
        return Advisories(self, kinds, metrics=metrics)

    def __repr__(self) -> str:
        return f"<JetStream {self.api.prefix} of {self.client!r}>"
