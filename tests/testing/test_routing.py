"""The tree finds what comparing with each pattern would find."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from txnats.subjects import matches
from txnats.testing.routing import Interest

tokens = st.sampled_from(["a", "b", "c"])
subjects = st.lists(tokens, min_size=1, max_size=4).map(".".join)
patterns = st.builds(
    lambda start, end: ".".join([*start, *end]),
    st.lists(tokens | st.just("*"), min_size=1, max_size=3),
    st.sampled_from([[], [">"]]),
)
queues = st.none() | st.sampled_from([b"q", b"r"])


@settings(deadline=None)
@given(st.lists(st.tuples(patterns, queues), max_size=12), subjects, st.data())
def test_it_finds_what_matches_and_forgets_what_is_removed(
    held: list[tuple[str, bytes | None]], subject: str, data: st.DataObject
) -> None:
    interest: Interest[int] = Interest()
    for number, (pattern, queue) in enumerate(held):
        interest.add(pattern.encode(), queue, number)
    gone = data.draw(st.sets(st.sampled_from(range(len(held))))) if held else set()
    for number in gone:
        pattern, queue = held[number]
        interest.remove(pattern.encode(), queue, number)
    found, groups = interest.match(subject.encode())
    wanted = {
        name: {
            number
            for number, (pattern, queue) in enumerate(held)
            if queue == name and number not in gone and matches(pattern, subject)
        }
        for name in (None, b"q", b"r")
    }
    assert set(found) == wanted[None]
    assert len(found) == len(wanted[None])
    assert sorted(map(sorted, groups)) == sorted(sorted(wanted[name]) for name in (b"q", b"r") if wanted[name])
    for number in set(range(len(held))) - gone:
        pattern, queue = held[number]
        interest.remove(pattern.encode(), queue, number)
    assert not interest


@pytest.mark.parametrize("pattern", ["", ".", "a.", ".a", "a..b", "a.>.b"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    interest: Interest[int] = Interest()
    with pytest.raises(ValueError, match="no pattern"):
        interest.add(pattern.encode(), None, 1)
    assert not interest


def test_what_is_not_there_may_be_removed() -> None:
    interest: Interest[int] = Interest()
    interest.add(b"a.b", None, 1)
    interest.remove(b"a.b", None, 2)
    interest.remove(b"a.b", b"q", 1)
    interest.remove(b"a.c", None, 1)
    assert interest.match(b"a.b") == ([1], [])


def test_a_subject_with_an_empty_token_matches_nothing() -> None:
    interest: Interest[int] = Interest()
    interest.add(b">", None, 1)
    assert [interest.match(subject)[0] for subject in (b"a", b"a.", b".a", b"")] == [[1], [], [], []]
