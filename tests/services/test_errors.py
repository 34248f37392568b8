"""The error that goes over the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats import Headers, InvalidArgument, NatsError
from txnats.headers import check_value
from txnats.services import ServiceError
from txnats.services.errors import one_line


def test_what_it_says() -> None:
    error = ServiceError(404, "no such thing", where="things.get")
    assert isinstance(error, NatsError)
    assert (error.code, error.description, error.payload, error.headers.items()) == (404, "no such thing", b"", ())
    assert str(error) == "the service answered with error 404 [things.get]: no such thing"


@pytest.mark.parametrize("code", [0, 99, 1000, True, "500", None])
def test_what_is_no_code(code: object) -> None:
    with pytest.raises(InvalidArgument):
        ServiceError(code, "")  # type: ignore[arg-type]


@given(st.text())
def test_any_text_becomes_a_line_that_a_header_carries(text: str) -> None:
    line = one_line(text)
    assert line
    assert len(line) <= 512
    assert check_value("Nats-Service-Error", line) == line
    assert Headers({"Nats-Service-Error": line}).get("Nats-Service-Error") == line
