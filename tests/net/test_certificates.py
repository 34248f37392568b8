"""Files as certificates, names compared, and what is wrong in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from traceback import walk_tb

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate

from tests.promises.papers import Papers
from txnats.errors import TlsUnavailable
from txnats.net.certificates import Expected, own_certificate


@pytest.fixture(scope="module")
def papers() -> Iterator[Papers]:
    made = Papers()
    yield made
    made.close()


def refusal(papers: Papers, expected: str, *names: str) -> str | None:
    certificate = load_pem_x509_certificate(Path(papers.issue(*names).certificate).read_bytes())
    error = Expected(expected).refusal(certificate)
    return None if error is None else error.why


@pytest.mark.parametrize(
    ("expected", "names"),
    [
        ("a.example", ["a.example"]),
        ("A.Example.", ["a.example"]),
        ("a.b.example", ["x.example", "*.b.example"]),
        ("a.example", ["*.nats", "a.example"]),
        ("bücher.example", ["xn--bcher-kva.example"]),
        ("10.0.0.1", ["a.example", "10.0.0.1"]),
        ("::1", ["0:0:0:0:0:0:0:1"]),
        ("fe80::1%eth0", ["fe80::1"]),
    ],
)
def test_names_that_match(papers: Papers, expected: str, names: list[str]) -> None:
    assert refusal(papers, expected, *names) is None


@pytest.mark.parametrize(
    ("expected", "names", "says"),
    [
        ("a.example", ["b.example"], "is for b.example and not for a.example"),
        ("a.b.example", ["*.example"], "is for *.example and not for a.b.example"),
        ("example", ["*.example"], "not for example"),
        ("10.0.0.1", ["10.0.0.2"], "is for 10.0.0.2 and not for 10.0.0.1"),
        ("10.0.0.1", ["a.example"], "is for a.example and not for 10.0.0.1"),
        ("a.example", ["10.0.0.1"], "is for 10.0.0.1 and not for a.example"),
        ("a.example", [f"{number}.example" for number in range(9)], "4.example ... and not for a.example"),
    ],
)
def test_names_that_do_not(papers: Papers, expected: str, names: list[str], says: str) -> None:
    assert says in (refusal(papers, expected, *names) or "")


def test_a_certificate_without_names_matches_nothing(papers: Papers) -> None:
    pair = papers.self_signed("a.example", named=False)
    error = Expected("a.example").refusal(load_pem_x509_certificate(Path(pair.certificate).read_bytes()))
    assert error is not None
    assert "names no host at all" in str(error)


@pytest.mark.parametrize(("name", "told"), [("A.example", b"a.example"), ("10.0.0.1", None), ("::1", None)])
def test_what_the_server_is_told(name: str, told: bytes | None) -> None:
    assert Expected(name).server_name == told


@pytest.mark.parametrize(
    ("name", "says"), [("", "no name to check"), ("a b", "can be for this name"), ("ö" * 80, "can be for this name")]
)
def test_what_is_no_name(name: str, says: str) -> None:
    with pytest.raises(TlsUnavailable, match=says):
        Expected(name)


def test_a_key_may_stand_behind_its_certificate(papers: Papers) -> None:
    pair = papers.issue("me")
    both = papers.path / "both.pem"
    both.write_bytes(Path(pair.certificate).read_bytes() + Path(pair.key).read_bytes())
    assert own_certificate(None, None) == {}
    assert own_certificate(both, None)["privateKey"].public_key() == own_certificate(*pair)["certificate"].public_key()


def test_certificates_behind_the_first_are_the_chain(papers: Papers) -> None:
    pair = papers.issue("me")
    chain = papers.path / "chain.pem"
    chain.write_bytes(Path(pair.certificate).read_bytes() + Path(papers.ca).read_bytes())
    assert len(own_certificate(chain, pair.key)["extraCertChain"]) == 1


def test_an_encrypted_key_is_not_asked_about(papers: Papers) -> None:
    pair = papers.issue("me")
    key = load_pem_private_key(Path(pair.key).read_bytes(), None)
    locked = papers.path / "locked.pem"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"s3cret")))
    with pytest.raises(TlsUnavailable, match=r"TlsOptions.key is encrypted"):
        own_certificate(pair.certificate, str(locked))


def test_no_traceback_shows_a_key(papers: Papers) -> None:
    pair = papers.issue("me")
    bad = papers.path / "bad.key"
    bad.write_text(Path(pair.key).read_text().replace("PRIVATE KEY", "PRIVATE KEX"))
    with pytest.raises(TlsUnavailable) as caught:
        own_certificate(pair.certificate, bad)
    secret = bad.read_text().splitlines()[2]
    frames = [frame for frame, _ in walk_tb(caught.tb) if "txnats/net" in frame.f_code.co_filename]
    assert frames
    assert secret not in repr([frame.f_locals for frame in frames])
    assert caught.value.__context__ is None
