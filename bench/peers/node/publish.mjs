// Node: publish; at most two flushes' worth of messages is on its way, and a flush ends it.

import { connect, headers } from "@nats-io/transport-node";
import { HEADERS, readJob, Stopwatch, tell } from "./measure.mjs";

const FLUSH_EVERY = 16; // checks

async function publish(client, job, count) {
  const options = job.headers ? { headers: messageHeaders() } : undefined;
  let flushing = Promise.resolve();
  let checks = 0;
  for (let done = 0; done < count; done += job.messagesBetweenChecks) {
    const step = Math.min(job.messagesBetweenChecks, count - done);
    for (let sent = 0; sent < step; sent++) client.publish(job.subject, job.payload, options);
    if (++checks % FLUSH_EVERY === 0) {
      await flushing;
      flushing = client.flush();
    }
  }
  await client.flush();
}

function messageHeaders() {
  const made = headers();
  for (const [name, value] of Object.entries(HEADERS)) made.set(name, value);
  return made;
}

const job = readJob();
const client = await connect({ servers: job.url });
const watch = new Stopwatch();
await publish(client, job, job.warm);
watch.start();
await publish(client, job, job.count);
tell({ messages: job.count, ...watch.stop() });
await client.close();
