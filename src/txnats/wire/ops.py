"""What the server can say, as values. A MSG or HMSG is a ``txnats.message.Message``."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ..errors import RemoteProtocolError
from ..message import Message
from .info import ServerInfo


class Info(msgspec.Struct, frozen=True):
    """INFO: who the server is and which others there are. May come at any time."""

    info: ServerInfo


class Ok(msgspec.Struct, frozen=True):
    """+OK: the answer to each command in verbose mode."""


class Err(msgspec.Struct, frozen=True):
    """-ERR, with the text inside its quotes."""

    text: str


class Ping(msgspec.Struct, frozen=True):
    """PING: the server wants a PONG."""


class Pong(msgspec.Struct, frozen=True):
    """PONG: the server has read all that we sent before our PING."""


class Fault(msgspec.Struct, frozen=True):
    """The bytes broke the protocol. It is the last op: what follows has no meaning."""

    error: RemoteProtocolError


Op: TypeAlias = Message | Info | Ok | Err | Ping | Pong | Fault

OK = Ok()
PING = Ping()
PONG = Pong()
