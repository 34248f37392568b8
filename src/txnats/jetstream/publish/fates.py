"""What becomes of a publish: one table, and the counting of its tries. Pure: whoever asks brings the time.

A publish ends in one of four ways: stored, refused, not stored in time, or nobody knows. The last one is what a
message id is for: with it a stream stores a message once, however often it is sent.
"""

from __future__ import annotations

from enum import Enum, auto

import msgspec

RESEND_AFTER = (2.0, 2.0, 3.0)
"""Seconds without an answer after which a publish with a message id is sent again; the last one repeats."""
RETRY_AFTER = (0.05, 0.1, 0.25)
"""Seconds from an answer that nothing was stored to the next try; the last one repeats. An election takes 4 to 9 s."""
ASK_AT = 2
"""The refusal at which the question is asked whether there is a stream for the subject at all ..."""
ASK_EVERY = 8
"""... and, as long as that gets no answer, asked again."""

PASSING = frozenset({10008, 10009, 10163, 10167})
"""``err_code`` of answers that will be others soon and say that nothing was stored: JetStream without a leader, a
server that leads no more, a last sequence of a subject that is in work, and more than the stream can take in."""
IN_WORK = frozenset({10063, 10158})
"""... and of those that say so of this copy of the message, while an earlier one may be about to be stored."""


class Answer(Enum):
    """What came of a try."""

    ACK = auto()
    """The stream has it."""
    NO_RESPONDERS = auto()
    """No stream listens at the moment: status 503."""
    NOT_NOW = auto()
    """An error of ``PASSING``."""
    IN_WORK = auto()
    """An error of ``IN_WORK``."""
    REFUSED = auto()
    """Any other error that JetStream answers."""
    DENIED = auto()
    """The server does not permit the subject, or the reply to it."""
    NOT_SENT = auto()
    """It did not leave at all, and was the first try: an invalid subject, a full outbox, a closed client."""
    NOT_SENT_AGAIN = auto()
    """A further try did not leave."""
    SILENCE = auto()
    """No answer for as long as ``RESEND_AFTER`` tells."""
    LINK_LOST = auto()
    """The connection that it was sent by is gone."""
    TOO_LATE = auto()
    """The time is over: a copy is still without an answer, or all were refused and no other has left."""
    CUT_OFF = auto()
    """No answer can come any more: the client was closed, or may not listen where answers come in."""
    NONSENSE = auto()
    """An answer that no stream gives: somebody else listens on the subject."""


class Verdict(Enum):
    """What to do then."""

    STORE = auto()
    """Done: tell whoever waits."""
    RETRY = auto()
    """Send it once more."""
    FAIL = auto()
    """Nothing was stored: tell why."""
    UNKNOWN = auto()
    """Tell that nobody knows."""


_S, _R, _F, _U = Verdict

TABLE: dict[Answer, tuple[Verdict, Verdict]] = {
    # answer: without a message id, with one
    Answer.ACK: (_S, _S),
    Answer.NO_RESPONDERS: (_R, _R),
    Answer.NOT_NOW: (_R, _R),
    Answer.IN_WORK: (_U, _R),
    Answer.REFUSED: (_F, _F),
    Answer.DENIED: (_F, _F),
    Answer.NOT_SENT: (_F, _F),
    Answer.NOT_SENT_AGAIN: (_R, _R),
    Answer.SILENCE: (_U, _R),
    Answer.LINK_LOST: (_U, _R),
    Answer.TOO_LATE: (_U, _U),
    Answer.CUT_OFF: (_U, _U),
    Answer.NONSENSE: (_U, _U),
}
_SETTLES_A_COPY = frozenset({Answer.NO_RESPONDERS, Answer.NOT_NOW, Answer.REFUSED, Answer.DENIED})
NOTHING_STORED = _SETTLES_A_COPY | {Answer.NOT_SENT, Answer.NOT_SENT_AGAIN}
"""Answers that prove that this try has stored nothing."""
AT_ONCE = frozenset({Answer.SILENCE, Answer.LINK_LOST})
"""Answers after which the next try need not wait."""


class Step(msgspec.Struct, frozen=True):
    """What to do, and for a retry when.

    Attributes:
        after: Seconds to wait before.
        ask: Ask first whether any stream takes the subject.
    """

    verdict: Verdict
    after: float = 0.0
    ask: bool = False


_STORE, _FAIL, _UNKNOWN = Step(_S), Step(_F), Step(_U)


class Tries:
    """The tries of one publish.

    Args:
        has_id: Whether a message id makes repeating it harmless.
        deadline: When its time is over.

    Attributes:
        sent: Copies that left.
        refusals: Answers that nothing was stored, so far.
        uncertain: A copy left of which nobody knows whether it is stored.
        stream_known: A stream takes the subject: there is no need to ask again.
    """

    __slots__ = ("deadline", "has_id", "outstanding", "refusals", "resends", "sent", "stream_known", "uncertain")

    def __init__(self, *, has_id: bool, deadline: float) -> None:
        self.has_id = has_id
        self.deadline = deadline
        self.sent = 1
        self.outstanding = 1
        self.refusals = 0
        self.resends = 0
        self.uncertain = False
        self.stream_known = False

    def sending(self) -> None:
        """One more copy leaves."""
        self.sent += 1
        self.outstanding += 1

    def judge(self, answer: Answer, now: float) -> Step:
        """What an answer, or the lack of one, means."""
        if answer is Answer.TOO_LATE and self.outstanding <= 0 and not self.uncertain:
            return _FAIL  # each copy was refused, and the time ended before another one left
        verdict = TABLE[answer][self.has_id]
        if answer in _SETTLES_A_COPY:
            self.outstanding -= 1
        elif answer not in NOTHING_STORED and answer is not Answer.ACK:
            self.uncertain = True
        if verdict is Verdict.STORE:
            return _STORE
        if verdict is Verdict.UNKNOWN:
            return _UNKNOWN
        if verdict is Verdict.FAIL:
            # What refuses this copy says nothing about another one that may be stored.
            return _UNKNOWN if self.uncertain or self.outstanding > 0 else _FAIL
        return self._retry(answer, now)

    def _retry(self, answer: Answer, now: float) -> Step:
        if answer in AT_ONCE:
            self.resends += 1
            return Step(Verdict.RETRY)
        after = RETRY_AFTER[min(self.refusals, len(RETRY_AFTER) - 1)]
        self.refusals += 1
        if now + after >= self.deadline and self.outstanding <= 0:
            return _UNKNOWN if self.uncertain else _FAIL
        return Step(Verdict.RETRY, after, ask=answer is Answer.NO_RESPONDERS and self._is_time_to_ask())

    def _is_time_to_ask(self) -> bool:
        return not self.stream_known and not self.uncertain and self.refusals % ASK_EVERY == ASK_AT

    def resend_due(self, last_sent: float) -> float:
        """When silence since then is long enough for another copy."""
        return last_sent + RESEND_AFTER[min(self.resends, len(RESEND_AFTER) - 1)]
