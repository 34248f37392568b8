"""Ten secrets, each in its own place, and all that is written, told, raised or held while something goes wrong."""

from __future__ import annotations

import base64
import gc
import logging
import pickle
import traceback
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from twisted.internet import defer
from twisted.internet.defer import Deferred, succeed
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

import txnats
from txnats.auth.nkeys import Nkey
from txnats.auth.secret import Secret

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


class Login(NamedTuple):
    """A secret in its place: the servers, with a login or without, and the credentials."""

    marker: Marker
    servers: Callable[[], str]
    auth: Callable[[], Any]


HOST = "nats://host:4222"


def logins(folder: Path) -> dict[str, Login]:
    """Each of the ten."""
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


@implementer(ILogObserver)
class Watch:
    """Everything that is said while it watches.

    Attributes:
        told: The client's events, as its ``on_event``.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.told: list[txnats.events.Event] = []

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
        seen: set[int] = set()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
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
