#!/usr/bin/env python3
"""Reach NATS through an HTTP proxy that knows CONNECT. Copy ProxyEndpoint into your program."""

import argparse
import base64

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.internet.task import react
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import directlyProvides, implementer, providedBy

import txnats

MOST_HEAD = 64 * 1024


@implementer(IStreamClientEndpoint)
class ProxyEndpoint:
    """The way to host:port through the proxy that another endpoint leads to."""

    def __init__(self, proxy, host, port, login=None):
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        if login is not None:
            lines.append("Proxy-Authorization: Basic " + base64.b64encode(login.encode()).decode())
        self.proxy = proxy
        self.request = "\r\n".join([*lines, "", ""]).encode()

    def connect(self, protocolFactory):  # noqa: N803
        tunnels = WrappingFactory(protocolFactory)
        tunnels.noisy = False
        tunnels.protocol = lambda factory, protocol: Tunnel(factory, protocol, self.request)
        return self.proxy.connect(tunnels).addCallback(lambda tunnel: tunnel.opened)


class Tunnel(ProtocolWrapper):
    """Asks the proxy for the way, and is then no more than a part of it."""

    def __init__(self, factory, protocol, request):
        super().__init__(factory, protocol)
        self.request = request
        self.head = b""
        self.opened = Deferred(lambda _: self.transport.abortConnection())

    def makeConnection(self, transport):
        directlyProvides(self, providedBy(transport))
        self.factory.registerProtocol(self)
        Protocol.makeConnection(self, transport)

    def connectionMade(self):
        self.transport.write(self.request)

    def dataReceived(self, data):
        if self.request is None:
            self.wrappedProtocol.dataReceived(data)
            return
        self.head += data
        head, end, rest = self.head.partition(b"\r\n\r\n")
        if end and head[:10] in (b"HTTP/1.1 2", b"HTTP/1.0 2"):
            self.request, self.head = None, b""
            self.wrappedProtocol.makeConnection(self)
            self.opened.callback(self.wrappedProtocol)
            if rest:
                self.wrappedProtocol.dataReceived(rest)
        elif end or len(self.head) > MOST_HEAD:
            self.head = head.partition(b"\r\n")[0][:100]
            self.transport.abortConnection()

    def connectionLost(self, reason):
        if self.request is None:
            super().connectionLost(reason)
        elif not self.opened.called:
            said = self.head.decode("ascii", "replace")
            self.opened.errback(ConnectError(string=f"the proxy gave no way: {said or reason.getErrorMessage()}"))


def main(reactor):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="nats://127.0.0.1:4222")
    parser.add_argument("--proxy", default="127.0.0.1:3128", help="host:port")
    parser.add_argument("--login", help="user:password, for the proxy")
    options = parser.parse_args()
    proxy_host, _, proxy_port = options.proxy.rpartition(":")

    def through_proxy(host, port):
        proxy = HostnameEndpoint(reactor, proxy_host, int(proxy_port))
        return ProxyEndpoint(proxy, host, port, options.login)

    return Deferred.fromCoroutine(show(reactor, options.url, through_proxy))


async def show(reactor, url, through_proxy):
    try:
        client = await txnats.connect(reactor, url, endpoint_factory=through_proxy)
    except txnats.NatsError as error:
        raise SystemExit(str(error)) from None
    async with client:
        print(
            f"connected through the proxy to {client.server_info.server_id}, in {await client.rtt():.4f} s", flush=True
        )


if __name__ == "__main__":
    react(main)
