"""Strategies for hypothesis: all that subjects, payloads, headers and a server's bytes can be.

Needs the package ``hypothesis``; nothing else here does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..headers import NAME_CHARACTERS, Headers
from ..message import Message
from ..wire import header_block
from ..wire.info import ServerInfo
from ..wire.ops import OK, PING, PONG, Err, Info, Op
from .faults import TROUBLES

_UNFIT = "".join(map(chr, range(33))) + "\x7f.*>"
_LOOK_ALIKES = (b"PING\r\n", b"MSG a 1 2\r\nhi\r\n", b"-ERR 'x'\r\n", b"\r\n", b"\r", b"\n", b"+OK", b"INFO {", b"\0")
_ERRORS = ("Unknown Protocol Operation", "Stale Connection", 'Permissions Violation for Publish to "a.b"')


def tokens() -> SearchStrategy[str]:
    """One token of a subject: any text without blanks, control characters, dots and wildcards."""
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters=_UNFIT), min_size=1, max_size=12)


def subjects(max_tokens: int = 5) -> SearchStrategy[str]:
    """Subjects that may be published to."""
    return st.lists(tokens(), min_size=1, max_size=max_tokens).map(".".join)


def patterns(max_tokens: int = 5) -> SearchStrategy[str]:
    """Subjects that may be subscribed to, most of them with wildcards."""
    body = st.lists(st.just("*") | tokens(), min_size=1, max_size=max_tokens)
    return st.builds(lambda start, end: ".".join(start + end), body, st.sampled_from(([], [">"])))


def queue_groups() -> SearchStrategy[str]:
    """Names of queue groups."""
    return tokens()


def payloads(max_size: int = 256) -> SearchStrategy[bytes]:
    """Bodies: any bytes, and bytes that look like lines of the protocol."""
    look_alikes = st.lists(st.sampled_from(_LOOK_ALIKES) | st.binary(max_size=8), max_size=max(1, max_size // 16))
    return st.binary(max_size=max_size) | look_alikes.map(b"".join).map(lambda data: data[:max_size])


def header_names() -> SearchStrategy[str]:
    """Names of headers."""
    return st.text(st.sampled_from(sorted(NAME_CHARACTERS)), min_size=1, max_size=20)


def header_values() -> SearchStrategy[str]:
    """Values of headers, also empty ones and ones that are not ASCII."""
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=40)
    return text.map(lambda value: value.strip(" \t"))


def headers(min_size: int = 0, max_size: int = 6) -> SearchStrategy[Headers]:
    """Headers; some names occur several times, or in another case."""
    names = st.sampled_from(("Color", "color", "Nats-Msg-Id")) | header_names()
    return st.lists(st.tuples(names, header_values()), min_size=min_size, max_size=max_size).map(Headers)


class ServerStream(msgspec.Struct, frozen=True):
    """Bytes that a server may send, and what they say.

    Attributes:
        data: The bytes.
        ops: What a parser makes of them. Compare with ``facts``, since two messages are never equal.
    """

    data: bytes
    ops: list[Op]


def troubles(max_size: int = 4) -> SearchStrategy[list[str]]:
    """What may befall a program, for ``World.suffer``."""
    return st.lists(st.sampled_from(sorted(TROUBLES)), max_size=max_size)


def server_streams(max_ops: int = 12) -> SearchStrategy[ServerStream]:
    """Streams that break no rule: all operations, in any case, with any blanks between their fields."""
    return st.lists(_said(), max_size=max_ops).map(
        lambda said: ServerStream(b"".join(data for data, _ in said), [op for _, op in said])
    )


def pieces(data: bytes) -> SearchStrategy[list[bytes]]:
    """The same bytes in pieces, as they may come off a socket."""
    cuts = st.lists(st.integers(0, len(data)), max_size=min(len(data), 24), unique=True)
    return cuts.map(lambda some: [data[start:end] for start, end in pairwise([0, *sorted(some), len(data)])])


def facts(op: Op) -> tuple[Any, ...]:
    """What an op says, as values that can be compared."""
    if isinstance(op, Message):
        block = None if op._block is None else op._block.raw
        return "message", op.subject_bytes, op.sid, op.reply_bytes, op.payload, block
    return type(op).__name__, op


def _said() -> SearchStrategy[tuple[bytes, Op]]:
    """One operation and its op."""
    return st.one_of(_messages(), _messages(), _infos(), _errors(), _words())


def _words() -> SearchStrategy[tuple[bytes, Op]]:
    plain: SearchStrategy[tuple[bytes, Op]] = st.sampled_from([(b"PING", PING), (b"PONG", PONG), (b"+OK", OK)])
    return st.builds(lambda said, case: (case(said[0]) + b"\r\n", said[1]), plain, _cases())


def _errors() -> SearchStrategy[tuple[bytes, Op]]:
    words = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), min_size=1, max_size=12)
    texts = st.sampled_from(_ERRORS) | st.lists(words, min_size=1, max_size=4).map(" ".join)
    return texts.map(lambda text: (b"-ERR '%b'\r\n" % text.encode(), Err(text)))


def _infos() -> SearchStrategy[tuple[bytes, Op]]:
    infos = st.builds(
        ServerInfo,
        server_id=st.text(max_size=10),
        version=st.just("2.15.1"),
        max_payload=st.integers(1, 2**31 - 1),
        connect_urls=st.none() | st.lists(st.just("10.0.0.1:4222"), max_size=3),
        ldm=st.booleans(),
    )
    return infos.map(lambda info: (b"INFO " + msgspec.json.encode(info) + b" \r\n", Info(info)))


def _messages() -> SearchStrategy[tuple[bytes, Op]]:
    return st.builds(
        _message,
        subject=subjects().map(str.encode),
        sid=st.integers(1, 2**31),
        reply=st.none() | subjects(3).map(str.encode),
        block=st.none() | headers(max_size=3).map(header_block.encode),
        payload=payloads(),
        case=_cases(),
        blanks=st.lists(_blanks(), min_size=5, max_size=5),
    )


def _message(
    *,
    subject: bytes,
    sid: int,
    reply: bytes | None,
    block: bytes | None,
    payload: bytes,
    case: Callable[[bytes], bytes],
    blanks: list[bytes],
) -> tuple[bytes, Op]:
    sizes = [len(payload)] if block is None else [len(block), len(block) + len(payload)]
    fields = [subject, b"%d" % sid, *([] if reply is None else [reply]), *(b"%d" % size for size in sizes)]
    line = case(b"MSG" if block is None else b"HMSG") + b"".join(map(operator.add, blanks, fields))
    message = Message(subject, sid, reply, payload, None if block is None else header_block.header_block(block))
    return line + b"\r\n" + (block or b"") + payload + b"\r\n", message


def _cases() -> SearchStrategy[Any]:
    return st.sampled_from([bytes.upper, bytes.upper, bytes.lower, bytes.title])


def _blanks() -> SearchStrategy[bytes]:
    return st.sampled_from([b" ", b" ", b" ", b"  ", b"\t", b" \t "])
