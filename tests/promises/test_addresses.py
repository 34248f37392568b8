"""P33: every address of a name is tried, and the name is looked up anew for each connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IHostnameResolver, IReactorPluggableNameResolver
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

import txnats
from tests.client.harness import Outcome
from tests.promises.promise import Promise, Told, sized
from txnats import events

INFO = b'INFO {"server_id":"S","max_payload":1048576,"headers":true}\r\n'
ADDRESSES: list[IAddress] = [IPv6Address("TCP", "2001:db8::1", 4222), IPv4Address("TCP", "192.0.2.1", 4222)]


@implementer(IHostnameResolver)
class Resolver:
    """Knows one name."""

    def __init__(self) -> None:
        self.asked = 0
        self.addresses: Sequence[IAddress] = ADDRESSES

    def resolveHostName(  # noqa: N802  # Twisted calls this
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        *_: object,
        **__: object,
    ) -> Any:
        self.asked += 1
        resolutionReceiver.resolutionBegan(None)
        for address in self.addresses:
            resolutionReceiver.addressResolved(address)
        resolutionReceiver.resolutionComplete()
        return resolutionReceiver


@implementer(IReactorPluggableNameResolver)
class Reactor(MemoryReactorClock):
    """A reactor whose names are looked up by us and whose connections we make."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.resolver = Resolver()
        self.nameResolver = self.resolver

    def installNameResolver(self, resolver: Any) -> Any:  # noqa: N802
        raise NotImplementedError

    def dialled(self) -> list[str]:
        """The addresses so far."""
        return [client[0] for client in self.tcpClients]

    def accept(self, index: int) -> tuple[Any, StringTransport]:
        """Let a dial succeed, and shake hands."""
        protocol: Any = self.tcpClients[index][2].buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        protocol.dataReceived(INFO)
        protocol.dataReceived(b"PONG\r\n")
        return protocol, transport


class Addresses(Promise):
    @sized
    async def test_p33_all_addresses(self, timeout: float) -> None:
        """The first address leads nowhere: the second is tried long before the time is over."""
        reactor = Reactor()
        told = Told()
        connecting = Outcome(
            txnats.connect(
                reactor,
                "nats://server.example:4222",
                timeout=timeout,
                on_event=told,
                reconnect=txnats.ReconnectOptions(first_wait=0.1, max_wait=0.1),
            )
        )
        assert reactor.dialled() == ["2001:db8::1"], "IPv6 comes first"
        waited = 0.0
        while len(reactor.tcpClients) < 2:
            reactor.advance(0.01)
            waited += 0.01
        assert reactor.dialled() == ["2001:db8::1", "192.0.2.1"]
        protocol, _ = reactor.accept(1)
        client = connecting.value
        # The name now leads elsewhere.
        reactor.resolver.addresses = [IPv4Address("TCP", "192.0.2.77", 4222)]
        protocol.connectionLost(Failure(ConnectionDone()))
        reactor.advance(0.2)
        assert reactor.dialled()[2:] == ["192.0.2.77"]
        reactor.accept(2)
        assert told.of(events.Reconnected)
        closing = Outcome(client.close())
        self.tell(seconds_to_the_second_address=round(waited, 2), timeout=timeout, looked_up=reactor.resolver.asked)
        assert waited < timeout / 2
        assert reactor.resolver.asked == 2
        del closing
