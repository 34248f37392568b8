"""From INFO to the first PONG, as answers: who is asked obeys, this file decides.

CONNECT and PING leave in one write. The PONG proves that the server took us in; any ``-ERR`` before it is a refusal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import TypeAlias

import msgspec

from .. import events
from ..errors import (
    AuthenticationRefused,
    CredentialsUnavailable,
    NatsError,
    RemoteProtocolError,
    TlsUnavailable,
)
from ..secret import Secret, SecretBytes
from ..wire import encode
from ..wire.info import ConnectInfo, ServerInfo, encode_connect
from ..wire.ops import Err, Fault, Info, Ok, Op, Ping, Pong
from .server_errors import refusal


class Send(msgspec.Struct, frozen=True):
    """Write these bytes. They may hold secrets, so they have no repr."""

    data: bytes

    def __repr__(self) -> str:
        return f"Send(<{len(self.data)} bytes>)"


class Ask(msgspec.Struct, frozen=True):
    """Await the credentials, then call ``proven`` with them, or ``unproven`` with the error."""

    credentials: Awaitable[Fields]


class StartTls(msgspec.Struct, frozen=True):
    """Upgrade the transport, then call ``secured``."""


class Ready(msgspec.Struct, frozen=True):
    """The connection is good."""

    info: ServerInfo


class Refused(msgspec.Struct, frozen=True):
    """It will not be: close, and say why."""

    error: NatsError


_TLS = (b"\x15", b"\x16")
"""How a record of TLS begins that may come first: an alert, a handshake."""
Answer: TypeAlias = Send | Ask | StartTls | Ready | Refused
Fields: TypeAlias = Mapping[str, str | Secret]
Credentials: TypeAlias = Callable[[str], Fields | Awaitable[Fields]]
"""A nonce to the fields that prove who we are, at once or later."""


class Handshake:
    """One connection's way from the first byte to Ready or Refused.

    Args:
        server: Address for texts, redacted.
        connect: What CONNECT says, credentials aside.
        credentials: Evaluated once, when CONNECT is made.
        tls: True when the caller wants TLS whatever the server says.
        tls_first: True when TLS comes before INFO: see ``begin``.
        secure: True when the transport is secure already.
        can_upgrade: False when nothing here can do TLS: a need for it is then a refusal.
        warn: Told what the credentials' owner should hear about them.

    Attributes:
        info: The newest INFO; None before the first.
        secure: Whether the transport is. Whoever connects may find it so.
    """

    def __init__(
        self,
        server: str,
        connect: ConnectInfo,
        credentials: Credentials,
        *,
        tls: bool = False,
        tls_first: bool = False,
        secure: bool = False,
        can_upgrade: bool = False,
        warn: Callable[[events.Event], None] = lambda _: None,
    ) -> None:
        self._server = server
        self._connect = connect
        self._credentials = credentials
        self._tls = tls
        self._tls_first = tls_first
        self.secure = secure
        self._can_upgrade = can_upgrade
        self._warn = warn
        self._asking = False
        self._greeted = False
        self._anonymous = False
        self._upgrading = False
        self._unanswered = True
        self.info: ServerInfo | None = None

    @property
    def awaits(self) -> str:
        """What comes next, for texts."""
        if self._upgrading:
            return "TLS handshake"
        if self.info is not None:
            return "credentials" if self._asking else "answer to CONNECT"
        return "INFO (or does it do TLS first?)" if self._tls and not self.secure else "INFO"

    def begin(self) -> Answer | None:
        """What to do before anything has come; None for nothing."""
        if not self._tls_first or self.secure:
            return None
        self._upgrading = True
        return StartTls()

    def receive(self, op: Op) -> Answer | None:
        """What to do about an op; None for nothing."""
        if self._upgrading:
            # Not even a refusal: nobody knows who said it.
            return self._more_than_info()
        match op:
            case Fault(error):
                if self.info is None and not error.hint:
                    error.hint = "is that a NATS port? A monitoring port speaks HTTP, a WebSocket port wants ws://"
                return Refused(error)
            case Err(text):
                return Refused(self._error(text))
            case Info(info):
                first = self.info is None
                self.info = info
                return self._first_info(info) if first else None
            case Pong() if self._greeted and self.info is not None:
                return Ready(self.info)
            case Ping() if self._greeted:
                return Send(encode.PONG)
            case Ok() if self._greeted:
                return None
            case Ping() if self._asking:
                return Send(encode.PONG)
        expected = "INFO" if self.info is None else "the answer to CONNECT"
        return Refused(
            RemoteProtocolError(f"the server sent {type(op).__name__} before {expected}", where=self._server)
        )

    def look_behind_info(self, data: bytes) -> Refused | None:
        """Look at the chunk whose first line asked for the upgrade: None if nothing stands behind that."""
        more = data[data.find(b"\n") + 1 :]
        return self._more_than_info(more) if more else None

    def answer_to_tls(self, data: bytes) -> Refused | None:
        """Look at what comes first after the upgrade was begun: None if it may be TLS."""
        first, self._unanswered = self._unanswered, False
        # Where TLS comes first, INFO in clear has an error of its own.
        if not first or self.info is None or data[:1] in _TLS:
            return None
        return self._more_than_info(data)

    def secured(self) -> Answer | None:
        """TLS stands: go on."""
        self.secure = True
        self._upgrading = False
        return None if self.info is None else self._greeting()

    def _first_info(self, info: ServerInfo) -> Answer:
        wanted = self._tls or info.tls_required
        if not wanted or self.secure:
            return self._greeting()
        if not self._can_upgrade:
            return Refused(
                TlsUnavailable(
                    self._server,
                    "TLS is required, and cannot be begun on this connection",
                    hint="nothing was sent; ask for it: tls:// or wss://, or tls=",
                )
            )
        if not (info.tls_required or info.tls_available):
            return Refused(
                TlsUnavailable(
                    self._server,
                    "the server does not offer it",
                    hint="set it up there; nothing was sent in clear",
                )
            )
        self._upgrading = True
        return StartTls()

    def proven(self, fields: Fields) -> Answer:
        """The credentials are there: CONNECT with them."""
        self._asking = False
        self._anonymous = not fields
        connect = msgspec.structs.replace(self._connect, tls_required=True) if self.secure else self._connect
        try:
            for warning in getattr(fields, "warnings", ()):
                self._warn(warning)
            data = SecretBytes(encode.connect(encode_connect(connect, fields)) + encode.PING)
        except BaseException as error:  # the caller's own code may have made them
            return self.unproven(error)
        self._greeted = True
        return Send(data)

    def unproven(self, error: BaseException) -> Answer:
        """There are none, for this reason. The text of what is not our error is not shown: it may tell a secret."""
        if isinstance(error, NatsError):
            # Without its frames, whose variables may be the secret that was wrong.
            error.__context__ = None
            return Refused(error.with_traceback(None))
        return Refused(CredentialsUnavailable(self._server, f"{type(error).__name__} was raised", cause=error))

    def _more_than_info(self, said: bytes = b"") -> Refused:
        """Bytes came behind the INFO that TLS is to answer: they are told to who reads the error, and not believed."""
        return Refused(
            RemoteProtocolError(
                "the server sent more before the TLS upgrade",
                snippet=said,
                where=self._server,
                hint="in clear, so it may be somebody else who says this" if said else "",
            )
        )

    def _error(self, text: str) -> NatsError:
        error = refusal(self._server, text)
        if self._asking and isinstance(error, AuthenticationRefused):
            # Nobody was refused: a second time must not end the client.
            why, hint = f"they did not come before the server said {text!r}", "raise the server's authorization.timeout"
            return CredentialsUnavailable(self._server, why, hint=hint)
        if self._anonymous and type(error) is AuthenticationRefused:
            error.hint = "it wants a login and none was given: auth=, or user:password@ in the URL"
        return error

    def _greeting(self) -> Answer:
        assert self.info is not None
        try:
            credentials = self._credentials(self.info.nonce)
        except BaseException as error:  # the caller's own code: an attempt that failed, and no more
            return self.unproven(error)
        if isawaitable(credentials):
            self._asking = True
            return Ask(credentials)
        return self.proven(credentials)
