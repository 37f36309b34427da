/**
 * A worker that sends GET requests at a constant rate, whether or not those before are answered (open loop). Each is timed from the moment at
 * which it should have been sent: a server that stops for a second is charged for all that would have come meanwhile, and so is this
 * worker where it is late itself, which `lateMs` tells apart.
 */
import { Agent, get } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

const { urls, perSecond, milliseconds, sockets } = workerData;
const agent = new Agent({ keepAlive: true, maxSockets: sockets });
const total = Math.round((perSecond * milliseconds) / 1000);
const start = performance.now();
const durations = [];
const lateMs = [];
const statuses = {};
let sent = 0;
let answered = 0;
let bytes = 0;

function count(what) {
  statuses[what] = (statuses[what] ?? 0) + 1;
}

function end() {
  answered += 1;
  if (answered < total) return;
  agent.destroy();
  parentPort.postMessage({ durations, lateMs, statuses, bytes, seconds: (performance.now() - start) / 1000 });
}

function send(i) {
  const intended = start + (i * 1000) / perSecond;
  lateMs.push(performance.now() - intended);
  get(urls[i % urls.length], { agent }, (response) => {
    response.on("data", (chunk) => (bytes += chunk.length));
    response.on("end", () => {
      durations.push(performance.now() - intended);
      count(response.statusCode);
      end();
    });
  }).on("error", (error) => {
    count(error.code ?? "error");
    end();
  });
}

function tick() {
  const due = Math.min(total, Math.floor(((performance.now() - start) * perSecond) / 1000) + 1);
  while (sent < due) send(sent++);
  if (sent < total) setTimeout(tick, 1);
}
tick();
