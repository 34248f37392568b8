"""Where an ordered consumer stands: which message comes next, and how a consumer for the rest is configured.

Answers and acts nothing: ``ordered_loop`` obeys. Source: ADR-17.
"""

from __future__ import annotations

from typing import Any

from ...errors import InvalidOption

INACTIVE_NS = 300_000_000_000
"""The server forgets a consumer that nobody deleted after five minutes."""
_NOT_THE_USERS = ("durable_name", "name", "deliver_subject", "deliver_group", "ack_wait", "backoff", "max_ack_pending")
_START = ("opt_start_seq", "opt_start_time")


class OrderedCursor:
    """Counts messages, and names and configures one consumer after the other.

    Args:
        config: The fields of a ConsumerConfig as the wire has them: what to deliver, from where on.
        prefix: The names of the consumers begin with it.

    Attributes:
        last_sequence: Stream sequence of the last message that came in order; None before the first.

    Raises:
        InvalidOption: The configuration is not that of an ordered consumer.
    """

    __slots__ = ("_behind", "_config", "_expected", "_prefix", "_serial", "last_sequence")

    def __init__(self, config: dict[str, Any], prefix: str) -> None:
        for name in _NOT_THE_USERS:
            if config.get(name):
                raise InvalidOption(f"an ordered consumer has no {name}", hint="leave it out")
        # "explicit" is what a ConsumerConfig says when nobody has said anything.
        if config.get("ack_policy", "none") not in ("none", "explicit", ""):
            raise InvalidOption(
                f"ack_policy is {config['ack_policy']!r}", why="messages of an ordered consumer are not acknowledged"
            )
        if config.get("max_deliver", 1) not in (0, 1, -1):
            raise InvalidOption("max_deliver is not 1", why="an ordered consumer delivers each message once")
        self._config = config
        self._prefix = prefix
        self._serial = 0
        self._expected = 1
        # Nothing was to be delivered up to here when the first consumer was made; None when there was something.
        self._behind: int | None = None
        self.last_sequence: int | None = None

    @property
    def name(self) -> str:
        """The name of the consumer in use."""
        return f"{self._prefix}_{self._serial}"

    def created(self, delivered: int, pending: int) -> None:
        """The consumer in use stands.

        One that begins with what is yet to come begins here, also when another one has to take its place before
        anything came: what is stored in between is not to be missed.

        Args:
            delivered: The stream sequence that it begins behind.
            pending: Messages that are there for it.
        """
        policy = self._config.get("deliver_policy")
        if self._behind is None and (policy == "new" or (policy == "last_per_subject" and not pending)):
            self._behind = delivered

    def arrived(self, stream_sequence: int, consumer_sequence: int) -> bool:
        """Whether the message with these numbers is the next one. If not, ``renew``."""
        if consumer_sequence != self._expected:
            return False
        self._expected += 1
        self.last_sequence = stream_sequence
        return True

    def renew(self) -> None:
        """From now on use another consumer."""
        self._serial += 1
        self._expected = 1

    def config(self) -> dict[str, Any]:
        """What the consumer in use is created with: it begins behind the last message that came in order."""
        config = self._config | {
            "name": self.name,
            "ack_policy": "none",
            "max_deliver": 1,
            "mem_storage": True,
            "num_replicas": 1,
        }
        config.setdefault("inactive_threshold", INACTIVE_NS)
        if config.get("deliver_policy") == "last_per_subject" and not (
            config.get("filter_subject") or config.get("filter_subjects")
        ):
            config["filter_subjects"] = [">"]
        last = self._behind if self.last_sequence is None else self.last_sequence
        if last is not None:
            config = {name: value for name, value in config.items() if name not in _START}
            config |= {"deliver_policy": "by_start_sequence", "opt_start_seq": last + 1}
        return config
