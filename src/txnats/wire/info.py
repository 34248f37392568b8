"""INFO and CONNECT: the two JSON bodies of the protocol.

Source: the NATS protocol page and ADR-40.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from ..errors import InvalidOption, RemoteProtocolError


class ServerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the server tells of itself. Keys that are not listed here are ignored.

    Attributes:
        max_payload: Bytes of headers and payload that it accepts in one message; negative for any number.
        nonce: What credentials have to sign; empty when it wants no signature.
        connect_urls: ``host:port`` of other servers of the cluster, for clients of the kind that is told.
        ws_connect_urls: The same for WebSocket, from servers that tell all clients both.
        ldm: True when it is about to shut down (lame duck).
        connect_info: True when this INFO is its answer to our CONNECT.
    """

    server_id: str = ""
    server_name: str = ""
    version: str = ""
    proto: int = 0
    host: str = ""
    port: int = 0
    headers: bool = False
    max_payload: int = 1_048_576
    auth_required: bool = False
    tls_required: bool = False
    tls_verify: bool = False
    tls_available: bool = False
    jetstream: bool = False
    nonce: str = ""
    client_id: int = 0
    client_ip: str = ""
    connect_urls: list[str] | None = None
    ws_connect_urls: list[str] | None = None
    cluster: str = ""
    domain: str = ""
    ldm: bool = False
    connect_info: bool = False
    remote_account: str = ""
    api_lvl: int = 0

    def announced(self, *, websocket: bool) -> list[str] | None:
        """``host:port`` of the cluster's servers, as they are reached in the way that we came.

        A nats-server tells a WebSocket client its WebSocket ports in ``connect_urls``.
        """
        return self.ws_connect_urls or self.connect_urls if websocket else self.connect_urls


class ConnectInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What we tell the server, credentials aside: they join when the line is made and live nowhere else."""

    verbose: bool | msgspec.UnsetType = msgspec.UNSET
    pedantic: bool | msgspec.UnsetType = msgspec.UNSET
    tls_required: bool | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    lang: str | msgspec.UnsetType = msgspec.UNSET
    version: str | msgspec.UnsetType = msgspec.UNSET
    protocol: int | msgspec.UnsetType = msgspec.UNSET
    echo: bool | msgspec.UnsetType = msgspec.UNSET
    headers: bool | msgspec.UnsetType = msgspec.UNSET
    no_responders: bool | msgspec.UnsetType = msgspec.UNSET


_info_decoder = msgspec.json.Decoder(ServerInfo)


def decode_info(body: bytes) -> ServerInfo:
    """The body of an INFO line.

    Raises:
        RemoteProtocolError: It is no JSON object or a field has another type; the text names the field.
    """
    try:
        return _info_decoder.decode(body)
    except RecursionError:
        raise RemoteProtocolError("INFO is nested too deeply", snippet=body) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RemoteProtocolError(f"INFO cannot be read: {error}", snippet=body) from None


def encode_connect(connect: ConnectInfo, credentials: Mapping[str, object]) -> bytes:
    """The JSON body of CONNECT. It may hold secrets: send it, never keep or log it.

    Args:
        connect: All but the credentials.
        credentials: Texts, or what has a ``reveal`` that gives one: no variable here holds such a text.

    Raises:
        InvalidOption: A text of it cannot be encoded.
    """
    fields: dict[str, Any] = msgspec.to_builtins(connect)
    fields.update(credentials)
    with suppress(UnicodeEncodeError):
        return msgspec.json.encode(fields, enc_hook=_revealed)
    # Outside of a handler: that error holds the text itself, and would go along as the context of ours.
    raise InvalidOption("a name or a credential cannot be encoded", why="it holds lone surrogates")


def _revealed(secret: Any) -> str:
    text: str = secret.reveal()
    return text
