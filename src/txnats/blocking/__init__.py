"""NATS for blocking code: the names of ``txnats``, each call of which gives its result.

::

    with txnats.blocking.connect("nats://127.0.0.1:4222") as client:
        reply = client.request("greet.joe", b"hello")

A reactor of its own runs in a thread in the background. Handlers are plain functions in threads and may block.
"""

from .calls import ROOT
from .thread import connect as connect

__all__ = [*ROOT.names()]  # noqa: PLE0604  # the names of txnats; what mypy and editors read is beside it

__getattr__ = ROOT.look_up


def __dir__() -> list[str]:
    return [*__all__]
