"""What may be published to, what may be subscribed to, and which matches which."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from txnats.errors import InvalidSubject
from txnats.subjects import check_inbox_prefix, check_publish, check_queue, check_subscribe, matches

GOOD = [
    "a",
    "a.b.c",
    "orders.new.eu",
    "$JS.API.INFO",
    "_INBOX.x",
    "a-b_c/d=e+f",
    "caf\u00e9.\u6771\u4eac",
    "a" * 5000,
    "\u2028",
    "\u00a0",
]
WILD = ["*", ">", "a.*", "a.>", "*.*.b", "*.>", "a.*.>"]
MISPLACED = ["a*", "*a", "a.b*", "a>", ">a", "a.>.b", ">.a", "**", ">>", "*>", "a.*b.c", ">.>"]
BROKEN = ["", ".", "..", ".a", "a.", "a..b", ".*", "*.", ">.", "a. .b"]
BLANKS = [" ", "a b", "a\tb", "a\nb", "a\rb", "a\0b", "a\x0bb", "a\x1fb", "a\x7f", " a", "a ", "a\r\n", "a\n"]


def both(texts: list[str]) -> list[Any]:
    return [*texts, *(text.encode() for text in texts)]


@pytest.mark.parametrize("subject", both(GOOD))
def test_literal_subjects_go_everywhere(subject: str | bytes) -> None:
    data = subject if isinstance(subject, bytes) else subject.encode()
    assert check_publish(subject) == check_subscribe(subject) == check_queue(subject) == data


@pytest.mark.parametrize("subject", both(WILD))
def test_patterns_are_for_subscribing(subject: str | bytes) -> None:
    assert check_subscribe(subject) == (subject if isinstance(subject, bytes) else subject.encode())
    with pytest.raises(InvalidSubject, match="wildcards are for subscriptions only"):
        check_publish(subject)


@pytest.mark.parametrize("subject", both(MISPLACED))
def test_a_wildcard_is_a_whole_token_and_the_tail_is_last(subject: str | bytes) -> None:
    for check in (check_publish, check_subscribe):
        with pytest.raises(InvalidSubject, match=r"wildcard|last token"):
            check(subject)


@pytest.mark.parametrize("subject", both([each for each in BROKEN if " " not in each]))
def test_an_empty_token_is_refused(subject: str | bytes) -> None:
    for check in (check_publish, check_subscribe):
        with pytest.raises(InvalidSubject, match="empty"):
            check(subject)


@pytest.mark.parametrize("text", both(BLANKS))
def test_blanks_and_control_characters_are_refused_everywhere(text: str | bytes) -> None:
    for check in (check_publish, check_subscribe, check_queue):
        with pytest.raises(InvalidSubject, match="control character"):
            check(text)


def test_every_control_byte_is_refused_and_no_other() -> None:
    refused = []
    for code in range(256):
        try:
            check_publish(b"a" + bytes([code]) + b"b")
        except InvalidSubject:
            refused.append(code)
    assert refused == [*range(0x21), ord("*"), ord(">"), 0x7F]


def test_bytes_that_are_no_text_go_unchanged() -> None:
    assert check_publish(b"a.\xff\xfe") == b"a.\xff\xfe"
    assert check_publish("a.\udcff\udcfe") == b"a.\xff\xfe"


@pytest.mark.parametrize("wrong", [None, 5, 1.5, ["a"], bytearray(b"a"), memoryview(b"a"), object()])
def test_a_subject_is_text_or_bytes(wrong: Any) -> None:
    for check in (check_publish, check_subscribe, check_queue, check_inbox_prefix):
        with pytest.raises(InvalidSubject, match=f"not {type(wrong).__name__}"):
            check(wrong)


@pytest.mark.parametrize("check", [check_publish, check_subscribe, check_queue, check_inbox_prefix])
def test_text_that_cannot_be_encoded_is_refused(check: Any) -> None:
    with pytest.raises(InvalidSubject, match="cannot be encoded: it holds lone surrogates"):
        check("a\ud800")


def test_the_texts_of_three() -> None:
    hint = " (tokens joined by single dots, as in orders.new.eu)"
    with pytest.raises(InvalidSubject) as caught:
        check_publish("a b")
    assert str(caught.value) == "cannot publish to 'a b': it holds a blank or a control character" + hint
    with pytest.raises(InvalidSubject) as caught:
        check_subscribe(b"a.\xff*")
    assert str(caught.value) == "cannot subscribe to 'a.\\\\xff*': a wildcard is a whole token (a.* or a.>, not a.b*)"
    with pytest.raises(InvalidSubject) as caught:
        check_queue("")
    assert str(caught.value) == "'' cannot name a queue group: it is empty or holds a blank or control character"


def test_a_long_subject_is_shown_in_part() -> None:
    with pytest.raises(InvalidSubject) as caught:
        check_publish("x" * 10_000 + " ")
    assert f"{'x' * 80!r}..." in str(caught.value)
    assert len(str(caught.value)) < 250


# ---------------------------------------------------------------------- queues and prefixes


@pytest.mark.parametrize("queue", ["q", "a.b", "a..b", "*", "queue-1", ".", "caf\u00e9"])
def test_a_queue_group_is_any_word(queue: str) -> None:
    assert check_queue(queue) == queue.encode()


@pytest.mark.parametrize("prefix", ["_INBOX", "_INBOX.me", "x"])
def test_an_inbox_prefix_is_a_subject(prefix: str) -> None:
    assert check_inbox_prefix(prefix) == prefix


@pytest.mark.parametrize("prefix", ["", "a.", "a.*", ">", "a b", "a\r\n"])
def test_an_inbox_prefix_that_is_no_subject_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidSubject):
        check_inbox_prefix(prefix)


def test_an_inbox_prefix_is_text() -> None:
    """It is put into a text with others: bytes would become ``b'...'``, and a surrogate escape could not be encoded."""
    wrong: list[Any] = [b"_INBOX", "a.\udcff"]
    for prefix in wrong:
        with pytest.raises(InvalidSubject):
            check_inbox_prefix(prefix)


# ---------------------------------------------------------------------- matching


@pytest.mark.parametrize(
    ("pattern", "subject", "match"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("a", "a.b", False),
        ("a.b", "a", False),
        ("*", "a", True),
        ("*", "a.b", False),
        ("a.*", "a", False),
        ("a.*", "a.b", True),
        ("a.*.c", "a.b.c", True),
        ("a.*.c", "a.b.d", False),
        (">", "a", True),
        (">", "a.b.c", True),
        ("a.>", "a", False),
        ("a.>", "a.b", True),
        ("a.>", "a.b.c", True),
        ("a.>", "b.c", False),
        ("*.>", "a", False),
        ("*.>", "a.b", True),
        ("A", "a", False),
    ],
)
def test_which_matches_which(pattern: str, subject: str, match: bool) -> None:
    assert matches(pattern, subject) is match


TOKENS = st.sampled_from(["a", "b", "ab", "$"])


@settings(deadline=None)
@given(
    subject=st.lists(TOKENS, min_size=1, max_size=5),
    pattern=st.lists(TOKENS | st.just("*"), min_size=1, max_size=5),
    tail=st.booleans(),
)
def test_matching_is_token_by_token(subject: list[str], pattern: list[str], tail: bool) -> None:
    alike = all(one in ("*", two) for one, two in zip(pattern, subject, strict=False))
    expected = alike and (len(subject) > len(pattern) if tail else len(subject) == len(pattern))
    written = ".".join([*pattern, ">"] if tail else pattern)
    check_subscribe(written)
    assert matches(written, ".".join(subject)) is expected


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.sampled_from("a.*> \t\n\u00e9"), max_size=8))
def test_the_rules_in_other_words(text: str) -> None:
    tokens = text.split(".")
    sound = all(token and not any(each in " \t\n" for each in token) for token in tokens)
    literal = sound and "*" not in text and ">" not in text
    pattern = sound and all(len(token) == 1 or ("*" not in token and ">" not in token) for token in tokens)
    pattern = pattern and ">" not in tokens[:-1]
    for check, allowed in ((check_publish, literal), (check_subscribe, pattern)):
        try:
            assert check(text) == text.encode()
            assert allowed
        except InvalidSubject:
            assert not allowed
