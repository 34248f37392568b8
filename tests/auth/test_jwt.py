"""JWTs: what is encoded is decoded, signed by whom it says, and nothing else is taken. A real server reads them too."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from txnats.auth import jwt
from txnats.auth.jwt import Claims
from txnats.auth.nkeys import Nkey
from txnats.errors import InvalidOption

OPERATOR, ACCOUNT, USER, SERVER = (Nkey.generate(role) for role in "OAUN")


def parts(text: str) -> list[Any]:
    header, body, signature = text.split(".")
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, body)] + [signature]


def pack(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: Any, body: Any, key: Nkey) -> str:
    text = f"{pack(header)}.{pack(body)}"
    return f"{text}.{pack(key.sign(text.encode()))}"


def test_a_user_there_and_back() -> None:
    claims = jwt.user(USER.public_key, name="joe", publish={"allow": ["a.>"]}, issued_at=1000, expires=2000, tags=["t"])
    text = jwt.encode(claims, ACCOUNT)
    header, body, _ = parts(text)
    assert header == {"typ": "JWT", "alg": "ed25519-nkey"}
    assert body == {
        "sub": USER.public_key,
        "iss": ACCOUNT.public_key,
        "name": "joe",
        "iat": 1000,
        "exp": 2000,
        "jti": body["jti"],
        "nats": {
            "type": "user",
            "version": 2,
            "pub": {"allow": ["a.>"]},
            "sub": {},
            "subs": -1,
            "data": -1,
            "payload": -1,
            "tags": ["t"],
        },
    }
    assert len(body["jti"]) == 52
    assert "=" not in text
    read = jwt.decode(text, issuers=[ACCOUNT.public_key])
    assert (read.type, read.subject, read.issuer) == ("user", USER.public_key, ACCOUNT.public_key)
    assert read.nats == body["nats"]


def test_the_id_is_that_of_the_claims() -> None:
    ids = {jwt.decode(jwt.encode(jwt.user(USER.public_key, issued_at=time), ACCOUNT)).id for time in (1000, 1000, 1001)}
    assert len(ids) == 2


def test_an_account_and_an_operator() -> None:
    signing, revoked = Nkey.generate("A").public_key, Nkey.generate("U").public_key
    account = jwt.account(
        ACCOUNT.public_key,
        name="A",
        signing_keys=[signing],
        revocations={revoked: 1500},
        limits={"conn": 5},
        issued_at=1000,
        exports=[{"subject": "x"}],
    )
    nats = jwt.decode(jwt.encode(account, OPERATOR)).nats
    assert nats["signing_keys"] == [signing]
    assert nats["revocations"] == {revoked: 1500}
    assert (nats["limits"]["conn"], nats["limits"]["subs"], nats["exports"]) == (5, -1, [{"subject": "x"}])
    operator = jwt.operator(
        OPERATOR.public_key, name="O", signing_keys=[OPERATOR.public_key], issued_at=1000, system_account="A"
    )
    assert jwt.decode(jwt.encode(operator, OPERATOR)).nats == {
        "type": "operator",
        "version": 2,
        "signing_keys": [OPERATOR.public_key],
        "system_account": "A",
    }


def test_its_time() -> None:
    claims = Claims(subject=USER.public_key, not_before=10, expires=20)
    assert [claims.is_valid_at(now) for now in (9, 10, 19.9, 20)] == [False, True, True, False]
    assert Claims(subject=USER.public_key).is_valid_at(0)


@pytest.mark.parametrize(
    ("claims", "issuer"),
    [
        (jwt.user(USER.public_key, issued_at=1), USER),
        (jwt.user(USER.public_key, issued_at=1), OPERATOR),
        (jwt.account(ACCOUNT.public_key, issued_at=1), USER),
        (jwt.operator(OPERATOR.public_key, issued_at=1), ACCOUNT),
    ],
)
def test_who_may_not_issue_what(claims: Claims, issuer: Nkey) -> None:
    with pytest.raises(InvalidOption, match="cannot sign"):
        jwt.encode(claims, issuer)
    body = {"sub": claims.subject, "iss": issuer.public_key, "nats": claims.nats}
    with pytest.raises(InvalidOption):
        jwt.decode(signed({"typ": "JWT", "alg": "ed25519-nkey"}, body, issuer))


@pytest.mark.parametrize(
    "make",
    [
        lambda: jwt.user(ACCOUNT.public_key, issued_at=1),
        lambda: jwt.user(USER.public_key, issued_at=1, issuer_account=USER.public_key),
        lambda: jwt.account(USER.public_key, issued_at=1),
        lambda: jwt.account(ACCOUNT.public_key, signing_keys=[USER.public_key], issued_at=1),
        lambda: jwt.operator(USER.public_key, issued_at=1),
        lambda: jwt.operator(OPERATOR.public_key, signing_keys=["x"], issued_at=1),
        lambda: jwt.encode(Claims(subject="x"), ACCOUNT),
        lambda: jwt.encode(Claims(subject=USER.public_key, nats={"x": {1j}}), ACCOUNT),
        lambda: jwt.encode(Claims(subject=USER.public_key, name="\ud800"), ACCOUNT),
    ],
)
def test_what_cannot_be_encoded(make: Any) -> None:
    with pytest.raises(InvalidOption):
        make()


def test_a_changed_letter_is_noticed() -> None:
    text = jwt.encode(jwt.user(USER.public_key, issued_at=1), ACCOUNT)
    header, body, signature = text.split(".")
    other = jwt.encode(jwt.user(Nkey.generate("U").public_key, issued_at=1), ACCOUNT).split(".")
    for wrong in (f"{header}.{other[1]}.{signature}", f"{header}.{body}.{other[2]}", f"{header}.{body}."):
        with pytest.raises(InvalidOption, match="signature"):
            jwt.decode(wrong)


HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
BODY = {"sub": USER.public_key, "iss": ACCOUNT.public_key}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "S3CRET",
        "S3CRET.S3CRET.S3CRET",
        "a.b.c.d",
        "é.é.é",
        signed({"alg": "none"}, BODY, ACCOUNT),
        signed({"alg": "ed25519"}, BODY, ACCOUNT),
        signed([], BODY, ACCOUNT),
        signed(HEADER, [], ACCOUNT),
        signed(HEADER, {**BODY, "exp": "never"}, ACCOUNT),
        signed(HEADER, {**BODY, "nats": 5}, ACCOUNT),
        signed(HEADER, {**BODY, "iss": "x"}, ACCOUNT),
        signed(HEADER, {**BODY, "iss": USER.public_key}, ACCOUNT),
        signed(HEADER, {**BODY, "nats": {"type": "user"}, "iss": USER.public_key}, USER),
        signed(HEADER, b"[" * 100_000, ACCOUNT),
        signed(HEADER, b"\xff", ACCOUNT),
        "x" * (2 << 20),
        None,
        5,
    ],
)
def test_what_is_no_jwt_is_refused_and_not_shown(text: Any) -> None:
    with pytest.raises(InvalidOption) as caught:
        jwt.decode(text)
    assert "S3CRET" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_only_those_who_are_trusted() -> None:
    text = jwt.encode(jwt.user(USER.public_key, issued_at=1), ACCOUNT)
    with pytest.raises(InvalidOption, match="somebody else"):
        jwt.decode(text, issuers=[Nkey.generate("A").public_key])
    with pytest.raises(InvalidOption, match="somebody else"):
        jwt.decode(text, issuers=[])
