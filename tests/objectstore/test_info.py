"""What is told of an object, there and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats.objectstore.errors import BadMeta
from txnats.objectstore.info import ObjectInfo, ObjectLink, decode, encode

names = st.text(max_size=10)
infos = st.builds(
    ObjectInfo,
    name=st.text(min_size=1, max_size=20),
    store=st.just("s"),
    nuid=st.text(min_size=1, max_size=22),
    size=st.integers(0, 2**40),
    chunks=st.integers(0, 2**30),
    digest=names,
    description=names,
    metadata=st.dictionaries(names, names, max_size=3),
    headers=st.dictionaries(names, st.lists(names, min_size=1, max_size=3), max_size=3),
    link=st.none() | st.builds(ObjectLink, store=st.text(min_size=1), name=names),
    chunk_size=st.integers(0, 2**20),
    deleted=st.booleans(),
)


@given(infos)
def test_there_and_back(info: ObjectInfo) -> None:
    assert decode(encode(info), store="s", name=info.name, modified=None, revision=0) == info


def test_the_words_of_the_record() -> None:
    info = ObjectInfo(
        name="n",
        store="b",
        nuid="N",
        size=5,
        chunks=1,
        digest="SHA-256=x",
        metadata={"owner": "infra"},
        headers={"k": ["a", "b"]},
        link=ObjectLink("c", "d"),
        chunk_size=10,
    )
    assert json.loads(encode(info)) == {
        "name": "n",
        "bucket": "b",
        "nuid": "N",
        "size": 5,
        "chunks": 1,
        "digest": "SHA-256=x",
        "metadata": {"owner": "infra"},
        "headers": {"k": ["a", "b"]},
        "options": {"link": {"bucket": "c", "name": "d"}, "max_chunk_size": 10},
    }


@pytest.mark.parametrize(
    "text",
    [
        b'{"name":"n","bucket":"s","nuid":"N","mtime":"0001-01-01T00:00:00Z","size":3,"chunks":1,"new":{"x":1}}',
        b'{"name":"n","bucket":"","nuid":"N","options":null,"headers":{"a":"b"},"size":3,"chunks":1,"deleted":null}',
        b'{"name":"n","bucket":"s","nuid":"N","options":{"link":null},"description":null,"size":3,"chunks":1}',
    ],
)
def test_what_others_write_is_taken(text: bytes) -> None:
    info = decode(text, store="s", name="n", modified=None, revision=4)
    assert (info.name, info.store, info.size, info.chunks, info.revision) == ("n", "s", 3, 1, 4)
    assert not info.deleted
    assert not info.is_link


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"name":3,"bucket":"s"}', b"\xff", b"[" * 100_000])
def test_what_cannot_be_read(text: bytes) -> None:
    with pytest.raises(BadMeta):
        decode(text, store="s", name="n", modified=None, revision=0)
