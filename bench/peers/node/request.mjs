// Node: requests, a fixed number of them in flight.

import { connect } from "@nats-io/transport-node";
import { latencyFacts, readJob, Stopwatch, tell } from "./measure.mjs";

async function ask(client, job, count) {
  const latencies = [];
  const share = Math.floor(count / job.inFlight);
  await Promise.all(Array.from({ length: job.inFlight }, () => oneAfterAnother(client, job, share, latencies)));
  return latencies;
}

async function oneAfterAnother(client, job, count, latencies) {
  for (let done = 0; done < count; done++) {
    const began = performance.now();
    await client.request(job.subject, job.payload, { timeout: 2000 });
    latencies.push(performance.now() - began);
  }
}

const job = readJob();
const client = await connect({ servers: job.url });
const watch = new Stopwatch();
await ask(client, job, job.warm);
watch.start();
const latencies = await ask(client, job, job.count);
const facts = watch.stop();
tell({ messages: latencies.length, ...facts, ...latencyFacts(latencies) });
await client.close();
