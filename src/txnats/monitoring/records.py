"""What a server tells of itself, typed. Pure.

Fields are named as the server names them; a report's ``raw`` has those that are not known here, too. Times are the
server's own text.
Source: the monitoring endpoints of nats-server 2.15.
"""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from ..errors import RemoteProtocolError


class Identity(msgspec.Struct, frozen=True):
    """Which server tells.

    Attributes:
        jetstream: Whether it stores.
        time: When it told.
    """

    id: str = ""
    name: str = ""
    host: str = ""
    cluster: str = ""
    domain: str = ""
    ver: str = ""
    tags: list[str] = []
    jetstream: bool = False
    time: str = ""


class About(msgspec.Struct, frozen=True):
    """One kind of report.

    Attributes:
        verb: Its name in subjects.
    """

    verb: ClassVar[str] = ""


class SlowConsumers(msgspec.Struct, frozen=True):
    """Connections that were too slow, by kind."""

    clients: int = 0
    routes: int = 0
    gateways: int = 0
    leafs: int = 0


class JetStreamStats(msgspec.Struct, frozen=True):
    """What a server's JetStream has in use."""

    memory: int = 0
    storage: int = 0
    reserved_memory: int = 0
    reserved_storage: int = 0
    accounts: int = 0
    ha_assets: int = 0


class JetStreamLimits(msgspec.Struct, frozen=True):
    """What it may use."""

    max_memory: int = 0
    max_storage: int = 0
    store_dir: str = ""


class JetStreamVarz(msgspec.Struct, frozen=True):
    """JetStream in a server's general report."""

    config: JetStreamLimits | None = None
    stats: JetStreamStats | None = None


class Varz(About, frozen=True):
    """A server in general: what it is, how it is set up, what has gone through it.

    Attributes:
        mem: Bytes of memory.
        cpu: Percent of one core.
        routes: Connections to other servers of the cluster; ``remotes`` are these servers.
    """

    verb: ClassVar[str] = "VARZ"

    server_id: str = ""
    server_name: str = ""
    version: str = ""
    git_commit: str = ""
    go: str = ""
    host: str = ""
    port: int = 0
    auth_required: bool = False
    tls_required: bool = False
    connect_urls: list[str] = []
    max_connections: int = 0
    max_payload: int = 0
    max_pending: int = 0
    jetstream: JetStreamVarz | None = None
    start: str = ""
    now: str = ""
    uptime: str = ""
    mem: int = 0
    cores: int = 0
    cpu: float = 0.0
    connections: int = 0
    total_connections: int = 0
    routes: int = 0
    remotes: int = 0
    leafnodes: int = 0
    in_msgs: int = 0
    in_bytes: int = 0
    out_msgs: int = 0
    out_bytes: int = 0
    slow_consumers: int = 0
    stale_connections: int = 0
    subscriptions: int = 0
    slow_consumer_stats: SlowConsumers = SlowConsumers()
    config_load_time: str = ""
    system_account: str = ""
    tags: list[str] = []


class Connection(msgspec.Struct, frozen=True):
    """One client of a server.

    Attributes:
        cid: Its number there.
        rtt: As text, ``1.2ms``.
        pending_bytes: What waits for it.
        reason: Why it ended, of those that have.
        authorized_user, account: Only with ``auth=True``.
        subscriptions_list: Only with ``subscriptions=True``.
    """

    cid: int = 0
    kind: str = ""
    type: str = ""
    ip: str = ""
    port: int = 0
    start: str = ""
    last_activity: str = ""
    stop: str = ""
    reason: str = ""
    rtt: str = ""
    uptime: str = ""
    idle: str = ""
    pending_bytes: int = 0
    in_msgs: int = 0
    out_msgs: int = 0
    in_bytes: int = 0
    out_bytes: int = 0
    subscriptions: int = 0
    name: str = ""
    lang: str = ""
    version: str = ""
    tls_version: str = ""
    authorized_user: str = ""
    account: str = ""
    subscriptions_list: list[str] = []


class Connz(About, frozen=True):
    """The clients of a server, a page of them: ``offset``, ``limit``, ``sort``, ``state`` ... may be asked for."""

    verb: ClassVar[str] = "CONNZ"

    server_id: str = ""
    now: str = ""
    num_connections: int = 0
    total: int = 0
    offset: int = 0
    limit: int = 0
    connections: list[Connection] = []


class SubscriptionDetail(msgspec.Struct, frozen=True):
    """One subscription at a server; with ``subscriptions=True``."""

    subject: str = ""
    qgroup: str = ""
    sid: str = ""
    msgs: int = 0
    max: int = 0
    cid: int = 0
    account: str = ""


class Subsz(About, frozen=True):
    """The subscriptions of a server, and how well it finds them."""

    verb: ClassVar[str] = "SUBSZ"

    server_id: str = ""
    now: str = ""
    num_subscriptions: int = 0
    num_cache: int = 0
    num_inserts: int = 0
    num_removes: int = 0
    num_matches: int = 0
    cache_hit_rate: float = 0.0
    max_fanout: int = 0
    avg_fanout: float = 0.0
    total: int = 0
    offset: int = 0
    limit: int = 0
    subscriptions_list: list[SubscriptionDetail] = []


class ApiStats(msgspec.Struct, frozen=True):
    """Calls of JetStream's API."""

    level: int = 0
    total: int = 0
    errors: int = 0
    inflight: int = 0


class Peer(msgspec.Struct, frozen=True):
    """A server of a group that votes."""

    name: str = ""
    current: bool = False
    offline: bool = False
    active: int = 0
    lag: int = 0
    peer: str = ""


class MetaCluster(msgspec.Struct, frozen=True):
    """The servers that keep JetStream's metadata, as a leader or follower knows them."""

    name: str = ""
    leader: str = ""
    peer: str = ""
    cluster_size: int = 0
    pending: int = 0
    replicas: list[Peer] = []


class Jsz(About, frozen=True):
    """A server's JetStream.

    Attributes:
        disabled: It has none.
        account_details: Only with ``accounts=True``, ``streams=True`` ..., as the server tells them.
    """

    verb: ClassVar[str] = "JSZ"

    server_id: str = ""
    now: str = ""
    disabled: bool = False
    config: JetStreamLimits = JetStreamLimits()
    memory: int = 0
    storage: int = 0
    reserved_memory: int = 0
    reserved_storage: int = 0
    accounts: int = 0
    ha_assets: int = 0
    api: ApiStats = ApiStats()
    streams: int = 0
    consumers: int = 0
    messages: int = 0
    bytes: int = 0
    meta_cluster: MetaCluster | None = None
    account_details: list[dict[str, Any]] = []


class Healthz(About, frozen=True):
    """Whether a server is well: ``ok``, or why not."""

    verb: ClassVar[str] = "HEALTHZ"

    status: str = ""
    status_code: int = 0
    error: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether it is."""
        return self.status == "ok"


class Traffic(msgspec.Struct, frozen=True):
    """Messages and their bytes."""

    msgs: int = 0
    bytes: int = 0


class RouteStats(msgspec.Struct, frozen=True):
    """One connection to another server of the cluster."""

    rid: int = 0
    name: str = ""
    sent: Traffic = Traffic()
    received: Traffic = Traffic()
    pending: int = 0


class Statsz(About, frozen=True):
    """What servers also tell by themselves every ten seconds or so."""

    verb: ClassVar[str] = "STATSZ"

    start: str = ""
    mem: int = 0
    cores: int = 0
    cpu: float = 0.0
    connections: int = 0
    total_connections: int = 0
    active_accounts: int = 0
    subscriptions: int = 0
    sent: Traffic = Traffic()
    received: Traffic = Traffic()
    slow_consumers: int = 0
    active_servers: int = 0
    routes: list[RouteStats] = []


class Routez(About, frozen=True):
    """The connections to other servers of the cluster, as the server tells them."""

    verb: ClassVar[str] = "ROUTEZ"

    server_id: str = ""
    server_name: str = ""
    now: str = ""
    num_routes: int = 0
    routes: list[dict[str, Any]] = []


class Leafz(About, frozen=True):
    """The leaf nodes, as the server tells them."""

    verb: ClassVar[str] = "LEAFZ"

    server_id: str = ""
    now: str = ""
    leafnodes: int = 0
    leafs: list[dict[str, Any]] = []


class Gatewayz(About, frozen=True):
    """The gateways, as the server tells them."""

    verb: ClassVar[str] = "GATEWAYZ"

    server_id: str = ""
    now: str = ""
    name: str = ""
    outbound_gateways: dict[str, Any] = {}
    inbound_gateways: dict[str, Any] = {}


class Accountz(About, frozen=True):
    """The accounts of a server; with ``account="NAME"`` one of them in ``account_detail``."""

    verb: ClassVar[str] = "ACCOUNTZ"

    server_id: str = ""
    now: str = ""
    system_account: str = ""
    accounts: list[str] = []
    account_detail: dict[str, Any] | None = None


A = TypeVar("A", bound=About)


class Report(msgspec.Struct, Generic[A], frozen=True):
    """What one server told.

    Attributes:
        server: Who.
        data: What.
        raw: The same, as it came.
    """

    server: Identity
    data: A
    raw: dict[str, Any]


class Refused(msgspec.Struct, frozen=True):
    """Why a server tells nothing."""

    code: int = 0
    description: str = ""


class _Envelope(msgspec.Struct, frozen=True):
    server: Identity = Identity()
    data: msgspec.Raw = msgspec.Raw()
    statsz: msgspec.Raw = msgspec.Raw()
    error: Refused | None = None


def read(text: bytes, kind: type[A]) -> Report[A] | Refused:
    """A report out of a server's answer.

    Raises:
        RemoteProtocolError: It is none.
    """
    try:
        envelope = _envelopes.decode(text)
        if envelope.error is not None:
            return envelope.error
        raw = msgspec.json.decode(bytes(envelope.statsz) or bytes(envelope.data) or b"{}", type=dict[str, Any])
        # Go tells an empty list as null.
        told = {name: value for name, value in raw.items() if value is not None}
        return Report(envelope.server, msgspec.convert(told, kind), raw)
    except msgspec.DecodeError as error:
        raise RemoteProtocolError(f"a server's {kind.verb} cannot be read: {error}", snippet=text) from None


_envelopes = msgspec.json.Decoder(_Envelope)
