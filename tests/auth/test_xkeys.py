"""xkeys: NaCl's known box, sealing there and back, and nothing that looks sealed and is not."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from txnats.auth import nkeys
from txnats.auth.nkeys import Nkey
from txnats.auth.xkeys import CurveKey, XkeysMissing
from txnats.errors import InvalidOption

# Of NaCl's own tests: two keys, a nonce, a text, and its box with the authenticator first.
ALICE = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
ALICE_PUBLIC = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
BOB = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
NONCE = "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37"
TEXT = (
    "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c0123"
    "3561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924"
    "ca1c60902e52f0a089bc76897040e082f937763848645e0705"
)
BOX = (
    "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98"
    "dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6b"
    "b3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5"
)


def known(raw: str) -> CurveKey:
    return CurveKey(Nkey("X", bytearray.fromhex(raw)))


def test_a_known_box_opens() -> None:
    alice, bob = known(ALICE), known(BOB)
    assert nkeys.decode_public(alice.public_key) == ("X", bytes.fromhex(ALICE_PUBLIC))
    sealed = b"xkv1" + bytes.fromhex(NONCE) + bytes.fromhex(BOX)
    assert bob.open(sealed, alice.public_key).hex() == TEXT


def test_a_known_box_is_what_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_bytes", lambda size: bytes.fromhex(NONCE)[:size])
    assert known(ALICE).seal(bytes.fromhex(TEXT), known(BOB).public_key)[28:].hex() == BOX


@settings(max_examples=30)
@given(st.binary(max_size=2000))
def test_what_is_sealed_opens_for_whom_it_is_meant(data: bytes) -> None:
    alice, bob, eve = CurveKey.generate(), CurveKey.generate(), CurveKey.generate()
    sealed = alice.seal(data, bob.public_key)
    assert sealed[:4] == b"xkv1"
    assert len(sealed) == len(data) + 44
    assert bob.open(sealed, alice.public_key) == data
    for who, sender in ((eve, alice), (bob, eve)):
        with pytest.raises(InvalidOption):
            who.open(sealed, sender.public_key)


def test_two_seeds_give_two_texts_and_one_seed_never_the_same() -> None:
    bob = CurveKey.generate().public_key
    texts = [CurveKey.generate().seal(b"same", bob)[28:] for _ in range(2)]
    key = CurveKey.generate()
    texts += [key.seal(b"same", bob) for _ in range(2)]
    assert len(set(texts)) == 4


def test_a_changed_byte_is_noticed() -> None:
    alice, bob = CurveKey.generate(), CurveKey.generate()
    sealed = alice.seal(b"data", bob.public_key)
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(InvalidOption, match="cannot be opened"):
            bob.open(bytes(changed), alice.public_key)
    for size in range(len(sealed)):
        with pytest.raises(InvalidOption, match="cannot be opened"):
            bob.open(sealed[:size], alice.public_key)


def test_zeros_are_no_key() -> None:
    zeros = nkeys.encode_public("X", bytes(32))
    seed = nkeys.encode_seed("X", bytes(32))
    key = CurveKey.generate()
    for use in (
        lambda: CurveKey.from_seed(seed),
        lambda: CurveKey(Nkey("X", bytearray(32))),
        lambda: key.seal(b"", zeros),
        lambda: key.open(b"xkv1" + bytes(40), zeros),
    ):
        with pytest.raises(InvalidOption, match="all zeros"):
            use()


def test_a_wiped_key_seals_nothing() -> None:
    with CurveKey.generate() as key:
        other = key.public_key
    with pytest.raises(InvalidOption, match="all zeros"):
        key.seal(b"", other)


def test_a_weak_key_is_refused() -> None:
    """One of small order makes the same secret with every other key."""
    with pytest.raises(InvalidOption, match="weak"):
        CurveKey.generate().seal(b"", nkeys.encode_public("X", b"\x01" + bytes(31)))


@pytest.mark.parametrize("role", "ACNOU")
def test_only_curve_keys_seal(role: str) -> None:
    other = Nkey.generate(role)
    with pytest.raises(InvalidOption):
        CurveKey(other)
    with pytest.raises(InvalidOption):
        CurveKey.generate().seal(b"", other.public_key)


def test_the_seed_there_and_back_and_nothing_shown() -> None:
    key = CurveKey.generate()
    seed = key.seed.decode()
    assert CurveKey.from_seed(seed).public_key == key.public_key
    assert seed[:2] == "SX"
    assert repr(key) == "<CurveKey>"


def test_without_pynacl_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nacl", None)
    key = CurveKey.generate()
    with pytest.raises(XkeysMissing, match=r"PyNaCl \(pip install txnats\[xkeys\]\)"):
        _ = key.public_key
