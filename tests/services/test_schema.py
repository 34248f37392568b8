"""Types of requests and replies."""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import pytest

from txnats import InvalidArgument
from txnats.services import ServiceError
from txnats.services.schema import Codec


class Numbers(msgspec.Struct):
    numbers: list[int]
    scale: Annotated[float, msgspec.Meta(gt=0)] = 1.0


def test_without_types_bytes_pass() -> None:
    codec = Codec()
    assert codec.read(b"\xff") == b"\xff"
    assert (codec.write(b"a"), codec.write("a")) == (b"a", "a")
    assert codec.schemas == {}
    assert not codec.always_answers
    with pytest.raises(ServiceError, match="gave a dict"):
        codec.write({})


def test_types_are_read_and_written() -> None:
    codec = Codec(Numbers, int)
    assert codec.read(b'{"numbers":[1,2]}') == Numbers([1, 2])
    assert codec.write(3) == b"3"
    assert codec.always_answers
    assert json.loads(codec.schemas["reply_schema"]) == {"type": "integer"}
    assert "numbers" in codec.schemas["request_schema"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"numbers":[1,"x"]}', "Expected `int`, got `str` - at `$.numbers[1]`"),
        (b'{"numbers":[],"scale":0}', "Expected `float` > 0.0 - at `$.scale`"),
        (b"{}", "Object missing required field `numbers`"),
        (b"", "Input data was truncated"),
        (b"[" * 100_000, "wrong request"),
    ],
)
def test_a_wrong_request_is_told_with_its_path(body: bytes, told: str) -> None:
    with pytest.raises(ServiceError) as caught:
        Codec(Numbers).read(body)
    assert caught.value.code == 400
    assert told in caught.value.description


@pytest.mark.parametrize("value", ["three", None, object(), 1.5])
def test_a_wrong_reply_is_a_fault_of_the_service(value: object) -> None:
    with pytest.raises(ServiceError) as caught:
        Codec(reply=int).write(value)
    assert caught.value.code == 500


def test_what_is_no_type() -> None:
    with pytest.raises(InvalidArgument):
        Codec(request=object())
