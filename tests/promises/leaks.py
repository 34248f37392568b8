"""Secrets, each in its own place, and all that is written, told, raised or held while something goes wrong."""

from __future__ import annotations

import base64
import gc
import json
import logging
import pickle
import traceback
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from OpenSSL import SSL
from twisted.internet import defer
from twisted.internet.defer import Deferred, succeed
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

import txnats
from tests.client.harness import FakeServer, Net, Pipe
from tests.promises.carriers import TlsPipe, WebSocketPipe
from txnats.auth.nkeys import Nkey
from txnats.secret import Secret

JWT_HEAD = "eyJ0eXAiOiJKV1QifQ"


class Marker:
    """A secret. It shows in no repr, so that a traceback through a test's own frames does not tell it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self) -> str:
        return self._text

    @property
    def forms(self) -> set[str]:
        """How it could be met."""
        data = self._text.encode()
        return {self._text, quote(self._text, safe=""), base64.b64encode(data).decode().rstrip("="), data.hex()}


MakePipe: TypeAlias = Callable[[Net, FakeServer, Any], Pipe]


class Login(NamedTuple):
    """A secret in its place: the servers, with a login or without, the credentials, and whatever else it takes."""

    marker: Marker
    servers: Callable[[], str]
    auth: Callable[[], Any] = lambda: None
    options: Callable[[], dict[str, Any]] = dict
    pipe: MakePipe = Pipe

    def where(self) -> dict[str, Any]:
        """What ``connect`` is told, endpoints and events aside."""
        options = {"auth": self.auth(), **self.options()}
        return options if "context" in options else {"servers": self.servers(), **options}


HOST = "nats://host:4222"


def logins(folder: Path) -> dict[str, Login]:
    """All of them."""
    return _classic(folder) | _later() | _websockets() | _tls(folder) | _contexts(folder)


def _classic(folder: Path) -> dict[str, Login]:
    text = [Marker(f"m4rk3r/{number:02d}@:x") for number in range(8)]
    plain = [Marker(f"m4rk3r-{number:02d}") for number in range(8)]
    seed, file_seed = (Marker(Nkey.generate("U").seed.decode()) for _ in range(2))
    jwt = Marker(f"{JWT_HEAD}.m4rk3rjwt.c2ln")
    path = folder / "me.creds"
    path.write_text(f"-----BEGIN J-----\n{JWT_HEAD}.e30.c2ln\n---END J---\n---BEGIN S---\n{file_seed()}\n---END S---\n")
    path.chmod(0o644)
    return {
        "URL password": Login(text[0], lambda: f"nats://joe:{quote(text[0](), safe='')}@host:4222", lambda: None),
        "URL token": Login(text[1], lambda: f"nats://{quote(text[1](), safe='')}@host:4222", lambda: None),
        "token without a scheme": Login(plain[2], lambda: f"{plain[2]()}@host:4222", lambda: None),
        "password": Login(text[3], lambda: HOST, lambda: txnats.UserPassword("joe", text[3]())),
        "token": Login(text[4], lambda: HOST, lambda: txnats.Token(text[4]())),
        "nkey seed": Login(seed, lambda: HOST, lambda: txnats.NKey(seed())),
        "JWT": Login(jwt, lambda: HOST, lambda: txnats.Jwt(jwt(), Nkey.generate("U").seed)),
        "credentials file": Login(file_seed, lambda: HOST, lambda: txnats.CredentialsFile(path)),
        "what a callable gives": Login(text[5], lambda: HOST, lambda: txnats.UserPassword("joe", text[5])),
        "what a Deferred gives": Login(text[6], lambda: HOST, lambda: txnats.Token(lambda: succeed(text[6]()))),
    }


def _later() -> dict[str, Login]:
    """Keys that come by a Deferred."""
    seed, jwt_seed = (Marker(Nkey.generate("U").seed.decode()) for _ in range(2))
    jwt = Marker(f"{JWT_HEAD}.m4rk3rlater.c2ln")
    signature = Marker("m4rk3r-signature-of-64-bytes".ljust(64, "."))
    public = Nkey.generate("U").public_key

    def signed(_: bytes) -> Deferred[bytes]:
        return succeed(signature().encode())

    def wiped() -> Deferred[bytearray]:
        return succeed(bytearray(jwt_seed(), "ascii"))

    return {
        "nkey seed of a Deferred": Login(seed, lambda: HOST, lambda: txnats.NKey(lambda: succeed(seed()))),
        "JWT of a Deferred": Login(jwt, lambda: HOST, lambda: txnats.Jwt(lambda: succeed(jwt()), wiped)),
        "JWT's seed of a Deferred": Login(jwt_seed, lambda: HOST, lambda: txnats.Jwt(jwt, wiped)),
        "signature of a Deferred": Login(signature, lambda: HOST, lambda: txnats.NKey(public, sign=signed)),
    }


def _websockets() -> dict[str, Login]:
    query, header, given = (Marker(f"m4rk3r-{word}") for word in ("query", "header", "given"))

    def options(headers: Any) -> dict[str, Any]:
        return {"websocket": txnats.WebSocketOptions(headers=headers)}

    return {
        "WebSocket query": Login(query, lambda: f"ws://host:4222/?key={query()}", pipe=WebSocketPipe),
        "WebSocket header": Login(
            header, lambda: "ws://host:4222", options=lambda: options({"Cookie": header()}), pipe=WebSocketPipe
        ),
        "WebSocket headers of a callable": Login(
            given, lambda: "ws://host:4222", options=lambda: options(lambda: {"X-Key": given()}), pipe=WebSocketPipe
        ),
    }


def _tls(folder: Path) -> dict[str, Login]:
    """A key's text, and the passphrase of one; both sides know each other."""
    authority = trustme.CA()
    ca, chain, plain, locked = (folder / f"{name}.pem" for name in ("ca", "chain", "plain", "locked"))
    authority.cert_pem.write_to_path(str(ca))
    mine = authority.issue_cert("me@example")
    chain.write_bytes(mine.cert_chain_pems[0].bytes())
    plain.write_bytes(mine.private_key_pem.bytes())
    passphrase = Marker("m4rk3r-passphrase")
    key = load_pem_private_key(mine.private_key_pem.bytes(), None)
    locked.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase().encode()))
    )
    server = SSL.Context(SSL.TLS_SERVER_METHOD)
    authority.issue_cert("host").configure_cert(server)
    server.load_verify_locations(str(ca))
    server.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)

    def context() -> SSL.Context:
        made = SSL.Context(SSL.TLS_CLIENT_METHOD)
        made.load_verify_locations(str(ca))
        made.set_verify(SSL.VERIFY_PEER)
        made.use_certificate_chain_file(str(chain))
        opened = load_pem_private_key(locked.read_bytes(), passphrase().encode())
        made.use_privatekey(opened)  # type: ignore[arg-type]
        return made

    def pipe(net: Net, fake: FakeServer, protocol: Any) -> Pipe:
        return TlsPipe(net, fake, protocol, server)

    def tls(**options: Any) -> Callable[[], dict[str, Any]]:
        return lambda: {"tls": txnats.TlsOptions(**options)}

    # One line of the key's text is enough to know it by.
    shown = Marker(plain.read_text().splitlines()[1])
    paths = {"ca": ca, "certificate": chain, "key": plain}
    return {
        "TLS key": Login(shown, lambda: "tls://host:4222", options=tls(**paths), pipe=pipe),
        "passphrase of a TLS key": Login(
            passphrase, lambda: "tls://host:4222", options=tls(context=context), pipe=pipe
        ),
    }


def _contexts(folder: Path) -> dict[str, Login]:
    password, token = (Marker(f"m4rk3r-context-{word}") for word in ("password", "token"))
    seed = Marker(Nkey.generate("U").seed.decode())
    data = base64.b64encode(seed().encode()).decode()

    def login(marker: Marker, name: str, **says: str) -> Login:
        path = folder / f"{name}.json"
        path.write_text(json.dumps({"url": HOST, **says}))
        return Login(marker, lambda: HOST, options=lambda: {"context": path})

    return {
        "context with a password": login(password, "password", user="joe", password=password()),
        "context with a token in its URL": login(token, "token", url=f"nats://{token()}@host:4222"),
        "context with a seed": login(seed, "seed", nkey=f"data:;base64,{data}"),
    }


@implementer(ILogObserver)
class Watch:
    """Everything that is said while it watches.

    Attributes:
        told: The client's events, as its ``on_event``.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.told: list[txnats.events.Event] = []
        self._looked_at: dict[tuple[int, int], BaseException] = {}

    def event(self, event: txnats.events.Event) -> None:
        self.told.append(event)
        self.texts += [repr(event), str(event), pickled(event)]
        for name in ("error", "reason"):
            self.error(getattr(event, name, None))

    def __call__(self, event: LogEvent) -> None:
        self.texts.append(f"{formatEvent(event)} {event!r}")
        if "log_failure" in event:
            self.failure(event["log_failure"])

    def failure(self, failure: Failure) -> None:
        """All that a Failure can be made to say."""
        for detail in ("default", "brief", "verbose"):
            self.texts.append(failure.getTraceback(detail=detail))
        self.texts.append(repr(failure))
        self.error(failure.value)

    def error(self, error: BaseException | None) -> None:
        """All that an exception says, with the variables of its frames, and those that it came from."""
        # Each once, and again when it has been raised through more frames; kept, so that no other gets its id.
        while error is not None and (key := (id(error), id(error.__traceback__))) not in self._looked_at:
            self._looked_at[key] = error
            self.texts += [repr(error), str(error), "".join(map(repr, error.args)), pickled(error)]
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            self.texts.append("".join(told.format()))
            facts = {name: value for name, value in vars(error).items() if name != "cause"}
            self.texts.append(repr(facts))
            if isinstance(error, txnats.NoServersLeft):
                for _, cause in error.causes:
                    self.error(cause)
            error = error.__cause__ or error.__context__

    def thing(self, thing: Any) -> None:
        """All that an object says of itself."""
        self.texts += [repr(thing), str(thing), f"{thing}", pickled(thing)]


def pickled(thing: Any) -> str:
    """What a pickle holds, where there can be one."""
    try:
        return pickle.dumps(thing).decode("latin-1")
    except Exception as error:
        return f"{error!r} {error}"


class _Python(logging.Handler):
    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.DEBUG)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        self._watch.texts.append(self.format(record))


@contextmanager
def watching() -> Iterator[Watch]:
    """Twisted's log and Python's at DEBUG; Failures keep the variables of their frames."""
    watch = Watch()
    handler, root = _Python(watch), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    globalLogPublisher.addObserver(watch)
    debugging = defer.getDebugging()
    Deferred.debug = True
    try:
        yield watch
        gc.collect()
    finally:
        Deferred.debug = debugging
        globalLogPublisher.removeObserver(watch)
        root.removeHandler(handler)
        root.setLevel(level)


# What the client holds is followed so far, and no further.
_NOT_FOLLOWED = (type, types.ModuleType, types.FunctionType, types.CodeType, types.FrameType, types.TracebackType)


def held_bare(root: object, marker: Marker) -> list[str]:
    """Who, of all that hangs on an object, holds the secret in clear and not in its wrapper."""
    forms = marker.forms
    seen: set[int] = set()
    found: list[str] = []
    waiting: list[tuple[object, object]] = [(root, None)]
    while waiting:
        thing, holder = waiting.pop()
        if id(thing) in seen or isinstance(thing, Marker):
            continue
        seen.add(id(thing))
        if isinstance(thing, (str, bytes, bytearray)):
            text = thing if isinstance(thing, str) else bytes(thing).decode("latin-1")
            if not isinstance(holder, Secret) and any(form in text for form in forms):
                found.append(f"{type(holder).__name__} holds a {type(thing).__name__}")
        elif isinstance(thing, types.FunctionType):
            waiting += [(cell, thing) for cell in thing.__closure__ or ()]
        elif not isinstance(thing, _NOT_FOLLOWED) and not type(thing).__module__.startswith("tests."):
            waiting += [(each, thing) for each in gc.get_referents(thing)]
    return found
