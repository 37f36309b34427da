/** The Mininet process: told what to build, heard when it is built, and ended so that nothing stays behind. */
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { mininetLibrary, type NetworkPlan } from "@sluice/formats";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";

const script = fileURLToPath(mininetLibrary);
/** Mininet is a Debian package of the system's own Python. */
const python = "/usr/bin/python3";
/** Longest that a network may take to come up, ms: 50 switches took 23 s on a quiet machine. */
const upMsMax = 300_000;
/** Longest that it may take to go, ms; then it is killed, and the kernel cleans up. */
const downMsMax = 60_000;
const complaintLinesMax = 20;

const networkSchema = z.object({
  pid: z.int(),
  bridge: z.string(),
  seconds: z.number(),
  switches: z.record(
    z.string(),
    z.object({ pid: z.int(), name: z.string(), runDir: z.string(), site: z.string(), ports: z.record(z.string(), z.int()) }),
  ),
  hosts: z.record(z.string(), z.object({ pid: z.int(), address: z.string(), mac: z.string() })),
  links: z.record(z.string(), z.object({ node: z.string(), interface: z.string(), port: z.int(), cable: z.string() })),
});

type Described = z.output<typeof networkSchema>;
export type SwitchPlace = Described["switches"][string];
export type HostPlace = Described["hosts"][string];
export type LinkPlace = Described["links"][string];

/** What was built; keys are ids of nodes and links. */
export interface BuiltNetwork {
  readonly bridge: string;
  /** How long it took. */
  readonly seconds: number;
  readonly switches: ReadonlyMap<string, SwitchPlace>;
  readonly hosts: ReadonlyMap<string, HostPlace>;
  readonly links: ReadonlyMap<string, LinkPlace>;
}

export interface NetworkProcess {
  readonly pid: number;
  readonly network: BuiltNetwork;
  /** Settles when the process is gone: its last words. */
  readonly ended: Promise<string>;
  /** Gives cables, by id, other capacities (bps) while packets flow. */
  shape(capacities: ReadonlyMap<string, number>): Promise<Result<undefined>>;
  stop(): Promise<void>;
}

/** Faults: `unavailable` with the process's own words, `deadline-exceeded`, `cancelled` by the signal; the network is gone then. */
export async function startNetwork(
  plan: NetworkPlan,
  { stateDir, signal }: { stateDir: string; signal: AbortSignal },
): Promise<Result<NetworkProcess>> {
  const planFile = join(stateDir, "network.json");
  writeFileSync(planFile, JSON.stringify(plan));
  // A process group of its own keeps Ctrl-C away: here is decided in which order things end. It ends when its stdin closes, so it cannot outlive us.
  const child = spawn(python, [script, planFile], { stdio: ["pipe", "pipe", "pipe"], detached: true });
  const log = createWriteStream(join(stateDir, "network.log"), { flags: "a" });
  const complaints: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    log.write(`${line}\n`);
    complaints.push(line);
    if (complaints.length > complaintLinesMax) complaints.shift();
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", () => {
      log.end();
      resolve(complaints.at(-1) ?? "it said nothing");
    });
  });
  const lines = createInterface({ input: child.stdout });
  const waiting = new AbortController();
  const described = await new Promise<Result<Described>>((resolve) => {
    const late = refuse(fault("deadline-exceeded", `The network was not up within ${upMsMax / 1000} s.`));
    // One that is not waited for any more must not keep this process.
    sleep(upMsMax, late, { signal: waiting.signal }).then(resolve, () => undefined);
    const cancel = (): void => resolve(refuse(fault("cancelled", "The lab was stopped.")));
    signal.addEventListener("abort", cancel, { once: true, signal: waiting.signal });
    void ended.then((how) => resolve(refuse(fault("unavailable", `The network could not be built: ${how}.`))));
    lines.once("line", (line) => {
      const parsed = networkSchema.safeParse(jsonOf(line));
      resolve(
        parsed.success ? ok(parsed.data) : refuse(fault("malformed", "What the network's process says of itself is not understood.")),
      );
    });
  });
  waiting.abort();
  if (!described.ok) {
    await stop(child, ended);
    return described;
  }
  const { bridge, seconds, switches, hosts, links } = described.value;
  const network: BuiltNetwork = {
    bridge,
    seconds,
    switches: new Map(Object.entries(switches)),
    hosts: new Map(Object.entries(hosts)),
    links: new Map(Object.entries(links)),
  };
  let last = Promise.resolve();
  const shape = (capacities: ReadonlyMap<string, number>): Promise<Result<undefined>> => {
    const answer = last.then(() => ask(child, lines, ended, { shape: [...capacities] }));
    last = answer.then(() => undefined);
    return answer;
  };
  return ok({ pid: described.value.pid, network, ended, shape, stop: () => stop(child, ended) });
}

const answerSchema = z.union([z.object({ error: z.string() }), z.object({ shaped: z.int() })]);

/** One command at a time: each is answered by one line. */
async function ask(child: ChildProcess, lines: Interface, ended: Promise<string>, command: object): Promise<Result<undefined>> {
  const line = new Promise<string>((resolve) => lines.once("line", resolve));
  // Where it is gone, that is the answer.
  child.stdin?.once("error", () => undefined).write(`${JSON.stringify(command)}\n`);
  const gone = ended.then((how) => JSON.stringify({ error: `the network is gone: ${how}` }));
  const answer = answerSchema.safeParse(jsonOf(await Promise.race([line, gone])));
  if (!answer.success) return refuse(fault("malformed", "The answer of the network's process is not understood."));
  return "error" in answer.data ? refuse(fault("unavailable", `The network does not obey: ${answer.data.error}.`)) : ok(undefined);
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.stdin?.end();
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), downMsMax);
  await ended;
  clearTimeout(timer);
}
