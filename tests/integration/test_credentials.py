"""Every kind of credentials, contexts and callouts, against real servers."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

import txnats
from tests.promises.authority import Authority, creds
from tests.promises.promise import until
from txnats import events
from txnats.auth import callout, jwt
from txnats.auth.callout import Callout, Denied, Request
from txnats.auth.nkeys import Nkey
from txnats.auth.xkeys import CurveKey
from txnats.server import NatsServer, ServerUser

reactor: Any = _reactor


async def later(value: Any) -> Any:
    """As a key service over the network would answer."""
    await deferLater(reactor, 0.01, lambda: None)
    return value


@pytest.mark.usefixtures("make_server")
class Case(TestCase):
    make_server: Callable[..., NatsServer]

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    async def client(self, servers: str | None, **options: Any) -> txnats.Client:
        client = await txnats.connect(reactor, servers, **options)
        self.addCleanup(client.close)
        await client.flush()
        return client

    async def refused(self, servers: str, **options: Any) -> txnats.AuthenticationRefused:
        with pytest.raises(txnats.AuthenticationRefused) as caught:
            await self.client(servers, **options)
        return caught.value

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        return path


class Kinds(Case):
    async def test_an_nkey_in_each_form(self) -> None:
        key = Nkey.generate("U")
        server = self.make_server(users=[ServerUser(nkey=key.public_key)])
        for auth in (
            txnats.NKey(key.seed),
            txnats.NKey(lambda: key.seed),
            txnats.NKey(lambda: later(key.seed)),
            txnats.NKey(key.public_key, sign=key.sign),
            txnats.NKey(key.public_key, sign=lambda data: later(key.sign(data))),
            txnats.NKeyFile(self.write("me.nk", bytes(key.seed)), strict=True),
        ):
            await self.client(server.url, auth=auth)
        await self.refused(server.url, auth=txnats.NKey(Nkey.generate("U").seed))

    async def test_a_jwt_in_each_form(self) -> None:
        authority, key = Authority(), Nkey.generate("U")
        server = self.make_server(extra=authority.config)
        text = authority.user(key)
        bearer = authority.user(key, bearer_token=True)
        content = creds(text, key)
        for auth in (
            txnats.Jwt(text, key.seed),
            txnats.Jwt(lambda: later(text), lambda: later(key.seed)),
            txnats.Jwt(text, sign=lambda data: later(key.sign(data))),
            txnats.Jwt(bearer),
            txnats.CredentialsFile(content),
            txnats.CredentialsFile(lambda: later(content)),
            txnats.CredentialsFile(self.write("me.creds", content), strict=True),
        ):
            await self.client(server.url, auth=auth)
        await self.refused(server.url, auth=txnats.Jwt(text))
        await self.refused(server.url, auth=txnats.Jwt(text, Nkey.generate("U").seed))

    async def test_what_a_jwt_permits(self) -> None:
        authority, key = Authority(), Nkey.generate("U")
        server = self.make_server(extra=authority.config)
        told: list[events.Event] = []
        text = authority.user(key, publish={"allow": ["a.>"]}, subscribe={"deny": ["secret.>"]})
        client = await self.client(server.url, auth=txnats.Jwt(text, key.seed), on_event=told.append)
        client.publish("a.b", b"")
        client.publish("b", b"")
        with pytest.raises(txnats.PermissionDenied):
            await client.subscribe("secret.x").ready()
        with pytest.raises(txnats.PermissionDenied):
            await client.flush()
        denied = [event for event in told if isinstance(event, events.PermissionDenied)]
        assert {(event.operation, event.subject) for event in denied} == {("publish", "b"), ("subscribe", "secret.x")}

    async def test_credentials_in_urls_and_a_server_that_wants_none(self) -> None:
        words = self.make_server(user="joe", password="p@ss/word")
        await self.client(words.url.replace("//", "//joe:p%40ss%2Fword@"))
        token = self.make_server(token="t:0@k")
        await self.client(token.url.replace("//", "//t%3A0%40k@"), auth=txnats.Token("not this one"))
        key = Nkey.generate("U")
        nobody = self.make_server()
        await self.client(nobody.url, auth=txnats.NKey(key.public_key, sign=key.sign))
        await self.client(nobody.url, auth=txnats.NKey(key.seed))


class Contexts(Case):
    async def test_a_context_leads_there(self) -> None:
        authority, key = Authority(), Nkey.generate("U")
        server = self.make_server(extra=authority.config)
        path = self.write("me.creds", creds(authority.user(key), key))
        context = self.write(
            "c.json", json.dumps({"url": server.url, "creds": str(path), "inbox_prefix": "_MINE"}).encode()
        )
        client = await self.client(None, context=context)
        assert client.new_inbox().startswith("_MINE.")
        service = txnats.NatsService(reactor, context=str(context))
        service.startService()
        await service.whenConnected()
        await service.stopService()
        await self.refused(server.url, auth=txnats.Token("x"))


class Callouts(Case):
    async def serve(self, server: NatsServer, service: Callout, **options: Any) -> list[Request]:
        """A program that decides: joe may come in with his password, or with an nkey that he proves to own."""
        asked: list[Request] = []

        def decide(request: Request) -> Any:
            asked.append(request)
            if request.name == "slow":
                return later(service.user(request, account="APP"))
            if request.password.reveal() == "pw" or request.nkey_is_proved:
                return service.user(
                    request, account="APP", publish={"allow": ["a.>"]}, expires=request.issued_at + 3600
                )
            if request.user == "bug":
                raise ZeroDivisionError
            raise Denied("no such user")

        options.setdefault("auth", txnats.UserPassword("auth", "auth"))
        client = await self.client(server.url, **options)
        await client.subscribe(callout.SUBJECT, service.handler(decide)).ready()
        return asked

    def server(self, issuer: str, xkey: str = "") -> NatsServer:
        sealed = f", xkey: {xkey}" if xkey else ""
        return self.make_server(
            extra=f"""
accounts {{ AUTH: {{ users: [{{user: auth, password: auth}}] }}, APP: {{}}, SYS: {{}} }}
system_account: SYS
authorization {{ timeout: 5, auth_callout {{ issuer: {issuer}, account: AUTH, auth_users: [auth]{sealed} }} }}
"""
        )

    async def decides(self, server: NatsServer, service: Callout) -> None:
        asked = await self.serve(server, service)
        told: list[events.Event] = []
        joe = await self.client(server.url, auth=txnats.UserPassword("joe", "pw"), on_event=told.append, name="app")
        joe.publish("a.b", b"")
        joe.publish("b", b"")
        with pytest.raises(txnats.PermissionDenied):
            await joe.flush()
        assert (asked[0].user, asked[0].name, asked[0].client.host) == ("joe", "app", "127.0.0.1")
        assert abs(asked[0].issued_at - time.time()) < 60
        key = Nkey.generate("U")
        await self.client(server.url, auth=txnats.NKey(key.seed))
        assert asked[1].nkey == key.public_key
        await self.client(server.url, auth=txnats.Token("x"), name="slow", timeout=5.0)
        assert asked[2].token.reveal() == "x"
        error = await self.refused(server.url, auth=txnats.UserPassword("joe", "wrong"))
        assert "Authorization Violation" in str(error)
        await until(lambda: "no such user" in server.log)
        await self.refused(server.url, auth=txnats.UserPassword("bug", "x"))
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    async def test_plain(self) -> None:
        issuer = Nkey.generate("A")
        await self.decides(self.server(issuer.public_key), Callout(issuer.seed))

    async def test_sealed(self) -> None:
        issuer, xkey = Nkey.generate("A"), CurveKey.generate()
        await self.decides(self.server(issuer.public_key, xkey.public_key), Callout(issuer.seed, xkey=xkey.seed))

    async def test_with_an_operator(self) -> None:
        """The account of the callout answers; users come into another account, whose key signs their JWT."""
        authority, decider, sentinel, xkey = Authority(), Nkey.generate("U"), Nkey.generate("U"), CurveKey.generate()
        auth_account = Nkey.generate("A")
        claims = jwt.account(
            auth_account.public_key,
            name="AUTH",
            issued_at=authority.now,
            authorization={
                "auth_users": [decider.public_key],
                "allowed_accounts": [authority.account.public_key],
                "xkey": xkey.public_key,
            },
        )
        entry = f"  {auth_account.public_key}: {jwt.encode(claims, authority.operator_signing)}\n}}\n"
        server = self.make_server(extra=authority.config.removesuffix("}\n") + entry)

        def auth_user(key: Nkey, **more: Any) -> str:
            return jwt.encode(jwt.user(key.public_key, issued_at=authority.now, **more), auth_account)

        service = Callout(auth_account.seed, xkey=xkey.seed)
        client = await self.client(server.url, auth=txnats.Jwt(auth_user(decider), decider.seed))

        def decide(request: Request) -> str:
            if request.token.reveal() != "t0ken":
                raise Denied("no")
            user = jwt.user(request.user_nkey, issued_at=request.issued_at, issuer_account=authority.account.public_key)
            return jwt.encode(user, authority.signing)

        await client.subscribe(callout.SUBJECT, service.handler(decide)).ready()
        text = auth_user(sentinel, publish={"deny": [">"]}, subscribe={"deny": [">"]}, bearer_token=True)

        class Sentinel:
            """Nobody yet, and a token that says who it is."""

            def __init__(self, token: str) -> None:
                self._token = token

            def fields(self, nonce: str) -> dict[str, str]:
                return {"jwt": text, "auth_token": self._token}

        let_in = await self.client(server.url, auth=Sentinel("t0ken"))
        user_account = await self.client(server.url, auth=txnats.Jwt(authority.user(sentinel), sentinel.seed))
        answered: Deferred[Any] = Deferred()
        user_account.subscribe("hello", lambda message: answered.callback(message.payload))
        await user_account.flush()
        let_in.publish("hello", b"from the other side")
        assert await answered == b"from the other side", "it is in the account of users"
        await self.refused(server.url, auth=Sentinel("wrong"))
