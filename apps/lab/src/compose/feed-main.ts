/** Feeds the controller of a network in containers with a topology and a day of demand, over gRPC, until it is stopped. */
import { readFileSync } from "node:fs";
import { credentials } from "@grpc/grpc-js";
import { Command, InvalidArgumentError } from "commander";
import pino from "pino";
import { readSeriesOrMatrix } from "sluice";
import { ControllerClient } from "../controller-client.js";
import { feed } from "./feed.js";

const program = new Command("sluice-feed")
  .description("Sends a controller its topology, where it has none, and the demand of the moment from a file, again and again.")
  .requiredOption("--controller <host:port>", "where it serves gRPC")
  .requiredOption("--network <file>", "topology, of any format that sluice reads")
  .requiredOption("--demands <file>", "demand matrix or series")
  .option("--interval-seconds <s>", "how long an interval of the series lasts here", seconds, 60)
  .option("--tls-ca <file>", "PEM: whose signature on the controller's certificate counts; with --tls-cert and --tls-key")
  .option("--tls-cert <file>", "PEM: client certificate")
  .option("--tls-key <file>", "PEM: its key")
  .parse();
const given = program.opts<{
  controller: string;
  network: string;
  demands: string;
  intervalSeconds: number;
  tlsCa?: string;
  tlsCert?: string;
  tlsKey?: string;
}>();
const log = pino({ base: { feeder: given.controller } }, pino.destination({ fd: 2, sync: true }));

function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < 0.1 || value > 86_400) throw new InvalidArgumentError("Give seconds from 0.1 to 86400.");
  return value;
}

function security() {
  const { tlsCa, tlsCert, tlsKey } = given;
  const files = [tlsCa, tlsKey, tlsCert];
  if (files.every((file) => file === undefined)) return credentials.createInsecure();
  if (tlsCa === undefined || tlsCert === undefined || tlsKey === undefined)
    return program.error("error: --tls-ca, --tls-cert and --tls-key go together");
  return credentials.createSsl(readFileSync(tlsCa), readFileSync(tlsKey), readFileSync(tlsCert));
}

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopping.abort());

const read = await readSeriesOrMatrix({ topology: given.network, demands: given.demands });
if (!read.ok) {
  log.fatal({ faults: read.faults }, read.faults[0].message);
  process.exit(1);
}
const client = new ControllerClient(given.controller, security());
log.info({ network: given.network, intervalSeconds: given.intervalSeconds }, "feeding");
await feed({
  controller: client,
  topology: read.value.network.topology,
  matrices: read.value.matrices,
  intervalSeconds: given.intervalSeconds,
  nowMs: () => Date.now(),
  signal: stopping.signal,
  onMeasured: (interval, demands) => log.info({ interval, demands }, "measured"),
  onFaults: (faults) => log.warn({ faults }, "the controller did not take it; it is tried again"),
});
client.close();
