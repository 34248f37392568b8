"""What is seen on a terminal: a live table, a histogram, a bar."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.cli.command import Command


def test_top_is_a_live_table_until_it_is_interrupted(txnats: Command) -> None:
    with txnats.running("service", "serve", "shop", "--endpoint", "sell") as shop:
        shop.shows("answers at")
        status, shown = txnats.terminal("top", "--interval", "100ms", typed=b"\x03", until=b"sell")
    assert status == 0
    assert "\x1b[?1049h" in shown  # a screen of its own ...
    assert shown.endswith("\x1b[?25h\x1b[?1049l")  # ... which is left, with the cursor
    assert "Ctrl-C ends." in shown
    assert "requests/s" in shown


def test_bench_shows_the_spread(txnats: Command) -> None:
    with txnats.running("bench", "serve", "spread") as serve:
        serve.shows("Answering")
        status, shown = txnats.terminal("bench", "request", "spread", "--msgs", "200", "--in-flight", "4")
    assert status == 0
    assert re.search(r"p99: +[\d.]+ [um]?s", shown)
    counts = re.findall(r"█ +([\d,]+)\r$", shown, re.MULTILINE)
    assert 0 < sum(int(count.replace(",", "")) for count in counts) <= 200


def test_object_put_and_get_draw_a_bar(txnats: Command, tmp_path: Path) -> None:
    txnats.well("object", "add", "bars")
    file = tmp_path / "film.mp4"
    file.write_bytes(os.urandom(3 << 20))
    status, shown = txnats.terminal("object", "put", "bars", str(file))
    assert status == 0
    assert "film.mp4" in shown
    assert "3.0/3.0 MiB" in shown
    assert "digest: SHA-256=" in shown
    status, shown = txnats.terminal("object", "get", "bars", "film.mp4", str(tmp_path / "copy"), "--no-progress")
    assert (status, "3.0/3.0 MiB" in shown) == (0, False)
    assert (tmp_path / "copy").read_bytes() == file.read_bytes()
