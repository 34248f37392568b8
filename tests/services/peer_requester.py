"""nats-py looks for services and asks one, as a process: it prints what it understood of them, as JSON."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from datetime import datetime
from typing import Any

import nats
from nats.micro.service import ServiceInfo, ServicePing, ServiceStats


def plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


async def main(url: str) -> None:
    client = await nats.connect(url)
    told = {}
    for verb, record in (("PING", ServicePing), ("INFO", ServiceInfo), ("STATS", ServiceStats)):
        reply = await client.request(f"$SRV.{verb}.adder")
        told[verb] = dataclasses.asdict(record.from_dict(json.loads(reply.data)))
    good = await client.request("add", b'{"numbers":[1,2]}')
    bad = await client.request("add", b"{}")
    print(json.dumps({**told, "good": good.data.decode(), "bad": bad.headers}, default=plain))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
