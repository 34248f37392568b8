"""The order of things: a pilot run for each pair, then rounds in which every peer does every workload once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.contestants import Peer
from bench.runner import Run, measure
from bench.workloads import Workload


@dataclass(frozen=True, slots=True)
class Plan:
    """Who does what, how often, and for how long.

    Attributes:
        seconds: About how long a measured run takes.
    """

    workloads: Sequence[Workload]
    peers: Sequence[Peer]
    rounds: int
    seconds: float

    @property
    def pairs(self) -> list[tuple[Workload, Peer]]:
        """Every workload with every peer that can do it."""
        return [
            (workload, peer)
            for workload in self.workloads
            for peer in self.peers
            if workload.role in peer.roles and (workload.peers is None or peer.name in workload.peers)
        ]

    @property
    def steps(self) -> int:
        """How many runs there will be at most, pilots included."""
        return len(self.pairs) * (self.rounds + 1)


def execute(plan: Plan, doing: Callable[[str, Workload, Peer], None]) -> Iterator[Run]:
    """Carry out the plan; gives each measured run as it ends.

    Args:
        doing: Told before each run: the word for the round, the workload, the peer.
    """
    counts: dict[tuple[str, str], int] = {}
    for workload, peer in plan.pairs:
        doing("pilot", workload, peer)
        counts[workload.name, peer.name] = messages_for(workload, plan.seconds, _pilot(workload, peer))
    for number in range(1, plan.rounds + 1):
        # The order turns round, so that nobody is always the first or the last.
        for workload, peer in plan.pairs if number % 2 else plan.pairs[::-1]:
            doing(f"round {number}", workload, peer)
            yield measure(workload, peer, counts[workload.name, peer.name], number)


def _pilot(workload: Workload, peer: Peer) -> float:
    """The rate of a first run, which also warms caches on disk."""
    if workload.role == "memory":  # it is slow, and its size is fixed
        return 0.0
    return measure(workload, peer, workload.pilot, 0).rate


def messages_for(workload: Workload, seconds: float, rate: float) -> int:
    """How many messages make a run of about ``seconds`` when a first run showed ``rate``."""
    if workload.fixed or rate <= 0.0:
        return workload.pilot
    return max(workload.pilot // 10, round(rate * seconds))
