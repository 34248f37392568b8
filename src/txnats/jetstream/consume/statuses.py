"""What the server's statuses on a pull mean: one literal table.

A pull is answered by messages, which carry a reply subject for their acknowledgement, and by statuses, which carry
none. A status comes on the reply subject of its own pull and ends that pull, except for a heartbeat.

Source: ADR-13 and ADR-42, and what nats-server 2.10 to 2.15 were seen to send.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from .events import Pulled


class Meaning(Enum):
    """What a status says of its pull."""

    ALIVE = auto()
    """The pull stands, there is nothing to deliver."""
    EMPTY = auto()
    """There was nothing, and the pull did not want to wait."""
    EXPIRED = auto()
    """Its time is over."""
    COMPLETED = auto()
    """All that it asked for was delivered."""
    TOO_LARGE = auto()
    """The next message does not fit into the bytes that are left of it."""
    MOVED = auto()
    """The consumer's leader is gone, and every pull that it held is gone with it."""
    CROWDED = auto()
    """The consumer holds as many pulls as it may. A pull with heartbeats is not told so: there is silence."""
    OVER_LIMIT = auto()
    """It asked for more than the consumer allows in one pull; the description names the limit."""
    DELETED = auto()
    """The consumer, or its stream, is gone."""
    NO_PULL = auto()
    """It is a push consumer."""
    NOT_PINNED = auto()
    """Another client is pinned."""
    BAD_REQUEST = auto()
    """The server does not understand the pull."""
    TOO_OLD = auto()
    """The server's API level is below what the pull requires."""
    NOBODY = auto()
    """Nobody listens for pulls: no such consumer, no leader, or JetStream is starting."""
    UNKNOWN = auto()
    """No row of the table."""


# The first row whose words begin the description, in any case, counts.
TABLE: tuple[tuple[int, str, Meaning], ...] = (
    (100, "", Meaning.ALIVE),
    (404, "", Meaning.EMPTY),
    (408, "", Meaning.EXPIRED),
    (409, "batch completed", Meaning.COMPLETED),
    (409, "message size exceeds maxbytes", Meaning.TOO_LARGE),
    (409, "leadership change", Meaning.MOVED),
    (409, "server shutdown", Meaning.MOVED),
    (409, "exceeded maxwaiting", Meaning.CROWDED),
    (409, "exceeded maxrequestbatch", Meaning.OVER_LIMIT),
    (409, "exceeded maxrequestexpires", Meaning.OVER_LIMIT),
    (409, "exceeded maxrequestmaxbytes", Meaning.OVER_LIMIT),
    (409, "consumer deleted", Meaning.DELETED),
    (409, "consumer is push based", Meaning.NO_PULL),
    (423, "", Meaning.NOT_PINNED),
    (400, "", Meaning.BAD_REQUEST),
    (412, "", Meaning.TOO_OLD),
    (503, "", Meaning.NOBODY),
)

_LIMIT = re.compile(r"\bof (\d+)\s*$")
_TIME = re.compile(r"\bof ((?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+)\s*$")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def meaning(code: int | None, description: str) -> Meaning:
    """What a status says."""
    words = description.casefold()
    for row, start, found in TABLE:
        if row == code and words.startswith(start):
            return found
    return Meaning.UNKNOWN


def count_limit(description: str) -> int | None:
    """The number at the end of ``Exceeded MaxRequestBatch of 10``."""
    found = _LIMIT.search(description)
    return int(found[1]) if found and len(found[1]) < 19 else None


def time_limit(description: str) -> float | None:
    """The seconds at the end of ``Exceeded MaxRequestExpires of 1m30s``."""
    found = _TIME.search(description)
    if found is None or len(found[1]) > 40:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(found[1]))


def pulled(code: int | None, description: str) -> Pulled:
    """The event that tells of a status."""
    return Pulled(code or 0, description)
