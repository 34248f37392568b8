// Node: receive with a plain callback.

import { connect } from "@nats-io/transport-node";
import { readJob, ready, Stopwatch, tell } from "./measure.mjs";

const job = readJob();
const client = await connect({ servers: job.url });
const watch = new Stopwatch();
let seen = 0;
let mark = job.warm;
client.subscribe(job.subject, {
  callback: () => {
    if (++seen !== mark) return;
    if (seen === job.warm) {
      watch.start();
      mark = job.warm + job.count;
    } else {
      tell({ messages: job.count, ...watch.stop() });
      client.close();
    }
  },
});
await client.flush();
ready();
