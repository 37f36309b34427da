/**
 * Golden networks: small ones drawn here, and Abilene from the project's examples. Each carries the optimum of every objective with
 * prices that prove it (golden.json). So a golden optimum is trusted because of its certificate, and not because a solver once said so.
 * `SLUICE_GOLDEN=write` writes the file anew; review what changes.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import {
  buildTopology,
  matrixAt,
  objectiveNames,
  parseDemandSeries,
  planSettingsDefault,
  type ObjectiveName,
  type Snapshot,
  type TopologyInput,
} from "@sluice/model";
import { buildProblem } from "../build-problem.js";
import { certify } from "../certificate.js";
import { planOf } from "../testing/planning.js";
import { snapshotOf } from "../testing/snapshot.js";
import { candidateTunnels } from "../tunnels/candidate-tunnels.js";

const file = resolve(import.meta.dirname, "golden.json");
const examples = resolve(import.meta.dirname, "../../../../examples");

interface Golden {
  readonly network: string;
  readonly objective: ObjectiveName;
  readonly value: number;
  readonly admittedBps: number;
  readonly linkPrices: Readonly<Record<string, number>>;
}

function network(name: string, links: readonly (readonly [from: string, to: string, gbps: number, ms: number])[]): TopologyInput {
  return {
    name,
    nodes: [...new Set(links.flatMap(([from, to]) => [from, to]))].map((id) => ({ id })),
    links: links.map(([from, to, gbps, ms], i) => ({
      id: `${i}:${from}-${to}`,
      from,
      to,
      capacityBps: gbps * 1e9,
      latencyMs: ms,
      metric: ms,
    })),
  };
}

const drawn: Readonly<Record<string, Snapshot>> = {
  // One long demand in the way of two short ones, 10 Gb/s each: throughput refuses it, fairness halves all three.
  //
  //    a ==10==> b ==10==> c
  line: snapshotOf(
    network("line", [
      ["a", "b", 10, 1],
      ["b", "c", 10, 1],
    ]),
    [
      ["a", "b", "interactive", 10e9],
      ["a", "c", "interactive", 10e9],
      ["b", "c", "interactive", 10e9],
    ],
  ),
  // The shortest path s-a-b-t crosses both others: who takes it alone blocks the rest.
  //
  //    s --1ms-- a --5ms-- t
  //     \        |1ms     /
  //      5ms --- b --1ms-
  trap: snapshotOf(
    network("trap", [
      ["s", "a", 10, 1],
      ["a", "b", 10, 1],
      ["b", "t", 10, 1],
      ["s", "b", 10, 5],
      ["a", "t", 10, 5],
    ]),
    [["s", "t", "interactive", 25e9]],
  ),
  // Three demands around a ring of unit links, each the short way or, on what the way back has left, the long one.
  //
  //        a
  //      /   \        10 Gb/s clockwise, 4 Gb/s back
  //     c --- b
  ring: snapshotOf(
    network("ring", [
      ["a", "b", 10, 1],
      ["b", "c", 10, 1],
      ["c", "a", 10, 1],
      ["b", "a", 4, 1],
      ["c", "b", 4, 1],
      ["a", "c", 4, 1],
    ]),
    [
      ["a", "b", "interactive", 12e9],
      ["b", "c", "interactive", 14e9],
      ["c", "a", "interactive", 6e9],
    ],
  ),
};

/** Abilene at noon, all demands in one class and three times as large, so that links fill. */
function abilene(): Snapshot {
  const read = (name: string): unknown => JSON.parse(readFileSync(resolve(examples, name), "utf8"));
  const day = parseDemandSeries(read("abilene-day.json"));
  if (!day.ok) throw new Error("the examples are valid");
  const rates = new Map<string, number>();
  for (const { src, dst, rateBps } of matrixAt(day.value, 48).demands) {
    rates.set(`${src} ${dst}`, (rates.get(`${src} ${dst}`) ?? 0) + 3 * rateBps);
  }
  const demands = [...rates].map(([pair, rateBps]) => {
    const [src = "", dst = ""] = pair.split(" ");
    return [src, dst, "interactive", rateBps] as const;
  });
  return snapshotOf(read("abilene.json") as TopologyInput, demands);
}

const networks: Readonly<Record<string, Snapshot>> = {
  ...drawn,
  ...(existsSync(resolve(examples, "abilene-day.json")) ? { abilene: abilene() } : {}),
};

function withObjective(snapshot: Snapshot, objective: ObjectiveName): Snapshot {
  return { ...snapshot, settings: { ...planSettingsDefault, objective, deadlineSeconds: 600 } };
}

async function solved(name: string, objective: ObjectiveName): Promise<Golden> {
  const plan = await planOf(withObjective(networks[name] as Snapshot, objective));
  const [first] = plan.classes;
  if (first === undefined) throw new Error("a plan has three classes");
  const linkPrices = Object.fromEntries(first.certificate.linkPrices.map(({ linkId, price }) => [linkId, price]));
  return { network: name, objective, value: first.certificate.value, admittedBps: first.admittedBps, linkPrices };
}

if (process.env["SLUICE_GOLDEN"] === "write") {
  const all: Golden[] = [];
  for (const name of Object.keys(networks)) for (const objective of objectiveNames) all.push(await solved(name, objective));
  writeFileSync(file, `${JSON.stringify(all, undefined, 2)}\n`);
}

const golden = JSON.parse(readFileSync(file, "utf8")) as readonly Golden[];

describe("golden networks", () => {
  it("are all there", () => {
    expect([...new Set(golden.map((item) => item.network))]).toEqual(Object.keys(networks));
    expect(golden).toHaveLength(Object.keys(networks).length * objectiveNames.length);
  });

  it.each(golden)("$network, $objective: the stored prices prove the stored optimum", ({ network: name, objective, value, linkPrices }) => {
    if (objective === "shortest-path" || objective === "max-min-fair") return;
    const snapshot = networks[name] as Snapshot;
    const topology = buildTopology(snapshot.topology);
    if (!topology.ok) throw new Error("golden topologies are valid");
    const { demands } = snapshot.demands;
    const capacityBps = Float64Array.from(topology.value.links, (link) => link.capacityBps);
    const { problem } = buildProblem(
      topology.value,
      demands,
      candidateTunnels(topology.value, demands, planSettingsDefault.tunnels),
      capacityBps,
    );
    const prices = Float64Array.from(topology.value.links, (link) => linkPrices[link.id] ?? 0);
    const { bound = Number.NaN } = certify(problem, objective, new Float64Array(problem.pathCount), prices);
    expect(Math.abs(bound - value) / value).toBeLessThanOrEqual(1e-6);
  });

  it.each(golden)("$network, $objective: solving gives the stored optimum", async ({ network: name, objective, value, admittedBps }) => {
    const now = await solved(name, objective);
    expect(Math.abs(now.value - value) / value).toBeLessThanOrEqual(1e-6);
    // Which of several optima is found, and so what rounding costs, may differ a little.
    expect(Math.abs(now.admittedBps - admittedBps) / admittedBps).toBeLessThanOrEqual(2e-3);
  });

  it("are what can be worked out by hand", () => {
    const valueOf = (name: string, objective: ObjectiveName): number | undefined =>
      golden.find((item) => item.network === name && item.objective === objective)?.value;
    expect(valueOf("line", "max-throughput")).toBeCloseTo(20e9, -3);
    expect(valueOf("line", "max-concurrent")).toBeCloseTo(0.5, 6);
    expect(valueOf("line", "min-max-utilization")).toBeCloseTo(2, 5);
    expect(valueOf("line", "max-min-fair")).toBeCloseTo(15e9, -3);
    // First come: a-b takes all of its link, and a-c finds it full.
    expect(valueOf("line", "shortest-path")).toBeCloseTo(20e9, -3);
    expect(valueOf("trap", "max-throughput")).toBeCloseTo(20e9, -3);
    expect(valueOf("trap", "shortest-path")).toBeCloseTo(10e9, -3);
    expect(valueOf("trap", "min-max-utilization")).toBeCloseTo(1.25, 5);
  });
});
