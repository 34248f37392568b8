"""What a service answers when it cannot do what it was asked."""

from __future__ import annotations

from ..errors import InvalidArgument, NatsError
from ..headers import Headers

CODE = "Nats-Service-Error-Code"
TEXT = "Nats-Service-Error"
_LONGEST = 512


class ServiceError(NatsError):
    """A service's answer that it failed. A handler raises it to give that answer; ``call`` raises it at the other end.

    Args:
        code: A number as in HTTP, from 100 to 999: 400 for a wrong request, 500 for a fault of the service.
        description: What went wrong, for whoever asked. It becomes one line.
        payload: The body of the answer.
        headers: Further headers of the answer.
        where: Who answered, for the text.

    Attributes:
        code: The number.
        description: The words.
        payload: The body.
        headers: All headers of the answer; empty in one that was not received.
    """

    def __init__(
        self,
        code: int,
        description: str,
        *,
        payload: bytes | str = b"",
        headers: Headers | None = None,
        where: str = "",
    ) -> None:
        if isinstance(code, bool) or not isinstance(code, int) or not 100 <= code <= 999:
            raise InvalidArgument(f"{code!r:.40} is no code of a service error", why="it is a number from 100 to 999")
        self.code = code
        self.description = one_line(description)
        self.payload = payload
        self.headers = Headers() if headers is None else headers
        super().__init__(f"the service answered with error {code}", where=where, why=self.description)


def one_line(text: str) -> str:
    """Text as a header can carry it: one line without control characters, not empty, of limited length."""
    plain = " ".join("".join(mark if mark.isprintable() else " " for mark in str(text)).split())
    return plain[:_LONGEST].rstrip() or "no description"
