"""What hostile servers send, as tables: one row a case."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec

from tests.hostile.server import INFO, Talk, info, message

MIB = 1 << 20
Bytes: TypeAlias = bytes | Callable[[], Iterator[bytes]]
CHUNK = 65_536
OFFERED = 256 * MIB
SHARE = 20 if "coverage" in sys.modules else 1
"""Where each line of the client is traced, the floods are so much smaller."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that break the protocol, wherever they come.

    Attributes:
        name: The case.
        data: The bytes.
        cause: What the error has to say, as a pattern.
    """

    name: str
    data: Bytes
    cause: str


class Oddity(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes in mid-session that a client has to put up with: the connection still serves afterwards.

    Attributes:
        events: How often which event is told, beside those of a connection's life.
        delivered: What reaches the subscription.
        header_errors: How many messages' headers could not be read.
        flushed: What the flush and the publish behind it raise, as a pattern.
        lost: What the end of the connection says, as a pattern.
        processor: Seconds of processor time that all of it may cost.
        growth: Bytes of memory.
    """

    name: str
    data: Bytes
    events: dict[str, int] = {}
    delivered: list[str] = []
    header_errors: int = 0
    flushed: str = r"\A\Z"
    lost: str = "the server closed the connection"
    processor: float | None = None
    growth: int = 4 * MIB
    deadline: float = 8.0


def send(talk: Talk, data: Bytes) -> None:
    """Send bytes of either kind."""
    if isinstance(data, bytes):
        talk.send(data)
    else:
        for chunk in data():
            talk.send(chunk)


def endless(start: bytes, fill: bytes = b"a") -> Callable[[], Iterator[bytes]]:
    """A start, and 256 MiB without an end."""

    def chunks() -> Iterator[bytes]:
        yield start
        chunk = (fill * CHUNK)[:CHUNK]
        for _ in range(OFFERED // CHUNK):
            yield chunk

    return chunks


def times(count: int, what: bytes) -> Callable[[], Iterator[bytes]]:
    """The same so many times."""
    most = max(1, CHUNK // len(what))

    def chunks() -> Iterator[bytes]:
        chunk = what * most
        for _ in range(count // most):
            yield chunk
        yield what * (count % most)

    return chunks


def each(count: int, make: Callable[[int], bytes]) -> Callable[[], Iterator[bytes]]:
    """Something else each time."""

    def chunks() -> Iterator[bytes]:
        for start in range(0, count, 1000):
            yield b"".join(map(make, range(start, min(count, start + 1000))))

    return chunks


def hmsg(block: bytes, payload: bytes = b"", sid: int = 1) -> bytes:
    return b"HMSG it %d %d %d\r\n%b%b\r\n" % (sid, len(block), len(block) + len(payload), block, payload)


def nested(depth: int, start: bytes = b'{"x":') -> bytes:
    return b"INFO " + start + b"[" * depth + b"]" * depth + b"}\r\n"


def hosts(turn: int, count: int = 10_000) -> bytes:
    """An INFO with servers that no other turn names."""
    return info(connect_urls=[f"10.{turn}.{host >> 8}.{host & 255}:4222" for host in range(count)])


def garbage(turn: int = 0) -> bytes:
    """An INFO with servers that are none."""
    texts = ["", ":", "::", "[::", "a:b", "host:99999999", "host:0", "host:-1", "user:password@10.0.0.1:4222"]
    texts += ["https://10.0.0.1:4222", "file:///etc/passwd", "a b", "a\r\nPUB x 0\r\n", "\x00", "\ud7ff" * 300]
    texts += ["h" * 100_000, "," * 1000, "@", "://", "nats://", "tls://@:1", "10.0.0.1:4222:4222", "\N{SNOWMAN}:4222"]
    return info(connect_urls=texts)


_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(32)) * 5 + b"\r\n" + bytes(64)
_HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n400 Bad Request"

NOT_NUMBER = "the subscription id of a message is not a number"
SIZE = "the size of a message is not a number"
FIELDS = "wrong number of fields"

FAULTS: tuple[Fault, ...] = (
    Fault(name="endless line", data=endless(b""), cause="a line exceeds 65,536 bytes: got b'aaaa"),
    Fault(name="endless zeros", data=endless(b"", b"\0"), cause="a line exceeds 65,536 bytes"),
    Fault(name="endless MSG line", data=endless(b"MSG "), cause="a line exceeds 65,536 bytes: got b'MSG aaa"),
    Fault(name="endless LF only", data=endless(b"", b"PING\n"), cause="a line exceeds 65,536 bytes"),
    Fault(name="endless CR only", data=endless(b"", b"\r"), cause="a line exceeds 65,536 bytes"),
    Fault(name="endless INFO", data=endless(b"INFO "), cause="a line exceeds 1,048,576 bytes: got b'INFO aaa"),
    Fault(
        name="payload 99,999,999,999",
        data=endless(b"MSG it 1 99999999999\r\n"),
        cause="a payload exceeds 67,108,864 bytes: got b'MSG it 1 99999999999'",
    ),
    Fault(
        name="payload 99,999,999,999 with headers",
        data=endless(b"HMSG it 1 12 99999999999\r\nNATS/1.0\r\n\r\n"),
        cause="a payload exceeds 67,108,864 bytes",
    ),
    Fault(name="payload of 60 digits", data=b"MSG it 1 %b\r\n" % (b"9" * 60), cause=SIZE),
    Fault(name="payload of 60,000 digits", data=b"MSG it 1 %b\r\n" % (b"9" * 60_000), cause=SIZE),
    Fault(name="payload -5", data=b"MSG it 1 -5\r\nabcde\r\n", cause=SIZE + ": got b'MSG it 1 -5'"),
    Fault(name="payload +5", data=b"MSG it 1 +5\r\nabcde\r\n", cause=SIZE),
    Fault(name="payload 5_0", data=b"MSG it 1 5_0\r\nabcde\r\n", cause=SIZE),
    Fault(name="payload in other digits", data="MSG it 1 \u0665\r\nabcde\r\n".encode(), cause=SIZE),
    Fault(
        name="payload longer than declared", data=b"MSG it 1 2\r\nabcde\r\n", cause="not followed by CRLF: got b'cd'"
    ),
    Fault(name="unknown verb", data=b"BOOM it 1 0\r\n\r\n", cause="unknown operation: got b'BOOM it 1 0'"),
    Fault(name="no verb", data=b"\r\n", cause="unknown operation"),
    Fault(name="our own verb", data=b"SUB it 1\r\n", cause="unknown operation: got b'SUB it 1'"),
    Fault(name="sid not a number", data=b"MSG it one 2\r\nhi\r\n", cause=NOT_NUMBER + ": got b'MSG it one 2'"),
    Fault(name="sid of 20 digits", data=b"MSG it 18446744073709551616 2\r\nhi\r\n", cause=NOT_NUMBER),
    Fault(name="too few fields", data=b"MSG it 2\r\nhi\r\n", cause=FIELDS),
    Fault(name="too many fields", data=b"MSG it 1 a b 2\r\nhi\r\n", cause=FIELDS),
    Fault(
        name="headers larger than the message",
        data=b"HMSG it 1 22 12\r\nNATS/1.0\r\nA: b\r\n\r\n\r\n",
        cause="headers are larger than the whole message: got b'HMSG it 1 22 12'",
    ),
    Fault(name="headers too short", data=b"HMSG it 1 4 6\r\n\r\n\r\nhi\r\n", cause="a header block is too short"),
    Fault(
        name="headers of 64 KiB and one", data=hmsg(b"NATS/1.0\r\n".ljust(65_537)), cause="block exceeds 65,536 bytes"
    ),
    Fault(
        name="headers with a wrong start",
        data=hmsg(b"HTTP/1.1\r\nA: b\r\n\r\n", b"hi"),
        cause="wrong start or end: got b'HTTP/1.1",
    ),
    Fault(name="headers with a wrong end", data=hmsg(b"NATS/1.0\r\nA: b\r\nC: d", b"hi"), cause="wrong start or end"),
    Fault(
        name="INFO with wrong types", data=info(max_payload="much"), cause=r"INFO cannot be read: .*`\$\.max_payload`"
    ),
    Fault(name="INFO with wrong urls", data=info(connect_urls=[1]), cause=r"INFO cannot be read: .*`\$\.connect_urls"),
    Fault(name="INFO with null", data=info(headers=None), cause=r"INFO cannot be read: .*`\$\.headers`"),
    Fault(name="INFO nested 200,000 deep", data=nested(200_000), cause="INFO is nested too deeply"),
    Fault(name="INFO nested in a known field", data=nested(200_000, b'{"version":'), cause=r"`\$\.version`"),
    Fault(name="INFO without a body", data=b"INFO\r\n", cause="INFO cannot be read"),
    Fault(name="INFO with a list", data=b"INFO []\r\n", cause="INFO cannot be read: Expected `object`"),
    Fault(name="INFO cut short", data=b'INFO {"version":"2\r\n', cause="INFO cannot be read"),
    Fault(name="INFO not UTF-8", data=b'INFO {"version":"\xff\xfe"}\r\n', cause="INFO cannot be read"),
    Fault(name="INFO with a lone surrogate", data=b'INFO {"version":"\\ud800"}\r\n', cause="INFO cannot be read"),
    Fault(name="HTTP answer", data=_HTTP, cause="unknown operation: got b'HTTP/1.1 400 Bad Request'"),
    Fault(name="TLS ClientHello", data=_HELLO, cause=r"unknown operation: got b'\\x16\\x03\\x01"),
)

BAD_LINES: tuple[bytes, ...] = (b"no colon", b": no name", b"a b: c", b"\xc3\xa9: x", b"a\rb: c")
_BAD_BLOCK = b"NATS/1.0\r\nno colon\r\n\r\n"

ODDITIES: tuple[Oddity, ...] = (
    Oddity(name="1,000 PONGs unasked", data=times(1_000, b"PONG\r\n"), processor=0.2),
    Oddity(
        name="4,000,000 PINGs",
        data=times(4_000_000 // SHARE, b"PING\r\n"),
        processor=8.0,
        deadline=40.0,
    ),
    Oddity(name="200,000 OKs unasked", data=times(200_000 // SHARE, b"+OK\r\n"), processor=2.0),
    Oddity(name="1,000,000 messages for nobody", data=times(1_000_000 // SHARE, message(b"x", 999)), processor=4.0),
    Oddity(
        name="200,000 subjects for nobody",
        data=each(200_000 // SHARE, lambda number: b"MSG s.%d 999 0\r\n\r\n" % number),
        processor=4.0,
    ),
    Oddity(
        name="100,000 bad headers for nobody", data=times(100_000 // SHARE, hmsg(_BAD_BLOCK, b"x", 999)), processor=2.0
    ),
    Oddity(
        name="20 INFO of 10,000 servers",
        data=each(20, hosts),
        processor=0.2,
        events={"ServersDiscovered": 20},
        growth=8 * MIB,  # each event names a thousand servers that came and a thousand that went, and nobody reads them
    ),
    Oddity(
        name="20 INFO of the same 10,000 servers", data=lambda: iter([hosts(1)] * 20), events={"ServersDiscovered": 1}
    ),
    Oddity(name="20,000 INFO", data=times(20_000 // SHARE, INFO), processor=4.0),
    Oddity(
        name="200 INFO of servers that are none",
        data=times(200, garbage()),
        processor=4.0,
        events={"ServersDiscovered": 1},
    ),
    Oddity(name="INFO with unknown fields", data=info(x={"y": [1, {}]}, domain="d"), events={}),
    Oddity(name="INFO nested 500 deep", data=nested(500)),
    Oddity(name="INFO of 1 MiB", data=info(x="a" * (MIB - 300))),
    Oddity(name="INFO that asks for TLS", data=info(tls_required=True, auth_required=True, nonce="abc")),
    Oddity(name="INFO with max_payload 0", data=info(max_payload=0), deadline=3.0),
    Oddity(name="INFO with max_payload -1", data=info(max_payload=-1)),  # no limit
    Oddity(name="INFO with max_payload 10^30", data=info(max_payload=10**30)),
    *(
        Oddity(
            name=f"header line {line!r}",
            data=times(50, hmsg(b"NATS/1.0\r\n" + line + b"\r\n\r\n", b"hi")),
            events={"BadHeaders": 1},
            delivered=["hi"] * 19,
            header_errors=20,
        )
        for line in BAD_LINES
    ),
    Oddity(
        name="headers of 64 KiB",
        data=hmsg(b"NATS/1.0\r\n" + b"a:b\r\n" * 13_104 + b"a:%b\r\n\r\n" % (b"b" * 0), b"hi"),
        delivered=["hi"],
    ),
    Oddity(
        name="payload of 64 MiB",
        data=message(bytes(64 * MIB)),
        delivered=["\0" * 32],
        growth=132 * MIB,  # its own limit, once as it comes and once as it is handed out
    ),
    Oddity(
        name="words in lower case", data=b"msg it 1 2\r\nhi\r\nping\r\npong\r\n+ok\r\ninfo {}\r\n", delivered=["hi"]
    ),
    Oddity(name="blanks and tabs", data=b"MSG  it\t1   2\r\nhi\r\nMSG it 0001  02\r\nho\r\n", delivered=["hi", "ho"]),
    Oddity(
        name="messages of one byte a write",
        data=lambda: (bytes([byte]) for byte in message(b"hi") * 3),
        delivered=["hi"] * 3,
    ),
)
"""In the order of the table of promises, and more."""
