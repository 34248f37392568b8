"""Each kind of credentials gives its fields of CONNECT, asks anew at every attempt, and never shows a secret."""

from __future__ import annotations

import base64
import copy
import pickle
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from tests.auth.revealed import revealed
from tests.client.harness import Outcome
from txnats.auth.authenticators import Authenticator, CredentialsFile, Jwt, NKey, NKeyFile, Proof, Token, UserPassword
from txnats.auth.nkeys import Nkey, verify
from txnats.errors import CredentialsUnavailable, InvalidOption, NatsError
from txnats.events import CredentialsReadable
from txnats.secret import Secret

MARKER = "S3CRET"
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
JWT = "eyJ0eXAi.S3CRET.c2ln"
FILE = f"""-----BEGIN NATS USER JWT-----
{JWT}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----
{SEED}
------END USER NKEY SEED------
"""


def sign(data: bytes) -> bytes:
    return Nkey.from_seed(SEED).sign(data)


def unpadded(signature: str) -> bytes:
    return base64.urlsafe_b64decode(signature + "==")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "me.creds"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


def test_the_fields_of_each() -> None:
    kinds: list[tuple[Authenticator, dict[str, str]]] = [
        (UserPassword("joe", "pw"), {"user": "joe", "pass": "pw"}),
        (UserPassword("joe", Secret("pw")), {"user": "joe", "pass": "pw"}),
        (Token("t"), {"auth_token": "t"}),
        (Token(Secret("t")), {"auth_token": "t"}),
    ]
    for kind, fields in kinds:
        assert revealed(kind, "nonce") == fields
        assert revealed(kind) == fields


@pytest.mark.parametrize(
    "key",
    [
        SEED,
        SEED.encode(),
        bytearray(SEED.encode()),
        Secret(SEED),
        f"  {SEED}\n",
        lambda: SEED,
        lambda: Secret(SEED),
        lambda: bytearray(SEED.encode()),
        lambda: f"{SEED}\n".encode(),
    ],
)
def test_an_nkey_shows_its_public_key_and_a_signature_of_the_nonce(key: Any) -> None:
    fields = revealed(NKey(key), "n0nce")
    assert fields.keys() == {"nkey", "sig"}
    assert fields["nkey"] == PUBLIC
    assert "=" not in fields["sig"]
    assert verify(PUBLIC, b"n0nce", unpadded(fields["sig"]))


@pytest.mark.parametrize("make", [lambda: Jwt(JWT, SEED), lambda: Jwt(lambda: f"{JWT}\n", lambda: SEED)])
def test_a_jwt_goes_with_a_signature_of_the_nonce(make: Callable[[], Jwt]) -> None:
    fields = revealed(make(), "n0nce")
    assert fields.keys() == {"jwt", "sig"}
    assert fields["jwt"] == JWT
    assert verify(PUBLIC, b"n0nce", unpadded(fields["sig"]))


def test_a_bearer_jwt_needs_no_key() -> None:
    assert revealed(Jwt(JWT), "n0nce") == {"jwt": JWT}


# ---------------------------------------------------------------------- keys that stay where they are


@pytest.mark.parametrize(
    ("make", "first"),
    [
        (lambda signer: NKey(PUBLIC, sign=signer), ("nkey", PUBLIC)),
        (lambda signer: Jwt(JWT, sign=signer), ("jwt", JWT)),
    ],
)
def test_a_callable_signs(make: Callable[[Any], Authenticator], first: tuple[str, str]) -> None:
    asked: list[bytes] = []

    def signer(data: bytes) -> bytes:
        asked.append(data)
        return sign(data)

    auth = make(signer)
    for nonce in ("one", "two"):
        fields = revealed(auth, nonce)
        assert fields[first[0]] == first[1]
        assert verify(PUBLIC, nonce.encode(), unpadded(fields["sig"]))
    assert asked == [b"one", b"two"]
    # A server that wants no login asks for none, and a key service is not troubled.
    assert revealed(auth) == dict([first])
    assert asked == [b"one", b"two"]


@pytest.mark.parametrize("wrong", [b"", b"x" * 63, "x" * 64, None])
def test_a_signature_that_is_none(wrong: Any) -> None:
    with pytest.raises(InvalidOption, match="64 bytes"):
        NKey(PUBLIC, sign=lambda _: wrong).fields("n")


@pytest.mark.parametrize("key", [SEED, PUBLIC[:-1], PUBLIC.encode(), "A" + PUBLIC[1:], lambda: PUBLIC, None])
def test_with_sign_the_key_is_a_users_public_one(key: Any) -> None:
    with pytest.raises(InvalidOption) as caught:
        NKey(key, sign=sign)
    assert SEED not in str(caught.value)


def test_what_excludes_each_other() -> None:
    with pytest.raises(InvalidOption):
        Jwt(JWT, SEED, sign=sign)
    with pytest.raises(InvalidOption):
        NKey(PUBLIC, sign=b"no callable")  # type: ignore[arg-type]


# ---------------------------------------------------------------------- now or later


def test_a_callable_is_asked_at_every_attempt() -> None:
    passwords = iter(["one", "two", "three"])
    user, token = UserPassword("joe", lambda: next(passwords)), Token(lambda: next(passwords))
    assert revealed(user)["pass"] == "one"
    assert revealed(token)["auth_token"] == "two"
    assert revealed(user)["pass"] == "three"


KINDS: list[tuple[Callable[[Callable[[Any], Any]], Authenticator], dict[str, str]]] = [
    (lambda wrap: UserPassword("joe", lambda: wrap("pw")), {"user": "joe", "pass": "pw"}),
    (lambda wrap: Token(lambda: wrap("t")), {"auth_token": "t"}),
    (lambda wrap: NKey(lambda: wrap(SEED)), {"nkey": PUBLIC}),
    (lambda wrap: NKey(PUBLIC, sign=lambda data: wrap(sign(data))), {"nkey": PUBLIC}),
    (lambda wrap: Jwt(lambda: wrap(JWT), lambda: wrap(SEED)), {"jwt": JWT}),
    (lambda wrap: Jwt(JWT, sign=lambda data: wrap(sign(data))), {"jwt": JWT}),
    (lambda wrap: CredentialsFile(lambda: wrap(bytearray(FILE.encode()))), {"jwt": JWT}),
]


def coroutine(value: Any) -> Any:
    async def give() -> Any:
        return value

    return give()


def plain(value: Any) -> Any:
    return value


@pytest.mark.parametrize(("make", "fields"), KINDS)
@pytest.mark.parametrize("wrap", [plain, succeed, coroutine])
def test_each_callable_may_give_what_is_there_at_once(
    make: Callable[[Callable[[Any], Any]], Authenticator], fields: dict[str, str], wrap: Callable[[Any], Any]
) -> None:
    assert revealed(make(wrap), "n").items() >= fields.items()


@pytest.mark.parametrize(("make", "fields"), KINDS)
def test_each_callable_may_give_a_deferred(
    make: Callable[[Callable[[Any], Any]], Authenticator], fields: dict[str, str]
) -> None:
    parked: list[tuple[Deferred[Any], Any]] = []

    def park(value: Any) -> Deferred[Any]:
        waiting: Deferred[Any] = Deferred()
        parked.append((waiting, value))
        return waiting

    async def ask() -> Any:
        return await make(park).fields("n")  # type: ignore[misc]

    outcome = Outcome(Deferred.fromCoroutine(ask()))
    while not outcome.fired:
        waiting, value = parked.pop(0)
        waiting.callback(value)
    told = {name: value.reveal() if isinstance(value, Secret) else value for name, value in outcome.value.items()}
    assert told.items() >= fields.items()
    assert not parked


@pytest.mark.parametrize(("make", "_"), KINDS)
def test_a_deferred_that_fails_or_is_cancelled(
    make: Callable[[Callable[[Any], Any]], Authenticator], _: dict[str, str]
) -> None:
    ends: list[Callable[[Deferred[Any], Deferred[Any]], object]] = [
        lambda waiting, _: waiting.errback(OSError("sealed")),
        lambda _, asking: asking.cancel(),
    ]
    for end in ends:
        parked: list[Deferred[Any]] = []

        def park(value: Any, parked: list[Deferred[Any]] = parked) -> Deferred[Any]:
            parked.append(Deferred())
            return parked[-1]

        async def ask(park: Callable[[Any], Any] = park) -> Any:
            return await make(park).fields("n")  # type: ignore[misc]

        asking = Deferred.fromCoroutine(ask())
        outcome = Outcome(asking)
        end(parked[0], asking)
        assert type(outcome.error).__name__ in ("OSError", "CancelledError")
        assert len(parked) == 1


def test_an_error_of_the_callables_is_its_own() -> None:
    def rotate() -> str:
        raise OSError("sealed")

    with pytest.raises(OSError, match="sealed"):
        Token(rotate).fields("")


# ---------------------------------------------------------------------- files


def test_a_credentials_file_is_read_anew_each_time(file: Path) -> None:
    auth = CredentialsFile(file)
    assert revealed(auth, "n")["jwt"] == JWT
    file.write_text(FILE.replace(JWT, "another.jwt"))
    assert revealed(auth, "n")["jwt"] == "another.jwt"
    file.unlink()
    with pytest.raises(CredentialsUnavailable):
        auth.fields("n")


@pytest.mark.parametrize(
    "make",
    [
        lambda path: CredentialsFile(path),
        lambda path: CredentialsFile(str(path)),
        lambda path: CredentialsFile(path.read_bytes()),
        lambda path: CredentialsFile(bytearray(path.read_bytes())),
        lambda path: CredentialsFile(Secret(path.read_text())),
        lambda path: CredentialsFile(lambda: path),
        lambda path: CredentialsFile(path.read_bytes),
        lambda path: CredentialsFile(lambda: bytearray(path.read_bytes())),
        lambda path: CredentialsFile(lambda: Secret(path.read_text())),
    ],
)
def test_credentials_by_path_or_by_content(make: Callable[[Path], CredentialsFile], file: Path) -> None:
    auth = make(file)
    for nonce in ("one", "two"):
        fields = revealed(auth, nonce)
        assert fields["jwt"] == JWT
        assert verify(PUBLIC, nonce.encode(), unpadded(fields["sig"]))
        assert SEED not in repr(auth)


def test_an_nkey_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "me.nk"
    path.write_text(f"# my key\n{SEED}\n")
    path.chmod(0o600)
    fields = revealed(NKeyFile(path), "n")
    assert fields["nkey"] == PUBLIC
    assert verify(PUBLIC, b"n", unpadded(fields["sig"]))


@pytest.mark.parametrize("kind", [CredentialsFile, NKeyFile])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_may_read(file: Path, kind: Any, mode: int) -> None:
    file.chmod(mode)
    proof = kind(file).fields("n")
    assert proof.warnings == (CredentialsReadable(str(file), mode),)
    with pytest.raises(CredentialsUnavailable, match=f"its mode is 0{mode:o}"):
        kind(file, strict=True).fields("n")
    file.chmod(0o400)
    assert kind(file, strict=True).fields("n").warnings == ()


@pytest.mark.parametrize("wrong", [None, 5, b"", ["x"]])
def test_what_is_no_path(wrong: Any) -> None:
    with pytest.raises(NatsError):
        NKeyFile(wrong)
    with pytest.raises(NatsError):
        CredentialsFile(wrong).fields("n")


def test_content_where_a_path_belongs_is_not_shown() -> None:
    with pytest.raises(InvalidOption) as caught:
        CredentialsFile(FILE)
    assert SEED not in str(caught.value)


# ---------------------------------------------------------------------- P27: seeds are wiped


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: NKey(lambda: seed),
        lambda seed: Jwt(JWT, lambda: seed),
        lambda seed: CredentialsFile(lambda: seed),
    ],
)
def test_a_buffer_that_a_callable_gives_is_wiped(make: Callable[[bytearray], Authenticator]) -> None:
    given = bytearray(FILE.encode() if isinstance(make(bytearray()), CredentialsFile) else SEED.encode())
    make(given).fields("n")
    assert not any(given)


def test_a_buffer_with_a_wrong_seed_is_wiped_too() -> None:
    for wrong in (b"S" * 58, b" " + Nkey.generate("A").seed):
        given = bytearray(wrong)
        with pytest.raises(InvalidOption):
            NKey(partial(bytearray.__iadd__, given, b"")).fields("n")
        assert not any(given)


@pytest.mark.parametrize("kind", [CredentialsFile, NKeyFile])
def test_every_buffer_of_a_file_is_zero_in_the_end(file: Path, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from txnats.auth import authenticators, credentials, nkeys

    buffers: list[bytearray] = []

    def note(result: Any) -> Any:
        for each in result if isinstance(result, tuple) else (result, getattr(result, "data", None)):
            if isinstance(each, bytearray):
                buffers.append(each)
        return result

    for module, name in ((credentials, "read"), (credentials, "split"), (credentials, "find_seed")):
        original = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, original=original, **k: note(original(*a, **k)))
    original_decode = nkeys.decode_seed
    monkeypatch.setattr(authenticators, "decode_seed", lambda seed: note(original_decode(seed)))
    kind(file).fields("n")
    assert len(buffers) == 3
    assert not any(map(any, buffers))


# ---------------------------------------------------------------------- secrets


@pytest.mark.parametrize("shown", [repr, str, "{}".format])
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (UserPassword("joe", MARKER), "UserPassword('joe', ***)"),
        (Token(MARKER), "Token(***)"),
        (Token(lambda: MARKER), "Token(***)"),
        (NKey(SEED), "NKey(***)"),
        (NKey(PUBLIC, sign=sign), f"NKey({PUBLIC!r}, sign=...)"),
        (Jwt(JWT, SEED), "Jwt(***)"),
        (Jwt(JWT, sign=sign), "Jwt(***, sign=...)"),
        (NKeyFile("/my.nk"), "NKeyFile('/my.nk')"),
        (CredentialsFile("/my.creds"), "CredentialsFile('/my.creds')"),
        (CredentialsFile(FILE.encode()), "CredentialsFile(***)"),
    ],
)
def test_none_shows_its_secret(kind: Authenticator, text: str, shown: Callable[[object], str]) -> None:
    assert shown(kind) == text


@pytest.mark.parametrize(
    "kind",
    [UserPassword("joe", MARKER), Token(MARKER), NKey(SEED), NKeyFile("x"), Jwt(JWT, SEED), CredentialsFile("x")],
)
def test_none_can_be_pickled_and_a_copy_is_itself(kind: Authenticator) -> None:
    with pytest.raises(InvalidOption):
        pickle.dumps(kind)
    assert copy.deepcopy([kind]) == [kind]
    assert copy.copy(kind) is kind


@pytest.mark.parametrize("wrong", [None, 5, b"S3CRET"])
def test_a_secret_that_is_no_text_is_refused_when_it_is_given(wrong: Any) -> None:
    for make in (lambda: Token(wrong), lambda: UserPassword("joe", wrong), lambda: NKey(wrong), lambda: Jwt(wrong)):
        with pytest.raises(InvalidOption) as caught:
            make()
        assert MARKER not in str(caught.value)


@pytest.mark.parametrize("wrong", [None, 5, b"S3CRET"])
def test_a_secret_that_is_no_text_is_refused_when_it_is_asked_for(wrong: Any) -> None:
    """JSON would carry bytes as base64 and None as null: a wrong password that nobody can find."""
    for kind in (Token(lambda: wrong), UserPassword("joe", lambda: wrong), NKey(lambda: wrong), Jwt(lambda: wrong)):
        with pytest.raises(NatsError) as caught:
            kind.fields("n")
        assert MARKER not in str(caught.value)


@pytest.mark.parametrize("role", "ACNOX")
def test_the_seed_of_somebody_else_is_refused(role: str) -> None:
    seed = Nkey.generate(role).seed.decode()
    for make in (lambda: NKey(seed), lambda: Jwt(JWT, seed)):
        with pytest.raises(InvalidOption) as caught:
            make()
        assert seed not in str(caught.value)


@pytest.mark.parametrize("wrong", [None, 5, b"joe"])
def test_a_user_that_is_no_text_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidOption):
        UserPassword(wrong, "pw")


def test_a_proof_is_its_fields() -> None:
    assert Proof(user="joe") == {"user": "joe"}
    assert Proof().warnings == ()


@pytest.mark.parametrize(
    "content", [SEED, f" {SEED}", SEED[:40], SEED + "\n", JWT, f"{JWT}\n{SEED}", FILE, FILE.replace("\n", "\r")]
)
@pytest.mark.parametrize("make", [NKeyFile, CredentialsFile])
def test_content_in_place_of_a_path_is_refused_and_not_shown(make: Any, content: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        make(content)
    asked: Any = CredentialsFile(lambda: content).fields
    with pytest.raises(InvalidOption) as later:
        asked("nonce")
    for error in (caught.value, later.value):
        shown = "".join(traceback.format_exception(error)) + repr(error)
        assert MARKER not in shown
        assert SEED[:40] not in shown


@pytest.mark.parametrize("path", ["SU.nk", "eyJ.d", "SUPERUSER.CREDS", "/keys/U/A/B.nk", "~/SUAB.nk", "C:\\a\\b.creds"])
def test_a_path_that_looks_a_little_like_it_is_one(path: str) -> None:
    assert repr(path) in repr(NKeyFile(path))
