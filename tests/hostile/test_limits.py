"""Each bound on what comes in, to the byte: as long as it may be, and one byte longer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.hostile.bytes import MIB, hmsg
from tests.hostile.runner import Runner, says
from tests.hostile.server import Talk, info, message


def line_of(size: int) -> bytes:
    """A message for nobody."""
    return b"MSG %b 999 0\r\n\r\n" % (b"a" * (size - len("MSG  999 0")))


def info_of(size: int) -> bytes:
    short = info(x="")
    return short.replace(b'"x": ""', b'"x": "%b"' % (b"a" * (size + 2 - len(short))))


def block_of(size: int) -> bytes:
    block = b"NATS/1.0\r\nA: %b\r\n\r\n"
    return hmsg(block % (b"b" * (size - len(block) + 2)), b"hi")


def payload_of(size: int) -> bytes:
    return message(b"a" * size)


@pytest.mark.parametrize(
    ("name", "limit", "make", "delivered", "cause"),
    [
        ("control_line", None, line_of, [], "a line exceeds 65,536 bytes"),
        ("control_line", 100, line_of, [], "a line exceeds 100 bytes"),
        ("info", None, info_of, [], "a line exceeds 1,048,576 bytes"),
        ("info", 2_000, info_of, [], "a line exceeds 2,000 bytes"),
        ("header_block", None, block_of, ["hi"], "a header block exceeds 65,536 bytes"),
        ("header_block", 100, block_of, ["hi"], "a header block exceeds 100 bytes"),
        ("payload", 100, payload_of, ["a" * 32], "a payload exceeds 100 bytes"),
        ("payload", MIB, payload_of, ["a" * 32], "a payload exceeds 1,048,576 bytes"),
    ],
)
def test_to_the_byte(
    runner: Runner, name: str, limit: int | None, make: Callable[[int], bytes], delivered: list[str], cause: str
) -> None:
    size = limit or {"control_line": 65_536, "info": MIB, "header_block": 65_536}[name]
    limits = {} if limit is None else {name: limit}

    def under(talk: Talk) -> None:
        talk.session()
        talk.send(make(size))
        talk.stay()

    def over(talk: Talk) -> None:
        talk.session()
        talk.send(make(size + 1))
        talk.gone()

    assert runner.recover(under, limits=limits).report.delivered == [*delivered, "done", "probe"]
    report = runner.recover(over, limits=limits).report
    assert says(f"RemoteProtocolError: .*{cause}", report.texts("Disconnected"))
    assert report.delivered == ["probe"]
