"""Why a connection was lost, in an error of ours."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from ..errors import ConnectionLost, DialFailed, NatsError


def why_lost(server: str, reason: Failure, *, tls: NatsError | None, live: bool, leaving: bool = False) -> NatsError:
    """The error of a connection that ended by itself.

    Args:
        server: Its name.
        reason: What the transport says; one of ours gives an error of ours.
        tls: What TLS knows of it.
        live: Whether the handshake was done.
        leaving: Whether the server had said that it would go.
    """
    if tls is None and isinstance(reason.value, NatsError):
        return reason.value
    if not live:
        return tls or DialFailed(
            server, f"the server closed the connection before the handshake was done{_detail(reason)}"
        )
    if tls is not None:
        return ConnectionLost(server, f"TLS failed: {tls.why}", hint=tls.hint)
    if leaving:
        why, hint = "the server was shut down (lame duck)", "is there another server of its cluster?"
        return ConnectionLost(server, why, hint=hint)
    return ConnectionLost(server, f"the server closed the connection{_detail(reason)}", hint="its log may tell why")


def _detail(reason: Failure) -> str:
    """Why a socket ended, as an addition to a text; nothing where it was just closed."""
    return "" if reason.check(ConnectionDone) else f" ({reason.getErrorMessage()})"
