"""Partitioned consumer groups for asyncio: the names of ``txnats.partitioned``."""

from .calls import AIO

_MODULE = AIO.module("partitioned")
__all__ = [*_MODULE.names()]  # noqa: PLE0604
__getattr__ = _MODULE.look_up


def __dir__() -> list[str]:
    return [*__all__]
