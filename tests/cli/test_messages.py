"""pub, sub, request, reply, rtt, bench, server and service, against a server."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.command import Command


def test_published_is_printed(txnats: Command) -> None:
    with txnats.running("sub", "greet.*") as sub:
        sub.shows("Subscribed to greet.*")
        told = txnats.well("pub", "greet.joe", "hello {{Count}}", "-H", "X: 1", "--count", "2", "--json")
        assert told.value == {"subject": "greet.joe", "published": 2, "bytes": 14}
        assert txnats.well("pub", "greet.sue", stdin=b"\xff\x00").text == 'Published 2 bytes to "greet.sue"\n'
        ended = sub.interrupt()
    assert (ended.status, ended.errors) == (0, "")
    assert ended.output == (
        b'[#1] Received on "greet.joe"\nX: 1\n\nhello 1\n\n[#2] Received on "greet.joe"\nX: 1\n\nhello 2\n\n'
        b'[#3] Received on "greet.sue"\n\xff\x00\n\n'
    )


def test_lines_of_standard_input_as_they_come(txnats: Command) -> None:
    with txnats.running("sub", "lines") as sub:
        sub.shows("Subscribed")
        with txnats.running("pub", "lines", "--send-on", "newline") as pub:
            assert pub.process.stdin is not None
            pub.process.stdin.write(b"first\n")
            pub.process.stdin.flush()
            sub.shows("first")
            assert pub.end().text == 'Published 5 bytes to "lines"\n'


def test_asked_and_answered(txnats: Command) -> None:
    with (
        txnats.running("reply", "echo", "--echo", "--json") as echo,
        txnats.running("reply", "shout", "--command", "printf '%s!' \"$NATS_REQUEST_BODY\"") as shout,
    ):
        shout.shows("Answering at")
        told = txnats.well("request", "shout", "hey")
        assert re.search(r'\[#1\] Received on "_INBOX\.[^"]+"\nhey!\n\n1 reply in [\d.]+ [um]s\n', told.text)
        assert (
            txnats.well("bench", "request", "shout", "--msgs", "3", "--json").value["what"].startswith("request 128 B")
        )
        ended = shout.interrupt()
        assert (ended.status, ended.errors) == (0, "")
        assert echo.interrupt().status == 0
    line = txnats.badly("request", "nobody.here", "x")
    assert line == (
        "txnats: nobody answers here [nobody.here]: the server knows no subscriber"
        " (is the responder running and its subject spelled alike?)"
    )


def test_the_way_to_the_server(txnats: Command) -> None:
    told = txnats.well("rtt", "3", "--json").value
    assert len(told["seconds"]) == 3
    assert min(told["seconds"]) > 0
    assert txnats.well("server", "info", "--json").value["jetstream"] is True


def test_figures_are_saved_and_compared(txnats: Command, tmp_path: Path) -> None:
    saved = str(tmp_path / "run.json")
    first = txnats.well("bench", "pub", "x", "--msgs", "1000", "--size", "1KB", "--save", saved, "--json").value
    assert first["what"] == "publish 1024 B"
    second = txnats.well("bench", "pub", "x", "--msgs", "1000", "--size", "1KB", "--compare", saved)
    assert re.search(r"against the saved run: rate [+-][\d.]+ %, CPU [+-][\d.]+ %", second.text)
    assert "publish and subscribe 128 B" in txnats.well("bench", "pubsub", "y", "--msgs", "1000").text


def test_a_service_is_found_and_counted(txnats: Command) -> None:
    with txnats.running("service", "serve", "shop", "--endpoint", "sell") as shop:
        shop.shows('answers at "sell"')
        assert txnats.well("request", "sell", "hi", "--raw").output == b"hi\n"
        (found,) = txnats.well("service", "stats", "shop", "--json").value
        (endpoint,) = found["endpoints"]
        assert (endpoint["subject"], endpoint["stats"]["num_requests"]) == ("sell", 1)
        (line,) = (row for row in txnats.well("service", "list").text.splitlines() if " shop " in row)
        assert found["id"] in line
        (pinged,) = txnats.well("service", "ping", "shop", "--json").value
        assert pinged["seconds"] > 0
        (rate,) = txnats.well("top", "shop", "--count", "1", "--json").value
        assert (rate["service"], rate["instances"], rate["requests"]) == ("shop", 1, 1)
        ended = shop.interrupt()
        assert (ended.status, ended.errors) == (0, "")


def test_a_server_for_as_long_as_it_runs(lonely: Command) -> None:
    with lonely.running("server", "run", "--port", "-1", "--user", "joe", "s3cret") as server:
        line = server.shows("nats-server is ready at")
        url = line.split()[4].rstrip(",")
        refused = lonely.badly("rtt", "-s", url.replace("//", "//joe:wr0ng@"))
        assert "refused the login" in refused
        assert "wr0ng" not in refused
        assert lonely.well("rtt", "1", "-s", url, "--user", "joe", "--password", "s3cret").facts["average"]
        # A context does as well, and is used when it is selected.
        lonely.well("context", "add", "here", "-s", url.replace("//", "//joe:s3cret@"), "--select")
        assert lonely.well("rtt", "1").facts["average"]
        assert "refused the login" in lonely.badly("rtt", NATS_URL=url)
        ended = server.interrupt()
        assert (ended.status, ended.errors) == (0, "")
    gone = lonely.badly("rtt")
    assert "connection refused" in gone
    assert "s3cret" not in gone
