/** A worker that keeps a number of connections busy with GET requests for a time, and reports each one's duration. */
import { Agent, get } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

const { urls, connections, milliseconds } = workerData;
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const end = performance.now() + milliseconds;
const durations = [];
const statuses = {};

function once(url) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    get(url, { agent }, (response) => {
      response.resume();
      response.on("end", () => {
        durations.push(performance.now() - start);
        statuses[response.statusCode] = (statuses[response.statusCode] ?? 0) + 1;
        resolve();
      });
    }).on("error", reject);
  });
}

async function connection(first) {
  for (let i = first; performance.now() < end; i += 1) await once(urls[i % urls.length]);
}

await Promise.all(Array.from({ length: connections }, (_, i) => connection(i)));
agent.destroy();
parentPort.postMessage({ durations, statuses });
