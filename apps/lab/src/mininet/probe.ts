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
/** Time for all probers to start, ms, and for the last packets to arrive, seconds. A prober that is late says so. */
const startMsLeast = 1_500;
const startMsPerProber = 250;
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
  const startMs = startMsLeast + startMsPerProber * ends.size;
  const startNs = process.hrtime.bigint() + BigInt(startMs) * 1_000_000n;
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
    const given = { port: probePort, startNs: Number(startNs), seconds, graceSeconds, flows: told };
    return prober(network.hosts.get(node)?.pid ?? -1, JSON.stringify(given));
  });
  const acting = sleep(startMs).then(() => during?.());
  const answers = await Promise.all(runs);
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

function prober(pid: number, given: string): Promise<Result<z.output<typeof answerSchema>>> {
  return new Promise((resolve) => {
    const child = spawn("nsenter", ["--target", String(pid), "--net", "--", "/usr/bin/python3", script], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", (error) => resolve(refuse(fault("unavailable", `The prober did not start: ${error.message}`))));
    child.once("close", (code) => {
      const said = stderr.trim().split("\n").at(-1) ?? "";
      if (code !== 0) return resolve(refuse(fault("unavailable", `The prober failed: ${said}`)));
      const parsed = answerSchema.safeParse(JSON.parse(stdout));
      resolve(parsed.success ? ok(parsed.data) : refuse(fault("malformed", "The prober's answer is not understood.")));
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(given);
  });
}
