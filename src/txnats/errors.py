"""Every error that the core raises, in one tree.

::

    NatsError
    ├── InvalidArgument (ValueError)      your argument; nothing was sent
    │   ├── InvalidSubject
    │   ├── InvalidHeader
    │   │   └── HeadersTooLarge
    │   ├── InvalidOption
    │   └── PayloadTooLarge
    ├── ProtocolError                     the bytes broke the rules
    │   ├── LocalProtocolError            ours would have
    │   └── RemoteProtocolError           theirs did
    ├── ConnectionProblem
    │   ├── DialFailed                    one server, one attempt, one cause
    │   │   └── WebSocketRefused          what answered there opens no WebSocket
    │   ├── NoServersLeft                 every server was tried; each cause is kept
    │   ├── AuthenticationRefused
    │   │   └── CredentialsExpired
    │   ├── CredentialsUnavailable        a file cannot be read, a callable of yours raised; nothing was sent
    │   ├── TlsUnavailable                TLS was asked for and cannot be had; nothing was sent
    │   │   └── CertificateRefused        theirs by us, or ours by them
    │   ├── ConnectionLost
    │   │   ├── StaleConnection
    │   │   └── WebSocketClosed           by the server, with a code and its words
    │   ├── ClientClosed
    │   ├── ClientDraining
    │   └── OutboxFull
    ├── ServerError                       an -ERR that the server told us
    │   └── PermissionDenied
    ├── RequestFailed
    │   ├── NoResponders
    │   └── RequestTimeout (TimeoutError)
    ├── OperationTimeout (TimeoutError)   flush, next, drain ... took longer than they were given
    ├── SlowConsumer                      raised by an iterator that fell behind, if its policy says so
    └── EndOfStream                       an iterator has no more: only from next(); ``async for`` just ends

``except NatsError`` is always the whole net. The text of an error is made from its fields: what, where (with secrets
taken out), why, and a hint on what to do.
"""

from __future__ import annotations

from collections.abc import Sequence

from .redaction import snippet_of, without_secrets


class NatsError(Exception):
    """The root of all errors of this library.

    Args:
        what: What went wrong, without a full stop.
        where: The server or subject that it concerns, redacted; may be empty.
        why: The cause; may be empty.
        hint: What to try; may be empty.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (type(self), self.args, self.__dict__)

    def __repr__(self) -> str:
        # The whole text: events are logged as they print, and the cause is what a reader looks for.
        return f"{type(self).__name__}({str(self)!r})"

    def __str__(self) -> str:
        text = self.what
        if self.where:
            text += f" [{self.where}]"
        if self.why:
            text += f": {self.why}"
        if self.hint:
            text += f" ({self.hint})"
        return text


def _rebuilt(kind: type[NatsError], args: tuple[object, ...], fields: dict[str, object]) -> NatsError:
    """An error from its fields, in another process or as a copy: constructors of subclasses take other arguments."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class InvalidArgument(NatsError, ValueError):
    """An argument breaks a rule. Nothing was sent and nothing has changed."""


class InvalidSubject(InvalidArgument):
    """A subject, reply subject or queue group that NATS cannot carry."""


class InvalidHeader(InvalidArgument):
    """A header name or value that the wire cannot carry unchanged."""


class InvalidOption(InvalidArgument):
    """An option out of its range, or two that exclude each other."""


class PayloadTooLarge(InvalidArgument):
    """Headers and payload together exceed the server's ``max_payload``.

    Attributes:
        size: Bytes of headers and payload.
        limit: Bytes that the server in use accepts.
    """

    def __init__(self, *, size: int, limit: int) -> None:
        super().__init__(
            f"message of {size:,} bytes is too large",
            why=f"the server accepts {limit:,} bytes of headers and payload",
            hint="split it, or raise max_payload on the server",
        )
        self.size = size
        self.limit = limit


class HeadersTooLarge(InvalidHeader):
    """A header block that receivers like us would take for a fault.

    Attributes:
        size: Bytes of the header block.
        limit: Bytes that it may have.
    """

    def __init__(self, *, size: int, limit: int) -> None:
        why, hint = f"Limits.header_block is {limit:,}", "put it into the payload"
        super().__init__(f"headers of {size:,} bytes are too large", why=why, hint=hint)
        self.size = size
        self.limit = limit


class ProtocolError(NatsError):
    """Bytes that break the NATS protocol."""


class LocalProtocolError(ProtocolError):
    """We were about to send bytes that break the protocol; they were not sent."""


class RemoteProtocolError(ProtocolError):
    """The server sent bytes that break the protocol.

    Attributes:
        snippet: At most 32 bytes of what came, with anything that could be a secret taken out.
    """

    def __init__(self, what: str, *, snippet: bytes = b"", where: str = "", hint: str = "") -> None:
        snippet = snippet_of(snippet)
        super().__init__(what, where=where, why=f"got {snippet!r}" if snippet else "", hint=hint)
        self.snippet = snippet


class ConnectionProblem(NatsError):
    """Something about getting, keeping or giving up a connection."""


class DialFailed(ConnectionProblem):
    """One attempt at one server failed.

    Attributes:
        server: The server's address, redacted.
        cause: The error underneath, when there is one. It may be one of the caller's own code, whose text may hold a
            secret: so it is in no pickle.
    """

    def __init__(self, server: str, why: str, *, cause: BaseException | None = None, hint: str = "") -> None:
        super().__init__("cannot connect", where=server, why=why, hint=hint)
        self.server = server
        self.cause = cause

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (type(self), self.args, {**self.__dict__, "cause": None})


class WebSocketRefused(DialFailed):
    """What answered there opens no WebSocket.

    Attributes:
        status: Its HTTP status; None when it did not answer in HTTP, or wrongly.
    """

    def __init__(self, server: str, why: str, *, status: int | None = None, hint: str = "") -> None:
        super().__init__(server, why, hint=hint)
        self.status = status


class NoServersLeft(ConnectionProblem):
    """Every server of the pool was tried and none is left to try.

    Attributes:
        causes: ``(server, error)`` pairs, the last error of each server, in the order of the attempts.
    """

    def __init__(self, causes: Sequence[tuple[str, NatsError]], *, hint: str = "") -> None:
        self.causes = tuple(causes)
        each = "; ".join(f"{server}: {_short(error, server)}" for server, error in self.causes) or "the pool is empty"
        why = each if len(self.causes) < 2 else f"{len(self.causes)} tried: {each}"
        super().__init__("no NATS server could be reached", why=why, hint=hint or _hints(self.causes))


def _hints(causes: Sequence[tuple[str, NatsError]]) -> str:
    """What to try: each hint once, and not more than one can read."""
    hints = list(dict.fromkeys(error.hint for _, error in causes if error.hint))[:5]
    return "; ".join(hints) or "is a nats-server running there, and does its address match?"


def _short(error: NatsError, server: str) -> str:
    """The cause without the server, which the line names already, and without its hint."""
    if isinstance(error, DialFailed):
        return error.why or error.what
    elsewhere = f" [{error.where}]" if isinstance(error, CredentialsUnavailable) and error.where != server else ""
    return f"{error.what}{elsewhere}{_because(error)}"


def _because(error: NatsError) -> str:
    return f": {error.why}" if error.why else ""


class AuthenticationRefused(ConnectionProblem):
    """The server does not accept who we say we are."""

    def __init__(self, server: str, why: str, *, hint: str = "check the user, password, token or credentials") -> None:
        super().__init__("the server refused the login", where=server, why=why, hint=hint)
        self.server = server


class CredentialsExpired(AuthenticationRefused):
    """The credentials were good once: they have expired or were revoked."""


class CredentialsUnavailable(ConnectionProblem):
    """The credentials could not be had: a file cannot be read, or a callable of yours raised. Nothing was sent.

    Attributes:
        cause: The error underneath, when there is one. Only here: its text may hold a secret, so it is in no text of
            ours and in no pickle.
    """

    def __init__(self, where: str, why: str, *, cause: BaseException | None = None, hint: str = "") -> None:
        super().__init__("the credentials could not be had", where=where, why=why, hint=hint)
        self.cause = cause

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (type(self), self.args, {**self.__dict__, "cause": None})


class TlsUnavailable(ConnectionProblem):
    """TLS was asked for and cannot be had. Nothing was sent in clear."""

    def __init__(self, server: str, why: str, *, hint: str = "") -> None:
        super().__init__("TLS is not available", where=server, why=why, hint=hint)
        self.server = server


class CertificateRefused(TlsUnavailable):
    """A certificate does not pass: the server's here, or ours there. Neither side got as far as a login."""

    def __init__(self, server: str, why: str, *, hint: str = "") -> None:
        super().__init__(server, why, hint=hint)
        self.what = "a certificate was refused"
        self.args = (self.what,)


class ConnectionLost(ConnectionProblem):
    """The connection to the server is gone."""

    def __init__(self, server: str, why: str, *, hint: str = "") -> None:
        super().__init__("the connection was lost", where=server, why=why, hint=hint)
        self.server = server


class StaleConnection(ConnectionLost):
    """The server has been silent for longer than the pings allow."""


class WebSocketClosed(ConnectionLost):
    """The server closed the WebSocket, and said why.

    Attributes:
        code: Its close code; 1005 when it gave none.
        reason: Its words, with anything that could be a secret taken out; may be empty.
    """

    def __init__(self, server: str, *, code: int, meaning: str, reason: str = "") -> None:
        reason = without_secrets(reason)
        words = f": {reason!r}" if reason else ""
        super().__init__(server, f"the server closed the WebSocket with {code} ({meaning}){words}")
        self.code = code
        self.reason = reason


class ClientClosed(ConnectionProblem):
    """The client is closed.

    Attributes:
        reason: The error that closed it; None when it was asked to close.
    """

    def __init__(self, reason: BaseException | None = None) -> None:
        why, hint = ("", "connect a new one") if reason is None else (str(reason), "")
        super().__init__("the client is closed", why=why, hint=hint)
        self.reason = reason


class ClientDraining(ConnectionProblem):
    """The client is draining: it finishes what it has and takes nothing new."""

    def __init__(self, what: str) -> None:
        super().__init__(f"cannot {what}", why="the client is draining")


class OutboxFull(ConnectionProblem):
    """No more room for bytes that wait to be sent. The command was not taken.

    Attributes:
        waiting: Bytes, or calls of a kind, that wait.
        limit: How many may wait.
    """

    def __init__(
        self, *, waiting: int, limit: int, what: str, hint: str, unit: str = "bytes", size: int | None = None
    ) -> None:
        more = f", this one has {size:,}," if size is not None else ""
        super().__init__(what, why=f"{waiting:,} {unit} wait{more} and the limit is {limit:,}", hint=hint)
        self.waiting = waiting
        self.limit = limit


class ServerError(NatsError):
    """The server answered with ``-ERR``.

    Attributes:
        text: The server's own words.
    """

    def __init__(
        self, text: str, *, where: str = "", hint: str = "", what: str = "the server reported an error"
    ) -> None:
        super().__init__(what, where=where, why=text, hint=hint)
        self.text = text


class PermissionDenied(ServerError):
    """The account may not do this.

    Attributes:
        operation: ``"publish"``, ``"subscribe"`` or ``"reply"`` (a publish that carried this reply subject).
        subject: The subject that was refused.
        queue: The queue group of a refused subscription, or None.
    """

    def __init__(self, operation: str, subject: str, *, queue: str | None = None, text: str = "") -> None:
        group = f" in queue group {queue!r}" if queue else ""
        super().__init__(
            text,
            what=f"no permission to {operation} on {subject!r}{group}",
            hint="ask for this subject in the account's permissions",
        )
        self.operation = operation
        self.subject = subject
        self.queue = queue


class RequestFailed(NatsError):
    """A request that got no reply.

    Attributes:
        subject: The subject that was asked.
    """

    def __init__(self, what: str, *, subject: str, why: str = "", hint: str = "") -> None:
        super().__init__(what, where=subject, why=why, hint=hint)
        self.subject = subject


class NoResponders(RequestFailed):
    """Nobody listens on the subject: the server said so at once."""

    def __init__(self, subject: str) -> None:
        super().__init__(
            "nobody answers here",
            subject=subject,
            why="the server knows no subscriber",
            hint="is the responder running and its subject spelled alike?",
        )


class RequestTimeout(RequestFailed, TimeoutError):
    """No reply came in time. Whether the request was handled is not known.

    Attributes:
        timeout: Seconds that were waited.
        link_lost: True when the connection was lost while waiting: the request or its reply may have gone with it.
    """

    def __init__(self, subject: str, *, timeout: float, link_lost: bool = False) -> None:
        why = "the connection was lost meanwhile" if link_lost else "a responder may have it still in work"
        hint = "ask again if that does no harm" if link_lost else "give it more time, or see what the responder does"
        super().__init__(f"no reply within {timeout:g} s", subject=subject, why=why, hint=hint)
        self.timeout = timeout
        self.link_lost = link_lost


class OperationTimeout(NatsError, TimeoutError):
    """Something took longer than it was given.

    Attributes:
        timeout: Seconds that were waited.
    """

    def __init__(self, what: str, *, timeout: float, hint: str = "") -> None:
        super().__init__(f"{what} took longer than {timeout:g} s", hint=hint)
        self.timeout = timeout


class SlowConsumer(NatsError):
    """A subscription could not keep up and messages were dropped.

    Attributes:
        subject: The subscription's subject.
        dropped: Messages dropped so far.
    """

    def __init__(self, subject: str, *, dropped: int) -> None:
        super().__init__(
            "1 message was dropped" if dropped == 1 else f"{dropped:,} messages were dropped",
            where=subject,
            why="messages came faster than they were taken",
            hint="raise the pending limits, add concurrency, or share the load in a queue group",
        )
        self.subject = subject
        self.dropped = dropped


class EndOfStream(NatsError):
    """An iterator has nothing more to give."""

    def __init__(self, what: str = "there is nothing more to read") -> None:
        super().__init__(what)
