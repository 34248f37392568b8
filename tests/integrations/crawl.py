"""A crawl as a program of its own: python crawl.py NATS-URL. Scrapy runs it on its own reactor, asyncio's."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

import scrapy
from scrapy.crawler import Crawler, CrawlerProcess
from scrapy.http import Response

import txnats.aio
from txnats.aio.jetstream import JetStream, JsMessage

SERVER = sys.argv[1]


class StoreInStream:
    """An item goes on when the stream has it."""

    js: JetStream

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls()

    async def open_spider(self) -> None:
        self.client = await txnats.aio.connect(SERVER, name="crawler")
        self.js = JetStream(self.client)

    async def process_item(self, item: dict[str, str]) -> dict[str, str]:
        ack = await self.js.publish("pages.found", json.dumps(item), message_id=item["url"])
        print("stored", ack.sequence, item["title"], flush=True)
        return item

    async def close_spider(self) -> None:
        await self.client.drain()


class Pages(scrapy.Spider):
    """Takes addresses from a stream, and acknowledges each when its page is read."""

    name = "pages"

    async def start(self) -> AsyncIterator[Any]:
        assert self.crawler is not None
        pipeline = self.crawler.get_item_pipeline(StoreInStream)
        assert pipeline is not None
        stream = await pipeline.js.stream("ADDRESSES")
        consumer = await stream.consumer("crawler")
        while messages := await consumer.fetch(10, max_wait=1.0):
            for message in messages:
                yield scrapy.Request(message.payload.decode(), cb_kwargs={"message": message}, dont_filter=True)

    def parse(self, response: Response, message: JsMessage | None = None) -> Iterator[Any]:
        yield {"url": response.url, "title": response.css("title::text").get()}
        for link in response.css("a::attr(href)").getall():
            yield response.follow(link)
        if message is not None:
            message.ack()


process = CrawlerProcess(
    {
        "ITEM_PIPELINES": {StoreInStream: 300},
        "LOG_LEVEL": "ERROR",
        "TELNETCONSOLE_ENABLED": False,
        "ROBOTSTXT_OBEY": False,
    }
)
process.crawl(Pages)
process.start()
