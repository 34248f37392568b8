"""The pool of servers: whom to try next, and after how long.

A pass is one try of each server. The first pass after a loss goes on without a wait; before each further pass there is
one that grows. Counters belong to each server and start anew when it takes us in.
Source: ADR-40; discovered servers are reconciled on every INFO.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from itertools import islice
from typing import TypeAlias, TypeVar

from ..errors import (
    AuthenticationRefused,
    CertificateRefused,
    CredentialsExpired,
    DialFailed,
    InvalidOption,
    NatsError,
    NoServersLeft,
    TlsUnavailable,
)
from ..options import ReconnectOptions
from .addresses import Address, is_ip, parse_address
from .backoff import check_wait, wait_after

Choice: TypeAlias = "tuple[Server, float]"
Answer = TypeVar("Answer")


class Server:
    """One server of the pool.

    Attributes:
        address: Where it is; None for an endpoint of the caller's own.
        name: How texts call it.
        announced: The text by which the cluster announced it; None for a configured one.
        failures: Failed attempts in a row.
        strikes: Those of them that count towards ``max_attempts``.
    """

    __slots__ = ("address", "announced", "failures", "name", "refused_as", "strikes")

    def __init__(self, name: str, address: Address | None, announced: str | None = None) -> None:
        self.name = name
        self.address = address
        self.announced = announced
        self.failures = 0
        self.strikes = 0
        self.refused_as: type[NatsError] | None = None


class Servers:
    """The pool.

    Args:
        servers: The configured ones, in order.
        options: Order, attempts, waits.
        limit: Most servers in it.
        shuffle: Puts a list in random order, in place.
        jitter: Gives a number from 0 to 1.

    Attributes:
        passes: Whole passes that failed in a row.
        last_error: The newest reason for which a server was lost or could not be reached.
    """

    def __init__(
        self,
        servers: Iterable[Server],
        options: ReconnectOptions,
        limit: int,
        *,
        shuffle: Callable[[list[Server]], None] = random.shuffle,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._pool = list(servers)
        self._configured = {server.name: server for server in self._pool}
        self._options = options
        self._limit = limit
        self._shuffle = shuffle
        self._jitter = jitter
        self._tried: set[Server] = set()
        # Tries that are left in this pass.
        self._left = len(self._pool)
        self._causes: dict[str, NatsError] = {}
        self._expired: CredentialsExpired | None = None
        self._discover = options.discover and all(server.address is not None for server in self._pool)
        self.passes = 0
        self.last_error: NatsError | None = None
        if options.shuffle:
            shuffle(self._pool)

    def __len__(self) -> int:
        return len(self._pool)

    @property
    def names(self) -> list[str]:
        """The servers' names in the order in which they will be tried."""
        return [server.name for server in self._pool]

    def next(self) -> Choice | None:
        """Whom to try and how many seconds to wait before; None when the pool is empty.

        Raises:
            InvalidOption: The caller's own ``delay`` or ``choose`` raised, or gave what cannot be.
        """
        if not self._pool:
            return None
        wait = 0.0
        if (self._left <= 0 and self._options.choose is None) or self._tried.issuperset(self._pool):
            self._tried.clear()
            self.passes += 1
            # What is announced meanwhile does not lengthen the pass.
            self._left = len(self._pool)
            wait = _asked("delay", lambda: wait_after(self.passes, self._options, self._jitter))
        server = next(each for each in self._pool if each not in self._tried)
        if self._options.choose is not None:
            choose = self._options.choose
            server, wait = _asked("choose", lambda: self._chosen(choose))
        self._left -= 1
        self._tried.add(server)
        self._to_tail(server)
        return server, wait

    def other(self, current: Server) -> Server | None:
        """Another server than this one, for a move away from it; each call gives the next one."""
        other = next((server for server in self._pool if server is not current), None)
        if other is not None:
            self._to_tail(other)
        return other

    def settled(self, server: Server) -> None:
        """It has kept us for a while: its counters and the passes start anew.

        Not before: one that takes us in and drops us at once would else be tried without a pause and without an end.
        """
        server.failures = server.strikes = 0
        server.refused_as = None
        self.passes = 0
        self._tried.clear()
        # Tries that are left in this pass.
        self._left = len(self._pool)
        self._causes.clear()
        self._expired = None

    def failed(self, server: Server, error: NatsError, *, spare: bool = False) -> None:
        """An attempt failed. Too many in a row, or the same refusal twice, and it leaves the pool.

        A refusal is one of our login, or of TLS, which another attempt would hardly change.

        Args:
            server: Whose attempt.
            error: Why.
            spare: Whether there was a connection meanwhile. Such attempts follow each other without growing waits, so
                that they are no measure of how long the server has been away: they do not count towards the maximum.
        """
        if self._expired is not None and type(error) is AuthenticationRefused:
            # The same credentials again, most likely: a server that is asked anew does not say why it refuses them.
            error = CredentialsExpired(server.name, f"{self._expired.why}, then {error.why}", hint=self._expired.hint)
        server.failures += 1
        server.strikes += not spare
        self.last_error = error
        self._causes[server.name] = error
        # A server's certificate may be renewed without us, so that refusal is as any other failure.
        is_refusal = isinstance(error, (AuthenticationRefused, TlsUnavailable))
        refused = type(error) if is_refusal and not isinstance(error, CertificateRefused) else None
        twice = refused is not None and refused is server.refused_as
        server.refused_as = refused
        if twice or 0 <= self._options.max_attempts <= server.strikes:
            self._drop(server)

    def lost(self, server: Server, error: NatsError) -> None:
        """The connection to it is gone: it stands last from now on."""
        self.last_error = error
        if isinstance(error, CredentialsExpired):
            self._expired = error
        self._to_tail(server)

    def reconcile(self, announced: Sequence[str] | None, current: Server) -> tuple[list[str], list[str]]:
        """Take up what the cluster announces: the names added and removed.

        Nothing or an empty list means no news. Configured servers and the one in use always stay.
        """
        if not announced or not self._discover or current.address is None:
            return [], []
        listed = set(announced)
        gone = [
            server
            for server in self._pool
            if server.announced is not None and server.announced not in listed and server is not current
        ]
        for server in gone:
            self._drop(server)
        known = {server.announced for server in self._pool} | {_place(server) for server in self._pool}
        names = {server.name for server in self._pool}
        new: dict[str, Server] = {}
        # Texts that turn out to be nothing new are looked at only so often, or a hostile list would cost seconds.
        for text in islice((each for each in announced if each not in known), max(100, self._limit)):
            if len(self._pool) + len(new) >= self._limit:
                break
            found = self._announced(text, current.address)
            if found is not None and found.name not in names:
                # A configured one that had left the pool comes back as what it was.
                new.setdefault(found.name, self._configured.get(found.name, found))
        added = list(new.values())
        if self._options.shuffle:
            self._shuffle(added)
        self._pool += added
        return [server.name for server in added], [server.name for server in gone]

    def verdict(self) -> NatsError:
        """Why nobody could be reached. What all say alike, other than that they cannot be reached, is said once."""
        causes = list(self._causes.items())
        kinds = {type(error) for _, error in causes}
        if len(kinds) == 1 and not kinds <= {DialFailed}:
            return _together(causes)
        return NoServersLeft(causes)

    def pass_is_over(self) -> bool:
        """Whether every server has been tried since the last success."""
        return self._tried.issuperset(self._pool)

    def _announced(self, text: str, current: Address) -> Server | None:
        """A server from an announcement, of which only the place counts; one that cannot be read is passed over."""
        try:
            address = parse_address(text, current.scheme)
        except InvalidOption:
            return None
        # An address is checked against the name by which the cluster was dialled; a name speaks for itself.
        dialled = current.tls_name or current.host
        inherited = Address(
            scheme=self._scheme(current),
            host=address.host,
            port=address.port,
            auth=current.auth,
            tls_name=dialled if is_ip(address.host) and not is_ip(dialled) else None,
            path=current.path,
            query=current.query,
        )
        return Server(inherited.name, inherited, announced=text)

    def _scheme(self, current: Address) -> str:
        """How a server that is announced is dialled: as the one that tells of it, but TLS where any was to have it."""
        wanted = (each.address for each in self._configured.values())
        return "tls" if current.scheme == "nats" and any(each and each.secure for each in wanted) else current.scheme

    def _chosen(self, choose: Callable[[Sequence[str], int], tuple[str, float]]) -> Choice:
        name, wait = choose(self.names, self.passes)
        for server in self._pool:
            if server.name == name:
                return server, check_wait(wait)
        raise InvalidOption(f"ReconnectOptions.choose gave {name!r}", why="it is not a server of the pool")

    def _to_tail(self, server: Server) -> None:
        if server in self._pool:
            self._pool.remove(server)
            self._pool.append(server)

    def _drop(self, server: Server) -> None:
        if server in self._pool:
            self._pool.remove(server)
        self._tried.discard(server)


def _asked(name: str, ask: Callable[[], Answer]) -> Answer:
    """What the caller's own rule says."""
    try:
        return ask()
    except InvalidOption:
        raise
    except BaseException as error:  # else it would end the machine in the midst of a step, and the client with it
        raise InvalidOption(f"ReconnectOptions.{name} raised", why=f"{type(error).__name__}: {error}") from error


def _place(server: Server) -> str:
    """``host:port`` of a server, as announcements write it."""
    address = server.address
    if address is None:
        return server.name
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"


def _together(causes: list[tuple[str, NatsError]]) -> NatsError:
    """One error for servers that all failed in one way: the last one's, which tells of the others, too."""
    _, last = causes[-1]
    if any(error.why != last.why for _, error in causes):
        facts, last = last.__dict__, copy(last)
        last.__dict__.update(facts)
        others = "; ".join(f"{server}: {error.why or error.what}" for server, error in causes[:-1])
        last.why = f"{last.why}; and {others}"
    return last
