"""txnats: what ``import txnats`` costs above Twisted's own modules that every program needs."""

from __future__ import annotations

import time

import twisted.internet.endpoints
import twisted.internet.ssl  # noqa: F401


def main() -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    import txnats  # noqa: F401

    facts = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    # Only now: what this module imports must not make the measured import cheaper.
    from bench.peers import measure

    measure.tell("txnats", {"messages": 1, "value": facts["seconds"], **facts})


if __name__ == "__main__":
    main()
