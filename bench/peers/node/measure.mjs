// What every Node program under measurement shares: its job, a stopwatch, and how results are told.

import { readFileSync } from "node:fs";

const BYTES_BETWEEN_CHECKS = 256 * 1024;
const MESSAGES_BETWEEN_CHECKS = 256;

export const HEADERS = { "Trace-Id": "4bf92f3577b34da6", Kind: "sample" };

/** The job on the command line: `name=value` words. */
export function readJob() {
  const words = Object.fromEntries(process.argv.slice(2).map((word) => word.split(/=(.*)/s).slice(0, 2)));
  const number = (name) => Number(words[name]);
  const size = number("size");
  return {
    url: words.url,
    subject: words.subject,
    payload: new Uint8Array(size).fill("x".charCodeAt(0)),
    warm: number("warm"),
    count: number("count"),
    headers: number("headers") === 1,
    inFlight: number("in_flight"),
    messagesBetweenChecks: Math.max(1, Math.min(MESSAGES_BETWEEN_CHECKS, Math.floor(BYTES_BETWEEN_CHECKS / size))),
  };
}

/** Wall and CPU seconds of this process between `start` and `stop`. */
export class Stopwatch {
  start() {
    this.wall = performance.now();
    this.cpu = process.cpuUsage();
  }

  stop() {
    const seconds = (performance.now() - this.wall) / 1e3;
    const { user, system } = process.cpuUsage(this.cpu);
    return { seconds, cpu_seconds: (user + system) / 1e6 };
  }
}

export function ready() {
  console.log("ready");
}

/** Print the result: one JSON line. */
export function tell(facts) {
  const manifest = new URL("./node_modules/@nats-io/transport-node/package.json", import.meta.url);
  console.log(JSON.stringify({
    client: JSON.parse(readFileSync(manifest, "utf8")).version,
    runtime: `Node ${process.versions.node}`,
    max_rss_bytes: process.resourceUsage().maxRSS * 1024,
    ...facts,
  }));
}

/** The median and the 99th percentile, in microseconds, of latencies in milliseconds. */
export function latencyFacts(milliseconds) {
  const ordered = Float64Array.from(milliseconds).sort();
  const at = (share) => ordered[Math.min(ordered.length - 1, Math.floor(ordered.length * share))] * 1e3;
  return { p50_us: at(0.5), p99_us: at(0.99) };
}
