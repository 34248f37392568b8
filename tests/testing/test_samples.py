"""The strategies give what they say."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from txnats.headers import Headers
from txnats.subjects import check_publish, check_queue, check_subscribe
from txnats.testing import samples
from txnats.wire import header_block
from txnats.wire.parser import Parser


@settings(deadline=None)
@given(samples.subjects(), samples.patterns(), samples.queue_groups())
def test_names_are_what_a_client_takes(subject: str, pattern: str, queue: str) -> None:
    check_publish(subject)
    check_subscribe(pattern)
    check_queue(queue)


@settings(deadline=None)
@given(samples.payloads(40))
def test_payloads_keep_their_size(payload: bytes) -> None:
    assert len(payload) <= 40


@settings(deadline=None)
@given(samples.headers(min_size=1))
def test_headers_go_there_and_back(headers: Headers) -> None:
    assert header_block.header_block(header_block.encode(headers)).headers() == headers


@settings(deadline=None)
@given(samples.server_streams(6), st.data())
def test_a_stream_says_what_it_says_in_any_pieces(stream: samples.ServerStream, data: st.DataObject) -> None:
    pieces = data.draw(samples.pieces(stream.data))
    assert b"".join(pieces) == stream.data
    parser = Parser()
    told = [op for piece in pieces for op in parser.feed(piece)]
    assert list(map(samples.facts, told)) == list(map(samples.facts, stream.ops))
