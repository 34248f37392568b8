"""What is asked of a stream.

Source: the requests of nats-server 2.15.
"""

from __future__ import annotations

from ..records import Record


class InfoRequest(Record, frozen=True):
    """What an information is to hold beyond the usual."""

    subjects_filter: str = ""
    deleted_details: bool = False
    offset: int = 0


class PurgeRequest(Record, frozen=True):
    """What is to go."""

    filter: str = ""
    seq: int = 0
    keep: int = 0


class DeleteRequest(Record, frozen=True):
    """Which message is to go; ``no_erase`` leaves its bytes in the store."""

    seq: int = 0
    no_erase: bool = False


class PeerRequest(Record, frozen=True):
    """A server, by its name or the id of its peer."""

    peer: str = ""
