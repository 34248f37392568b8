"""What top makes of what services tell of themselves."""

from __future__ import annotations

import io

import msgspec
import pytest

from txnats.cli.output import Output
from txnats.cli.top import Counts, Look, Rate, look, rates, table
from txnats.services import EndpointStats, FoundEndpoint, FoundService

KEY = ("shop", "price", "shop.price")


def instance(name: str, requests: int | None, errors: int = 0) -> FoundService:
    told = {
        "name": "price",
        "subject": "shop.price",
        "queue_group": "q",
        "num_requests": requests,
        "num_errors": errors,
    }
    stats = None if requests is None else msgspec.convert(told, EndpointStats)
    endpoint = FoundEndpoint(name="price", subject="shop.price", queue_group="q", metadata={}, stats=stats)
    return FoundService(
        name="shop", id=name, version="1.0.0", description="", metadata={}, started="", endpoints=(endpoint,)
    )


def test_a_look() -> None:
    assert look([]) == {}
    assert look([instance("a", 5, 1), instance("b", None)]) == {KEY: {"a": Counts(5, 1), "b": Counts()}}


def rate(before: Look, after: Look, seconds: float = 2.0) -> Rate:
    (told,) = rates(before, after, seconds)
    return told


def test_rates_are_a_second_and_over_all_instances() -> None:
    before = {KEY: {"a": Counts(10, 1, 1.0), "b": Counts(100, 0, 3.0)}}
    after = {KEY: {"a": Counts(14, 3, 1.5), "b": Counts(116, 0, 4.5)}}
    assert rate(before, after) == Rate(*KEY, 2, 130, 3, 10.0, 1.0, pytest.approx(0.1))  # type: ignore[arg-type]


def test_the_first_look_has_no_rates() -> None:
    assert rate({}, {KEY: {"a": Counts(10, 1, 1.0)}}, 0.0) == Rate(*KEY, 1, 10, 1, 0.0, 0.0, 0.0)


def test_an_instance_that_comes_or_goes_or_begins_anew_makes_no_rate() -> None:
    before = {KEY: {"stays": Counts(10), "goes": Counts(1000), "restarts": Counts(500, 5, 5.0)}}
    after = {KEY: {"stays": Counts(20), "comes": Counts(7000), "restarts": Counts(3)}}
    told = rate(before, after)
    assert (told.instances, told.requests, told.requests_per_second, told.average) == (3, 7023, 5.0, 0.0)
    assert rates(before, {}, 2.0) == []


def picture(told: list[Rate]) -> str:
    stream = io.StringIO()
    Output(as_json=False, stream=stream).show(table(told, 0.001, "east"))
    return stream.getvalue()


def test_the_table() -> None:
    text = picture([Rate("[b]shop", "price", "shop.price", 4, 12345, 6, 1234.5, 0.5, 0.002)])
    for cell in ("east, 1.00 ms away. Ctrl-C ends.", "[b]shop", " 1,234.5 ", " 2.00 ms ", " 12,345 "):
        assert cell in text
    assert "no service answers" in picture([])
