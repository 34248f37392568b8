"""The reactor's thread, and the calls into it.

The reactor is one of our own and not the installed one: a program may run that as it likes, or not at all.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Mapping
from contextvars import copy_context
from functools import partial
from importlib import import_module
from inspect import iscoroutinefunction
from threading import Event, Lock, Thread, get_ident
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from .. import client as core
from .. import connecting
from ..errors import InvalidArgument
from ..facade.adapting import Adapting
from ..facade.errors import CalledFromReactor, MadeBeforeFork, ReactorStopped
from ..facade.proxy import Proxy, Spec, like
from ..options import check_seconds
from .answer import Answer
from .calls import BLOCKING
from .pieces import Pieces, must_wait

MOST_HANDLERS = 64
"""Handlers that may run at a time, each in a thread; more wait."""
AT_EXIT = 2.0
"""Seconds that clients which are open at the program's end get to send what was published."""
_REACTORS = (
    ("twisted.internet.epollreactor", "EPollReactor"),
    ("twisted.internet.kqreactor", "KQueueReactor"),
    ("twisted.internet.selectreactor", "SelectReactor"),
)


def _make_reactor() -> Any:
    for module, name in _REACTORS:
        try:
            kind = getattr(import_module(module), name)
        except ImportError:
            continue
        reactor = kind()
        # The installed reactor, if one runs, remains what Twisted takes for the thread of I/O.
        reactor._registerAsIOThread = False
        return reactor
    raise AssertionError("Twisted has a select reactor everywhere")


class ReactorThread(Adapting):
    """A reactor in a daemon thread, for as long as the process lives."""

    def __init__(self) -> None:
        super().__init__(BLOCKING)
        self.reactor = _make_reactor()
        self.clients: set[core.Client] = set()
        self._process = os.getpid()
        self._waiting: set[Answer] = set()
        self._stopped = False
        # Name look-ups have the reactor's own pool: handlers that block do not hold them up. The threads of both keep
        # no program from ending: they are daemons, as the thread is that starts them.
        self.pool = ThreadPool(0, MOST_HANDLERS, "txnats-handlers")
        self._thread = Thread(target=self._run, name="txnats-reactor", daemon=True)

    def start(self) -> None:
        """Start it, and wait until it runs."""
        runs = Event()
        self.reactor.callWhenRunning(runs.set)
        self.pool.start()
        self._thread.start()
        runs.wait()

    def _run(self) -> None:
        self.reactor.run(installSignalHandlers=False)
        self._stopped = True
        for answer in list(self._waiting):
            answer.fail(ReactorStopped())

    def stop(self) -> None:
        """At the program's end: close the clients that are open, and end the thread."""
        if self._stopped or self._process != os.getpid():
            return

        def close_all() -> None:
            closing = DeferredList([client.close() for client in list(self.clients)])
            closing.addTimeout(AT_EXIT, self.reactor).addErrback(lambda _: None)
            closing.addCallback(lambda _: self.reactor.stop())

        self.send(close_all)
        self._thread.join(2 * AT_EXIT)

    # Calls

    def call(
        self, spec: Spec, function: Callable[..., Any], arguments: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> Any:
        timeout = None
        if not spec.has_timeout and spec.waits and "timeout" in keywords:
            keywords = dict(keywords)
            timeout = keywords.pop("timeout")
            timeout = None if timeout is None else check_seconds("timeout", timeout)
        given, named = self.arguments(spec, arguments, keywords)
        if get_ident() == self._thread.ident:
            if spec.waits:
                raise CalledFromReactor(spec.name)
            return self.outward(function(*given, **named))
        return self.outward(self._ask(spec.name, partial(function, *given, **named), timeout))

    def read(self, inner: object, name: str) -> Any:
        if get_ident() == self._thread.ident:
            return self.outward(getattr(inner, name))
        return self.outward(self._ask(name, partial(getattr, inner, name), None))

    def send(self, function: Callable[[], object]) -> None:
        if not self._stopped and self._process == os.getpid():
            self.reactor.callFromThread(function)

    def _ask(self, name: str, function: Callable[[], Any], timeout: float | None) -> Any:
        """Call a function in the reactor's thread; wait for its result, or that of its Deferred."""
        if self._process != os.getpid():
            raise MadeBeforeFork
        answer = Answer(name, timeout)
        self._waiting.add(answer)
        try:
            if self._stopped:
                raise ReactorStopped
            # In the caller's context: a handler that drains its client is known by it.
            self.reactor.callFromThread(copy_context().run, answer.begin, self.reactor, function)
            answer.wait()
        except BaseException:
            # A KeyboardInterrupt: what it waited for is cancelled.
            self.reactor.callFromThread(answer.leave)
            raise
        finally:
            self._waiting.discard(answer)
        return answer.result()

    # Values

    def waited(self, deferred: Deferred[Any]) -> Any:
        """A Deferred that came without being announced."""
        if get_ident() == self._thread.ident:
            deferred.addErrback(lambda _: None).cancel()
            raise CalledFromReactor("waiting for a Deferred")
        return self.outward(self._ask("waiting", lambda: deferred, None))

    def check_handler(self, name: str, function: Callable[..., Any]) -> None:
        if iscoroutinefunction(function):
            raise InvalidArgument(
                f"the {name} is a coroutine function", hint="a blocking handler is a plain function; or use txnats.aio"
            )

    def handle(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        context = copy_context()
        return deferToThreadPool(self.reactor, self.pool, context.run, self._inline, function, *arguments)

    def pieces(self, source: Any) -> Any:
        return Pieces(source, self.reactor, self.pool) if must_wait(source) else source


_lock = Lock()
_running: list[ReactorThread] = []


def reactor_thread() -> ReactorThread:
    """The reactor's thread of this process; the first call starts it."""
    with _lock:
        if not _running:
            _running.append(ReactorThread())
            _running[0].start()
        return _running[0]


def _after_fork() -> None:
    """In the child: what there is of the thread is not used again, and the next ``connect`` starts another one."""
    global _lock  # noqa: PLW0603  # the parent may hold the old one
    _lock = Lock()
    _forgotten.extend(_running)
    _running.clear()


_forgotten: list[ReactorThread] = []
"""Of parent processes: kept, since nothing of them may be closed by the garbage collector."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _at_exit() -> None:
    for each in _running:
        each.stop()


def connect(*arguments: Any, **options: Any) -> Proxy:
    """Connect to NATS. As ``txnats.connect``, without the reactor; it gives the client, or raises.

    ``with`` drains the client at the end. ``on_event``, ``hooks`` and the like are called in the reactor's thread:
    they may publish, and must not block.
    """
    home = reactor_thread()

    def connecting_there(*arguments: Any, **options: Any) -> Deferred[core.Client]:
        return connecting.connect(home.reactor, *arguments, **options).addCallback(keep)

    def keep(client: core.Client) -> core.Client:
        home.clients.add(client)
        client.when_closed().addBoth(lambda _: home.clients.discard(client))
        return client

    spec = Spec(name="connect", waits=True)
    connected: Proxy = home.call(spec, connecting_there, arguments, options)
    return connected


like(connect, connecting.connect, skip=1)
