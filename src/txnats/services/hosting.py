"""A NATS service as a Twisted service: offered while an application runs.

Three things are called service here: Twisted's ``IService`` is a part of a program that starts and stops with it;
``NatsService`` is the one that keeps a client connected; a ``Service`` of this package answers requests and can be
found by its name. This file makes the first out of the last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application import service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..client import Client
from .service import Service


class Hosting(service.Service):
    """Offers a service while a Twisted application runs.

    Put it and the ``NatsService`` whose client it uses into one ``MultiService``, this one last: it stops first.

    Args:
        client: Its connection, say ``nats_service.client``, which need not be connected yet.
        build: Called with the service once it has started, to add its endpoints.
        drain_timeout: Seconds that stopping may take.
        options: ``name``, ``version`` and all else that ``Service.start`` takes.

    Attributes:
        hosted: The service; None before it runs.
    """

    log = Logger()

    def __init__(
        self, client: Client, build: Callable[[Service], object], *, drain_timeout: float = 30.0, **options: Any
    ) -> None:
        self._client = client
        self._build = build
        self._drain_timeout = drain_timeout
        self._options = options
        self._starting: Deferred[None] | None = None
        self.hosted: Service | None = None

    def startService(self) -> None:
        service.Service.startService(self)
        self._starting = Service.start(self._client, **self._options).addCallback(self._started)
        self._starting.addErrback(self._failed)

    def stopService(self) -> Deferred[None]:
        service.Service.stopService(self)
        if self.hosted is not None:
            return self.hosted.stop(self._drain_timeout)
        if self._starting is not None:
            self._starting.cancel()
        return succeed(None)

    def _started(self, hosted: Service) -> None:
        self.hosted = hosted
        self._build(hosted)

    def _failed(self, failure: Failure) -> None:
        if self.running:
            self.log.failure("The service {name} could not be offered.", failure, name=self._options.get("name"))
