"""Callouts in memory: what a server would ask is read, and the answer is what it would take. See also integration/."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.client.harness import Outcome
from txnats import Headers
from txnats.auth import callout, jwt
from txnats.auth.callout import Callout, Denied, Request
from txnats.auth.nkeys import Nkey
from txnats.auth.xkeys import CurveKey
from txnats.errors import InvalidOption, NatsError

ISSUER, SERVER, USER = (Nkey.generate(role) for role in "ANU")
OURS, THEIRS = CurveKey.generate(), CurveKey.generate()
MARKER = "S3CRET"


class Asked:
    """A message with a server's question."""

    def __init__(self, payload: bytes, key: str = "") -> None:
        self.payload = payload
        self.headers = Headers({callout.SERVER_XKEY: key} if key else {})
        self.answers: list[bytes] = []

    def respond(self, payload: bytes) -> None:
        self.answers.append(payload)


def question(*, signer: Nkey = SERVER, sealed: bool = False, **connect: Any) -> bytes:
    nats = {
        "type": "authorization_request",
        "version": 2,
        "server_id": {"id": SERVER.public_key, "name": "s1", "host": "h", "xkey": THEIRS.public_key, "new": 1},
        "user_nkey": USER.public_key,
        "client_info": {"host": "10.0.0.1", "id": 7, "kind": "Client", "nonce": "n0nce"},
        "connect_opts": {"user": "joe", "pass": MARKER, "protocol": 1, **connect},
    }
    claims = jwt.Claims(subject=USER.public_key, audience=callout.AUDIENCE, issued_at=1000, nats=nats)
    data = jwt.encode(claims, signer).encode()
    return THEIRS.seal(data, OURS.public_key) if sealed else data


def make(**options: Any) -> Callout:
    return Callout(ISSUER.seed, **options)


def answered(message: Asked, decide: Any, service: Callout | None = None) -> jwt.Claims:
    done = Outcome(Deferred.fromCoroutine((service or make()).handler(decide)(message)))  # type: ignore[arg-type]
    assert done.value is None
    (answer,) = message.answers
    return jwt.decode(answer.decode(), issuers=[ISSUER.public_key])


def test_a_request_tells_who_asks() -> None:
    request = make().request(question(name="app", auth_token="t0ken"))
    assert (request.user, request.password.reveal(), request.token.reveal()) == ("joe", MARKER, "t0ken")
    assert (request.name, request.user_nkey, request.issued_at) == ("app", USER.public_key, 1000)
    assert (request.server.name, request.client.host, request.client.id) == ("s1", "10.0.0.1", 7)
    assert MARKER not in repr(request)
    assert "t0ken" not in repr(request)


def test_it_is_let_in() -> None:
    service = make()

    def decide(request: Request) -> str:
        return service.user(request, account="APP", publish={"allow": ["a.>"]}, expires=request.issued_at + 60)

    answer = answered(Asked(question()), decide, service)
    assert (answer.subject, answer.audience, answer.type) == (
        USER.public_key,
        SERVER.public_key,
        "authorization_response",
    )
    user = jwt.decode(answer.nats["jwt"], issuers=[ISSUER.public_key])
    assert (user.subject, user.audience, user.name, user.expires) == (USER.public_key, "APP", "joe", 1060)
    assert user.nats["pub"] == {"allow": ["a.>"]}
    assert "error" not in answer.nats


def test_with_a_signing_key_the_account_is_named() -> None:
    account = Nkey.generate("A").public_key
    service = make(issuer_account=account)
    answer = answered(Asked(question()), service.user, service)
    user = jwt.decode(answer.nats["jwt"])
    assert answer.nats["issuer_account"] == user.nats["issuer_account"] == account
    assert user.audience == ""


def test_it_is_denied() -> None:
    def decide(request: Request) -> str:
        raise Denied("no such user")

    answer = answered(Asked(question()), decide)
    assert (answer.nats["error"], answer.nats.get("jwt")) == ("no such user", None)


def test_a_decision_may_take_its_time() -> None:
    service, message = make(), Asked(question())
    waiting: Deferred[str] = Deferred()
    done = Outcome(Deferred.fromCoroutine(service.handler(lambda _: waiting)(message)))  # type: ignore[arg-type]
    assert not done.fired
    waiting.callback(service.user(service.request(message.payload)))
    assert done.value is None
    assert "jwt" in jwt.decode(message.answers[0].decode()).nats


def test_a_decision_that_fails_lets_nobody_in_and_is_ones_own() -> None:
    def decide(request: Request) -> str:
        raise OSError(f"the table of {MARKER} is gone")

    message = Asked(question())
    done = Outcome(Deferred.fromCoroutine(make().handler(decide)(message)))  # type: ignore[arg-type]
    assert isinstance(done.error, OSError)
    answer = jwt.decode(message.answers[0].decode())
    assert answer.nats["error"] == "the decision failed"
    assert MARKER not in repr(answer)


def test_sealed_there_and_back() -> None:
    service = make(xkey=OURS.seed)
    message = Asked(question(sealed=True), THEIRS.public_key)
    done = Outcome(Deferred.fromCoroutine(service.handler(service.user)(message)))  # type: ignore[arg-type]
    assert done.value is None
    assert message.answers[0].startswith(b"xkv1")
    answer = jwt.decode(THEIRS.open(message.answers[0], OURS.public_key).decode())
    assert "jwt" in answer.nats


OTHER = CurveKey.generate()


@pytest.mark.parametrize(
    ("service", "payload", "key", "why"),
    [
        (make(), question(sealed=True), THEIRS.public_key, "is sealed"),
        (make(xkey=OURS.seed), question(), "", "not sealed"),
        (make(xkey=OURS.seed), question(sealed=True), "", "curve public key"),
        (make(xkey=OURS.seed), question(sealed=True), OTHER.public_key, "cannot be opened"),
        (make(xkey=OTHER.seed), question(sealed=True), THEIRS.public_key, "cannot be opened"),
        (
            make(xkey=OURS.seed),
            OTHER.seal(question(), OURS.public_key),
            OTHER.public_key,
            "another key than its server's",
        ),
        (make(), b"", "", "cannot be read"),
        (make(), b"\xff\xfe", "", "cannot be read"),
        (make(), jwt.encode(jwt.user(USER.public_key, issued_at=1), ISSUER).encode(), "", "no authorization"),
        (make(), question(user=5), "", "cannot be read"),
    ],
)
def test_what_is_no_request(service: Callout, payload: bytes, key: str, why: str) -> None:
    message = Asked(payload, key)
    done = Outcome(Deferred.fromCoroutine(service.handler(service.user)(message)))  # type: ignore[arg-type]
    assert isinstance(done.error, NatsError)
    assert why in str(done.error)
    assert MARKER not in str(done.error)
    assert not message.answers, "nobody can be told"


def test_only_a_server_asks() -> None:
    body = jwt.Claims(subject=USER.public_key, nats={"type": "authorization_request"})
    with pytest.raises(InvalidOption, match="cannot sign"):
        jwt.encode(body, ISSUER)
    generic = jwt.encode(jwt.Claims(subject=USER.public_key, nats={"type": "other"}), ISSUER)
    with pytest.raises(InvalidOption):
        make().request(generic.encode())


def test_whether_an_nkey_is_proved() -> None:
    mine = Nkey.generate("U")

    def asks(signature: bytes, key: str = mine.public_key) -> bool:
        text = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
        return make().request(question(nkey=key, sig=text)).nkey_is_proved

    assert asks(mine.sign(b"n0nce"))
    assert not asks(mine.sign(b"other"))
    assert not asks(b"")
    assert not asks(mine.sign(b"n0nce"), "")
    assert not asks(mine.sign(b"n0nce"), "x")
    assert not make().request(question(nkey=mine.public_key, sig="\u00e9")).nkey_is_proved


def test_only_an_accounts_key_issues() -> None:
    for wrong in (USER.seed, SERVER.seed, b"x"):
        with pytest.raises(InvalidOption):
            Callout(wrong)
    with pytest.raises(InvalidOption):
        make(issuer_account=USER.public_key)
    with pytest.raises(InvalidOption):
        make(xkey=USER.seed)


def test_it_shows_no_seed() -> None:
    assert repr(make()) == "Callout(***)"
    assert repr(make(xkey=OURS.seed)) == "Callout(***, xkey=***)"
