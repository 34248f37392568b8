"""txnats: the ``nats:`` client endpoint and ``twist nats``.

Twisted loads this file in programs that have nothing to do with NATS, so it imports txnats only when it is used. There
is no ``__init__.py`` beside it or above it: this folder adds to Twisted's own package and must not hide it.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import ServiceMaker
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamClientEndpointStringParserWithReactor
from twisted.plugin import IPlugin
from zope.interface import implementer


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class _NatsEndpoints:
    """``clientFromString(reactor, "nats:demo:4222")``."""

    prefix = "nats"

    def parseStreamClient(self, reactor: Any, *args: Any, **kwargs: Any) -> IStreamClientEndpoint:
        from txnats.plugins import client_endpoint  # noqa: PLC0415

        return client_endpoint(reactor, *args, **kwargs)


endpoints = _NatsEndpoints()

twist = ServiceMaker("txnats", "txnats.plugins", "A NATS client: logs messages, or runs a service of yours", "nats")
