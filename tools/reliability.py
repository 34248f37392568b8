"""Run the promise tests and write docs/reliability.md from what they found.

    python tools/reliability.py             the sizes of every test run, under two minutes
    python tools/reliability.py --size R    the sizes of the promises, some ten minutes
    python tools/reliability.py --figures F write the page from figures that are there already

No figure of ours stands in this file; those of nats-py were measured once, as its rows say.
"""  # noqa: INP001

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from txnats.server import find_nats_server, version

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
PEER = "nats-py 2.16.0"
NOT_MEASURED = "not measured"


class Row(NamedTuple):
    """A test's row: braces are filled from its sizes and figures."""

    promise: str
    done: str
    found: str
    peer: str = NOT_MEASURED


ROWS: dict[str, Row] = {
    "test_p4_loss_is_reported": Row(
        "What may be lost at a disconnect is counted and told",
        "{kills} x `kill -9` and restart at {rate:,} publishes a second; loss counted by a core subscriber",
        "{lost:,} of {published:,} lost, {reported:,} reported; lost and not reported: {lost_and_not_reported}; "
        "reported beyond the last PONG: {reported_beyond_the_last_pong}",
        "6 kills: 120 of 28,860 lost, nothing reported",
    ),
    "test_p4_replay_loses_nothing": Row(
        "With `replay_unconfirmed` nothing is lost; it may come twice",
        "the same, {kills} kills",
        "{lost} of {published:,} lost, {twice:,} came twice",
        "has no such option",
    ),
    "test_p5_buffer_edge": Row(
        "The reconnect buffer is exact, and its publishes stay whole and in order",
        "filled to the last byte and one beyond, for limits of {buffers} bytes; compared at the server",
        "full at {failed_with_waiting} bytes; order violations: {order_violations}",
    ),
    "test_p5_cut_in_a_frame": Row(
        "No half frame survives its connection",
        "{cuts} connections cut within a frame, in both directions",
        "{received:,} received, broken: {broken}, inversions: {inversions}",
    ),
    "test_p6_one_outcome": Row(
        "A request has exactly one outcome",
        "{requests:,} requests, two responders each, 1 % cancelled, {reconnects} reconnects",
        "two outcomes: {twice}, none: {never}, left in the table: {table}",
    ),
    "test_p7_nothing_misdelivered": Row(
        "No message reaches a wrong or closed subscription",
        "{steps:,} random steps against a server that sends to old subscription ids",
        "{delivered:,} delivered, misdelivered: {misdelivered}, ids used twice: {sids_reused}",
    ),
    "test_p8_subscriptions_come_back": Row(
        "Subscriptions come back with their group and what is left of their limit",
        "{subscriptions:,} subscriptions ({grouped} in groups, {limited} with a limit) through {kills} kills",
        "missing: {missing}, over-delivered: {over_delivered}, of {delivered:,}",
    ),
    "test_p8_what_is_left_of_a_limit": Row(
        "A limit that is set after a reconnect takes nothing from the rest of the group",
        "{reconnects} reconnects, then a limit of one more",
        "{limited} + {other} of {published} handled",
    ),
    "test_p9_no_inversion": Row(
        "Order is kept, also through the buffer",
        "{messages:,} numbered messages through {reconnects} reconnects",
        "{received:,} received, inversions: {inversions}",
    ),
    "test_p13_every_end": Row(
        "Drain and close end, from every state",
        "{runs:,} random lives in memory: ended, drained, cancelled, cut, from inside handlers too",
        "hangs, sockets or timers left: {hangs}",
    ),
    "test_p13_drain_under_load": Row(
        "A drain handles all that was received",
        "drained in the midst of a flow, handlers publish",
        "{received:,} received, {handled:,} handled, {witnessed:,} results arrived",
    ),
    "test_p14_failing_handler": Row(
        "A failing handler ends nothing",
        "{messages:,} messages, every tenth raises",
        "{handled_well:,} handled, {failed:,} told, {logged:,} logged, disconnects: {losses}",
    ),
    "test_p16_edges": Row(
        "Limits on what a server says are exact",
        "the last byte that may pass, and one more, for each limit as it is and as it may be set",
        "{last_byte_that_passes}",
        "an endless line, or a payload of 99,999,999,999 bytes: all 256 MiB that came were kept",
    ),
    "test_p17_flood_drop_new": Row(
        "A slow handler costs bounded memory: `drop_new`",
        "{messages:,} x {size:,} B at a handler of 1 ms",
        "{sent:,} = {handled:,} handled + {dropped:,} dropped, peak {rss_peak:MiB}",
    ),
    "test_p17_flood_drop_old": Row(
        "… `drop_old`",
        "{messages:,} x {size:,} B",
        "{sent:,} = {handled:,} handled + {dropped:,} dropped, peak {rss_peak:MiB}",
    ),
    "test_p17_flood_pause": Row(
        "… `pause`",
        "{messages:,} x {size:,} B",
        "{sent:,} = {handled:,} handled, peak {rss_peak:MiB}",
    ),
    "test_p17_flood_error": Row(
        "… `error`",
        "{messages:,} x {size:,} B",
        "ended with SlowConsumer, connection kept, peak {rss_peak:MiB}",
    ),
    "test_p18_back_pressure": Row(
        "A slow server costs bounded memory with `ready_to_write`",
        "{offered:MiB} offered to a server that reads nothing, then reads on",
        "grew by {growth:MiB}; {received:,} arrived, out of order: {disorder}",
    ),
    "test_p18_hard_cap": Row(
        "Without it, `OutboxFull` at the cap",
        "published until it was refused",
        "refused with {waiting:,} of {limit:,} bytes waiting; {received:,} of {published:,} arrived",
    ),
    "test_p19_one_command": Row(
        "Nothing leaves that the caller did not mean",
        "{tries:,} hostile subjects, replies, groups, headers; read back by a second parser",
        "{refused:,} refused, {sent:,} sent, injected commands: {injected}",
        "CR and LF in a header value and NUL in a subject are accepted",
    ),
    "test_p20_cost": Row(
        "The check of a subject cannot be left out, and costs little",
        "timed",
        "{ns_known_subject} ns for a subject in use, {ns_first_use} ns at its first use",
    ),
    "test_p29_denied": Row(
        "A refusal ends only what it is meant for",
        "a subscription, a request and a publish denied beside {others} others",
        "{denied} told, {still_alive} others alive, disconnects: {losses}",
    ),
    "test_p31_half_open": Row(
        "A dead link is found in interval x (outstanding + 1)",
        "black hole in both directions while publishing, interval {interval} s",
        "seconds by outstanding PINGs: {seconds_by_outstanding}",
    ),
    "test_p31_idle_link": Row(
        "A link with nothing but PING and PONG is kept",
        "{intervals} intervals of silence",
        "disconnects: {losses}",
    ),
    "test_p32_stopped_process": Row(
        "A process that stood still reconnects once",
        "SIGSTOP for {stopped} s, ping interval {interval} s",
        "disconnects: {disconnected}, attempts: {attempts}, reconnects: {reconnected}",
    ),
    "test_p32_the_clock_jumps": Row(
        "A jump of the clock is harmless", "{jump:,.0f} s forward at once", "disconnects: {losses}"
    ),
    "test_p33_all_addresses": Row(
        "All addresses of a name are tried, and it is looked up anew each time",
        "first address a black hole",
        "second one tried after {seconds_to_the_second_address} s of {timeout} s; looked up {looked_up} times",
        "a server that says nothing: 4.9 s, with 2 s asked for",
    ),
    "test_p34_no_herd": Row(
        "Many clients do not come back at one moment",
        "{clients} clients, one server away for {down} s",
        "half back after {p50} s, all after {last} s; peak {peak_a_second:,} a second",
    ),
    "test_p35_lame_duck": Row(
        "A lame duck is left before it dies",
        "{times} x in three servers, {in_flight} requests in flight",
        "{answered:,} answered, failed: {failed}; moved in {seconds_to_move} s; "
        "{published:,} to a queue group, missing: {missing}, twice: {twice}",
    ),
    "test_p35_distant_servers": Row(
        "… nor is a request that is in flight",
        "two servers, {latency} s apart, {in_flight} requests in flight",
        "{answered:,} answered, failed: {failed}",
    ),
    "test_p36_reconnects": Row(
        "Nothing leaks: reconnects",
        "{rounds:,}",
        "objects {objects:+}, descriptors {files:+}, timers {timers:+}, {rss_bytes_a_round} B each",
    ),
    "test_p36_requests": Row(
        "… requests",
        "{rounds:,}",
        "objects {objects:+}, descriptors {files:+}, timers {timers:+}, {rss_bytes_a_round} B each",
    ),
    "test_p36_subscriptions": Row(
        "… subscriptions",
        "{rounds:,}",
        "objects {objects:+}, descriptors {files:+}, timers {timers:+}, {rss_bytes_a_round} B each",
    ),
    "test_p37_a_closed_client_goes": Row("A closed client is let go", "weak reference after close", "gone"),
    "test_p37_importing_is_clean": Row(
        "Importing installs no reactor", "`import txnats` in a fresh interpreter", "none installed"
    ),
}

WORDS = f"""\
## What the words mean

**A PONG means read, not stored.** The server answers a PING when it has read all that came before it. `flush()` waits
for that, and so does the count of `unconfirmed`. Whether a subscriber had a message, or a stream stored it, a PONG does
not say. For storage use a JetStream publish and wait for its acknowledgement.

**Unconfirmed** publishes were written to the socket, and no PONG says that the server read them. The `Disconnected`
event carries their number: an upper bound of what the server did not read, never less. Some of them may have arrived.
What a server had read, and not yet handed on when it died, is not among them: no client can know that.
While publishes are unconfirmed the client asks with a PING after 256 KiB or 0.1 s, one at a time.
`Closed` carries the number of those that were unconfirmed at the end and that no `Disconnected` had told of;
`DrainReport.unconfirmed` counts all since the drain began. `drain()` waits until the server has read all, so there it
is 0 unless that could not be told in time. `close()` does not wait: it writes out what it has, for at most 2 s, and
tells what it cannot vouch for.

**Kept** publishes were made while there was no connection. They go to the next server, whole and in order, before
anything newer. Beyond `ReconnectOptions.buffer` bytes `publish` raises `OutboxFull` at once; nothing is dropped in
silence.

**`replay_unconfirmed=True`** sends unconfirmed publishes again, before the kept ones. Then nothing is lost and some of
it may arrive twice, out of order with the first copy.

**A move** away from a lame duck makes before it breaks: the next server knows all subscriptions before the old one is
asked to send no more. Publishes go to the one or to the other, each in whole. `flush()` and `drain()` wait until both
have read what they were handed. If the old one ends before it has confirmed that and handed over what it had for us, a
`Disconnected` names it, with its number of unconfirmed publishes, which may be 0: then messages may be missing.

## What cannot be promised

- That a subscriber gets each message. Core NATS delivers at most once: who is not connected at the moment gets nothing,
  and a server that dies takes along what it had read and not yet passed on. ({PEER}, subscriber on a connection of its
  own: 3,207 of 27,720 not received over six kills.)
- That a publish is stored because `flush()` succeeded.
- Exactly one delivery and no loss together, without a message id that a stream or the receiver checks.
- The order of messages that went over different connections of one publisher while both servers lived.
- Each message once through a move away from a lame duck. For a moment both servers know a subscription without a queue
  group, and both may deliver the same message, which NATS gives no name by which to tell; each counts, also towards
  `max_messages`. And where another server of the cluster hears of the end of the old subscription before it hears of
  the new one, a message that it passes on in between reaches neither. Queue groups and replies stay longer with the
  old server, which such a message then still reaches; a second reply is dropped.
- `sent == handled + dropped` with the policy `pause`: it stops reading the whole connection, and a server cuts those
  who do not read for long. The client tells it as a disconnect.
"""


class Size(int):
    """Bytes, which ``{:MiB}`` writes in MiB."""

    def __format__(self, spec: str) -> str:
        return f"{self / 2**20:,.1f} MiB" if spec == "MiB" else int.__format__(self, spec)


def main() -> int:
    """Run, and write the page."""
    parser = argparse.ArgumentParser(description="Run the promise tests and write docs/reliability.md.")
    parser.add_argument("--size", choices=("C", "R"), default="C", help="small sizes, or those of the promises")
    parser.add_argument("--figures", type=Path, help="write the page from this file, and run nothing")
    options = parser.parse_args()
    status = 0
    if options.figures is not None:
        lines = options.figures.read_text(encoding="utf-8").splitlines()
    else:
        with tempfile.TemporaryDirectory() as folder:
            figures = Path(folder) / "figures"
            figures.touch()
            status = run(options.size, figures)
            lines = figures.read_text(encoding="utf-8").splitlines()
    found = {each["test"]: each for each in map(json.loads, lines)}
    if found:
        PAGE.write_text(page(found), encoding="utf-8")
        sys.stdout.write(f"{PAGE.relative_to(ROOT)} is written from {len(found)} tests.\n")
    return status


def run(size: str, figures: Path) -> int:
    """Run the tests; each adds a line to the file."""
    chosen = ["-m", "soak", "--timeout=0"] if size == "R" else ["-m", "not soak"]
    command = [sys.executable, "-m", "pytest", "tests/promises", *chosen]
    environment = {**os.environ, "TXNATS_FIGURES": str(figures)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603


def page(found: dict[str, dict[str, Any]]) -> str:
    """The whole page."""
    tests = sorted(found, key=lambda test: (int(found[test]["promise"][1:]), list(ROWS).index(test)))
    sizes = "/".join(sorted({each["size"] for each in found.values()}))
    seconds = sum(each["seconds"] for each in found.values())
    python = platform.python_version()
    server = ".".join(map(str, version(find_nats_server())))
    return f"""\
# Reliability

<!-- Written by tools/reliability.py from the tests in tests/promises: do not edit. -->

What txnats promises, how each promise is tested, and what the last run found. Each row is a test of this name in
`tests/promises`; `python tools/reliability.py` runs them in their small sizes and writes this page anew, `--size R` in
their full sizes.

This page: sizes {sizes}, {seconds:.0f} s in all, Python {python}, nats-server {server}. Figures of {PEER} were measured
once, with the same server, and not all promises have been measured there.

| | Promise | What was done | txnats | {PEER} | s |
|---|---|---|---|---|---|
{"".join(map(row, (found[test] for test in tests)))}
{WORDS}"""


def row(line: dict[str, Any]) -> str:
    """One row of the table."""
    text = ROWS[line["test"]]
    values = {name: readable(value) for name, value in (line["of"] | line["figures"]).items()}
    try:
        ours = text.found.format(**values)
    except KeyError:
        ours = "no figures"
    if not line["kept"]:
        ours = f"**not kept:** {ours}"
    done = text.done.format_map(_Lenient(values))
    return f"| {line['promise']} | {text.promise} | {done} | {ours} | {text.peer} | {line['seconds']:.1f} |\n"


class _Lenient(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return name


def readable(value: Any) -> Any:
    """A figure as a reader wants it."""
    if isinstance(value, bool) or not isinstance(value, (int, list, dict)):
        return value
    if isinstance(value, int):
        return Size(value)
    if isinstance(value, list):
        return ", ".join(f"{each:,}" if isinstance(each, int) else str(each) for each in value)
    return "; ".join(f"{name}: {readable(each)}" for name, each in value.items())


if __name__ == "__main__":
    sys.exit(main())
