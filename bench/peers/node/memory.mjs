// Node: the memory that many subscriptions take. Run with --expose-gc.

import { connect } from "@nats-io/transport-node";
import { readJob, Stopwatch, tell } from "./measure.mjs";

const job = readJob();
const client = await connect({ servers: job.url });
await client.flush();
const watch = new Stopwatch();
globalThis.gc?.();
const before = process.memoryUsage.rss();
watch.start();
const kept = [];
for (let number = 0; number < job.count; number++) {
  kept.push(client.subscribe(`${job.subject}.${number}`, { callback: () => {} }));
  if (number % 1000 === 999) await client.flush();
}
await client.flush();
const facts = watch.stop();
globalThis.gc?.();
tell({ messages: kept.length, value: process.memoryUsage.rss() - before, ...facts });
await client.close();
