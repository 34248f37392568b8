"""Ops are values: told apart by match, compared by what they hold."""

from __future__ import annotations

import pytest

from txnats.errors import RemoteProtocolError
from txnats.wire.info import ServerInfo
from txnats.wire.ops import OK, PING, PONG, Err, Fault, Info, Ok, Ping, Pong


def test_those_without_content_are_one_value_each() -> None:
    assert [Ok(), Ping(), Pong()] == [OK, PING, PONG]
    assert len({OK, PING, PONG, Ok(), Ping(), Pong()}) == 3


def test_those_with_content_are_compared_by_it() -> None:
    assert Err("a") == Err("a") != Err("b")
    assert Info(ServerInfo(server_id="a")) == Info(ServerInfo(server_id="a")) != Info(ServerInfo())


def test_a_match_takes_them_apart() -> None:
    error = RemoteProtocolError("no")
    match Fault(error):
        case Fault(found):
            assert found is error


def test_they_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Err("a").text = "b"  # type: ignore[misc]
