"""What each ``-ERR`` means, and what a permissions violation speaks of."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.untraced import seconds
from txnats.errors import AuthenticationRefused, CredentialsExpired, NatsError, ServerError
from txnats.state.server_errors import Denial, Meaning, denial, hint, meaning, refusal

SERVER = "nats://h:4222"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Stale Connection", Meaning.LOST),
        ("Authorization Violation", Meaning.REFUSED),
        ("Authentication Timeout", Meaning.REFUSED),
        ("User Authentication Expired", Meaning.EXPIRED),
        ("User Authentication Revoked", Meaning.EXPIRED),
        ("Account Authentication Expired", Meaning.EXPIRED),
        ('Permissions Violation for Publish to "x"', Meaning.DENIED),
        ("Invalid Subject", Meaning.REPORT),
        ("Invalid Publish Subject", Meaning.REPORT),
        ("maximum subscriptions exceeded", Meaning.REPORT),
        ("maximum connections exceeded", Meaning.LOST),
        ("maximum account active connections exceeded", Meaning.LOST),
        ("Connection throttling is active. Please try again later.", Meaning.LOST),
        ("Maximum Payload Violation", Meaning.LOST),
        ("maximum control line exceeded", Meaning.LOST),
        ("Unknown Protocol Operation", Meaning.LOST),
        ("Parser Error", Meaning.LOST),
        ("Slow Consumer", Meaning.LOST),
        ("Secure Connection - TLS Required", Meaning.FATAL),
        ("invalid client protocol", Meaning.FATAL),
        ("no responders requires headers support", Meaning.FATAL),
        ("message headers not supported", Meaning.FATAL),
        ("something new", Meaning.REPORT),
        ("", Meaning.REPORT),
    ],
)
def test_each_text_has_a_meaning_in_any_case(text: str, expected: Meaning) -> None:
    for each in (text, text.lower(), text.upper(), f"  {text}  ", f"{text} and details"):
        assert meaning(each) is expected


def test_a_text_counts_from_its_beginning() -> None:
    assert meaning("not a Stale Connection") is Meaning.REPORT


def test_a_hint_where_there_is_one() -> None:
    assert hint("Maximum Payload Violation") == "a message was larger than max_payload"
    assert (hint("Authorization Violation"), hint("something new")) == ("", "")


# ---------------------------------------------------------------------- denials


def facts(found: Denial | None) -> tuple[object, ...] | None:
    if found is None:
        return None
    return (found.error.operation, found.error.subject, found.error.queue, found.sid)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Permissions Violation for Publish to "a.b"', ("publish", "a.b", None, None)),
        ('permissions violation for publish to "A.b"', ("publish", "A.b", None, None)),
        ('Permissions Violation for Publish with Reply of "r.1"', ("reply", "r.1", None, None)),
        ('Permissions Violation for Subscription to "a.>"', ("subscribe", "a.>", None, None)),
        ('Permissions Violation for Subscription to "a" using queue "q"', ("subscribe", "a", "q", None)),
        ('Permissions Violation for Subscription to "a" using queue "q" (sid "7")', ("subscribe", "a", "q", 7)),
        ('Permissions Violation for Subscription to "a" (sid "12")', ("subscribe", "a", None, 12)),
        ('Permissions Violation for Subscription to "a", too many tokens', ("subscribe", "a", None, None)),
        ('Permissions Violation for Subscription to "a", too many tokens (sid "3")', ("subscribe", "a", None, 3)),
        ('Permissions Violation for Subscription to "it\'s"', ("subscribe", "it's", None, None)),
        ("Permissions Violation", None),
        ("Permissions Violation for Something to else", None),
        ("Stale Connection", None),
    ],
)
def test_what_was_refused(text: str, expected: tuple[object, ...] | None) -> None:
    found = denial(text)
    assert facts(found) == expected
    if found is not None:
        assert found.error.text == text


@pytest.mark.parametrize(
    ("quoted", "subject"),
    [
        (r"a\"b", 'a"b'),
        (r"a\\b", "a\\b"),
        (r"\"", '"'),
        (r"a\\\"b", 'a\\"b'),
        ("\u00e9\\u200b", "\u00e9\u200b"),
        (r"\xff\xfe", "\udcff\udcfe"),
        (r"\U000e0001", "\U000e0001"),
    ],
)
def test_a_server_quotes_a_subject_as_go_does(quoted: str, subject: str) -> None:
    """As nats-server 2.15.1 writes them: the subject has to be found again among ours."""
    assert facts(denial(f'Permissions Violation for Publish to "{quoted}"')) == ("publish", subject, None, None)
    text = f'Permissions Violation for Subscription to "{quoted}" using queue "{quoted}"'
    assert facts(denial(text)) == ("subscribe", subject, subject, None)


@pytest.mark.parametrize("digits", ["9" * 5000, "9" * 30, "\u0667", "-1", "+1", "1_0", ""])
def test_a_hostile_sid_is_no_sid(digits: str) -> None:
    text = f'Permissions Violation for Subscription to "a" (sid "{digits}")'
    assert facts(denial(text)) == ("subscribe", "a", None, None)


def test_long_noise_is_read_in_a_moment() -> None:
    publish, subscription = 'Permissions Violation for Publish to "', 'permissions violation for subscription "'
    heads = ("", publish, subscription, publish + 'a" ')
    tails = ('"' * 60_000, publish * 1_500, '(sid "' * 10_000, "a" * 60_000, "\\" * 60_000)
    texts = [head + tail for head in heads for tail in tails]
    assert seconds(lambda: [denial(text) for text in texts]) < 1.0


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_noise_raises_nothing(text: str) -> None:
    for each in (
        text,
        f'Permissions Violation for Publish to "{text}',
        f'permissions violation for subscription to {text}"',
    ):
        denial(each)
        meaning(each)


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Authorization Violation", AuthenticationRefused),
        ("Authentication Timeout", AuthenticationRefused),
        ("User Authentication Revoked", CredentialsExpired),
        ("Account Authentication Expired", CredentialsExpired),
        ("Stale Connection", ServerError),
        ("invalid client protocol", ServerError),
        ("something new", ServerError),
    ],
)
def test_the_error_for_a_text(text: str, kind: type[NatsError]) -> None:
    error = refusal(SERVER, text)
    assert type(error) is kind
    assert (error.where, error.why) == (SERVER, text)


def test_the_texts_of_two() -> None:
    assert str(refusal(SERVER, "Secure Connection - TLS Required")) == (
        f"the server reported an error [{SERVER}]: Secure Connection - TLS Required (use tls:// or tls=)"
    )
    assert str(refusal(SERVER, "User Authentication Expired")) == (
        f"the server refused the login [{SERVER}]: User Authentication Expired (fetch fresh credentials)"
    )
