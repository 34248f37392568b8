"""Which build runs, and that both say the same of any bytes in any pieces."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import txnats
from tests.wire import builds
from tests.wire.reference import facts
from tests.wire.test_parser import SMALL, pieces, slices, streams
from txnats.errors import InvalidOption
from txnats.message import Message
from txnats.options import Limits
from txnats.wire.ops import Fault, Op
from txnats.wire.parser import Parser
from txnats.wire.speedups import REVISION, Scan, choose


def scan(*what: Any) -> tuple[int, int]:
    raise NotImplementedError


BUILT = SimpleNamespace(REVISION=REVISION, scan=scan)
OLD = SimpleNamespace(REVISION=REVISION - 1, scan=scan, __name__="old")


def not_built() -> Any:
    raise ImportError("there is none")


def test_without_a_wish_the_compiled_loop_runs_where_it_was_built() -> None:
    assert choose("", lambda: BUILT) == (scan, "it was built")
    assert choose("", not_built) == (None, "there is none")
    assert choose("", lambda: OLD) == (None, "the compiled loop was built for another version of txnats")


def test_either_can_be_forced() -> None:
    assert choose("1", lambda: BUILT) == (None, "TXNATS_PURE is 1")
    assert choose("0", lambda: BUILT) == (scan, "TXNATS_PURE is 0")
    for missing in (not_built, lambda: OLD):
        with pytest.raises(ImportError):
            choose("0", missing)


def test_another_wish_is_refused() -> None:
    with pytest.raises(InvalidOption, match="TXNATS_PURE is 'yes'"):
        choose("yes", lambda: BUILT)


@pytest.mark.parametrize(("wish", "parser"), [("1", "pure"), ("0", "compiled")])
def test_the_variable_counts_when_txnats_is_imported(wish: str, parser: str) -> None:
    if parser == "compiled" and builds.compiled_scan() is None:
        pytest.skip("the compiled loop was not built")
    code = "import txnats; print(txnats.build_info().parser)"
    environment = {**os.environ, "TXNATS_PURE": wish, "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout == f"{parser}\n"


def test_build_info_tells_what_runs() -> None:
    info = txnats.build_info()
    assert info.version == txnats.__version__
    assert info.why
    assert (info.parser == "compiled") == (Parser()._scan is not None)


# ---------------------------------------------------------------------- one against the other


@pytest.fixture(scope="module")
def compiled() -> Scan:
    found = builds.scan_of("compiled")
    assert found is not None
    return found


def told(parts: list[bytes], scan: Scan | None, limits: Limits = SMALL) -> tuple[Any, ...]:
    """All that can be seen of a parser that was fed."""
    parser = Parser(limits, scan=scan)
    ops: list[Op] = [op for part in parts for op in parser.feed(part)]
    texts = [str(op.error) for op in ops if isinstance(op, Fault)]
    kinds = [[type(each) for each in _fields(op)] for op in ops if isinstance(op, Message)]
    return facts(ops), texts, kinds, parser.messages, parser.message_bytes


def _fields(message: Message) -> tuple[object, ...]:
    return message.subject_bytes, message.sid, message.reply_bytes, message.payload, message._block


@settings(max_examples=300, deadline=None)
@given(stream=streams(), data=st.data())
def test_both_say_the_same(compiled: Scan, stream: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.sets(st.integers(0, len(stream)), max_size=6))
    for parts in ([stream], pieces(stream, cuts), slices(stream, data.draw(st.integers(1, 40)))):
        assert told(parts, compiled) == told(parts, None)


@settings(max_examples=300, deadline=None)
@given(stream=streams(), where=st.integers(0, 10**6), byte=st.integers(0, 255), more=st.binary(max_size=3))
def test_both_say_the_same_of_damaged_bytes(compiled: Scan, stream: bytes, where: int, byte: int, more: bytes) -> None:
    damaged = bytearray(stream)
    if damaged:
        damaged[where % len(damaged)] = byte
        damaged[where % len(damaged) : where % len(damaged)] = more
    assert told([bytes(damaged)], compiled) == told([bytes(damaged)], None)


SAMPLES = (
    b"MSG a.b 1 3\r\nabc\r\n",
    b"MSG a.b 12 _INBOX.x.1 3\r\nabc\r\n",
    b"HMSG a.b 1 12 15\r\nNATS/1.0\r\n\r\nabc\r\n",
    b"HMSG a.b 1 r 12 12\r\nNATS/1.0\r\n\r\n\r\n",
)


@pytest.mark.parametrize("sample", SAMPLES)
def test_both_say_the_same_wherever_any_byte_is_another(compiled: Scan, sample: bytes) -> None:
    around = b"MSG s 2 1\r\nx\r\n"
    for at in range(len(sample)):
        for byte in (0, 9, 10, 13, 32, 43, 45, 48, 49, 57, 58, 65, 127, 255):
            stream = around + sample[:at] + bytes([byte]) + sample[at + 1 :] + around
            assert told([stream], compiled) == told([stream], None), stream


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_compiled_loop_takes_each_plain_form_whole(compiled: Scan, sample: bytes) -> None:
    ops: list[Op] = []
    taken = compiled(sample * 3, 0, ops, Message, bytes, None, 4096, 100, 100)
    assert taken[0] == 3 * len(sample)
    assert len(ops) == 3


def test_the_compiled_loop_never_looks_behind_the_end(compiled: Scan) -> None:
    stream = b"".join(SAMPLES)
    for end in range(len(stream)):
        ops: list[Op] = []
        position, _ = compiled(stream[:end], 0, ops, Message, bytes, None, 4096, 100, 100)
        assert stream[:position] == b"".join(SAMPLES[: len(ops)])


def test_what_makes_messages_may_raise(compiled: Scan) -> None:
    def refuse(*what: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        compiled(SAMPLES[0], 0, [], refuse, bytes, None, 4096, 100, 100)
    with pytest.raises(TypeError):
        compiled(bytearray(SAMPLES[0]), 0, [], Message, bytes, None, 4096, 100, 100)
