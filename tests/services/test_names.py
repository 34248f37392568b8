"""Names and versions."""

from __future__ import annotations

import pytest

from txnats import InvalidArgument
from txnats.services.names import check_metadata, check_name, check_version


@pytest.mark.parametrize("name", ["adder", "a-b_C", "0", "x" * 255])
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "a.b", "a b", "ä", "a\n", "*", "x" * 256, None, 7])
def test_what_is_no_name(name: object) -> None:
    with pytest.raises(InvalidArgument, match="cannot name an endpoint"):
        check_name(name, "endpoint")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "version", ["0.0.0", "1.2.3", "1.0.0-alpha.1", "1.0.0-0a", "1.0.0+build.5", "1.0.0-rc.1+a.b-c"]
)
def test_versions(version: str) -> None:
    assert check_version(version) == version


@pytest.mark.parametrize("version", ["", "1", "1.0", "01.0.0", "1.0.0-01", "1.0.0-", "1.0.0+", "v1.0.0", "1.0.0\n", 1])
def test_what_is_no_version(version: object) -> None:
    with pytest.raises(InvalidArgument, match="no semantic version"):
        check_version(version)  # type: ignore[arg-type]


def test_metadata_is_text_by_text() -> None:
    given = {"a": "1"}
    assert check_metadata(given) == given
    assert check_metadata(given) is not given
    assert check_metadata(None) == {}
    for wrong in ({"a": 1}, {1: "a"}, [("a", "1")]):
        with pytest.raises(InvalidArgument):
            check_metadata(wrong)  # type: ignore[arg-type]
