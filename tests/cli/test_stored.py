"""stream, consumer, kv and object, against a server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.command import Command

MB = 1_000_000


def test_a_stream_from_making_to_deleting(txnats: Command, tmp_path: Path) -> None:
    made = txnats.well("stream", "add", "ORDERS", "--subjects", "orders.>", "--max-age", "7d", "--json").value
    assert (made["config"]["subjects"], made["config"]["max_age"]) == (["orders.>"], 604800.0)
    assert txnats.well("pub", "-J", "orders.1", "tea").text == "Stored in stream ORDERS as 1\n"
    header = ("-H", "Nats-Msg-Id: 7", "--json")
    assert txnats.well("pub", "-J", "orders.2", "cup", *header).value["duplicate"] is False
    assert txnats.well("pub", "-J", "orders.2", "cup", *header).value == {
        "stream": "ORDERS", "sequence": 2, "duplicate": True
    }  # fmt: skip
    assert "no stream takes this subject" in txnats.badly("pub", "-J", "nowhere", "x")
    assert [each["data"] for each in txnats.well("stream", "view", "ORDERS", "--json").values] == ["tea", "cup"]
    folder = str(tmp_path / "backup")
    txnats.well("stream", "backup", "ORDERS", folder)
    assert "there is a backup already" in txnats.badly("stream", "backup", "ORDERS", folder)
    txnats.well("stream", "rm", "ORDERS", "--force")
    assert "`txnats stream add` makes one" in txnats.badly("stream", "info", "ORDERS")
    assert txnats.well("stream", "restore", folder).facts["messages"] == "2"
    assert txnats.well("stream", "purge", "ORDERS", "--keep", "1", "-f", "--json").value["purged"] == 1


def test_a_consumer_from_making_to_deleting(txnats: Command) -> None:
    txnats.well("stream", "add", "JOBS")
    txnats.well("pub", "JOBS", "job {{Count}}", "--count", "4")
    txnats.well("consumer", "add", "JOBS", "worker", "--wait", "10s")
    assert txnats.well("consumer", "next", "JOBS", "worker", "--raw").output == b"job 1\n"
    told = txnats.well("consumer", "sub", "JOBS", "worker", "--count", "2", "--json").values
    assert [each["sequence"] for each in told] == [2, 3]
    assert txnats.well("consumer", "edit", "JOBS", "worker", "--description", "hard").facts["description"] == "hard"
    info = txnats.well("consumer", "info", "JOBS", "worker", "--json").value
    assert (info["num_pending"], info["num_ack_pending"], info["config"]["ack_wait"]) == (1, 0, 10.0)
    assert txnats.well("consumer", "pause", "JOBS", "worker", "10m").facts["paused"] == "yes"
    txnats.well("consumer", "rm", "JOBS", "worker", "-f")
    assert txnats.well("consumer", "ls", "JOBS", "--json").value == []


def test_a_bucket_from_making_to_deleting(txnats: Command) -> None:
    assert txnats.well("kv", "add", "conf", "--history", "5").facts["history"] == "5"
    assert txnats.well("kv", "put", "conf", "color", stdin=b"blue").facts["revision"] == "1"
    assert "the key exists" in txnats.badly("kv", "create", "conf", "color", "x")
    assert txnats.well("kv", "update", "conf", "color", "red", "--revision", "1", "--json").value["revision"] == 2
    assert "the key has changed" in txnats.badly("kv", "update", "conf", "color", "x", "--revision", "1")
    history = txnats.well("kv", "history", "conf", "color", "--json").value
    assert [(each["revision"], each["data"]) for each in history] == [(1, "blue"), (2, "red")]
    assert txnats.well("kv", "revert", "conf", "color", "1").facts["revision"] == "3"
    assert txnats.well("kv", "get", "conf", "color", "--raw").output == b"blue"
    assert txnats.well("kv", "ls", "conf", "--json").value == ["color"]
    with txnats.running("kv", "watch", "conf", "color") as watch:
        watch.shows("PUT conf > color: blue")
        txnats.well("kv", "del", "conf", "color", "-f")
        watch.shows("DEL conf > color")
        assert watch.interrupt().status == 0
    assert "there is no such key" in txnats.badly("kv", "get", "conf", "color")
    txnats.well("kv", "rm", "conf", "-f")
    assert "`txnats kv add` makes one" in txnats.badly("kv", "get", "conf", "color")


def test_a_store_from_making_to_deleting(txnats: Command, tmp_path: Path) -> None:
    txnats.well("object", "add", "files")
    file = tmp_path / "report.txt"
    file.write_bytes(b"words")
    put = txnats.well("object", "put", "files", str(file), "-H", "Kind: report")
    assert put.facts["digest"].startswith("SHA-256=")
    assert put.facts["rate"].endswith("/s")
    info = txnats.well("object", "info", "files", "report.txt", "--json").value
    assert (info["size"], info["headers"]) == (5, {"Kind": ["report"]})
    assert "there is such a file already" in txnats.badly("object", "get", "files", "report.txt", str(file))
    file.write_bytes(b"other")
    txnats.well("object", "get", "files", "report.txt", str(file), "--force")
    assert file.read_bytes() == b"words"
    assert "give --name" in txnats.badly("object", "put", "files", "-", status=2)
    txnats.well("object", "rename", "files", "report.txt", "a/b")
    assert [each["name"] for each in txnats.well("object", "ls", "files", "--json").value] == ["a/b"]
    assert "PUT files > a/b" in txnats.well("object", "watch", "files", "--count", "1").text
    txnats.well("object", "del", "files", "a/b", "-f")
    assert "there is no such object" in txnats.badly("object", "get", "files", "a/b", str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()
    txnats.well("object", "rm", "files", "-f")
    assert "`txnats object add` makes one" in txnats.badly("object", "ls", "files")


@pytest.mark.parametrize("size", [10 * MB, pytest.param(100 * MB, marks=pytest.mark.soak)])
def test_piped_through_an_object_store_byte_by_byte(size: int, txnats: Command) -> None:
    store, data = f"pipe{size}", os.urandom(size)
    txnats.well("object", "add", store)
    txnats.well("object", "put", store, "-", "--name", "piped", stdin=data)
    got = txnats.well("object", "get", store, "piped", "-")
    assert len(got.output) == size
    assert got.output == data
    # Whoever has read enough ends it quietly.
    with txnats.running("object", "get", store, "piped", "-") as get:
        assert get.process.stdout is not None
        assert get.process.stdout.read(1000) == data[:1000]
        get.process.stdout.close()
        assert get.process.wait(60) == 0
        assert get.process.stderr is not None
        assert get.process.stderr.read() == b""
