"""Codecs: there and back."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats.kv import naming
from txnats.kv.codecs import PLAIN, Codec, base64_keys, base64_values, chain, path_keys, values
from txnats.kv.errors import InvalidKey

token = st.text(min_size=1, max_size=20).filter(lambda text: "." not in text).filter(str.isprintable)


@given(st.lists(token, min_size=1, max_size=4))
def test_any_text_makes_a_key(tokens: list[str]) -> None:
    codec = base64_keys()
    key = ".".join(tokens)
    stored = naming.check_key(codec.encode_key(key))
    assert codec.decode_key(stored) == key


def test_keys_as_other_clients_encode_them() -> None:
    assert base64_keys().encode_key("Acme Inc.contact") == "QWNtZSBJbmM.Y29udGFjdA"
    assert base64_keys().filter("Acme Inc.*.>") == "QWNtZSBJbmM.*.>"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a/b/c", "a.b.c"),
        ("/etc/hosts", "_root_.etc.hosts"),
        ("/", "_root_"),
        ("a", "a"),
    ],
)
def test_paths(path: str, key: str) -> None:
    codec = path_keys()
    assert codec.encode_key(path) == key
    assert codec.decode_key(key) == path


def test_a_separator_at_the_end_is_dropped_and_may_be_another() -> None:
    assert path_keys().encode_key("a/b/") == "a.b"
    assert path_keys("::").encode_key("::a::b") == "_root_.a.b"
    assert path_keys().filter("/a/*/>") == "_root_.a.*.>"


@given(st.binary())
def test_values(value: bytes) -> None:
    both = chain(values(zlib.compress, zlib.decompress), base64_values())
    assert both.decode_value(both.encode_value(value)) == value
    assert b"=" not in base64_values().encode_value(value)


def test_a_chain_goes_there_in_order_and_back_in_the_other() -> None:
    codec = chain(path_keys(), base64_keys())
    assert codec.encode_key("/a b/c") == base64_keys().encode_key("_root_.a b.c")
    assert codec.decode_key(codec.encode_key("/a b/c")) == "/a b/c"
    assert codec.filter("a/*") == base64_keys().filter("a.*")


def test_who_cannot_encode_filters_says_so() -> None:
    codec = Codec(encode_key=str.upper, decode_key=str.lower)
    assert codec.filter(">") == ">"
    assert codec.filter("a.b") == "A.B"
    with pytest.raises(InvalidKey):
        codec.filter("a.*")
    assert PLAIN.filter("a.*") == "a.*"
