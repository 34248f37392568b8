"""Look at servers, at the way of a message, and at the logs of programs, all through NATS itself.

::

    system = System(client)  # a client that is logged in to the system account
    async for report in system.gather(Varz):
        print(report.server.name, report.data.connections)

    print(await trace_route(client, "orders.1"))

    globalLogPublisher.addObserver(LogPublisher(client, "logs.shop"))
"""

from .errors import MonitoringError
from .logs import LogPublisher
from .records import (
    Accountz,
    Connection,
    Connz,
    Gatewayz,
    Healthz,
    Identity,
    Jsz,
    Leafz,
    Report,
    Routez,
    Statsz,
    Subsz,
    Traffic,
    Varz,
)
from .route import Egress, Route, RouteEvent, trace_route
from .system import Reports, System

__all__ = [
    "Accountz",
    "Connection",
    "Connz",
    "Egress",
    "Gatewayz",
    "Healthz",
    "Identity",
    "Jsz",
    "Leafz",
    "LogPublisher",
    "MonitoringError",
    "Report",
    "Reports",
    "Route",
    "RouteEvent",
    "Routez",
    "Statsz",
    "Subsz",
    "System",
    "Traffic",
    "Varz",
    "trace_route",
]
