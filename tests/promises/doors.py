"""Ways to hand a secret over that came later: command lines, contexts, callouts, options of TLS and of a WebSocket."""

from __future__ import annotations

import base64
import json
import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred, fail

import txnats
from tests.client.harness import Outcome, Pipe
from tests.promises.failures import Broken, Stage, failing, raising
from txnats import contexts, plugins
from txnats.auth import jwt
from txnats.auth.callout import Callout, Denied, Request
from txnats.auth.nkeys import Nkey
from txnats.cli.app import app
from txnats.cli.settings import Settings
from txnats.state.addresses import parse_servers

ISSUER, SERVER, USER = (Nkey.generate(role) for role in "ANU")


def told(stage: Stage, call: Callable[[], Any]) -> None:
    """Do it, and look at what comes of it."""
    try:
        stage.watch.thing(call())
    except Exception as error:
        # By whoever wrote it: of the frames only ours count.
        stage.watch.texts += [repr(error), str(error)]


def with_options(make: Callable[[Callable[[], str]], dict[str, Any]]) -> Callable[[Stage], None]:
    """A connect with options that go wrong, around the same secret."""

    def fault(stage: Stage) -> None:
        try:
            options = make(stage.login.marker)
        except txnats.NatsError as error:
            stage.watch.texts += [repr(error), str(error)]
            return
        stage.connect(**options)
        stage.settle()
        stage.wait(3)

    return fault


def websocket(**options: Any) -> dict[str, Any]:
    return {"websocket": txnats.WebSocketOptions(**options), "servers": "ws://host:4222", "context": None}


def tls(**options: Any) -> dict[str, Any]:
    return {"tls": txnats.TlsOptions(**options), "servers": "tls://host:4222", "context": None}


def websocket_refused(answer: bytes) -> Callable[[Stage], None]:
    """What answers the request is no WebSocket, and may repeat it."""

    def fault(stage: Stage) -> None:
        stage.net.server.greets = stage.net.server.reads = False
        stage.net.make_pipe = Pipe
        stage.connect(**websocket(headers={"Cookie": stage.login.marker()}, path=f"/?k={quoted(stage)}"))
        if stage.net.open_pipes():
            stage.pipe.outgoing.append(answer % quoted(stage).encode())
        stage.settle()
        stage.wait(3)

    return fault


def quoted(stage: Stage) -> str:
    """The secret, in a place that takes no blanks."""
    return stage.login.marker().replace(" ", "")


def command_line(stage: Stage) -> None:
    secret = stage.login.marker()
    given = [
        ["--user", "joe", "--password", secret], ["--token", secret], ["--server", f"nats://joe:{secret}@host:4222"],
        ["--token", secret, "--user", "joe"], ["--server", f"{secret}@host", "--context", "x"],
    ]  # fmt: skip
    for arguments in given:
        told(stage, lambda arguments=arguments: parsed(stage, arguments))  # type: ignore[misc]
    with mock.patch.dict(os.environ, {"NATS_PASSWORD": secret, "NATS_USER": "joe", "NATS_URL": f"{secret}@host"}):
        told(stage, lambda: parsed(stage, []))


def parsed(stage: Stage, arguments: list[str]) -> Settings:
    """As the command does, up to where it connects."""
    context = app.make_context("txnats", [*arguments, "rtt"])
    stage.watch.texts.append(repr(context.params))
    settings = Settings().merged(context.params)
    stage.watch.thing(settings)
    options = settings.connect_options()
    stage.watch.texts.append(repr({**options, "servers": ""}))
    return settings


def twist_with_everything(stage: Stage) -> None:
    secret = stage.login.marker()
    environment = {"NATS_USER": "joe", "NATS_PASSWORD": secret}
    for given in (environment, {"NATS_TOKEN": secret}, {**environment, "NATS_TOKEN": secret}):
        with mock.patch.dict(os.environ, given):
            for arguments in ([], ["--context", "/nowhere/x.json"], ["--server", f"nats://{secret}@host:x"]):
                options = plugins.Options()
                told(stage, lambda o=options, a=arguments: o.parseOptions([*a, "--subject", "a"]))  # type: ignore[misc]
                stage.watch.thing(options)


def broken_contexts(stage: Stage) -> None:
    secret = stage.login.marker()
    data = base64.b64encode(secret.encode()).decode()
    files = (
        {"url": f"nats://joe:{secret}@"}, {"password": {"x": secret}, "user": "joe"}, {"token": [secret]},
        {"creds": f"data:;base64,{data}"}, {"nkey": f"data:;base64,{data}"}, {"creds": f"op://{secret}", "nsc": secret},
        {"user_jwt": secret, "user_seed": secret}, {"token": secret, "socks_proxy": secret},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.json"
        for text in (*map(json.dumps, files), f'{{"token": "{secret}"', secret):
            path.write_text(text)
            told(stage, lambda: contexts.load(path))
            stage.connect(servers=None, context=path, auth=None)
            stage.settle()
            stage.wait(1)


class Asked:
    """A message with a server's question."""

    def __init__(self, secret: str, **broken: Any) -> None:
        connect = {"user": "joe", "pass": secret, "auth_token": secret, "jwt": secret, "sig": secret}
        nats = {
            "type": "authorization_request", "version": 2, "server_id": {"id": SERVER.public_key, "name": "s"},
            "user_nkey": USER.public_key, "connect_opts": connect, "client_info": {"nonce": "n"}, **broken,
        }  # fmt: skip
        claims = jwt.Claims(subject=USER.public_key, issued_at=1, nats=nats)
        self.payload = jwt.encode(claims, SERVER).encode()
        self.headers = txnats.Headers({})
        self.answers: list[bytes] = []

    def respond(self, payload: bytes) -> None:
        self.answers.append(payload)


def callout(stage: Stage) -> None:
    secret = stage.login.marker
    told(stage, lambda: Callout(secret()))

    def later(_: Request) -> Deferred[str]:
        return fail(Broken("later"))

    def no(request: Request) -> str:
        stage.watch.thing(request)
        raise Denied(f"{request.user} may not: {request.password}")

    def broken(request: Request) -> str:
        raise Broken(f"{request}")

    ours = Callout(ISSUER.seed)
    for decide in (later, no, broken, lambda request: ours.user(request, account="APP")):
        for wrong in ({}, {"connect_opts": {"pass": [secret()]}}, {"connect_opts": secret()}):
            message = Asked(secret(), **wrong)
            outcome = Outcome(Deferred.fromCoroutine(_awaited(ours.handler(decide), message)))
            stage.outcomes.append(outcome)
            stage.watch.texts += [base64.b64decode(part + b"==", b"-_").decode("latin-1")
                                  for answer in message.answers for part in answer.split(b".")[:2]]  # fmt: skip


async def _awaited(handle: Callable[[Any], Any], message: Asked) -> None:
    await handle(message)


def old_protocol_with(stage: Stage) -> None:
    """The API of 0.7 with credentials that it did not know."""
    told(stage, lambda: txnats.io.NatsProtocol(auth=txnats.Token(raising(stage.login.marker))))


def pickles(stage: Stage) -> None:
    """Nothing that holds one is pickled, whatever it hangs in."""
    for thing in (stage.login.auth(), stage.login.options(), parse_servers(stage.login.servers())):
        try:
            stage.watch.texts.append(pickle.dumps(thing).decode("latin-1"))
        except Exception as error:
            stage.watch.texts += [repr(error), str(error)]


DOORS: dict[str, Callable[[Stage], None]] = {
    "a callable of headers raises": with_options(lambda secret: websocket(headers=raising(secret))),
    "a callable of headers gives bytes": with_options(
        lambda secret: websocket(headers=lambda: {"Cookie": secret().encode()})
    ),
    "a header of two lines": with_options(lambda secret: websocket(headers={"Cookie": f"{secret()}\r\nX: y"})),
    "a header's name that cannot be": with_options(lambda secret: websocket(headers={f"{secret()} ": "x"})),
    "a path that cannot be": with_options(lambda secret: websocket(path=f"/?k={secret()} x")),
    "a WebSocket is redirected": websocket_refused(b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/?k=%b\r\n\r\n"),
    "a WebSocket is refused": websocket_refused(b"HTTP/1.1 401 %b\r\nX: y\r\n\r\n"),
    "no WebSocket answers": websocket_refused(b"%b"),
    "a key for its path": with_options(lambda secret: tls(certificate="me.pem", key=f"-----BEGIN {secret()}")),
    "a key file that is not there": with_options(lambda secret: tls(certificate="/nowhere", key="/nowhere")),
    "a TLS context raises": with_options(lambda secret: tls(context=raising(secret))),
    "a TLS context is none": with_options(lambda secret: tls(context=lambda: secret())),
    "a JWT callable's Deferred fails": with_options(lambda secret: {"auth": txnats.Jwt(failing(secret), secret)}),
    "a signing Deferred fails": with_options(lambda secret: {"auth": txnats.Jwt(secret(), sign=failing(secret))}),
    "a seed's Deferred gives none": with_options(lambda secret: {"auth": txnats.NKey(lambda: f"SU{secret()}")}),
    "the command line": command_line,
    "twist with logins of the environment": twist_with_everything,
    "contexts that are broken": broken_contexts,
    "an authentication callout": callout,
    "the protocol of 0.7 with any credentials": old_protocol_with,
    "pickling": pickles,
}
