"""What publishing and consuming know of JetStream: a client and the calls of its API.

``JetStream`` itself knows all three wings, so they cannot know it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..client import Client
from ..handlers import Handler
from ..message import Message
from ..observed import ObservedClient
from .api import Api


class JetStreamBase:
    """A client, and the API of its account.

    Attributes:
        client: The client; it does all the talking.
        api: The calls.
    """

    __slots__ = ("api", "client")

    def __init__(self, client: Client, api: Api) -> None:
        self.client = client
        self.api = api


def observed(client: Client, name: tuple[str, str], handler: Handler) -> Handler:
    """A handler of the messages of a consumer, with the client's hooks around it, if it has any."""
    return client.observed(" > ".join(name), handler) if isinstance(client, ObservedClient) else handler


def receiver(client: Client, name: tuple[str, str]) -> Callable[[Message], None] | None:
    """Whom to tell that a message of a consumer was taken; None when nobody wants to know."""
    return partial(client.received, " > ".join(name)) if isinstance(client, ObservedClient) else None
