/**
 * A worker with clients of server-sent events: most read and note when each event came, one asks for all that there is
 * and reads nothing. It answers `count` with what the readers have seen, and ends at `end`.
 */
import { Agent, get } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

const { url, readers, stalledFrom } = workerData;
const agent = new Agent({ maxSockets: Infinity });
const clients = [];
/** From the event's own time, which the controller's machine gave it, to its arrival, ms. */
const delays = [];
let ended = 0;
let open = 0;

function reader() {
  const client = { last: 0, count: 0, gaps: 0 };
  clients.push(client);
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      if (response.statusCode !== 200) {
        reject(new Error(`a watcher was answered ${response.statusCode}`));
        return;
      }
      open += 1;
      let pending = "";
      response.setEncoding("utf8");
      response.on("data", (text) => {
        const now = performance.timeOrigin + performance.now();
        const blocks = (pending + text).split("\n\n");
        pending = blocks.pop();
        for (const block of blocks) {
          const data = block.split("\n").find((line) => line.startsWith("data: "));
          if (data === undefined) continue;
          const { sequence, at } = JSON.parse(data.slice(6));
          if (client.last !== 0 && sequence !== client.last + 1) client.gaps += 1;
          client.last = sequence;
          client.count += 1;
          delays.push(now - Date.parse(at));
        }
      });
      response.on("close", () => (ended += 1));
      response.on("error", () => undefined);
      resolve();
    }).on("error", reject);
  });
}

/** Asks for all that there is from an event on, and takes none of it. */
function stall() {
  return new Promise((resolve, reject) => {
    get(`${url}?after=${stalledFrom}`, { agent }, (response) => {
      response.pause();
      response.on("error", () => undefined);
      resolve();
    }).on("error", reject);
  });
}

await Promise.all([...Array.from({ length: readers }, reader), stall()]);
parentPort.postMessage({ open });
parentPort.on("message", (message) => {
  if (message === "end") {
    agent.destroy();
    parentPort.close();
    return;
  }
  const counts = clients.map(({ count }) => count);
  parentPort.postMessage({
    delays,
    events: counts.reduce((sum, count) => sum + count, 0),
    fewest: Math.min(...counts),
    most: Math.max(...counts),
    gaps: clients.reduce((sum, { gaps }) => sum + gaps, 0),
    ended,
  });
});
