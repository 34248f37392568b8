"""JetStream for asyncio: the names of ``txnats.jetstream``."""

from .calls import AIO

_MODULE = AIO.module("jetstream")
__all__ = [*_MODULE.names()]  # noqa: PLE0604
__getattr__ = _MODULE.look_up


def __dir__() -> list[str]:
    return [*__all__]
