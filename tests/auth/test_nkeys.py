"""nkeys: known keys and signatures, every role there and back, and nothing taken for a key that is none."""

from __future__ import annotations

import base64
import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats.auth import nkeys
from txnats.auth.nkeys import Nkey
from txnats.errors import InvalidOption

# Of NATS's own documentation.
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
ROLES = "ACNOUX"

# RFC 8032, 7.1: secret key, public key, message, signature.
KNOWN = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
]


def test_a_known_seed_has_its_known_public_key() -> None:
    key = Nkey.from_seed(SEED)
    assert (key.role, key.public_key) == ("U", PUBLIC)
    assert key.seed == SEED.encode()
    assert Nkey.from_seed(SEED.encode()).public_key == Nkey.from_seed(bytearray(SEED.encode())).public_key == PUBLIC


@pytest.mark.parametrize(("secret", "public", "message", "signature"), KNOWN)
def test_known_signatures(secret: str, public: str, message: str, signature: str) -> None:
    key = Nkey("U", bytearray.fromhex(secret))
    assert nkeys.decode_public(key.public_key) == ("U", bytes.fromhex(public))
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert nkeys.verify(key.public_key, bytes.fromhex(message), bytes.fromhex(signature))


@pytest.mark.parametrize("role", ROLES)
def test_each_role_there_and_back(role: str) -> None:
    key = Nkey.generate(role)
    text = key.seed.decode()
    assert text.startswith(f"S{role}")
    assert len(text) == 58
    assert Nkey.from_seed(text).raw == key.raw
    if role != "X":
        assert key.public_key.startswith(role)
        assert len(key.public_key) == 56
        assert nkeys.decode_public(key.public_key, role).role == role
        assert nkeys.verify(key.public_key, b"data", key.sign(b"data"))
        assert not nkeys.verify(key.public_key, b"date", key.sign(b"data"))
        assert not nkeys.verify(Nkey.generate(role).public_key, b"data", key.sign(b"data"))


@given(st.sampled_from(ROLES), st.binary(min_size=32, max_size=32))
def test_any_key_there_and_back(role: str, raw: bytes) -> None:
    assert nkeys.decode_public(nkeys.encode_public(role, raw)) == (role, raw)
    seed = nkeys.encode_seed(role, raw)
    assert nkeys.decode_seed(seed) == (role, bytearray(raw))
    # Another way to the same letters.
    assert base64.b32decode(bytes(seed) + b"=" * (-len(seed) % 8))[2:34] == raw


@given(st.integers(0, 55), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_a_wrong_letter_is_noticed(at: int, letter: str) -> None:
    for text, read in ((PUBLIC, nkeys.decode_public), (SEED, nkeys.decode_seed)):
        wrong = text[:at] + letter + text[at + 1 :]
        if wrong != text:
            with pytest.raises(InvalidOption):
                read(wrong)


@pytest.mark.parametrize(
    "wrong",
    ["", "S", "U", SEED[:-1], SEED + "A", SEED.lower(), f" {SEED}", "é" * 58, PUBLIC, "S" * 10_000, None, 5, ["S"]],
)
def test_what_is_no_seed_is_not_shown(wrong: Any) -> None:
    with pytest.raises(InvalidOption) as caught:
        Nkey.from_seed(wrong)
    assert len(str(caught.value)) < 120
    assert SEED[:20] not in str(caught.value)


@pytest.mark.parametrize("wrong", ["", "U", PUBLIC[:-1], PUBLIC + "A", PUBLIC.lower(), SEED, "p4ssw0rd", None, b"U"])
def test_what_is_no_public_key_is_not_shown(wrong: Any) -> None:
    with pytest.raises(InvalidOption) as caught:
        nkeys.decode_public(wrong)
    for part in (SEED[:20], "p4ssw0rd", PUBLIC[:20]):
        assert part not in str(caught.value)


def test_a_key_of_another_role() -> None:
    with pytest.raises(InvalidOption, match="is not an account public key: it is that of a user"):
        nkeys.decode_public(PUBLIC, "A")
    with pytest.raises(InvalidOption, match="account or operator"):
        nkeys.decode_public(PUBLIC, "AO")
    with pytest.raises(InvalidOption, match="no kind of nkey"):
        Nkey.generate("Z")


def test_a_curve_key_signs_nothing() -> None:
    with pytest.raises(InvalidOption):
        Nkey.generate("X").sign(b"")
    with pytest.raises(InvalidOption):
        nkeys.verify(nkeys.encode_public("X", bytes(range(32))), b"", bytes(64))


def test_a_key_is_wiped_at_the_end() -> None:
    with Nkey.from_seed(SEED) as key:
        raw = key.raw
        assert any(raw)
    assert raw == bytes(32)
    with pytest.raises(InvalidOption, match="wiped"):
        key.sign(b"")


def test_a_key_shows_and_pickles_nothing() -> None:
    key = Nkey.from_seed(SEED)
    assert repr(key) == "<Nkey of a user>"
    assert repr(Nkey.generate("A")) == "<Nkey of an account>"
    with pytest.raises(InvalidOption):
        pickle.dumps(key)
    assert copy.deepcopy(key) is key


def test_a_signature_as_text() -> None:
    assert nkeys.signature_text(b"\xff" * 64) == "_" * 85 + "w"
    for wrong in (b"", b"x" * 65, "x" * 64, None):
        with pytest.raises(InvalidOption):
            nkeys.signature_text(wrong)
