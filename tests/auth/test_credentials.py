"""Credentials files in every form that tools write, and every file that cannot be read: told at once and plainly."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from txnats.auth import credentials
from txnats.auth.credentials import Content
from txnats.errors import CredentialsUnavailable

SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
JWT = "eyJ0eXAiOiJKV1QifQ.eyJzdWIi-_In0.c2ln-_"
FILE = f"""-----BEGIN NATS USER JWT-----
{JWT}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.
NKEYs are sensitive and should be treated as secrets.

-----BEGIN USER NKEY SEED-----
{SEED}
------END USER NKEY SEED------

*************************************************************
"""


def content(text: str) -> Content:
    return Content("me.creds", bytearray(text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        FILE,
        FILE.replace("\n", "\r\n"),
        FILE.replace("------END", "-----END"),
        FILE.replace("-----", "---"),
        FILE.replace("-----BEGIN", "-------BEGIN").replace("-----\n", "---------  \n"),
        FILE.strip(),
        "\n\n" + FILE.replace(JWT, f"\n  {JWT}\t\n\n"),
        FILE.replace("NATS USER JWT", "ANYTHING"),
    ],
)
def test_each_form_of_a_file(text: str) -> None:
    held = content(text)
    jwt, seed = credentials.split(held)
    assert (jwt.reveal(), bytes(seed)) == (JWT, SEED.encode())
    assert not any(held.data), "the file's text is wiped"
    assert isinstance(seed, bytearray)


@pytest.mark.parametrize("text", ["", "x", JWT, SEED, FILE[: FILE.index("IMPORTANT")], "-" * 1_000_000, FILE[60:]])
def test_what_is_no_credentials_file(text: str) -> None:
    held = content(text)
    with pytest.raises(CredentialsUnavailable, match=r"me.creds.*JWT and a seed") as caught:
        credentials.split(held)
    assert SEED not in f"{caught.value!r}"
    assert not any(held.data)


@pytest.mark.parametrize("text", [SEED, f"{SEED}\n", f"# mine\r\n{SEED}\r\n", f"a: {SEED} b", FILE])
def test_a_seed_in_a_file(text: str) -> None:
    held = content(text)
    assert bytes(credentials.find_seed(held)) == SEED.encode()
    assert not any(held.data)


@pytest.mark.parametrize("text", ["", SEED[:-1], SEED + "A", SEED.lower()])
def test_no_seed_in_a_file(text: str) -> None:
    with pytest.raises(CredentialsUnavailable, match="no nkey seed"):
        credentials.find_seed(content(text))


# ---------------------------------------------------------------------- reading


def test_a_file_its_mode_and_its_name(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text(FILE)
    path.chmod(0o600)
    held = credentials.read(path)
    assert (bytes(held.data), held.mode, held.name) == (FILE.encode(), 0o600, str(path))
    assert not held.readable_by_others
    for mode in (0o640, 0o604, 0o610, 0o777):
        path.chmod(mode)
        assert credentials.read(str(path)).readable_by_others
        with pytest.raises(CredentialsUnavailable, match="others may use it"):
            credentials.read(path, strict=True)


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "f").write_text("x")
    assert credentials.read("~/f").data == b"x"


def test_a_link_leads_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    (tmp_path / "f").chmod(0o644)
    (tmp_path / "link").symlink_to(tmp_path / "f")
    assert credentials.read(tmp_path / "link").mode == 0o644


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    assert credentials.read(tmp_path / "f").data == b""


def make_loop(path: Path) -> None:
    path.symlink_to(path)


def make_large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(credentials.MOST + 1)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "no such file or directory"),
        (Path.mkdir, "it is not a plain file"),
        (os.mkfifo, "it is not a plain file"),
        (make_loop, "too many levels of symbolic links"),
        (make_large, "it has more than 1,048,576 bytes"),
        (lambda path: path.symlink_to("/dev/zero"), "it is not a plain file"),
        (lambda path: path.symlink_to("/nowhere"), "no such file or directory"),
    ],
)
def test_what_cannot_be_read_is_told_at_once(make: object, why: str, tmp_path: Path) -> None:
    path = tmp_path / "f"
    make(path)  # type: ignore[operator]
    start = time.monotonic()
    with pytest.raises(CredentialsUnavailable) as caught:
        credentials.read(path)
    assert (caught.value.where, caught.value.why) == (str(path), why)
    assert time.monotonic() - start < 1.0


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(CredentialsUnavailable, match="permission denied"):
        credentials.read(tmp_path / "f")


def test_a_path_that_cannot_be_one() -> None:
    with pytest.raises(CredentialsUnavailable):
        credentials.read("a\0b")


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        credentials.read(tmp_path / "f")
        with pytest.raises(CredentialsUnavailable):
            credentials.read(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
