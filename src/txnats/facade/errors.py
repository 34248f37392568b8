"""Errors of the two facades."""

from __future__ import annotations

from ..errors import InvalidArgument, NatsError


class CalledFromReactor(NatsError):
    """A blocking call in the thread that would have to answer it."""

    def __init__(self, call: str) -> None:
        super().__init__(
            f"{call} would wait for ever",
            why="it was called in the reactor's thread, which would have to answer it",
            hint="call it in a handler, which runs in a thread of its own",
        )


class MadeBeforeFork(NatsError):
    """A client of the parent process."""

    def __init__(self) -> None:
        super().__init__(
            "this client belongs to the parent process",
            why="a fork has no reactor's thread",
            hint="connect after the fork",
        )


class ReactorStopped(NatsError):
    """The program ends."""

    def __init__(self) -> None:
        super().__init__("the reactor's thread has ended", why="the program is at its end")


class WrongLoop(NatsError):
    """A call outside of the event loop that the client belongs to."""

    def __init__(self, call: str) -> None:
        super().__init__(
            f"{call} was called outside of its event loop",
            why="a client lives in the loop that connect was called in",
            hint="from another thread: loop.call_soon_threadsafe or asyncio.run_coroutine_threadsafe",
        )


def no_home(call: str, package: str) -> InvalidArgument:
    """None of the arguments says where the call is to run."""
    return InvalidArgument(
        f"{call} was given no client of {package}", hint=f"connect with {package}.connect and give that on"
    )


def of_another(value: object) -> InvalidArgument:
    """An object of another thread or loop."""
    return InvalidArgument(f"{value!r} belongs to another reactor", hint="use what one client has made together")
