"""JetStream of an account: where everything of it begins."""

from __future__ import annotations

from ..client import Client
from .api import Api, api_prefix
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

    def __repr__(self) -> str:
        return f"<JetStream {self.api.prefix} of {self.client!r}>"
