"""What is measured: one table."""

from __future__ import annotations

from dataclasses import dataclass

from bench.job import Job

KIB = 1024
WITH_JETSTREAM = frozenset({"txnats", "txnats-3.13", "nats-py", "natsio"})
ONLY_TXNATS = frozenset({"txnats", "txnats-3.13"})
AGAINST_PURE = ONLY_TXNATS | {"nats-py", "natsio"}
WITH_TLS = ONLY_TXNATS | {"nats-py"}
WITH_WEBSOCKET = ONLY_TXNATS | {"nats-py"}
WITH_ASYNC_HANDLERS = ONLY_TXNATS | {"nats-py", "natsio"}

# What a subscriber has not yet read waits in the server, which slows the feeder down from half its `max_pending` on.
LINE_BYTES = 128
MOST_FILLED = 400_000
MOST_BYTES_FED = 480 * KIB * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One row of the report.

    Attributes:
        role: The program that does it, in each peer's folder.
        pilot: Messages of the first, unrecorded run, which tells how many make up a measured run.
        live: A subscriber reads while it is fed, and so shares the processors with the feeder and the server. Else all
            messages wait at the server before the first is read, and the client alone sets the pace.
        tls: The client and the feeder go over TLS.
        websocket: The client goes over WebSocket, the feeder does not. A subscriber has to be live then: all that waits
            for it would come as one message.
        fixed: The measured run has as many messages as ``pilot``, however fast they go.
        unit: What the result is: a rate, or the unit of ``value``.
        stored: The server keeps streams, in files.
        filled: A stream is full, with a consumer for it, when the client begins.
        pure: txnats parses in pure Python, whether or not its compiled loop was built.
        scenario: What natsio's own benchmark calls it.
        peers: The peers that can do it; None for all.
    """

    name: str
    role: str
    pilot: int
    size: int = 16
    headers: bool = False
    handler: str = "plain"
    in_flight: int = 1
    live: bool = False
    tls: bool = False
    websocket: bool = False
    fixed: bool = False
    unit: str = "msg/s"
    stored: bool = False
    filled: bool = False
    pure: bool = False
    scenario: str = ""
    peers: frozenset[str] | None = None

    @property
    def is_rate(self) -> bool:
        """Whether the result is messages a second: more is better. A value is the other way round."""
        return self.unit == "msg/s"

    def job(self, url: str, count: int, ca: str = "") -> Job:
        """The orders for one run of about ``count`` messages; the warm-up is a tenth, or half a pilot's."""
        warm = 0 if self.fixed else max(count // 10, self.pilot // 2)
        if self.filled:
            count = min(count, MOST_FILLED)
        if self.role == "subscribe":
            count = min(count, MOST_BYTES_FED // (self.size + LINE_BYTES) - warm)
        return Job(
            url=url,
            ca=ca,
            size=self.size,
            warm=self._whole(warm),
            count=self._whole(count),
            headers=int(self.headers),
            handler=self.handler,
            in_flight=self.in_flight,
        )

    def _whole(self, count: int) -> int:
        """``count`` as a multiple of what is in flight."""
        return -(-count // self.in_flight) * self.in_flight


WORKLOADS = (
    Workload(name="publish 16 B", role="publish", pilot=60_000, scenario="pub 16 B"),
    Workload(name="publish 128 B", role="publish", size=128, pilot=60_000),
    Workload(name="publish 1 KiB", role="publish", size=KIB, pilot=40_000, scenario="pub 1 KiB"),
    Workload(name="publish 64 KiB", role="publish", size=64 * KIB, pilot=1_500, scenario="pub 64 KiB"),
    Workload(name="publish 128 B + headers", role="publish", size=128, headers=True, pilot=30_000),
    Workload(name="subscribe 16 B", role="subscribe", pilot=60_000),
    Workload(name="subscribe 128 B", role="subscribe", size=128, pilot=60_000),
    Workload(name="subscribe 16 B, pure", role="subscribe", pilot=60_000, pure=True, peers=AGAINST_PURE),
    Workload(name="subscribe 128 B, pure", role="subscribe", size=128, pilot=60_000, pure=True, peers=AGAINST_PURE),
    Workload(name="subscribe 1 KiB", role="subscribe", size=KIB, pilot=40_000),
    Workload(name="subscribe 64 KiB", role="subscribe", size=64 * KIB, pilot=1_500),
    Workload(name="subscribe 16 B, live", role="subscribe", live=True, pilot=60_000),
    Workload(name="subscribe 64 KiB, live", role="subscribe", size=64 * KIB, live=True, pilot=1_500),
    Workload(name="subscribe 16 B + headers", role="subscribe", headers=True, pilot=30_000),
    Workload(name="subscribe 16 B, async", role="subscribe", handler="async", pilot=60_000, peers=WITH_ASYNC_HANDLERS),
    Workload(
        name="subscribe 16 B, async, pure",
        role="subscribe",
        handler="async",
        pilot=60_000,
        pure=True,
        peers=AGAINST_PURE,
    ),
    Workload(name="publish + receive 16 B", role="both", pilot=30_000, scenario="pub+sub 16 B"),
    Workload(name="publish + receive 1 KiB", role="both", size=KIB, pilot=20_000, scenario="pub+sub 1 KiB"),
    Workload(name="request, one at a time", role="request", pilot=1_000, scenario="round trip"),
    Workload(name="request, 100 in flight", role="request", in_flight=100, pilot=5_000, scenario="request throughput"),
    Workload(
        name="JetStream publish, one at a time",
        role="jetstream_publish",
        pilot=1_000,
        peers=WITH_JETSTREAM,
        stored=True,
        scenario="JetStream publish, sync",
    ),
    Workload(
        name="JetStream publish, 256 in flight",
        role="jetstream_publish",
        in_flight=256,
        pilot=5_000,
        peers=WITH_JETSTREAM,
        stored=True,
        scenario="JetStream publish, async",
    ),
    Workload(name="publish 128 B, TLS", role="publish", size=128, tls=True, pilot=60_000, peers=WITH_TLS),
    Workload(name="publish 64 KiB, TLS", role="publish", size=64 * KIB, tls=True, pilot=1_500, peers=WITH_TLS),
    Workload(name="subscribe 128 B, TLS", role="subscribe", size=128, tls=True, pilot=60_000, peers=WITH_TLS),
    Workload(name="subscribe 64 KiB, TLS", role="subscribe", size=64 * KIB, tls=True, pilot=1_500, peers=WITH_TLS),
    Workload(name="request, one at a time, TLS", role="request", tls=True, pilot=1_000, peers=WITH_TLS),
    Workload(
        name="publish 128 B, WebSocket", role="publish", size=128, websocket=True, pilot=60_000, peers=WITH_WEBSOCKET
    ),
    Workload(
        name="subscribe 128 B, WebSocket, live",
        role="subscribe",
        size=128,
        websocket=True,
        live=True,
        pilot=60_000,
        peers=WITH_WEBSOCKET,
    ),
    Workload(
        name="JetStream fetch 256 + ack",
        role="jetstream_fetch",
        in_flight=256,
        pilot=20_000,
        peers=WITH_JETSTREAM | {"c"},
        stored=True,
        filled=True,
    ),
    Workload(
        name="JetStream consume + ack",
        role="jetstream_consume",
        scenario="JetStream consume",
        in_flight=256,
        pilot=20_000,
        peers=WITH_JETSTREAM | {"c"},
        stored=True,
        filled=True,
    ),
    Workload(
        name="JetStream ordered read",
        role="jetstream_ordered",
        pilot=20_000,
        peers=WITH_JETSTREAM,
        stored=True,
        filled=True,
    ),
    Workload(
        name="KV put, one at a time",
        role="kv_put",
        pilot=1_000,
        peers=WITH_JETSTREAM,
        stored=True,
        scenario="KV put",
    ),
    Workload(
        name="KV put, 100 in flight", role="kv_put", in_flight=100, pilot=5_000, peers=WITH_JETSTREAM, stored=True
    ),
    Workload(
        name="KV get, one at a time",
        role="kv_get",
        pilot=1_000,
        peers=WITH_JETSTREAM,
        stored=True,
        scenario="KV get",
    ),
    Workload(
        name="KV get, 100 in flight", role="kv_get", in_flight=100, pilot=5_000, peers=WITH_JETSTREAM, stored=True
    ),
    Workload(
        name="KV watch, 50k keys",
        role="kv_watch",
        size=128,
        pilot=50_000,
        fixed=True,
        peers=WITH_JETSTREAM,
        stored=True,
    ),
    Workload(
        name="object put, 64 x 1 MiB",
        role="object_put",
        size=KIB * KIB,
        pilot=64,
        fixed=True,
        peers=WITH_JETSTREAM,
        stored=True,
    ),
    Workload(
        name="object get, 64 x 1 MiB",
        role="object_get",
        size=KIB * KIB,
        pilot=64,
        fixed=True,
        peers=WITH_JETSTREAM,
        stored=True,
    ),
    Workload(
        name="object put and get, 64 x 1 MiB",
        role="object_round_trip",
        size=KIB * KIB,
        pilot=64,
        fixed=True,
        peers=WITH_JETSTREAM,
        stored=True,
        scenario="object round trip",
    ),
    Workload(name="memory, 100k subscriptions", role="memory", pilot=100_000, fixed=True, unit="MB"),
    Workload(name="import", role="importing", pilot=1, fixed=True, unit="ms", peers=ONLY_TXNATS),
    Workload(name="subject check", role="subject_check", pilot=1, fixed=True, unit="ns", peers=ONLY_TXNATS),
)
