"""Bytes cut, and chunks checked."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats.objectstore.chunking import Check, Cutter, digest_bytes, digest_text
from txnats.objectstore.errors import ChunksMissing, DigestMismatch, SizeMismatch
from txnats.objectstore.info import ObjectInfo


@given(st.lists(st.binary(max_size=50)), st.integers(1, 20))
def test_pieces_of_any_size_become_chunks_of_one(pieces: list[bytes], size: int) -> None:
    cutter = Cutter(size)
    chunks = [chunk for piece in pieces for chunk in cutter.feed(piece)] + list(cutter.end())
    whole = b"".join(pieces)
    assert b"".join(chunks) == whole
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(isinstance(chunk, bytes) and 0 < len(chunk) <= size for chunk in chunks)
    assert (cutter.total, cutter.chunks) == (len(whole), len(chunks))


def test_the_digest_as_others_write_it() -> None:
    assert digest_text(sha256(b"").digest()) == "SHA-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU="
    assert digest_bytes("sha-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU") == sha256(b"").digest()
    assert digest_bytes("MD5=x") is None
    assert digest_bytes("x") is None


def info(*chunks: bytes, size: int | None = None, digest: str | None = None) -> ObjectInfo:
    whole = b"".join(chunks)
    told = digest_text(sha256(whole).digest()) if digest is None else digest
    return ObjectInfo(name="n", store="s", size=len(whole) if size is None else size, chunks=len(chunks), digest=told)


def test_all_is_well() -> None:
    check = Check(info(b"ab", b"c"))
    assert check.take(b"ab", 1) is None
    assert not check.is_whole
    assert check.take(b"c", 0) is None
    assert check.is_whole


def test_a_digest_that_is_not_told_is_not_checked() -> None:
    assert Check(info(b"ab", digest="")).take(b"xy", 0) is None


@pytest.mark.parametrize("last", [b"x", b"", b"much longer"])
def test_a_changed_chunk(last: bytes) -> None:
    check = Check(info(b"ab", b"c"))
    check.take(b"ab", 1)
    damage = check.take(last, 0)
    assert isinstance(damage, DigestMismatch)
    assert damage.expected != damage.actual


def test_a_wrong_size() -> None:
    assert isinstance(Check(info(b"ab", size=3, digest="")).take(b"ab", 0), SizeMismatch)
    assert isinstance(Check(info(b"ab", b"c")).take(b"abcd", 1), SizeMismatch)
    assert isinstance(Check(info(size=3)).empty(), SizeMismatch)
    assert Check(info()).empty() is None


def test_missing_chunks() -> None:
    damage = Check(info(b"ab", b"c")).take(b"ab", 0)
    assert isinstance(damage, ChunksMissing)
    assert (damage.expected, damage.actual) == (2, 1)
