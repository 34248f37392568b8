"""The command line of ``twist nats``: what it takes, and what it refuses without showing a secret."""

from __future__ import annotations

import atexit
import signal
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import fail
from twisted.internet.error import ReactorNotRunning
from twisted.logger import capturedLogs
from twisted.python.usage import UsageError

import txnats
from tests.auth.revealed import revealed
from tests.client.harness import Outcome
from txnats import plugins
from txnats.options import TlsOptions
from txnats.plugins import Options, makeService
from txnats.testing import MemoryNetwork

VARIABLES = (
    "NATS_URL", "NATS_CONTEXT", "NATS_USER", "NATS_PASSWORD", "NATS_TOKEN", "NATS_CREDS", "NATS_NKEY",
    "NATS_CA", "NATS_CERT", "NATS_KEY",
)  # fmt: skip


async def declare_later(client: txnats.Client) -> None:
    raise ZeroDivisionError


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def parse(*arguments: str) -> Options:
    options = Options()
    options.parseOptions([*arguments])
    return options


def refused(*arguments: str) -> str:
    with pytest.raises(UsageError) as raised:
        parse(*arguments)
    return str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--subject"),
        (["--queue", "q"], "--subject"),
        (["--subject", "a", "--service", "txnats.connect"], "--subject"),
        (["--service", "txnats.connect", "--queue", "q"], "--queue"),
        (["--subject", "a b"], "blank"),
        (["--subject", "a.>.b"], "'>'"),
        (["--subject", ""], "empty"),
        (["--subject", "a", "--queue", "q r"], "queue group"),
        (["--subject", "a", "--queue", ""], "queue group"),
        (["--service", "no_such_module.run"], "no_such_module"),
        (["--service", "txnats.no_such_name"], "no_such_name"),
        (["--service", "txnats..connect"], "txnats..connect"),
        (["--service", "txnats.errors"], "callable"),
        (["--subject", "a", "--server", "http://demo"], "http"),
        (["--subject", "a", "--server", "nats://demo:0"], "port"),
        (["--subject", "a", "--server", "what:is:this"], "URL"),
        (["--subject", "a", "extra"], ""),
        (["--subject", "a", "--server", "demo", "--context", "x"], "--server and --context exclude each other"),
        (["--subject", "a", "--context", "/nowhere/x.json"], "there is no context '/nowhere/x.json'"),
        (["--subject", "a", "--creds", "a", "--nkey", "b"], "--creds and --nkey exclude each other"),
        (["--subject", "a", "--tls-key", "me.key"], "TlsOptions.key is given without a certificate"),
        (["--nonsense"], "nonsense"),
    ],
)
def test_what_cannot_be_is_a_usage_error(arguments: list[str], words: str) -> None:
    assert words in refused(*arguments)


@pytest.mark.parametrize(
    "server",
    [
        "me:s3cret@demo:0",
        "s3cret@demo:x",
        "nats://me:s3cret@demo:0",
        "nats://demo,s3cret@b:0",
        "nats:s3cret@demo:port",
    ],
)
@pytest.mark.parametrize("where", ["option", "environment"])
def test_no_refusal_shows_a_secret(server: str, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if where == "option":
        said = refused("--subject", "a", "--server", server)
    else:
        monkeypatch.setenv("NATS_URL", server)
        said = refused("--subject", "a")
    assert "s3cret" not in said.lower()


def test_two_logins_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_USER", "me")
    monkeypatch.setenv("NATS_TOKEN", "s3cret")
    assert refused("--subject", "a") == "NATS_USER and NATS_TOKEN exclude each other"


def test_help_shows_no_value_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "nats://s3cret@demo")
    assert "s3cret" not in str(Options())


@pytest.mark.parametrize(
    ("environment", "login"),
    [
        ({}, {}),
        ({"NATS_USER": "me", "NATS_PASSWORD": "s3cret"}, {"user": "me", "pass": "s3cret"}),
        ({"NATS_USER": "me"}, {"user": "me", "pass": ""}),
        ({"NATS_TOKEN": "s3cret"}, {"auth_token": "s3cret"}),
    ],
)
def test_the_login_of_the_environment(environment: dict[str, str], login: dict[str, str]) -> None:
    auth = plugins._login({"creds": None, "nkey": None}, environment.get)
    assert revealed(auth) == login


@pytest.mark.parametrize(
    ("arguments", "environment", "login"),
    [
        (["--creds", "me.creds"], {}, "CredentialsFile('me.creds')"),
        (["--nkey", "me.nk"], {"NATS_USER": "me", "NATS_TOKEN": "both are overruled"}, "NKeyFile('me.nk')"),
        ([], {"NATS_CREDS": "me.creds"}, "CredentialsFile('me.creds')"),
        ([], {"NATS_NKEY": "me.nk"}, "NKeyFile('me.nk')"),
    ],
)
def test_the_login_of_a_file(arguments: list[str], environment: dict[str, str], login: str) -> None:
    options = Options()
    options.parseOptions(["--subject", "a", *arguments])
    assert repr(plugins._login(options, environment.get)) == login


def test_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    def tls(*arguments: str, **environment: str) -> TlsOptions | None:
        return plugins._tls(parse("--subject", "a", *arguments), environment.get)

    assert tls() is None
    assert tls("--tls-first") == TlsOptions(handshake_first=True)
    assert tls("--tls-ca", "ca.pem", NATS_CA="other.pem") == TlsOptions(ca="ca.pem")
    both = TlsOptions(ca="ca.pem", certificate="me.pem", key="me.key", hostname="h")
    assert tls("--tls-hostname", "h", NATS_CA="ca.pem", NATS_CERT="me.pem", NATS_KEY="me.key") == both


def test_a_context(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    file.write_text('{"url": "nats://s3cret@demo:4223"}')

    def servers() -> list[str]:
        return [server.name for server in options["nats"]._session._servers._pool]

    options = parse("--subject", "a", "--context", str(file))
    assert servers() == ["nats://demo:4223"]
    monkeypatch.setenv("NATS_CONTEXT", str(file))
    options = parse("--subject", "a")
    assert servers() == ["nats://demo:4223"]
    options = parse("--subject", "a", "--server", "other")
    assert servers() == ["nats://other:4222"]
    monkeypatch.setenv("NATS_URL", "third")
    assert refused("--subject", "a") == "NATS_URL and NATS_CONTEXT exclude each other"
    options = parse("--subject", "a", "--context", str(file))
    assert servers() == ["nats://demo:4223"]


def test_the_subjects_are_subscribed() -> None:
    options = parse("--subject", "a.*", "-s", "nats://demo", "--subject", "b.>", "--queue", "q")
    service = makeService(options)
    client = options["nats"].client
    assert client.statistics.subscriptions == 2
    assert Outcome(service.stopService()).fired
    assert client.status == "closed"


def test_the_callable_is_given_the_client_before_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    declared: list[txnats.Client] = []
    monkeypatch.setattr(txnats, "adder", declared.append, raising=False)
    options = parse("--service", "txnats.adder")
    makeService(options)
    assert declared == [options["nats"].client]
    options["nats"].client.close()


def test_a_callable_that_fails_later_is_logged() -> None:
    for wrong in (declare_later, lambda _: fail(ZeroDivisionError())):
        options = _options_with(wrong)
        with capturedLogs() as logged:
            makeService(options)
        assert [event["log_format"] for event in logged if "log_failure" in event] == ["--service failed"]
        options["nats"].client.close()


def test_a_callable_that_raises_ends_the_start() -> None:
    def wrong(client: txnats.Client) -> None:
        raise ZeroDivisionError

    options = _options_with(wrong)
    with pytest.raises(ZeroDivisionError):
        makeService(options)
    options["nats"].client.close()


def _options_with(function: Any) -> Options:
    options = parse("--service", "txnats.Client")
    options["declare"] = function
    return options


# The end of the process


class Reactor:
    """Notes who stops it."""

    def __init__(self) -> None:
        self.stopped = 0

    def callFromThread(self, call: Any) -> None:
        call()

    callWhenRunning = callFromThread

    def stop(self) -> None:
        self.stopped += 1
        if self.stopped > 1:
            raise ReactorNotRunning


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Signal handlers that were set, atexit's included."""
    seen: list[Any] = []
    monkeypatch.setattr(signal, "signal", lambda number, handler: seen.append((number, handler)))
    monkeypatch.setattr(atexit, "register", seen.append)
    return seen


def program(reactor: Reactor) -> tuple[plugins._Program, txnats.NatsService]:
    network = MemoryNetwork()
    nats = txnats.NatsService(network.clock, "demo", endpoint_factory=network.endpoint_factory)
    return plugins._Program(reactor, nats), nats


def test_an_interrupt_stops_the_reactor_and_a_second_one_the_process(handlers: list[Any]) -> None:
    reactor = Reactor()
    service, _ = program(reactor)
    service.startService()
    [(number, interrupted)] = handlers
    assert number == signal.SIGINT
    interrupted(number, None)
    assert reactor.stopped == 1
    assert handlers[1:] == [(signal.SIGINT, signal.SIG_DFL)]
    interrupted(number, None)
    assert Outcome(service.stopService()).fired
    assert reactor.stopped == 2


def test_the_end_of_the_client_ends_the_process(handlers: list[Any]) -> None:
    reactor = Reactor()
    service, nats = program(reactor)
    service.startService()
    nats.client.close()
    assert reactor.stopped == 1
    assert len(handlers) == 1
    assert Outcome(service.stopService()).fired
    assert reactor.stopped == 1


def test_a_client_that_failed_ends_the_process_with_a_failure(handlers: list[Any]) -> None:
    reactor = Reactor()
    service, nats = program(reactor)
    service.startService()
    nats._session.supervisor.close(txnats.AuthenticationRefused("demo", "no"))
    assert reactor.stopped == 1
    assert handlers[1:] == [plugins._exit_failed]
    assert Outcome(service.stopService()).fired
