"""Authentication callouts: a NATS server asks us who may come in.

::

    callout = Callout(issuer=account_seed, xkey=curve_seed)
    client.subscribe(SUBJECT, callout.handler(decide), queue="auth")


    def decide(request):
        if request.user == "joe" and request.password.reveal() == "...":
            return callout.user(request, account="APP", publish={"allow": ["a.>"]})
        raise Denied("no such user")

Source: ADR-26.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

import msgspec

from ..errors import InvalidOption, NatsError
from ..secret import Kept, Secret
from . import jwt
from .asking import given
from .nkeys import Nkey, decode_public, verify
from .xkeys import VERSION, CurveKey

SUBJECT = "$SYS.REQ.USER.AUTH"
"""Where the server asks; only users that ``auth_callout`` lists may subscribe to it."""
SERVER_XKEY = "Nats-Server-Xkey"
"""The header with the server's curve key, for the answer to a sealed request."""
AUDIENCE = "nats-authorization-request"


class Denied(NatsError):
    """Raise it from ``decide``: this client may not come in. The server logs the text; the client does not see it."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """The server that asks."""

    id: str = ""
    name: str = ""
    host: str = ""
    version: str = ""
    cluster: str = ""
    tags: list[str] = []
    xkey: str = ""


class ClientFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the server sees of the client."""

    host: str = ""
    id: int = 0
    user: str = ""
    name: str = ""
    name_tag: str = ""
    tags: list[str] = []
    kind: str = ""
    type: str = ""
    nonce: str = ""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who wants to come in.

    Attributes:
        user: The name that it gave; empty for none.
        password: What it gave, as are the next three.
        nkey: Public. The server has not checked that the client owns it: ``nkey_is_proved`` does.
        user_nkey: The public key that the user JWT has to be about.
        server: Who asks.
        client: Where it comes from.
        tls: What the server knows of its TLS: certificates and the like; empty without TLS.
        issued_at: Seconds since 1970, by the server's clock.
    """

    user: str = ""
    password: Secret = Secret("")
    token: Secret = Secret("")
    jwt: Secret = Secret("")
    nkey: str = ""
    signature: Secret = Secret("")
    name: str = ""
    user_nkey: str
    server: Server
    client: ClientFacts
    tls: dict[str, Any] = {}
    nonce: str = ""
    issued_at: int = 0

    @property
    def nkey_is_proved(self) -> bool:
        """Whether the client owns ``nkey``: it has signed the server's nonce with it."""
        try:
            signature = base64.urlsafe_b64decode(self.signature.reveal() + "==")
            return bool(self.nkey) and verify(self.nkey, self.nonce.encode(), signature)
        except (InvalidOption, ValueError):
            return False


class Message(Protocol):
    """What a handler gets; a ``txnats.Message`` is one."""

    @property
    def payload(self) -> bytes: ...
    @property
    def headers(self) -> Any: ...
    def respond(self, payload: bytes) -> object: ...


Decision: TypeAlias = "str | Awaitable[str]"


class Callout(Kept):
    """Reads what a server asks, and signs and seals what we answer.

    Args:
        issuer: Seed of the account's key that ``auth_callout`` names as issuer, or one of the account's signing keys.
        xkey: Seed of the curve key that it names as xkey; a sealed request cannot be read without it.
        issuer_account: The account's public key, when the issuer is a signing key of it.

    Both keys are needed at any time, so they are kept for as long as this object is.
    """

    __slots__ = ("_account", "_issuer", "_xkey")

    def __init__(
        self, issuer: str | bytes | bytearray, *, xkey: str | bytes | bytearray | None = None, issuer_account: str = ""
    ) -> None:
        self._issuer = Nkey.from_seed(issuer)
        if self._issuer.role != "A":
            raise InvalidOption("the issuer of a callout is an account's key", hint="its seed starts with SA")
        self._xkey = None if xkey is None else CurveKey.from_seed(xkey)
        if issuer_account:
            decode_public(issuer_account, "A")
        self._account = issuer_account

    def handler(self, decide: Callable[[Request], Decision]) -> Callable[[Message], Awaitable[None]]:
        """A handler for a subscription to ``SUBJECT``.

        Args:
            decide: Gives a user JWT, see ``user``, or a Deferred of one; raises Denied. What else it raises keeps the
                client out too, and is told as any handler's error is, but not to the server.
        """

        async def handle(message: Message) -> None:
            server_key = message.headers.get(SERVER_XKEY) or ""
            request = self.request(message.payload, server_key)
            try:
                answer = self.allow(request, await given(decide(request)))
            except Denied as error:
                answer = self.deny(request, str(error))
            except BaseException:  # whatever it is, the server hears no
                message.respond(self._sealed(self.deny(request, "the decision failed"), server_key))
                raise
            message.respond(self._sealed(answer, server_key))

        return handle

    def request(self, payload: bytes, server_key: str = "") -> Request:
        """What the server asks.

        Args:
            payload: The request's.
            server_key: Its header ``Nats-Server-Xkey``.

        Raises:
            InvalidOption: It cannot be read, or nobody that may ask has signed it.
        """
        try:
            return self._read(payload, server_key)
        except InvalidOption as error:
            # Without its frames, which hold what it says.
            failure = error.with_traceback(None)
            failure.__context__ = None
        del payload
        raise failure

    def _read(self, payload: bytes, server_key: str) -> Request:
        if payload.startswith(VERSION):
            if self._xkey is None:
                raise InvalidOption("the request is sealed", hint="give xkey=, the seed of auth_callout.xkey")
            payload = self._xkey.open(payload, server_key)
        elif self._xkey is not None:
            raise InvalidOption("the request is not sealed", hint="set auth_callout.xkey on every server")
        claims = jwt.decode(payload.decode("utf-8", "replace"))
        if claims.type != "authorization_request" or claims.audience not in ("", AUDIENCE):
            raise InvalidOption("this JWT asks for no authorization", where=claims.issuer)
        decode_public(claims.issuer, "N")
        request = _request(claims)
        if self._xkey is not None and request.server.xkey != server_key:
            raise InvalidOption("the request was sealed with another key than its server's", where=claims.issuer)
        return request

    def user(self, request: Request, *, account: str = "", name: str = "", expires: int = 0, **permissions: Any) -> str:
        """A user JWT for this client.

        Args:
            request: Who asks.
            account: The name of the account that it comes into, on a server without operators; ``$G`` without one.
            name: How the server calls it; the name that it gave when this is empty.
            expires: Seconds since 1970; ``request.issued_at + 3600`` is in an hour. 0 for never.
            permissions: ``publish``, ``subscribe`` and the rest of ``txnats.auth.jwt.user``.
        """
        claims = jwt.user(
            request.user_nkey,
            name=name or request.user or request.name,
            issued_at=request.issued_at,
            expires=expires,
            audience="" if self._account else account or "$G",
            issuer_account=self._account,
            **permissions,
        )
        return jwt.encode(claims, self._issuer)

    def allow(self, request: Request, user_jwt: str) -> str:
        """The answer that lets a client in, unsealed."""
        return self._answer(request, jwt=user_jwt)

    def deny(self, request: Request, why: str) -> str:
        """The answer that keeps it out, unsealed."""
        return self._answer(request, error=why)

    def _answer(self, request: Request, **says: str) -> str:
        nats = {**says, "type": "authorization_response", "version": 2}
        if self._account:
            nats["issuer_account"] = self._account
        claims = jwt.Claims(
            subject=request.user_nkey, audience=request.server.id, issued_at=request.issued_at, nats=nats
        )
        return jwt.encode(claims, self._issuer)

    def _sealed(self, answer: str, server_key: str) -> bytes:
        data = answer.encode("ascii")
        return data if self._xkey is None or not server_key else self._xkey.seal(data, server_key)

    def __repr__(self) -> str:
        return f"Callout({'***' if self._xkey is None else '***, xkey=***'})"


class _Connect(msgspec.Struct, rename={"password": "pass"}):
    user: str = ""
    password: str = ""
    auth_token: str = ""
    jwt: str = ""
    nkey: str = ""
    sig: str = ""
    name: str = ""


def _request(claims: jwt.Claims) -> Request:
    nats = claims.nats
    try:
        server = msgspec.convert(nats.get("server_id", {}), Server)
        client = msgspec.convert(nats.get("client_info", {}), ClientFacts)
        connect = msgspec.convert(nats.get("connect_opts", {}), _Connect)
        user_nkey, nonce = (msgspec.convert(nats.get(key, ""), str) for key in ("user_nkey", "request_nonce"))
        tls = msgspec.convert(nats.get("client_tls", {}), dict[str, Any])
    except msgspec.ValidationError:
        connect = nats = None  # type: ignore[assignment]  # a traceback may tell the variables of this frame
        raise InvalidOption("the authorization request cannot be read", where=claims.issuer) from None
    decode_public(user_nkey, "U")
    return Request(
        user=connect.user,
        password=Secret(connect.password),
        token=Secret(connect.auth_token),
        jwt=Secret(connect.jwt),
        nkey=connect.nkey,
        signature=Secret(connect.sig),
        name=connect.name,
        user_nkey=user_nkey,
        server=server,
        client=client,
        tls=tls,
        nonce=nonce or client.nonce,
        issued_at=claims.issued_at,
    )
