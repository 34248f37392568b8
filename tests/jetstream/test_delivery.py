"""What a reply subject tells a watcher, as the whole reading of it does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txnats.jetstream import ack_reply
from txnats.jetstream.delivery import delivery_of

numbers = st.integers(0, 2**63)
tokens = st.text("abcXYZ_09", min_size=1, max_size=8)


@given(
    tokens, tokens, st.tuples(numbers, numbers, numbers, numbers, numbers), st.booleans(), st.lists(tokens, max_size=3)
)
def test_it_reads_as_ack_reply_does(
    stream: str, consumer: str, counts: tuple[int, ...], long: bool, more: list[str]
) -> None:
    words = [stream, consumer, *map(str, counts)]
    words = ["domain", "hash", *words, *more] if long else words
    reply = "$JS.ACK." + ".".join(words)
    whole, part = ack_reply.parse(reply.encode()), delivery_of(reply.encode())
    assert whole is not None
    assert part is not None
    assert (part.revision, part.number) == (whole.stream_sequence, whole.consumer_sequence)
    assert (part.time, part.pending) == (whole.timestamp_ns, whole.pending)
    assert ack_reply.sequences(reply.encode()) == (part.revision, part.number)


def test_what_is_none() -> None:
    assert delivery_of(b"") is None
    assert delivery_of(b"$JS.ACK.a.b.1.x.8.9.10") is None
    assert delivery_of(b"a.b.c.d.e.f.g.h.i.j") is None
