"""What Twisted's plugins do: ``nats:`` in an endpoint string, and ``twist nats``."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger
from twisted.python.reflect import InvalidName, namedAny
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from .application import NatsService
from .auth.authenticators import Authenticator, Token, UserPassword
from .client import Client
from .errors import InvalidArgument, InvalidOption, NatsError
from .message import Message
from .options import ReconnectOptions
from .secret import Secret
from .state.addresses import parse_address
from .subjects import check_queue, check_subscribe

SERVER = "nats://127.0.0.1:4222"

log = Logger()

# ---------------------------------------------------------------------- nats:HOST:PORT


def client_endpoint(
    reactor: Any, *place: str, host: str = "", port: str = "", timeout: str = "30", **others: str
) -> IStreamClientEndpoint:
    """TCP to a NATS server, from the parts of ``nats:HOST``, ``nats:HOST:PORT``, ``nats:host=HOST:port=PORT`` or a URL.

    Args:
        reactor: Connects.
        place: Host and port.
        host: The host, as a keyword.
        port: The port, as a keyword; 4222 when none is given.
        timeout: Seconds that one address of the host may take.
        others: Nothing is known of them.

    Raises:
        InvalidOption: It cannot be read, or holds a login. No secret is in its text.
    """
    if others:
        # Not by their names: a password with an equals sign looks like an argument.
        raise InvalidOption("an argument of nats: is not known", hint="host, port and timeout are")
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    parts = [*place, host] if host or not place else [*place]
    if port:
        parts.append(port)
    # The colons of a URL, and of an IPv6 address in brackets, were taken for separators.
    address = parse_address(":".join(parts).removeprefix("//"))
    if address.auth is not None:
        raise InvalidOption(
            "nats: has no place for a login", where=address.name, hint="give it to what uses the endpoint, as auth="
        )
    try:
        seconds = float(timeout)
    except ValueError:
        raise InvalidOption("the timeout of nats: is not a number of seconds") from None
    return HostnameEndpoint(reactor, address.host, address.port, timeout=seconds)


# ---------------------------------------------------------------------- twist nats


class Options(UsageOptions):
    """What ``twist nats`` takes. Whatever cannot be is a UsageError, which shows no secret."""

    synopsis = "[--server URL] (--subject PATTERN... [--queue GROUP] | --service DOTTED.NAME)"
    longdesc = (
        "Logs the messages of some subjects, or runs a service of yours, for as long as the process runs. "
        "A login comes in the URL or from the environment: NATS_USER and NATS_PASSWORD, or NATS_TOKEN. "
        "Put a URL with a login into NATS_URL: everybody on the machine can read a command line."
    )
    optParameters = [  # noqa: RUF012 - Twisted's own form
        ["server", "s", None, f"URL of a server, or a comma list [default: NATS_URL, or {SERVER}]"],
        ["queue", "q", None, "share the messages with all others of this queue group"],
        ["service", None, None, "a callable that is given the client before it connects, to subscribe"],
    ]

    def __init__(self) -> None:
        UsageOptions.__init__(self)
        self["subjects"] = []

    def opt_subject(self, pattern: str) -> None:
        """A subject or pattern whose messages are logged; may be given several times."""
        self["subjects"].append(pattern)

    def postOptions(self) -> None:
        try:
            for pattern in self["subjects"]:
                check_subscribe(pattern)
            if self["queue"] is not None:
                check_queue(self["queue"])
        except InvalidArgument as error:
            raise UsageError(str(error)) from None
        if bool(self["subjects"]) is bool(self["service"]):
            raise UsageError("give one or more --subject, or else --service")
        if self["queue"] and self["service"]:
            raise UsageError("--queue goes with --subject; a --service names its own queue groups")
        if self["server"]:
            # These options may be printed.
            self["server"] = Secret(self["server"])
        self["nats"] = _nats_service(self["server"], os.environ.get)
        self["declare"] = _callable(self["service"]) if self["service"] else _logging(self["subjects"], self["queue"])


def makeService(options: Options) -> MultiService:
    """The service of ``twist nats``."""
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - twist has installed it by now

    nats: NatsService = options["nats"]
    declared = options["declare"](nats.client)
    if isinstance(declared, (Coroutine, Deferred)):
        maybeDeferred(lambda: declared).addErrback(lambda failure: log.failure("--service failed", failure))
    return _Program(reactor, nats)


class _Program(MultiService):
    """A process whose purpose is one client: it ends when its client does, and with 0 after a Ctrl-C."""

    def __init__(self, reactor: Any, nats: NatsService) -> None:
        MultiService.__init__(self)
        self._reactor = reactor
        self._nats = nats
        nats.setServiceParent(self)

    def startService(self) -> None:
        # The reactor leaves a handler alone that is there before it; its own ends the process by the signal.
        signal.signal(signal.SIGINT, self._interrupted)
        MultiService.startService(self)
        self._nats.client.when_closed().addCallback(self._ended)

    def _interrupted(self, *_: object) -> None:
        # A second Ctrl-C does not wait for the drain.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self._reactor.callFromThread(self._stop)

    def _ended(self, reason: NatsError | None) -> None:
        if self.running:
            if reason is not None:
                # twist itself ends with 0, and whoever restarts this process must see that it failed.
                atexit.register(_exit_failed)
            self._reactor.callWhenRunning(self._stop)

    def _stop(self) -> None:
        with contextlib.suppress(ReactorNotRunning):
            self._reactor.stop()


def _exit_failed() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(1)


def _nats_service(server: Secret | None, environment: Callable[[str], str | None]) -> NatsService:
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - twist would install this one in a moment

    servers = server or Secret(environment("NATS_URL") or SERVER)
    try:
        # It runs until it is stopped, so it never gives up.
        return NatsService(
            reactor,
            servers.reveal(),
            auth=_login(environment),
            reconnect=ReconnectOptions(max_attempts=-1),
            name="twist nats",
        )
    except InvalidArgument as error:
        # Without a scheme a login is taken for the name of a kind of endpoint, and the error would show it.
        hidden = "@" in servers.reveal() and "://" not in servers.reveal()
        raise UsageError("a server with a login begins with nats://" if hidden else str(error)) from None


def _login(environment: Callable[[str], str | None]) -> Authenticator | None:
    user, token = environment("NATS_USER"), environment("NATS_TOKEN")
    if user and token:
        raise UsageError("NATS_USER and NATS_TOKEN exclude each other")
    if user:
        return UserPassword(user, environment("NATS_PASSWORD") or "")
    return Token(token) if token else None


def _callable(name: str) -> Callable[[Client], object]:
    try:
        found = namedAny(name)
    except (InvalidName, AttributeError) as error:
        raise UsageError(f"--service {name} is not there: {error}") from error
    if not callable(found):
        raise UsageError(f"--service {name} is not callable")
    called: Callable[[Client], object] = found
    return called


def _logging(subjects: list[str], queue: str | None) -> Callable[[Client], object]:
    def show(message: Message) -> None:
        log.info("{subject!r}: {payload!r}", subject=message.subject, payload=message.payload, reply=message.reply)

    def declare(client: Client) -> None:
        for subject in subjects:
            client.subscribe(subject, show, queue=queue)

    return declare
