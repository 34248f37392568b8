"""Lists page by page, with the other side played by a client in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.jetstream.test_api import Stage, error
from txnats import EndOfStream, Message, RemoteProtocolError
from txnats.jetstream import JetStream, Stream, StreamConfig, StreamInfo
from txnats.jetstream.assets.paging import Pages
from txnats.jetstream.errors import StreamNotFound


class Lister(Stage):
    """Plays a server with seven names, three a page."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[dict[str, Any]] = []
        self.names = [f"n{number}" for number in range(7)]
        self.other.subscribe("$JS.API.LIST", self.tell)
        self.network.pump()

    def tell(self, message: Message) -> None:
        request = json.loads(message.payload)
        self.requests.append(request)
        start = request.get("offset", 0)
        page = {"names": self.names[start : start + 3], "total": len(self.names), "offset": start, "limit": 3}
        message.respond(json.dumps({**page, "missing": [f"m{start}"], "offline": {f"o{start}": "old"}}))

    def pages(self, **options: Any) -> Pages[str]:
        return Pages(self.api, "LIST", lambda told: told.get("names") or [], **options)


def test_all_pages_are_read() -> None:
    stage = Lister()
    pages = stage.pages(subject="a.b")
    assert stage.outcome(pages.collect())[0] == stage.names
    assert stage.requests == [{"subject": "a.b"}, {"offset": 3, "subject": "a.b"}, {"offset": 6, "subject": "a.b"}]
    assert (pages.missing, pages.offline) == (["m0", "m3", "m6"], {"o0": "old", "o3": "old", "o6": "old"})
    stage.end()


def test_a_page_is_asked_for_when_the_one_before_was_taken() -> None:
    stage = Lister()
    pages = stage.pages()
    stage.network.advance(1.0)
    assert len(stage.requests) == 1
    for _ in range(2):
        stage.outcome(pages.next())
    stage.network.advance(1.0)
    assert len(stage.requests) == 1
    stage.outcome(pages.next())
    stage.network.advance(1.0)
    assert len(stage.requests) == 2
    pages.close()
    stage.end()


def test_a_list_that_shrinks_ends() -> None:
    stage = Lister()
    pages = stage.pages()
    for _ in range(2):
        stage.outcome(pages.next())
    stage.names = stage.names[:2]
    assert stage.outcome(pages.collect())[0] == ["n2"]
    stage.end()


def test_whoever_waits_hears_of_the_end() -> None:
    stage = Stage()
    pages: Pages[str] = Pages(stage.api, "LIST", lambda told: told["names"])
    waiting = pages.next()
    stage.network.advance(0.01)
    pages.close()
    told, _ = stage.outcome(waiting)
    assert isinstance(told, EndOfStream)
    assert isinstance(stage.outcome(pages.next())[0], EndOfStream)
    stage.end()


def test_an_error_ends_it() -> None:
    stage = Stage()
    stage.serve(error(404, 10059))
    pages: Pages[str] = Pages(stage.api, "LIST", lambda told: told["names"])
    assert isinstance(stage.outcome(pages.collect())[0], StreamNotFound)
    stage.end()


def test_an_empty_list() -> None:
    stage = Stage()
    stage.serve({"names": None, "total": 0})
    pages: Pages[str] = Pages(stage.api, "LIST", lambda told: told.get("names") or [])
    assert stage.outcome(pages.collect())[0] == []
    stage.end()


def test_the_subjects_of_a_stream_come_in_as_many_calls_as_it_takes() -> None:
    stage = Stage()
    subjects = {f"a.{number}": number for number in range(5)}
    asked: list[dict[str, Any]] = []

    def tell(message: Message) -> None:
        request = json.loads(message.payload)
        asked.append(request)
        start = request.get("offset", 0)
        page = dict(list(subjects.items())[start : start + 2])
        state = {"messages": 9, "subjects": page, "num_subjects": 5}
        message.respond(json.dumps({"config": {"name": "S"}, "state": state, "total": 5, "offset": start, "limit": 2}))

    stage.other.subscribe("$JS.API.STREAM.INFO.S", tell)
    stage.network.pump()
    stream = Stream(JetStream(stage.client), StreamInfo(config=StreamConfig(name="S")))
    info, _ = stage.outcome(stream.info(subjects="a.*"))
    assert info.state.subjects == subjects
    assert [each.get("offset", 0) for each in asked] == [0, 2, 4]
    assert all(each["subjects_filter"] == "a.*" for each in asked)
    stage.end()


@pytest.mark.parametrize(
    "told",
    [
        {"streams": 5, "total": 1},
        {"streams": [5], "total": 1},
        {"streams": ["a"], "total": "x"},
        {"streams": ["a"], "total": 1, "missing": 5},
        {"streams": ["a"], "total": 1, "offline": [1]},
    ],
)
@pytest.mark.parametrize("of", ["stream_names", "streams"])
def test_a_page_that_cannot_be_read(told: dict[str, Any], of: str) -> None:
    stage = Stage()
    stage.serve(told)
    error, when = stage.outcome(getattr(JetStream(stage.client), of)().collect())
    assert isinstance(error, RemoteProtocolError)
    assert when < 1.0
    stage.end()


def test_a_purge_that_tells_no_number() -> None:
    stage = Stage()
    stage.serve({"purged": "x"})
    stream = Stream(JetStream(stage.client), StreamInfo(config=StreamConfig(name="S")))
    assert isinstance(stage.outcome(stream.purge())[0], RemoteProtocolError)
    stage.end()
