"""NATS for asyncio: the names of ``txnats``, each call of which gives an asyncio future.

::

    async with txnats.aio.connect("nats://127.0.0.1:4222") as client:
        reply = await client.request("greet.joe", b"hello")

It runs in the event loop that is there: nothing is installed, and handlers may be coroutine functions of asyncio.
"""

from .calls import ROOT
from .loop import connect as connect

__all__ = [*ROOT.names()]  # noqa: PLE0604  # the names of txnats; what mypy and editors read is beside it

__getattr__ = ROOT.look_up


def __dir__() -> list[str]:
    return [*__all__]
