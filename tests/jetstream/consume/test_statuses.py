from __future__ import annotations

import pytest

from txnats.jetstream.consume.statuses import TABLE, Meaning, count_limit, meaning, time_limit

# As nats-server 2.15.1 says it, or its source does.
SAID = [
    (100, "Idle Heartbeat", Meaning.ALIVE),
    (404, "No Messages", Meaning.EMPTY),
    (408, "Request Timeout", Meaning.EXPIRED),
    (408, "Interest Expired", Meaning.EXPIRED),
    (409, "Batch Completed", Meaning.COMPLETED),
    (409, "Message Size Exceeds MaxBytes", Meaning.TOO_LARGE),
    (409, "Leadership Change", Meaning.MOVED),
    (409, "Server Shutdown", Meaning.MOVED),
    (409, "Exceeded MaxWaiting", Meaning.CROWDED),
    (409, "Exceeded MaxRequestBatch of 10", Meaning.OVER_LIMIT),
    (409, "Exceeded MaxRequestExpires of 1s", Meaning.OVER_LIMIT),
    (409, "Exceeded MaxRequestMaxBytes of 1024", Meaning.OVER_LIMIT),
    (409, "Consumer Deleted", Meaning.DELETED),
    (409, "Consumer is push based", Meaning.NO_PULL),
    (423, "Nats-Wrong-Pin-Id", Meaning.NOT_PINNED),
    (423, "Nats-Pin-Id mismatch", Meaning.NOT_PINNED),
    (400, "Bad Request - heartbeat value too large", Meaning.BAD_REQUEST),
    (412, "Required Api Level", Meaning.TOO_OLD),
    (503, "", Meaning.NOBODY),
    (503, "No Responders", Meaning.NOBODY),
]


@pytest.mark.parametrize(("code", "description", "found"), SAID)
def test_each_row_is_read_in_any_case(code: int, description: str, found: Meaning) -> None:
    assert meaning(code, description) is found
    assert meaning(code, description.upper()) is found


def test_each_row_of_the_table_is_said_above() -> None:
    assert {found for _, _, found in TABLE} == {found for _, _, found in SAID}


@pytest.mark.parametrize(
    ("code", "description"), [(409, "Something New"), (409, ""), (None, ""), (500, "x"), (200, "")]
)
def test_what_is_in_no_row_is_unknown(code: int | None, description: str) -> None:
    assert meaning(code, description) is Meaning.UNKNOWN


@pytest.mark.parametrize(
    ("description", "limit"),
    [("Exceeded MaxRequestBatch of 10", 10), ("Exceeded MaxRequestBatch", None), ("of " + "9" * 30, None)],
)
def test_a_limit_of_a_count(description: str, limit: int | None) -> None:
    assert count_limit(description) == limit


@pytest.mark.parametrize(
    ("description", "limit"),
    [
        ("Exceeded MaxRequestExpires of 1s", 1.0),
        ("Exceeded MaxRequestExpires of 1m30s", 90.0),
        ("Exceeded MaxRequestExpires of 500ms", 0.5),
        ("Exceeded MaxRequestExpires of 1.5s", 1.5),
        ("Exceeded MaxRequestExpires of 1h0m0s", 3600.0),
        ("Exceeded MaxRequestExpires of soon", None),
        ("Exceeded MaxRequestExpires of " + "1s" * 40, None),
    ],
)
def test_a_limit_of_a_time(description: str, limit: float | None) -> None:
    assert time_limit(description) == limit
