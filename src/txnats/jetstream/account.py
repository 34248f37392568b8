"""What an account uses of JetStream, and what it may use.

Source: the account information of nats-server 2.15.
"""

from __future__ import annotations

from .records import Record


class AccountLimits(Record, frozen=True):
    """What may be used; -1 is no limit."""

    max_memory: int = -1
    max_storage: int = -1
    max_streams: int = -1
    max_consumers: int = -1
    max_ack_pending: int = -1
    memory_max_stream_bytes: int = -1
    storage_max_stream_bytes: int = -1
    max_bytes_required: bool = False


class ApiStatistics(Record, frozen=True):
    """Calls of the API since the server started, and the API level of the server: 0 before nats-server 2.11."""

    level: int = 0
    total: int = 0
    errors: int = 0
    inflight: int = 0


class Tier(Record, frozen=True):
    """What is used, and may be, with one number of replicas; sizes are bytes."""

    memory: int = 0
    storage: int = 0
    reserved_memory: int = 0
    reserved_storage: int = 0
    streams: int = 0
    consumers: int = 0
    limits: AccountLimits = AccountLimits()


class AccountInfo(Tier, frozen=True):
    """What an account uses in all.

    Attributes:
        domain: The JetStream domain; empty when there is none.
        api: About its calls.
        tiers: By name, ``R1`` or ``R3``, where an account's limits are set so; then those here are not.
    """

    domain: str = ""
    api: ApiStatistics = ApiStatistics()
    tiers: dict[str, Tier] = {}
    type: str = ""
