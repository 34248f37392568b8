"""Services for blocking code: the names of ``txnats.services``."""

from .calls import BLOCKING

_MODULE = BLOCKING.module("services")
__all__ = [*_MODULE.names()]  # noqa: PLE0604
__getattr__ = _MODULE.look_up


def __dir__() -> list[str]:
    return [*__all__]
