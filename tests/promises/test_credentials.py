"""P26, P27, P28: files with secrets, seeds in memory, and logins that are refused, expire or are revoked."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

import txnats
from tests.promises.authority import Authority, creds
from tests.promises.promise import Promise, Told, apart, reactor, sized, until
from txnats import events
from txnats.auth import authenticators, nkeys
from txnats.auth.authenticators import Authenticator
from txnats.auth.nkeys import Nkey
from txnats.server import NatsServer, ServerUser

NOBODY = 65534
ALWAYS = txnats.ReconnectOptions(first_wait=0.02, max_wait=0.1, max_attempts=-1, retry_on_first_connect=True)


class Login:
    """A client that logs in, and what becomes of it."""

    def __init__(self, url: str, auth: Authenticator) -> None:
        self.told = Told()
        self.since = self.ended_at = monotonic()
        self._attempts_before = 0
        self.client: txnats.Client | None = None
        self.error: BaseException | None = None
        connecting = txnats.connect(reactor, url, auth=auth, reconnect=ALWAYS, on_event=self._tell)
        connecting.addCallbacks(self._connected, self._failed)

    def _tell(self, event: events.Event) -> None:
        self.told(event)
        if isinstance(event, events.Closed):
            self.ended_at = monotonic()

    def _connected(self, client: txnats.Client) -> None:
        self.client = client

    def _failed(self, failure: Any) -> None:
        self.error = failure.value

    @property
    def closed(self) -> events.Closed | None:
        return next(iter(self.told.of(events.Closed)), None)

    @property
    def attempts(self) -> int:
        """How often a server was asked to let it in."""
        return sum(isinstance(each, events.Connected | events.Reconnected | events.AttemptFailed) for each in self.told)

    def mark(self) -> None:
        """Attempts and seconds count from here."""
        self.since, self._attempts_before = monotonic(), self.attempts

    async def connected(self) -> None:
        await until(lambda: self.client is not None or self.error is not None)
        assert self.error is None, self.error

    async def refused(self) -> str:
        """Wait until it has given up: after how many attempts, how soon, and what it says."""
        await until(lambda: self.closed is not None)
        assert self.closed is not None
        reason = self.closed.reason
        assert isinstance(reason, txnats.AuthenticationRefused), self.told
        if self.client is None:
            assert self.error is reason
        attempts, seconds = self.attempts - self._attempts_before, self.ended_at - self.since
        return f"{type(reason).__name__} after {attempts} attempt(s), {seconds:.2f} s: {reason.why}"

    async def back(self) -> None:
        """Wait until it is connected anew."""
        await until(lambda: self.told.of(events.Reconnected) or self.closed)

    async def end(self) -> None:
        if self.client is not None:
            await self.client.close()


@pytest.mark.usefixtures("make_server")
class Refusals(Promise):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def login(self, server: NatsServer, auth: Authenticator) -> Login:
        login = Login(server.url, auth)
        self.addCleanup(login.end)
        return login

    def file(self, name: str, content: bytes) -> txnats.CredentialsFile:
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        return txnats.CredentialsFile(path, strict=True)

    @sized
    async def test_p28_refusals(self, lasts: float) -> None:
        """Four kinds of login, and a credentials file, that are right, wrong, expire and are revoked."""
        keys = {name: Nkey.generate("U") for name in ("right", "expired", "revoked", "stranger")}
        authority = Authority()
        public = {name: key.public_key for name, key in keys.items()}
        people = [ServerUser(name=name, password=f"pw-{name}") for name in ("right", "expired", "revoked")]
        people += [ServerUser(nkey=public[name]) for name in ("right", "expired", "revoked")]
        config = self.make_server(users=people)
        tokens = {name: self.make_server(token=f"t-{name}") for name in ("right", "expired", "revoked")}
        tokens["wrong"] = tokens["right"]
        operator = self.make_server(extra=authority.config)

        def jwt(name: str) -> tuple[str, Nkey]:
            if name == "wrong":
                return authority.user(keys["stranger"]), keys["right"]
            return authority.user(keys[name], lasts=lasts if name == "expired" else None), keys[name]

        def with_jwt(name: str) -> Login:
            text, key = jwt(name)
            return self.login(operator, txnats.Jwt(text, key.seed))

        kinds: dict[str, Callable[[str], Login]] = {
            "user and password": lambda name: self.login(
                config, txnats.UserPassword("right" if name == "wrong" else name, f"pw-{name}")
            ),
            "token": lambda name: self.login(tokens[name], txnats.Token(f"t-{name}")),
            "nkey": lambda name: self.login(config, txnats.NKey(keys["stranger" if name == "wrong" else name].seed)),
            "JWT": with_jwt,
            "credentials file": lambda name: self.login(operator, self.file(name, creds(*jwt(name)))),
        }
        table: dict[str, dict[str, str]] = {kind: {} for kind in kinds}
        logins: dict[tuple[str, str], Login] = {}
        for kind, make in kinds.items():
            logins[kind, "wrong"] = make("wrong")
            table[kind]["wrong"] = await logins[kind, "wrong"].refused()
            for case in ("right", "expired", "revoked"):
                logins[kind, case] = make(case)
                await logins[kind, case].connected()
        for login in logins.values():
            login.mark()
        # A password, a token and an nkey cannot expire: the server gets others in their place.
        changed = [ServerUser(name="expired", password="another"), people[0], people[3]]
        await reload(config, users=changed)
        await reload(tokens["expired"], token="another")
        await reload(tokens["revoked"], token=None, user="joe", password="pw")
        authority.revoke(keys["revoked"])
        await reload(operator, extra=authority.config)
        for kind in kinds:
            for case in ("expired", "revoked"):
                table[kind][case] = await logins[kind, case].refused()
            right = logins[kind, "right"]
            assert right.client is not None
            await right.client.flush()
            assert right.attempts == 1 + len(right.told.of(events.Reconnected)), right.told
            table[kind]["right"] = f"connected at attempt {right.attempts - len(right.told.of(events.Reconnected))}"
        attempts = {login.attempts for (_, case), login in logins.items() if case == "wrong"}
        most = max(login.attempts for (_, case), login in logins.items() if case in ("expired", "revoked"))
        self.tell(table=table, attempts_when_wrong=sorted(attempts), most_attempts_when_ended=most)
        assert attempts == {2}, "two strikes"
        for kind in ("JWT", "credentials file"):
            assert "Authentication Expired" in table[kind]["expired"]
            assert "Authentication Revoked" in table[kind]["revoked"]
            assert table[kind]["expired"].startswith("CredentialsExpired")

    @sized
    async def test_p28_fresh_credentials(self, lasts: float) -> None:
        """What ends in mid-session is asked for anew, and the client is back with it."""
        key = Nkey.generate("U")
        authority = Authority()
        asked: dict[str, int] = dict.fromkeys(("password", "token", "nkey", "jwt", "file"), 0)

        def newest(kind: str, *values: Any) -> Any:
            asked[kind] += 1
            return values[min(asked[kind], len(values)) - 1]

        second = Nkey.generate("U")
        config = self.make_server(users=[ServerUser(name="joe", password="one"), ServerUser(nkey=key.public_key)])
        token = self.make_server(token="one")
        operator = self.make_server(extra=authority.config)
        short, long = authority.user(key, lasts=lasts), authority.user(key)
        path = self.folder / "me.creds"
        path.write_bytes(creds(short, key))
        path.chmod(0o600)
        logins = {
            "password": self.login(config, txnats.UserPassword("joe", lambda: newest("password", "one", "two"))),
            "token": self.login(token, txnats.Token(lambda: newest("token", "one", "two"))),
            "nkey": self.login(config, txnats.NKey(lambda: newest("nkey", key.seed, second.seed))),
            "jwt": self.login(operator, txnats.Jwt(lambda: newest("jwt", short, long), key.seed)),
            "file": self.login(operator, txnats.CredentialsFile(path)),
        }
        for login in logins.values():
            await login.connected()
        path.write_bytes(creds(long, key))
        await reload(config, users=[ServerUser(name="joe", password="two"), ServerUser(nkey=second.public_key)])
        await reload(token, token="two")
        back: dict[str, float] = {}
        for kind, login in logins.items():
            await login.back()
            assert not login.closed, login.told
            assert login.client is not None
            await login.client.flush()
            back[kind] = round(monotonic() - login.since, 2)
        expired = {kind for kind, login in logins.items() if login.told.of(events.AuthenticationExpired)}
        self.tell(back_after_seconds=back, told_as_expired=sorted(expired), asked=asked)
        assert expired == {"jwt", "file"}
        assert all(asked[kind] >= 2 for kind in asked if kind != "file")

    @sized
    async def test_p26_files(self, most_seconds: float) -> None:
        """A file that others may read is told, or refused; one that cannot be read is the final error, at once."""
        key = Nkey.generate("U")
        authority = Authority()
        content = creds(authority.user(key), key)
        server = self.make_server(extra=authority.config)
        self.folder.chmod(0o755)
        modes: dict[str, str] = {}
        for mode in (0o600, 0o400, 0o640, 0o644):
            path = self.folder / f"{mode:o}.creds"
            path.write_bytes(content)
            path.chmod(mode)
            told = Told()
            client = await self.client(server.url, auth=txnats.CredentialsFile(path), on_event=told)
            await client.close()
            warned = told.of(events.CredentialsReadable)
            assert [event.mode for event in warned] == ([mode] if mode & 0o077 else [])
            strict = await self.fails(server, txnats.CredentialsFile(path, strict=True)) if mode & 0o077 else "accepted"
            modes[f"{mode:03o}"] = f"{'told' if warned else 'accepted'}, strict: {strict}"
        unreadable = self.folder / "000.creds"
        unreadable.write_bytes(content)
        unreadable.chmod(0)
        link = self.folder / "link.creds"
        link.symlink_to(self.folder / "644.creds")
        told = Told()
        await (await self.client(server.url, auth=txnats.CredentialsFile(link), on_event=told)).close()
        assert [event.mode for event in told.of(events.CredentialsReadable)] == [0o644], "what counts is where it leads"
        fifo, loop = self.folder / "fifo", self.folder / "loop"
        os.mkfifo(fifo)
        loop.symlink_to(loop)
        kinds = {
            "mode 000": unreadable,
            "missing": self.folder / "missing",
            "a directory": self.folder,
            "a fifo": fifo,
            "a link to itself": loop,
        }
        seconds: list[float] = []
        found: dict[str, str] = {}
        for name, path in kinds.items():
            with as_nobody():
                for auth in (txnats.CredentialsFile(path), txnats.NKeyFile(path)):
                    start = monotonic()
                    found[name] = await self.fails(server, auth)
                    seconds.append(monotonic() - start)
        self.tell(modes=modes, unreadable=found, most_seconds=round(max(seconds), 3))
        assert set(found) == set(kinds)
        assert max(seconds) < most_seconds

    async def fails(self, server: NatsServer, auth: Authenticator) -> str:
        """The first connect with it fails with an error that names the file and says why."""
        with pytest.raises(txnats.CredentialsUnavailable) as caught:
            await self.client(server.url, auth=auth)
        assert str(self.folder) in caught.value.where
        return caught.value.why

    @sized
    async def test_p27_seeds_are_wiped(self, logins: int) -> None:
        """Each buffer that held a seed is zero when CONNECT has been sent, and nobody holds it."""
        key = Nkey.generate("U")
        authority = Authority()
        server = self.make_server(extra=authority.config)
        auth = self.file("me.creds", creds(authority.user(key), key))
        buffers: list[bytearray] = []
        decode = nkeys.decode_seed

        def watched(seed: Any) -> tuple[str, bytearray]:
            role, raw = decode(seed)
            buffers.extend((seed, raw))
            return role, raw

        self.patch(authenticators, "decode_seed", watched)
        for _ in range(logins):
            client = await self.client(server.url, auth=auth)
            await client.close()
        kept = sum(any(buffer) for buffer in buffers)
        self.tell(buffers=len(buffers), not_zero=kept)
        assert len(buffers) == 2 * logins
        assert all(isinstance(buffer, bytearray) for buffer in buffers)
        assert kept == 0


async def reload(server: NatsServer, **options: Any) -> None:
    """Give a server another configuration."""
    await apart(lambda: server.reload(**options))


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's rights: root may read every file."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
