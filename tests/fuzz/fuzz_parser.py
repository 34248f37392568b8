"""Invariant: whatever bytes come, in whatever pieces, the parser raises nothing and agrees with a plain second reader.

That is so for the pure parser and, where it was built, for the one whose hot loop is compiled: each input goes to both.

``python tests/fuzz/fuzz_parser.py -max_total_time=60`` looks for input that breaks it, guided by coverage if atheris is
installed, else by chance. What it learns and finds goes to ``build/fuzz/parser``; what is worth keeping, to ``corpus``.
"""

from __future__ import annotations

import contextlib
import importlib
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CORPUS = HERE / "corpus"
FOUND = ROOT / "build" / "fuzz" / "parser"
SECONDS = 60
LONGEST = 4096
ABSENT = "atheris is not installed: changing the corpus by chance. 'pip install atheris' finds more (CPython on Linux)."


def load() -> Callable[[bytes], None]:
    """The check. Imports happen here, so that they can be instrumented."""
    from tests.wire.builds import compiled_scan
    from tests.wire.reference import facts, read_block, read_server
    from txnats.errors import NatsError, RemoteProtocolError
    from txnats.message import Message
    from txnats.options import Limits
    from txnats.wire.header_block import encode
    from txnats.wire.parser import Parser
    from txnats.wire.speedups import Scan

    limits = Limits(control_line=256, info=512, header_block=256, payload=1024)

    def check_message(message: Message) -> None:
        repr(message)
        assert message.status is None or 0 <= message.status <= 999
        try:
            headers = message.headers
        except RemoteProtocolError:
            return
        with contextlib.suppress(NatsError):
            pairs = [tuple(text.encode("utf-8", "surrogateescape") for text in pair) for pair in headers.items()]
            assert read_block(encode(headers)) == pairs

    scans = [None] if (compiled := compiled_scan()) is None else [None, compiled]

    def check(data: bytes) -> None:
        """The first byte tells the size of the pieces, the rest is what the server says."""
        for scan in scans:
            check_build(data, scan)

    def check_build(data: bytes, scan: Scan | None) -> None:
        size, stream = 1 + data[:1].rjust(1, b"\0")[0] % 64, data[1:]
        parser, parser_of_pieces = Parser(limits, scan=scan), Parser(limits, scan=scan)
        ops = parser.feed(stream)
        told = facts(ops)
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert facts([op for piece in pieces for op in parser_of_pieces.feed(piece)]) == told
        assert (parser.messages, parser.message_bytes) == (parser_of_pieces.messages, parser_of_pieces.message_bytes)
        if b"INFO" not in stream.upper():  # what JSON is, each reader knows from elsewhere
            assert told == read_server(stream, limits)
        for op in ops:
            if isinstance(op, Message):
                check_message(op)

    return check


def by_coverage(atheris: ModuleType, arguments: Sequence[str]) -> None:
    """Run until the time is over or something was found; libFuzzer ends the process."""
    with atheris.instrument_imports(include=["txnats"]):
        check = load()
    # The first folder gets what is new.
    folders = [str(FOUND), str(CORPUS)]
    atheris.Setup([sys.argv[0], f"-artifact_prefix={FOUND}/", f"-max_len={LONGEST}", *arguments, *folders], check)
    atheris.Fuzz()


def by_chance(seconds: float, seed: int) -> int:
    """Change the corpus at random places; gives how many inputs were tried."""
    check, chance = load(), random.Random(seed)
    samples = [path.read_bytes() for path in sorted(CORPUS.iterdir())]
    words = [word for sample in samples for word in re.split(rb"(\r\n|[ \t]+)", sample) if word]
    end, tried = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = bytearray(b"".join(chance.choices(samples, k=chance.randint(1, 3))))
        for _ in range(chance.randint(0, 6)):
            start = chance.randrange(len(data) + 1)
            new = chance.choice([b"", chance.randbytes(1), chance.choice(words), chance.choice(words)])
            data[start : start + chance.choice([0, 0, 1, len(new), 20])] = new
        tried += 1
        try:
            check(bytes(data[:LONGEST]))
        except BaseException:
            path = FOUND / f"crash-by-chance-{tried}"
            path.write_bytes(data[:LONGEST])
            print(f"found: {path}", flush=True)
            raise
    return tried


def main(arguments: Sequence[str]) -> None:
    """Fuzz with libFuzzer's arguments; without one that limits it, for a minute."""
    FOUND.mkdir(parents=True, exist_ok=True)
    times = [argument.partition("=")[2] for argument in arguments if argument.startswith("-max_total_time=")]
    if not times and not any(argument.startswith("-runs=") for argument in arguments):
        times = [str(SECONDS)]
        arguments = [*arguments, f"-max_total_time={SECONDS}"]
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        print(ABSENT, flush=True)
        tried = by_chance(float(times[-1]) if times else SECONDS, seed=time.time_ns())
        print(f"{tried:,} inputs, and the invariant held.")
    else:
        by_coverage(atheris, arguments)


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
    main(sys.argv[1:])
