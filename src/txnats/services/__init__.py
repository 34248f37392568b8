"""Services: programs that answer requests, are found by name, and tell how they do.

``Service.start`` offers one, ``discover`` finds those that run, ``call`` asks one and raises what it answers as an
error. Source: ADR-32.
"""

from .discovery import FoundEndpoint, FoundService, discover, infos, pings, stats
from .endpoint import Endpoint
from .errors import ServiceError
from .group import Group
from .hosting import Hosting
from .records import EndpointInfo, EndpointStats, ServiceInfo, ServicePing, ServiceStats
from .request import Request
from .requester import call
from .service import Service

__all__ = [
    "Endpoint",
    "EndpointInfo",
    "EndpointStats",
    "FoundEndpoint",
    "FoundService",
    "Group",
    "Hosting",
    "Request",
    "Service",
    "ServiceError",
    "ServiceInfo",
    "ServicePing",
    "ServiceStats",
    "call",
    "discover",
    "infos",
    "pings",
    "stats",
]
