"""What a user may do, by nats-server's rules. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..server import ServerUser, SubjectRules
from ..subjects import matches


class Permissions:
    """One user's rules.

    Args:
        user: Whose; None for somebody who may do all.
    """

    def __init__(self, user: ServerUser | None) -> None:
        publish = user.publish if user else None
        self._publish = publish or SubjectRules()
        self._subscribe = (user.subscribe if user else None) or SubjectRules()
        self._answers_once = user is not None and user.allow_responses
        # Who may answer may not publish anything else, unless it is said.
        self._nothing_else = self._answers_once and not self._publish.allow
        self._answers_due: set[bytes] = set()

    def may_publish(self, subject: bytes) -> bool:
        """Whether it may be published to; an answer that is allowed once is used up by asking."""
        rules, text = self._publish, _text(subject)
        allowed = not self._nothing_else and (not rules.allow or _any_matches(rules.allow, text))
        return (allowed and not _any_matches(rules.deny, text)) or self._may_answer(subject)

    def may_subscribe(self, pattern: bytes, queue: bytes | None) -> bool:
        """Whether it may be subscribed to.

        A pattern is looked up as if its wildcards were words: ``foo.*`` allows ``foo.>``. A rule of two words allows or
        denies a subject for the queue groups that the second one matches.
        """
        rules, text, group = self._subscribe, _text(pattern), _text(queue or b"")
        allowed = not rules.allow
        if rules.allow:
            plain, groups = _look_up(rules.allow, text)
            allowed = any(matches(each, group) for each in groups) if group and groups else plain
        return allowed and not self.hides(pattern, queue)

    def hides(self, subject: bytes, queue: bytes | None) -> bool:
        """Whether messages to this subject are kept from a subscription whose pattern takes them in."""
        plain, groups = _look_up(self._subscribe.deny, _text(subject))
        return plain or (queue is not None and any(matches(each, _text(queue)) for each in groups))

    def received(self, reply: bytes) -> None:
        """A message with this reply subject has come: one answer to it may be allowed."""
        if self._answers_once:
            self._answers_due.add(reply)

    def _may_answer(self, subject: bytes) -> bool:
        due = subject in self._answers_due
        self._answers_due.discard(subject)
        return due


def _look_up(rules: Sequence[str], subject: str) -> tuple[bool, list[str]]:
    """Whether a plain rule matches, and the queue groups of the others that do."""
    plain, groups = False, []
    for rule in rules:
        pattern, _, group = rule.partition(" ")
        if _falls_under(pattern, subject):
            if group:
                groups.append(group)
            else:
                plain = True
    return plain, groups


def _any_matches(rules: Sequence[str], subject: str) -> bool:
    return any(_falls_under(rule, subject) for rule in rules)


def _falls_under(rule: str, subject: str) -> bool:
    """Whether a rule is about this subject; none is about one with an empty token."""
    return "" not in subject.split(".") and matches(rule, subject)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
