"""A second reader of the protocol, plain and slow, that the real one is held against. It shares no code with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TypeAlias

from txnats.message import Message
from txnats.options import Limits
from txnats.wire.ops import Err, Fault, Info, Ok, Op, Ping, Pong

Fact: TypeAlias = tuple[object, ...]
FAULT: Fact = ("fault",)

_NUMBER = rb"([0-9]{1,19})"
_GAP = rb"[ \t]+"
_WORD = rb"([^ \t]+)"
_MSG = re.compile(
    rb"MSG" + _GAP + _WORD + _GAP + _NUMBER + rb"(?:" + _GAP + _WORD + rb")?()" + _GAP + _NUMBER + rb"[ \t]*", re.I
)
_HMSG = re.compile(
    rb"HMSG"
    + _GAP
    + _WORD
    + _GAP
    + _NUMBER
    + rb"(?:"
    + _GAP
    + _WORD
    + rb")?"
    + _GAP
    + _NUMBER
    + _GAP
    + _NUMBER
    + rb"[ \t]*",
    re.I,
)
_WORDS = re.compile(rb"(PING|PONG|\+OK|-ERR|INFO)(?:[ \t](.*))?", re.I | re.S)
_BLOCK = re.compile(rb"NATS/1\.0(?=[\r \t]).*\r\n\r\n", re.S)


def read_server(stream: bytes, limits: Limits) -> list[Fact]:
    """What a server said, as far as it is complete; the last fact is FAULT when it broke the rules."""
    facts: list[Fact] = []
    at = 0
    while at < len(stream):
        end = stream.find(b"\r\n", at)
        line = stream[at:] if end < 0 else stream[at:end]
        longest = limits.info if line[:4].upper() == b"INFO" else limits.control_line
        if end < 0:
            # The last byte may be the first half of CRLF.
            return [*facts, FAULT] if len(line.removesuffix(b"\r")) > longest else facts
        if len(line) > longest:
            return [*facts, FAULT]
        at = end + 2
        message = _MSG.fullmatch(line) or _HMSG.fullmatch(line)
        if message is None:
            facts.append(_word(line))
        else:
            subject, sid, reply, block_size, total = message.groups()
            size, in_block = int(total), int(block_size or 0)
            if block_size and not 12 <= in_block <= min(size, limits.header_block):
                return [*facts, FAULT]
            if size - in_block > limits.payload:
                return [*facts, FAULT]
            if at + size + 2 > len(stream):
                return facts
            block = stream[at : at + in_block] if block_size else None
            payload = stream[at + in_block : at + size]
            at += size + 2
            if stream[at - 2 : at] != b"\r\n" or (block is not None and _BLOCK.fullmatch(block) is None):
                return [*facts, FAULT]
            facts.append(("message", subject, int(sid), reply, block, payload))
        if facts[-1] == FAULT:
            return facts
    return facts


def _word(line: bytes) -> Fact:
    found = _WORDS.fullmatch(line)
    if found is None:
        return FAULT
    rest = found[2] or b""
    match found[1].upper():
        case b"-ERR":
            text = rest.replace(b"\t", b" ").strip().decode("utf-8", "backslashreplace")
            return ("error", text.strip("'"))
        case b"INFO":
            try:
                fields = json.loads(rest)
            except ValueError:
                return FAULT
            return ("info", fields.get("server_id", "")) if isinstance(fields, dict) else FAULT
        case word:
            return (word.decode().lower(),)


def facts(ops: Iterable[Op]) -> list[Fact]:
    """The ops of the real parser, told in the same way."""
    return [_fact(op) for op in ops]


def _fact(op: Op) -> Fact:
    match op:
        case Message():
            block = None if op._block is None else op._block.raw
            return ("message", op.subject_bytes, op.sid, op.reply_bytes, block, op.payload)
        case Info(info):
            return ("info", info.server_id)
        case Err(text):
            return ("error", text)
        case Ok():
            return ("+ok",)
        case Ping():
            return ("ping",)
        case Pong():
            return ("pong",)
        case Fault():
            return FAULT


class Broken(Exception):
    """A server would not understand this, or not only this."""


def read_client(stream: bytes) -> list[Fact]:
    """What a client said, as a server reads it: a line ends at LF, with or without a CR before it."""
    facts: list[Fact] = []
    at = 0
    while at < len(stream):
        end = stream.find(b"\n", at)
        if end < 0:
            raise Broken(stream[at:])
        line = stream[at:end].removesuffix(b"\r")
        at = end + 1
        words = re.split(rb"[ \t\r]+", line)
        match words:
            case [b"PING" | b"PONG" as word]:
                facts.append((word,))
            case [b"SUB", subject, sid]:
                facts.append((b"SUB", subject, None, _number(sid)))
            case [b"SUB", subject, queue, sid]:
                facts.append((b"SUB", subject, queue, _number(sid)))
            case [b"UNSUB", sid]:
                facts.append((b"UNSUB", _number(sid), None))
            case [b"UNSUB", sid, maximum]:
                facts.append((b"UNSUB", _number(sid), _number(maximum)))
            case [b"CONNECT", *_]:
                facts.append((b"CONNECT", json.loads(line.removeprefix(b"CONNECT "))))
            case [b"PUB", subject, *reply, size] if len(reply) <= 1:
                payload, at = _body(stream, at, _number(size))
                facts.append((b"PUB", subject, reply[0] if reply else None, None, payload))
            case [b"HPUB", subject, *reply, in_block, size] if len(reply) <= 1:
                body, at = _body(stream, at, _number(size))
                block = body[: _number(in_block)]
                facts.append((b"HPUB", subject, reply[0] if reply else None, read_block(block), body[len(block) :]))
            case _:
                raise Broken(line)
    return facts


def read_block(block: bytes) -> list[tuple[bytes, bytes]]:
    """The pairs of a header block that has no status."""
    start, end = b"NATS/1.0\r\n", b"\r\n"
    if not block.startswith(start) or not block.endswith(end):
        raise Broken(block)
    lines = block.removeprefix(start).removesuffix(end).split(b"\r\n")
    if lines.pop() != b"" or any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines):
        raise Broken(block)
    pairs = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or re.search(rb"[^!-~]", name):
            raise Broken(line)
        pairs.append((name, value.strip(b" \t")))
    return pairs


def _number(digits: bytes) -> int:
    if re.fullmatch(rb"[0-9]+", digits) is None:
        raise Broken(digits)
    return int(digits)


def _body(stream: bytes, at: int, size: int) -> tuple[bytes, int]:
    body, end = stream[at : at + size], at + size + 2
    if stream[at + size : end] != b"\r\n":
        raise Broken(stream[at:end])
    return body, end
