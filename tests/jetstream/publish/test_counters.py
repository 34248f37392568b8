"""What a counter is told and what it tells."""

from __future__ import annotations

from typing import Any

import pytest

from txnats.errors import InvalidArgument
from txnats.jetstream.errors import JetStreamError
from txnats.jetstream.publish.counters import increment_text, value_of


@pytest.mark.parametrize(("by", "text"), [(1, "+1"), (-10, "-10"), (0, "+0"), (10**40, f"+{10**40}")])
def test_a_step_has_its_sign(by: int, text: str) -> None:
    assert increment_text(by) == text


@pytest.mark.parametrize("by", [1.0, "1", None, True, 1 << 9000], ids=lambda by: type(by).__name__)
def test_no_step(by: Any) -> None:
    with pytest.raises(InvalidArgument):
        increment_text(by)


def test_the_value_that_a_message_holds() -> None:
    assert value_of(b'{"val":"-3","more":1}') == -3


@pytest.mark.parametrize("payload", [b"", b"3", b'{"val":3}', b'{"val":"x"}', b"[" * 5000])
def test_a_message_of_something_else(payload: bytes) -> None:
    with pytest.raises(JetStreamError):
        value_of(payload)
