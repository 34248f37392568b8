"""Unique ids: their form, that they do not repeat, and that a fork does not repeat them."""

from __future__ import annotations

import itertools
import os
import re
import warnings

import pytest

from txnats import nuid
from txnats.nuid import Nuid, next_nuid

FORM = re.compile(r"[0-9A-Za-z]{22}")
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def number(counter: str) -> int:
    value = 0
    for digit in counter:
        value = value * 62 + DIGITS.index(digit)
    return value


def test_the_form() -> None:
    for _ in range(1000):
        assert FORM.fullmatch(next_nuid())


def test_a_hundred_thousand_are_all_different() -> None:
    source = Nuid()
    assert len({source.next() for _ in range(100_000)}) == 100_000
    assert len({Nuid().next() for _ in range(1_000)}) == 1_000


def test_a_prefix_and_a_counter_that_moves_in_steps_of_its_own() -> None:
    source = Nuid()
    source._counter = 0
    ids = [source.next() for _ in range(100)]
    assert {each[:12] for each in ids} == {ids[0][:12]}
    counters = [number(each[12:]) for each in ids]
    (step,) = {after - before for before, after in itertools.pairwise(counters)}
    assert 33 <= step <= 332
    assert counters[0] == step


def test_steps_and_prefixes_differ_between_sources() -> None:
    sources = [Nuid() for _ in range(200)]
    assert len({source._prefix for source in sources}) == 200
    assert len({source._step for source in sources}) > 50
    assert all(33 <= source._step <= 332 for source in sources)


def test_a_counter_that_is_used_up_gets_a_new_prefix() -> None:
    source = Nuid()
    source._counter = 62**10 - source._step - 1
    last = source.next()
    assert last[12:] == "zzzzzzzzzz"
    following = source.next()
    assert following[:12] != last[:12]
    assert FORM.fullmatch(following)


def test_digits_stand_in_their_order() -> None:
    assert nuid._base62(0) == "0" * 10
    assert nuid._base62(61) == "0" * 9 + "z"
    assert nuid._base62(62 * 36 + 10) == "0" * 8 + "aA"
    assert nuid._base62(62**10 - 1) == "z" * 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_starts_anew() -> None:
    before = next_nuid()
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other tests may have left threads
        child = os.fork()
    if child == 0:
        os.write(writer, next_nuid().encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        theirs = told.read()
    os.waitpid(child, 0)
    assert FORM.fullmatch(theirs)
    assert theirs[:12] != before[:12]
    assert next_nuid()[:12] == before[:12]
