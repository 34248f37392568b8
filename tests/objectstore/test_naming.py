"""Names of stores and objects."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats.objectstore import naming
from txnats.objectstore.errors import InvalidName, InvalidStore
from txnats.subjects import check_publish


@pytest.mark.parametrize("name", ["", "a.b", "a b", ">", "ä", None, "x" * 300])
def test_bad_stores(name: Any) -> None:
    with pytest.raises(InvalidStore):
        naming.check_store(name)


@pytest.mark.parametrize("name", ["", None, b"a", "x" * 3000, "\ud800"])
def test_bad_names(name: Any) -> None:
    with pytest.raises(InvalidName):
        naming.check_name(name)


@given(st.text(min_size=1, max_size=100))
def test_any_text_names_an_object_and_makes_a_subject(name: str) -> None:
    try:
        naming.check_name(name)
    except InvalidName:
        return
    check_publish(naming.meta_subject("s", name))


def test_subjects_as_other_clients_have_them() -> None:
    assert naming.meta_subject("s", "a") == "$O.s.M.YQ=="
    assert naming.chunk_subject("s", "N") == "$O.s.C.N"
    assert naming.stream_of("s") == "OBJ_s"
    assert naming.store_of("OBJ_s") == "s"
