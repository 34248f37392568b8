"""JetStream of an account: where everything of it begins."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..client import Client
from .api import Api, api_prefix


class JetStream:
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
        self.client = client
        self.api = Api(client, api_prefix(domain, prefix), timeout)

    def __repr__(self) -> str:
        return f"<JetStream {self.api.prefix} of {self.client!r}>"

    # Publishing: in ``publish/``, whose functions take the Api

    def publish(self, subject: str, payload: bytes | str = b"", **options: Any) -> Any:
        """Publish a message; the Deferred fires with the PubAck when it is stored."""
        return _publish("publisher").publish(self.api, subject, payload, **options)

    def publisher(self, **options: Any) -> Any:
        """A publisher with a window of messages that are not acknowledged yet."""
        return _publish("publisher").Publisher(self.api, **options)

    def atomic_batch(self, **options: Any) -> Any:
        """A batch that is stored as a whole or not at all."""
        return _publish("batch").AtomicBatch(self.api, **options)

    def fast_ingest(self, **options: Any) -> Any:
        """A fast stream of messages into a stream, acknowledged now and then."""
        return _publish("ingest").FastIngest(self.api, **options)

    def increment(self, subject: str, by: int, **options: Any) -> Any:
        """Add to a counter."""
        return _publish("counters").increment(self.api, subject, by, **options)

    def schedule(self, subject: str, payload: bytes | str, **options: Any) -> Any:
        """Have the server publish a message later, or again and again."""
        return _publish("schedules").schedule(self.api, subject, payload, **options)


def _publish(module: str) -> Any:
    return import_module(f".publish.{module}", __package__)
