/** Numbered packets between hosts of the lab, and what became of them. */
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";
import type { BuiltNetwork } from "./network-process.js";
import { analyseProbe, type ProbeReport } from "./probe-analysis.js";

const script = fileURLToPath(new URL("../../mininet/prober.py", import.meta.url));
const probePort = 9000;
/** Longest wait for a prober to be ready, ms. */
const readyMsMax = 60_000;
/** From when all are ready until they start, ms: time to tell them. A prober that is told too late says so. */
const startMsLeast = 500;
const startMsPerProber = 20;
/** Time for the last packets to arrive. */
const graceSeconds = 1;

export interface ProbeFlow {
  readonly src: string;
  readonly dst: string;
  readonly dscp: number;
  readonly sourcePort: number;
  readonly pps: number;
  /** UDP payload. */
  readonly bytes: number;
}

export interface ProbeRun {
  /** In the order of the flows. */
  readonly reports: readonly ProbeReport[];
  /** What an instant of `performance`-like monotonic nanoseconds (`process.hrtime`) is in the ms of the reports. */
  readonly msOf: (ns: bigint) => number;
}

const answerSchema = z.object({
  sent: z.record(z.string(), z.array(z.int())),
  received: z.record(z.string(), z.array(z.tuple([z.int(), z.int()]))),
});

/** `during` runs while packets flow, beginning with their first. Faults: `unavailable` where a prober fails. */
export async function probe(
  network: BuiltNetwork,
  flows: readonly ProbeFlow[],
  { seconds, during }: { readonly seconds: number; readonly during?: () => Promise<void> },
): Promise<Result<ProbeRun>> {
  const ends = new Set(flows.flatMap(({ src, dst }) => [src, dst]));
  const numbered = flows.map((flow, id) => ({ ...flow, id }));
  const runs = [...ends].map((node) => {
    const own = numbered.filter(({ src }) => src === node);
    const told = own.map(({ id, dst, dscp, sourcePort, pps, bytes }) => ({
      id,
      dscp,
      sourcePort,
      pps,
      bytes,
      address: network.hosts.get(dst)?.address ?? "",
    }));
    return startProber(network.hosts.get(node)?.pid ?? -1, { port: probePort, seconds, graceSeconds, flows: told });
  });
  const areReady = await Promise.all(runs.map(({ ready }) => ready));
  const startMs = startMsLeast + startMsPerProber * ends.size;
  const startNs = process.hrtime.bigint() + BigInt(startMs) * 1_000_000n;
  const late = areReady.find((each) => !each.ok);
  for (const { start, end } of runs) {
    if (late === undefined) start(startNs);
    else end();
  }
  if (late?.ok === false) return late;
  const acting = sleep(startMs).then(() => during?.());
  const answers = await Promise.all(runs.map(({ answer }) => answer));
  await acting;
  const sent = new Map<number, readonly number[]>();
  const received = new Map<number, readonly [number, number][]>();
  for (const answer of answers) {
    if (!answer.ok) return answer;
    for (const [id, times] of Object.entries(answer.value.sent)) sent.set(Number(id), times);
    for (const [id, arrivals] of Object.entries(answer.value.received)) received.set(Number(id), arrivals);
  }
  return ok({
    reports: numbered.map(({ id }) => analyseProbe(sent.get(id) ?? [], received.get(id) ?? [])),
    msOf: (ns) => Number(ns - startNs) / 1e6,
  });
}

interface Prober {
  /** Settles when it waits for its start. */
  readonly ready: Promise<Result<undefined>>;
  start(startNs: bigint): void;
  end(): void;
  readonly answer: Promise<Result<z.output<typeof answerSchema>>>;
}

function startProber(pid: number, given: object): Prober {
  const child = spawn("nsenter", ["--target", String(pid), "--net", "--", "/usr/bin/python3", script], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  const failed = (how: string): Result<never> => refuse(fault("unavailable", `The prober failed: ${how}`));
  const closed = new Promise<Result<string>>((resolve) => {
    child.once("error", (error) => resolve(failed(error.message)));
    child.once("close", (code) => resolve(code === 0 ? ok(stdout) : failed(stderr.trim().split("\n").at(-1) ?? "it said nothing")));
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ready = new Promise<Result<undefined>>((resolve) => {
    const timer = setTimeout(() => resolve(failed(`it was not ready within ${readyMsMax / 1000} s`)), readyMsMax);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (stdout.startsWith("ready\n")) resolve(ok(undefined));
    });
    void closed.then((end) => resolve(end.ok ? failed("it ended before it was ready") : end));
    void closed.finally(() => clearTimeout(timer));
  });
  child.stdin.on("error", () => undefined);
  child.stdin.write(`${JSON.stringify(given)}\n`);
  return {
    ready,
    start: (startNs) => void child.stdin.end(`${startNs}\n`),
    end: () => void child.kill("SIGKILL"),
    answer: closed.then((end) => {
      if (!end.ok) return end;
      const parsed = answerSchema.safeParse(JSON.parse(end.value.slice("ready\n".length)));
      return parsed.success ? ok(parsed.data) : refuse(fault("malformed", "The prober's answer is not understood."));
    }),
  };
}
