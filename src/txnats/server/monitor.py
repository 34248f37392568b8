"""Questions to a server's monitoring port."""

from __future__ import annotations

import http.client
import json
from typing import Any

from txnats.errors import NatsError

_ANSWER_LIMIT = 16 * 1024 * 1024


class MonitorFailed(NatsError):
    """The monitoring port gave no usable answer.

    Attributes:
        status: The HTTP status, or None if there was no answer at all.
    """

    def __init__(self, where: str, why: str, *, status: int | None = None) -> None:
        super().__init__("the server's monitoring does not answer", where=where, why=why)
        self.status = status


def ask(host: str, port: int, path: str, *, timeout: float) -> Any:
    """The decoded JSON at ``path``, such as ``/varz`` or ``/jsz?streams=true``; at most 16 MiB of it.

    Raises:
        MonitorFailed: There was no answer in time, or not with status 200.
    """
    where = f"http://{host}:{port}{path}"
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        body = response.read(_ANSWER_LIMIT)
        if response.status != http.client.OK:
            raise MonitorFailed(where, f"{response.status} {body[:200]!r}", status=response.status)
        return json.loads(body)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise MonitorFailed(where, str(error) or type(error).__name__) from error
    finally:
        connection.close()
