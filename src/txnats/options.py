"""Options in groups, each a value with its range checked when it is made.

Seconds are floats, sizes are bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from os import PathLike
from typing import Any, NoReturn, Self

import msgspec

from .errors import InvalidOption

KIB = 1024
MIB = 1024 * KIB


MOST_MESSAGES = 999_999_999
"""The largest maximum of a subscription: a server reads no more digits."""
_CENTURY = 100 * 366 * 86_400


def check_seconds(name: str, seconds: float) -> float:
    """A span of time as it came.

    Raises:
        InvalidOption: It is no number, below 0, or of more than a century.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= _CENTURY:
        raise InvalidOption(f"{name} is {_shown(seconds)}", why="it is a number of seconds, at least 0 and not endless")
    return seconds


def check_count(name: str, count: int, most: int = 2**63 - 1) -> int:
    """A count or size as it came.

    Raises:
        InvalidOption: It is no whole number, below 1, or above the most there may be.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InvalidOption(f"{name} is {_shown(count)}", why="it is a whole number of at least 1")
    if count > most:
        raise InvalidOption(f"{name} is {_shown(count)}", why=f"it is at most {most:,}")
    return count


def _shown(value: object) -> str:
    """A wrong value for a text; a number of thousands of digits cannot be printed."""
    return "out of all bounds" if isinstance(value, int) and value.bit_length() > 256 else f"{value!r:.80}"


class SlowPolicy(StrEnum):
    """What a subscription does with a message that finds its pending limits reached."""

    DROP_NEW = "drop_new"
    """The new message is dropped."""
    DROP_OLD = "drop_old"
    """The oldest waiting message is dropped in its favour."""
    PAUSE = "pause"
    """Nothing is dropped: the whole connection stops reading until there is room."""
    ERROR = "error"
    """The subscription ends with the error SlowConsumer."""


def check_policy(policy: SlowPolicy | str) -> SlowPolicy:
    """A policy by its name.

    Raises:
        InvalidOption: There is none of that name.
    """
    try:
        return SlowPolicy(policy)
    except ValueError:
        raise InvalidOption(f"slow_policy is {policy!r}", hint=", ".join(SlowPolicy)) from None


class _Checked(msgspec.Struct, frozen=True, kw_only=True):
    """Options that look at their own numbers when they are made."""

    def _counts(self, **least_of: int) -> None:
        """Whole numbers, each with its least value."""
        for name, least in least_of.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InvalidOption(
                    f"{type(self).__name__}.{name} is {_shown(value)}", why=f"it is a whole number of at least {least}"
                )

    def _numbers(self, *names: str) -> None:
        """Times and shares: at least 0 and not endless."""
        for name in names:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _CENTURY:
                raise InvalidOption(
                    f"{type(self).__name__}.{name} is {_shown(value)}", why="it is a number of at least 0"
                )


class ReconnectOptions(_Checked, frozen=True, kw_only=True):
    """How a lost connection is won back.

    Args:
        enabled: False closes the client at the first loss.
        first_wait: Seconds after the first whole pass over the servers that failed; doubles with each further pass.
        max_wait: Seconds; the growth ends here.
        jitter: Share of the wait that is added at random, 0.2 for up to 20 %.
        max_attempts: Failures in a row after which a server is dropped from the pool; -1 never.
        retry_on_first_connect: Go on in the same way when no server answers at the very start. Off: one pass over the
            servers, then an error that lists each one's own cause.
        shuffle: Try the servers in random order, so that many clients spread over a cluster. Off: in the given order.
        discover: Take up the servers that the cluster announces.
        buffer: Bytes of publishes kept while disconnected; 0 keeps none, they fail at once.
        replay_unconfirmed: Send publishes again of which nobody knows whether the lost server read them. They may
            arrive twice.
        replay_limit: Bytes kept for that, at least 1; beyond it OutboxFull, as beyond ``Limits.outbox``.
        delay: Called with the number of whole passes that failed (from 1), gives seconds; replaces the growth.
        choose: Called with the pool's server names and the number of passes, gives ``(name, seconds to wait)``.
    """

    enabled: bool = True
    first_wait: float = 0.1
    max_wait: float = 5.0
    jitter: float = 0.2
    max_attempts: int = 60
    retry_on_first_connect: bool = False
    shuffle: bool = True
    discover: bool = True
    buffer: int = 8 * MIB
    replay_unconfirmed: bool = False
    replay_limit: int = 8 * MIB
    delay: Callable[[int], float] | None = None
    choose: Callable[[Sequence[str], int], tuple[str, float]] | None = None

    def __post_init__(self) -> None:
        self._numbers("first_wait", "max_wait", "jitter")
        self._counts(max_attempts=-1, buffer=0, replay_limit=0)
        if self.max_attempts == 0:
            raise InvalidOption(
                "ReconnectOptions.max_attempts is 0", hint="use enabled=False to never reconnect, -1 for no limit"
            )
        if self.replay_unconfirmed and not self.replay_limit:
            raise InvalidOption(
                "ReconnectOptions.replay_limit is 0", why="replay_unconfirmed has to keep what it is to send again"
            )


class PingOptions(_Checked, frozen=True, kw_only=True):
    """How a dead connection is noticed.

    Args:
        interval: Seconds of silence after which a PING is sent; 0 sends none.
        max_outstanding: PINGs in a row without any byte from the server before the connection counts as stale.
    """

    interval: float = 30.0
    max_outstanding: int = 2

    def __post_init__(self) -> None:
        self._numbers("interval")
        self._counts(max_outstanding=1)


class Limits(_Checked, frozen=True, kw_only=True):
    """Every bound of a client, in bytes or counts.

    Args:
        control_line: Longest line from the server, INFO aside.
        info: Longest INFO line.
        header_block: Largest header block of one message, in or out.
        payload: Largest payload of one message from the server; the server's own max_payload is not used for this,
            since it may differ within a cluster.
        control_line_out: Longest line that is sent; the server's own default is 4096 and it cuts those who exceed it.
        pending_messages: Messages that may wait in one subscription.
        pending_bytes: Bytes of headers and payloads that may wait in one subscription.
        slow_policy: What happens beyond these two.
        ready_below: ``ready_to_write`` waits while more bytes than this wait to be sent, or more than half of what may.
        outbox: Bytes that may wait to be sent while connected; beyond it OutboxFull. As many again may wait of the
            commands that subscribing and asking for a flush give.
        requests: Requests that may be unanswered at a time.
        servers: Servers in the pool, configured ones included.
        events: Events that wait in an iterator; the oldest is dropped beyond it, and counted.
    """

    control_line: int = 64 * KIB
    info: int = MIB
    header_block: int = 64 * KIB
    payload: int = 64 * MIB
    control_line_out: int = 4096
    pending_messages: int = 65_536
    pending_bytes: int = 64 * MIB
    slow_policy: SlowPolicy = SlowPolicy.DROP_NEW
    ready_below: int = MIB
    outbox: int = 64 * MIB
    requests: int = 1_000_000
    servers: int = 1_000
    events: int = 1_024

    def __post_init__(self) -> None:
        check_policy(self.slow_policy)
        names = (name for name in self.__struct_fields__ if name != "slow_policy")
        self._counts(**dict.fromkeys(names, 1))


class TlsOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How TLS is done. To give any asks for TLS: a server without it is then refused.

    The files are read for each attempt, so that renewed ones are taken up. TLS 1.2 is the least.

    Args:
        ca: Path of the certificates to trust, PEM, in place of those that the system trusts.
        certificate: Path of the client's certificate, PEM, with those that lead to its authority behind it.
        key: Path of its private key, PEM and not encrypted; None takes it from ``certificate``.
        hostname: Name to check the server's certificate against; None checks the name that was dialled.
        handshake_first: Start with TLS before the server has sent anything, as it must be set to.
        context: Called for each attempt, in place of the paths. Gives an ``OpenSSL.SSL.Context``, a
            ``CertificateOptions``, or an ``IOpenSSLClientConnectionCreator`` such as ``optionsForClientTLS`` makes. Who
            is trusted is then its affair alone; the name is still checked, unless a context checks no certificate, or
            it is a creator.

    Raises:
        InvalidOption: One of them cannot be.
    """

    ca: str | PathLike[str] | None = None
    certificate: str | PathLike[str] | None = None
    key: str | PathLike[str] | None = None
    hostname: str | None = None
    handshake_first: bool = False
    context: Callable[[], Any] | None = None

    def __post_init__(self) -> None:
        paths = ("ca", "certificate", "key")
        for name in paths:
            path = getattr(self, name)
            if path is not None and not isinstance(path, (str, PathLike)):
                raise InvalidOption(
                    f"TlsOptions.{name} is a {type(path).__name__}", hint="it is the path of a PEM file"
                )
            # Not shown: it may be the key itself.
            if path is not None and (not str(path) or "\n" in str(path) or "-----" in str(path)):
                raise InvalidOption(f"TlsOptions.{name} is no path", hint="it is the path of a PEM file")
        if self.key is not None and self.certificate is None:
            raise InvalidOption("TlsOptions.key is given without a certificate")
        if self.hostname is not None and (not isinstance(self.hostname, str) or not self.hostname):
            raise InvalidOption("TlsOptions.hostname is no name", hint="None checks the name that is dialled")
        if not isinstance(self.handshake_first, bool):
            raise InvalidOption("TlsOptions.handshake_first is neither True nor False")
        if self.context is not None:
            if not callable(self.context):
                raise InvalidOption("TlsOptions.context cannot be called", hint="it is called for each attempt")
            if any(getattr(self, name) is not None for name in paths):
                raise InvalidOption("TlsOptions.context takes the place of ca, certificate and key")

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:  # type: ignore[override]
        # A callable may print whatever it was made of.
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                yield field.name, "..." if field.name == "context" else value

    def __repr__(self) -> str:
        return f"TlsOptions({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


class WebSocketOptions(_Checked, frozen=True, kw_only=True):
    """How a WebSocket is opened, for ``ws://`` and ``wss://`` servers. Its repr shows no header's value; no pickle.

    Args:
        path: Path and query of the request, percent-encoded, for servers whose URL names none.
        headers: Headers of the request beside those that a WebSocket needs: a cookie, a proxy's key, another ``Host``.
            Or a callable that is asked for them at every attempt.
        compression: Offer to compress; it is done when the server agrees.
        max_size: Bytes of one message from the server, after decompression. A nats-server puts all that waits for us
            into one: up to its own ``max_pending``.
    """

    path: str = "/"
    headers: Mapping[str, str] | Callable[[], Mapping[str, str]] = {}
    compression: bool = True
    max_size: int = 64 * MIB

    def __post_init__(self) -> None:
        self._counts(max_size=1)
        if not isinstance(self.compression, bool):
            raise InvalidOption(f"WebSocketOptions.compression is {_shown(self.compression)}", why="it is a bool")
        if not isinstance(self.path, str) or not self.path.startswith("/") or not is_request_target(self.path):
            raise InvalidOption(
                "WebSocketOptions.path cannot be", why="it starts with / and is of printable ASCII, percent-encoded"
            )
        if not callable(self.headers):
            self.current_headers()

    def __repr__(self) -> str:
        headers = "<callable>" if callable(self.headers) else ", ".join(self.headers)
        shown = self.path.partition("?")[0]
        return (
            f"WebSocketOptions(path={shown!r}, headers=<{headers}>, "
            f"compression={self.compression}, max_size={self.max_size})"
        )

    def __reduce__(self) -> NoReturn:
        raise InvalidOption("WebSocketOptions cannot be pickled", why="their headers may be secret")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def current_headers(self) -> dict[str, str]:
        """The headers of the attempt that begins. They may be secret: send them and forget them.

        Raises:
            InvalidOption: One cannot be sent; its value is not shown.
        """
        headers = self.headers() if callable(self.headers) else self.headers
        fault = _fault_of(headers)
        if fault:
            # A detailed traceback shows what a frame holds.
            del headers
            raise InvalidOption("WebSocketOptions.headers cannot be sent", why=fault)
        return dict(headers)


def is_request_target(text: str) -> bool:
    """Whether HTTP can carry it as the path and query of a request."""
    return _REQUEST_TARGET.fullmatch(text) is not None


_REQUEST_TARGET = re.compile(r"[!-\x22$-~]*")
_HEADER_NAME = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]{1,256}")
_HEADER_VALUE = re.compile(r"[\t -~\xa1-\xff]{0,8000}")
_OUR_HEADERS = frozenset({"upgrade", "connection", "content-length", "transfer-encoding"})


def _fault_of(headers: object) -> str:
    """What is wrong with a request's headers, without their values."""
    if not isinstance(headers, Mapping):
        return f"they are a mapping, not {type(headers).__name__}"
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            return "a name is no HTTP header"
        if name.lower() in _OUR_HEADERS or name.lower().startswith("sec-websocket-"):
            return f"{name} is for the WebSocket itself to say"
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            return f"the value of {name} is no text that one HTTP line can carry"
    return ""
