"""A NATS client for Twisted."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import events
from .auth.authenticators import Authenticator, CredentialsFile, Jwt, NKey, NKeyFile, Token, UserPassword
from .auth.secret import Secret
from .client import Client
from .connecting import connect
from .draining import DrainReport
from .errors import (
    AuthenticationRefused,
    CertificateRefused,
    ClientClosed,
    ClientDraining,
    ConnectionLost,
    ConnectionProblem,
    CredentialsExpired,
    CredentialsUnavailable,
    DialFailed,
    EndOfStream,
    HeadersTooLarge,
    InvalidArgument,
    InvalidHeader,
    InvalidOption,
    InvalidSubject,
    LocalProtocolError,
    NatsError,
    NoResponders,
    NoServersLeft,
    OperationTimeout,
    OutboxFull,
    PayloadTooLarge,
    PermissionDenied,
    ProtocolError,
    RemoteProtocolError,
    RequestFailed,
    RequestTimeout,
    ServerError,
    SlowConsumer,
    StaleConnection,
    TlsUnavailable,
    WebSocketClosed,
    WebSocketRefused,
)
from .headers import Headers
from .message import Message
from .options import Limits, PingOptions, ReconnectOptions, SlowPolicy, TlsOptions, WebSocketOptions
from .statistics import Statistics, Status
from .subscription import Drained, EndReason, Subscription
from .version import __version__

if TYPE_CHECKING:
    from . import io
    from .application import NatsService

__all__ = [
    "AuthenticationRefused",
    "Authenticator",
    "CertificateRefused",
    "Client",
    "ClientClosed",
    "ClientDraining",
    "ConnectionLost",
    "ConnectionProblem",
    "CredentialsExpired",
    "CredentialsFile",
    "CredentialsUnavailable",
    "DialFailed",
    "DrainReport",
    "Drained",
    "EndOfStream",
    "EndReason",
    "Headers",
    "HeadersTooLarge",
    "InvalidArgument",
    "InvalidHeader",
    "InvalidOption",
    "InvalidSubject",
    "Jwt",
    "Limits",
    "LocalProtocolError",
    "Message",
    "NKey",
    "NKeyFile",
    "NatsError",
    "NatsService",
    "NoResponders",
    "NoServersLeft",
    "OperationTimeout",
    "OutboxFull",
    "PayloadTooLarge",
    "PermissionDenied",
    "PingOptions",
    "ProtocolError",
    "ReconnectOptions",
    "RemoteProtocolError",
    "RequestFailed",
    "RequestTimeout",
    "Secret",
    "ServerError",
    "SlowConsumer",
    "SlowPolicy",
    "StaleConnection",
    "Statistics",
    "Status",
    "Subscription",
    "TlsOptions",
    "TlsUnavailable",
    "Token",
    "UserPassword",
    "WebSocketClosed",
    "WebSocketOptions",
    "WebSocketRefused",
    "__version__",
    "connect",
    "events",
    "io",
]

_LOADED_ON_USE = {"io": ".io", "kv": ".kv", "objectstore": ".objectstore", "NatsService": ".application"}


def __getattr__(name: str) -> Any:
    """What most programs do not need loads when it is first used."""
    if name in _LOADED_ON_USE:
        module = import_module(_LOADED_ON_USE[name], __name__)
        return getattr(module, name) if name == "NatsService" else module
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
