"""Key-value buckets for asyncio: the names of ``txnats.kv``."""

from .calls import AIO

_MODULE = AIO.module("kv")
__all__ = [*_MODULE.names()]  # noqa: PLE0604
__getattr__ = _MODULE.look_up


def __dir__() -> list[str]:
    return [*__all__]
