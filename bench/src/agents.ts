/**
 * A thousand agents on one controller: all connect at once, all are given their rules, the controller is killed and all come back, all lose
 * what they held, and one of them hangs. Agents run in a process of their own, each with its own connection.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ControllerClient, startController, type ControllerProcess } from "@sluice/lab";
import {
  buildTopology,
  planSettingsDefault,
  topologyDocument,
  type Demand,
  type DemandMatrix,
  type LinkId,
  type NodeId,
  type Topology,
} from "@sluice/model";
import type { AgentsStart } from "./agents-process.js";
import { valueOf } from "./network.js";
import { cpuSecondsOf, residentMbOf } from "./process-figures.js";
import type { BenchReport } from "./report.js";
import { controllerEntry } from "./running-network.js";

const agentsEntry = new URL("./agents-process.js", import.meta.url);
/** Between two looks at the controller, ms: each costs it some work for every agent. */
const pollMs = 200;
/** Demands that begin at each node: some 200 rules a switch at 1,000 nodes. */
const demandsEach = 10;
/** Longest wait for anything, ms. */
const waitMsMax = 300_000;

interface Phase {
  readonly name: string;
  readonly seconds: number;
  /** Of the controller process in that time. */
  readonly cpuSeconds: number;
  /** Largest that was seen in that time. */
  readonly residentMb: number;
}

interface Status {
  readonly plan?: { readonly epoch: number; readonly ruleCount: number };
  readonly agents: { readonly total: number; readonly absent: number; readonly onTarget: number };
}

export async function benchAgents(agents = 1_000): Promise<BenchReport> {
  const topology = torus(agents);
  const [last] = topology.nodes.slice(-1);
  const dataDir = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  const processes: ChildProcess[] = [];
  let controller = await start("127.0.0.1:0", "127.0.0.1:0");
  const { grpc, rest } = controller.serving;
  const client = new ControllerClient(grpc);
  const phases: Phase[] = [];

  function start(grpcAddress: string, restAddress: string): Promise<ControllerProcess> {
    return startController({
      entry: controllerEntry,
      dataDir,
      grpc: grpcAddress,
      rest: restAddress,
      cycleSeconds: 0.5,
      settings: { ...planSettingsDefault, objective: "shortest-path", deadlineSeconds: 60 },
      logFile: join(dataDir, "controller.log"),
      verbose: false,
    }).then(valueOf);
  }

  function startAgents(which: (nodeId: NodeId) => boolean): ChildProcess {
    const child = fork(agentsEntry, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const nodes = topology.nodes
      .filter(({ id }) => which(id))
      .map(({ id }) => ({ nodeId: id, linkIds: topology.links.filter(({ from }) => from === id).map((link) => link.id) }));
    child.send({ controller: grpc, nodes } satisfies AgentsStart);
    processes.push(child);
    return child;
  }

  async function phase(name: string, begin: () => unknown, done: (status: Status) => boolean): Promise<Status> {
    const pid = controller.serving.pid;
    const [cpuBefore, started] = [cpuSecondsOf(pid), performance.now()];
    await begin();
    const { pid: pidNow } = controller.serving;
    let residentMb = 0;
    for (;;) {
      residentMb = Math.max(residentMb, residentMbOf(pidNow));
      const status = await statusOf(rest);
      const seconds = (performance.now() - started) / 1_000;
      if (status !== undefined && done(status)) {
        phases.push({ name, seconds, cpuSeconds: cpuSecondsOf(pidNow) - (pidNow === pid ? cpuBefore : 0), residentMb });
        return status;
      }
      if (seconds * 1_000 > waitMsMax) throw new Error(`${name}: not done within ${waitMsMax / 1_000} s; ${JSON.stringify(status)}`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  const allOnTarget = ({ agents: { absent, onTarget, total } }: Status): boolean => total === agents && absent === 0 && onTarget === agents;
  const beyond = (epoch: number) => (status: Status) => (status.plan?.epoch ?? 0) > epoch && allOnTarget(status);
  const epochOf = (status: Status): number => status.plan?.epoch ?? 0;
  try {
    valueOf(await client.replaceTopology(topologyDocument(topology)));
    let crowd: ChildProcess | undefined;
    await phase(
      "all connect at once",
      () => {
        crowd = startAgents((id) => id !== last?.id);
        startAgents((id) => id === last?.id);
      },
      ({ agents: { absent, total } }) => total === agents && absent === 0,
    );
    const installed = await phase(
      "first plan: solved, verified, installed",
      async () => valueOf(await client.measure(demandsOf(topology, 1))),
      beyond(0),
    );
    const changed = await phase(
      "all rates changed: the same again",
      async () => valueOf(await client.measure(demandsOf(topology, 2))),
      beyond(epochOf(installed)),
    );
    const restarted = await phase(
      "controller killed, started again: all come back",
      async () => {
        process.kill(controller.serving.pid, "SIGKILL");
        await controller.ended;
        controller = await start(grpc, rest.replace("http://", ""));
      },
      allOnTarget,
    );
    await phase(
      "all but one lose what they held: full sync",
      async () => {
        crowd?.kill("SIGKILL");
        if (crowd !== undefined && crowd.exitCode === null && crowd.signalCode === null) await once(crowd, "exit");
        startAgents((id) => id !== last?.id);
        await until(async () => ((await statusOf(rest))?.agents.onTarget ?? agents) < agents);
      },
      allOnTarget,
    );
    client.reconnect();
    processes[1]?.kill("SIGSTOP");
    await phase(
      "one hangs, all rates changed: done at the others",
      async () => valueOf(await client.measure(demandsOf(topology, 3))),
      ({ agents: { onTarget }, ...status }) => epochNewest(status) > epochOf(changed) && onTarget === agents - 1,
    );
    processes[1]?.kill("SIGCONT");
    await phase("it goes on: done everywhere", () => undefined, beyond(Math.max(epochOf(changed), epochOf(restarted))));
    return reportOf(agents, topology, installed, phases);
  } finally {
    for (const child of processes) child.kill("SIGKILL");
    client.close();
    await controller.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function reportOf(agents: number, topology: Topology, installed: Status, phases: readonly Phase[]): BenchReport {
  const rules = installed.plan?.ruleCount ?? 0;
  return {
    bench: "agents",
    head: [`${agents.toLocaleString("en")} agents, ${rules.toLocaleString("en")} rules`, "seconds", "controller's CPU s", "its RSS MB"],
    rows: phases.map(({ name, seconds, cpuSeconds, residentMb }) => [
      name,
      seconds.toFixed(1),
      cpuSeconds.toFixed(1),
      residentMb.toFixed(0),
    ]),
    legend: [
      `One run on a torus of ${topology.nodes.length} nodes and ${topology.links.length} links, shortest paths; agents with switches in memory in a process of their own, each with its own connection, on this machine.`,
      "Seconds until every agent holds what it should, by the controller's own account of their digests; solving, checking and the plan's write included where there is a new plan.",
    ],
    numbers: { agents, rules, phases },
  };
}

function epochNewest(status: unknown): number {
  return (status as { readonly epochNewest?: number }).epochNewest ?? 0;
}

/** Undefined while nobody answers, or the controller is too busy to. */
async function statusOf(rest: string): Promise<Status | undefined> {
  try {
    const response = await fetch(`${rest}/v1/status`);
    const body = await response.text();
    return response.ok ? (JSON.parse(body) as Status) : undefined;
  } catch {
    return undefined; // It is being started again.
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + waitMsMax; performance.now() < deadline;) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new Error(`nothing happened within ${waitMsMax / 1_000} s`);
}

/** Rows and columns as near to each other as the count allows, each node joined to its four neighbours around both ways. */
function torus(nodes: number): Topology {
  const columns = Array.from({ length: Math.floor(Math.sqrt(nodes)) }, (_, i) => i + 1).findLast((count) => nodes % count === 0) ?? 1;
  const rows = nodes / columns;
  const ids = Array.from({ length: nodes }, (_, i) => `n${String(i).padStart(4, "0")}` as NodeId);
  const links = ids.flatMap((id, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const neighbours = [ids[((row + 1) % rows) * columns + column], ids[row * columns + ((column + 1) % columns)]];
    return neighbours.flatMap((other) => {
      if (other === undefined || other === id) return [];
      const common = { capacityBps: 4e12, latencyMs: 1, metric: 1, srlgIds: [], drain: "active", operational: "up" } as const;
      return [
        { id: `${id}>${other}` as LinkId, from: id, to: other, ...common },
        { id: `${other}>${id}` as LinkId, from: other, to: id, ...common },
      ];
    });
  });
  const nodesUp = ids.map((id) => ({ id, drain: "active" as const, operational: "up" as const }));
  return valueOf(buildTopology({ kind: "topology", name: `torus-${rows}x${columns}`, sites: [], nodes: nodesUp, links } as never));
}

/** Every node sends to as many others, spread evenly over all distances. */
function demandsOf(topology: Topology, scale: number): DemandMatrix {
  const { nodes } = topology;
  const demands = nodes.flatMap(({ id: src }, i) =>
    Array.from(
      { length: demandsEach },
      (_, j) => nodes[(i + Math.round(((j + 1) * nodes.length) / (demandsEach + 1.3))) % nodes.length]?.id,
    ).flatMap((dst) =>
      dst === undefined || dst === src ? [] : [{ src, dst, trafficClass: "elastic", rateBps: scale * 1e8 } satisfies Demand],
    ),
  );
  return { kind: "demand-matrix", name: `${demandsEach} each x ${scale}`, demands };
}
