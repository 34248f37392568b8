"""What publishing and consuming know of JetStream: a client and the calls of its API.

``JetStream`` itself knows all three wings, so they cannot know it.
"""

from __future__ import annotations

from ..client import Client
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
