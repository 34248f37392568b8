"""What Twisted's plugins do: ``nats:`` in an endpoint string, and ``twist nats``."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

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
from .auth.authenticators import Authenticator, CredentialsFile, NKeyFile, Token, UserPassword
from .client import Client
from .errors import InvalidArgument, InvalidOption, NatsError
from .message import Message
from .options import ReconnectOptions, TlsOptions
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

    synopsis = "[--server URL | --context NAME] (--subject PATTERN... [--queue GROUP] | --service DOTTED.NAME)"
    longdesc = (
        "Logs the messages of some subjects, or runs a service of yours, for as long as the process runs. "
        "A login comes from a file, a context, the URL or the environment: NATS_USER and NATS_PASSWORD, NATS_TOKEN, "
        "NATS_CREDS or NATS_NKEY. "
        "Put a URL with a login into NATS_URL: everybody on the machine can read a command line."
    )
    optParameters = [  # noqa: RUF012 - Twisted's own form
        ["server", "s", None, f"URL of a server, or a comma list [default: NATS_URL, or {SERVER}]"],
        ["context", None, None, "a context of the nats command line, by name or path [default: NATS_CONTEXT]"],
        ["creds", None, None, "a credentials file [default: NATS_CREDS]"],
        ["nkey", None, None, "a file with an nkey seed [default: NATS_NKEY]"],
        ["tls-ca", None, None, "certificates to trust, PEM [default: NATS_CA]"],
        ["tls-cert", None, None, "client certificate, PEM [default: NATS_CERT]"],
        ["tls-key", None, None, "its private key, PEM [default: NATS_KEY]"],
        ["tls-hostname", None, None, "the name that the server's certificate is for, if it is not the one dialled"],
        ["queue", "q", None, "share the messages with all others of this queue group"],
        ["service", None, None, "a callable that is given the client before it connects, to subscribe"],
    ]
    optFlags = [["tls-first", None, "TLS before the server says anything; any --tls option asks for TLS"]]  # noqa: RUF012

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
        self["nats"] = _nats_service(self, os.environ.get)
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


Given: TypeAlias = "Mapping[str, Any]"
Environment: TypeAlias = "Callable[[str], str | None]"


def _nats_service(options: Options, environment: Environment) -> NatsService:
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - twist would install this one in a moment

    where, hides = _where(options, environment)
    try:
        # It runs until it is stopped, so it never gives up.
        return NatsService(
            reactor,
            **where,
            auth=_login(options, environment),
            tls=_tls(options, environment),
            reconnect=ReconnectOptions(max_attempts=-1),
            name="twist nats",
        )
    except InvalidArgument as error:
        raise UsageError("a server with a login begins with nats://" if hides else str(error)) from None


def _where(options: Given, environment: Environment) -> tuple[dict[str, Any], bool]:
    """Servers or context, and whether an error about them must not be shown. The command line comes first."""
    if options["server"] and options["context"]:
        raise UsageError("--server and --context exclude each other")
    context = options["context"] or (not options["server"] and environment("NATS_CONTEXT"))
    if context:
        if not options["context"] and environment("NATS_URL"):
            raise UsageError("NATS_URL and NATS_CONTEXT exclude each other")
        return {"context": context}, False
    servers = options["server"].reveal() if options["server"] else environment("NATS_URL") or SERVER
    # Without a scheme a login is taken for the name of a kind of endpoint, and the error would show it.
    return {"servers": servers}, "@" in servers and "://" not in servers


def _login(options: Given, environment: Environment) -> Authenticator | None:
    """From the command line, or else from the environment."""
    given = _only_one({"--creds": options["creds"], "--nkey": options["nkey"]}) or _only_one(
        {name: environment(name) for name in ("NATS_USER", "NATS_TOKEN", "NATS_CREDS", "NATS_NKEY")}
    )
    match given:
        case None:
            return None
        case "NATS_USER", user:
            return UserPassword(user, environment("NATS_PASSWORD") or "")
        case "NATS_TOKEN", token:
            return Token(token)
        case "--creds" | "NATS_CREDS", path:
            return CredentialsFile(path)
        case _, path:
            return NKeyFile(path)


def _only_one(found: dict[str, str | None]) -> tuple[str, str] | None:
    """What is given, by its name."""
    given = [(name, value) for name, value in found.items() if value]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(name for name, _ in given)} exclude each other")
    return given[0] if given else None


def _tls(options: Given, environment: Environment) -> TlsOptions | None:
    """None when nothing is said of it."""
    ca, certificate, key = (
        options[option] or environment(name) or None
        for option, name in (("tls-ca", "NATS_CA"), ("tls-cert", "NATS_CERT"), ("tls-key", "NATS_KEY"))
    )
    hostname, first = options["tls-hostname"] or None, bool(options["tls-first"])
    if not (ca or certificate or key or hostname or first):
        return None
    return TlsOptions(ca=ca, certificate=certificate, key=key, hostname=hostname, handshake_first=first)


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
