"""Credentials that come later: what the handshake answers when they are there."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..state.handshake import Answer, Ask, Fields, Handshake


def ask(handshake: Handshake, question: Ask) -> Deferred[Answer]:
    """The handshake's answer to the credentials, or to what kept them away. Cancel it when the connection is over."""

    def unproven(failure: Failure) -> Answer:
        return handshake.unproven(cast(Exception, failure.value))

    return Deferred.fromCoroutine(_awaited(question.credentials)).addCallbacks(handshake.proven, unproven)


async def _awaited(credentials: Awaitable[Fields]) -> Fields:
    return await credentials
