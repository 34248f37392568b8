"""P16: each limit on what a server says lets its last byte pass, and not one more."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

import txnats
from tests.client.harness import Net
from tests.promises.promise import Promise, sized
from txnats import Limits, events

MIB = 1024 * 1024


def info(size: int) -> bytes:
    """An INFO line of so many bytes, its CRLF aside."""
    empty = b'INFO {"server_id":"S","max_payload":1048576,"headers":true,"unknown":""}'
    return empty[:-2] + b"x" * (size - len(empty)) + b'"}\r\n'


def control_line(size: int) -> bytes:
    """A MSG for the first subscription whose line has so many bytes."""
    line = b"MSG  1 1"
    return b"MSG " + b"s" * (size - len(line)) + b" 1 1\r\nx\r\n"


def header_block(size: int) -> bytes:
    """An HMSG whose header block has so many bytes."""
    block = b"NATS/1.0\r\nA: " + b"x" * (size - 17) + b"\r\n\r\n"
    assert len(block) == size
    return b"HMSG s 1 %d %d\r\n%b\r\n" % (size, size, block)


def payload(size: int) -> bytes:
    """A MSG whose payload has so many bytes."""
    return b"MSG s 1 %d\r\n%b\r\n" % (size, bytes(size))


KINDS: dict[str, tuple[Callable[[int], bytes], int, int]] = {
    # How to say it, the limit when nothing else is asked for, another limit.
    "info": (info, MIB, 2000),
    "control_line": (control_line, 64 * 1024, 100),
    "header_block": (header_block, 64 * 1024, 300),
    "payload": (payload, 64 * MIB, 1000),
}


class Bounds(Promise):
    @sized
    async def test_p16_edges(self) -> None:
        edges: dict[str, list[int]] = {}
        for name, (make, usual, other) in KINDS.items():
            assert getattr(Limits(), name) == usual
            for limits in (Limits(), msgspec.structs.replace(Limits(), **{name: other})):
                limit = getattr(limits, name)
                assert self.passes(limits, name, make(limit)), f"{name}: {limit} is refused"
                assert not self.passes(limits, name, make(limit + 1)), f"{name}: {limit + 1} passes"
                edges.setdefault(name, []).append(limit)
        self.tell(last_byte_that_passes=edges)

    def passes(self, limits: Limits, name: str, data: bytes) -> bool:
        """Whether a connected client takes it; if not, it says why and is back."""
        net = Net()
        client = net.client(limits=limits)
        got: list[int] = []
        client.subscribe("s", lambda message: got.append(message.size))
        net.settle()
        net.pipe.send(data)
        net.settle()
        lost = net.told(events.Disconnected)
        if lost:
            assert len(lost) == 1
            assert isinstance(lost[0].reason, txnats.ProtocolError), lost
            assert not got
            net.wait(2)
            assert client.status is txnats.Status.CONNECTED
        else:
            assert name == "info" or len(got) == 1
        net.end(client)
        return not lost
