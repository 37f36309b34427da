/**
 * The exact answer over all paths: flow is placed on links, not on given paths, one commodity per source (demands from one
 * source share a tree of conservation rows, so that there are nodes x links columns instead of demands x links). The flow is then
 * decomposed into paths. For small and middling networks, and as the yardstick of path sets.
 *
 *   f(s, e) >= 0   flow of source s on link e           a(d) >= 0   admitted of demand d
 *   load(e) = sum over s of f(s, e)                     admitted(d) = a(d)
 */
import type { ObjectiveName } from "@sluice/model";
import type { ProgramBuilder } from "@sluice/lp";
import { edgeCertify } from "./certificate.js";
import { decomposeFlow, type PathFlow } from "./flow-decomposition.js";
import { unitBpsOf, type FlowModel } from "./flow-model.js";
import { idle, judge, repair, type FlowObjective } from "./path-lp.js";
import type { Problem } from "@sluice/mcf";
import type { SchemeOptions, SchemeOutcome } from "./scheme.js";
import { maximizeConcurrent } from "./schemes/max-concurrent.js";
import { maximizeThroughput } from "./schemes/max-throughput.js";
import { minimizeCost } from "./schemes/min-cost.js";
import { minimizeUtilization } from "./schemes/min-max-utilization.js";

/** Objectives that have an edge-based form: shortest-path needs none, max-min-fair is defined on given paths. */
export const edgeObjectives = {
  "max-throughput": maximizeThroughput,
  "min-cost": minimizeCost,
  "min-max-utilization": minimizeUtilization,
  "max-concurrent": maximizeConcurrent,
} as const satisfies Partial<Record<ObjectiveName, FlowObjective>>;

export type EdgeObjectiveName = keyof typeof edgeObjectives;

export function hasEdgeForm(objective: ObjectiveName): objective is EdgeObjectiveName {
  return Object.hasOwn(edgeObjectives, objective);
}

export interface EdgeOutcome extends SchemeOutcome {
  /** The paths that carry the flow, in a problem's form: `flowBps` is one rate for each of them. */
  readonly paths: Pick<Problem, "pathCount" | "pathStart" | "linkStart" | "pathLinks">;
}

/**
 * The problem's own paths are not looked at. A demand is unroutable where no links with capacity lead to its destination.
 * Status `failed` for an objective without an edge-based form. O(sources x links) columns beside the solver's work.
 */
export async function edgeBased(problem: Problem, objective: ObjectiveName, options: SchemeOptions): Promise<EdgeOutcome> {
  if (!hasEdgeForm(objective)) return withoutEdgeForm(problem, objective, options);
  const edge = edgeModel(problem);
  const solved = edge.model.columnCount === 0 ? idle(edge.model) : await edgeObjectives[objective](edge.model, options);
  const flows = solved.columnsBps === undefined ? [] : pathFlows(problem, edge, solved.columnsBps);
  if (objective === "min-max-utilization" && solved.columnsBps !== undefined) fillGaps(problem, edge, flows);
  const packed = packPaths(problem, flows);
  const { paths } = packed;
  const onPaths: Problem = { ...problem, ...paths };
  const flowBps = repair(onPaths, objective, packed.flowBps);
  return {
    ...judge(solved, flowBps, edgeCertify(onPaths, objective, flowBps, solved.linkPrice), { ...options, solver: options.lp.name }),
    paths,
  };
}

function withoutEdgeForm(problem: Problem, objective: ObjectiveName, { lp }: SchemeOptions): EdgeOutcome {
  const { paths, flowBps } = packPaths(problem, []);
  return { status: "failed", flowBps, paths, objective: 0, solver: lp.name, message: `There is no edge-based form of ${objective}.` };
}

interface Commodity {
  readonly source: number;
  /** Column of f(source, e), or -1 where link e is of no use to the source. */
  readonly columnOfLink: Int32Array;
  /** The source's routable demands and the columns of what is admitted of them. */
  readonly demands: readonly { readonly demand: number; readonly column: number }[];
  /** 1 for nodes that the source reaches. */
  readonly reached: Uint8Array;
}

interface EdgeModel {
  readonly model: FlowModel;
  readonly commodities: readonly Commodity[];
}

export function edgeModel(problem: Problem): EdgeModel {
  const { demandCount, demandBps, demandSrc, demandDst, linkCount, linkTo, linkFrom, latencyMs, capacityBps } = problem;
  const bySource = new Map<number, number[]>();
  for (let d = 0; d < demandCount; d++) {
    const source = demandSrc[d] ?? 0;
    if ((demandBps[d] ?? 0) > 0) bySource.set(source, [...(bySource.get(source) ?? []), d]);
  }
  const columnLatencyMs: number[] = [];
  const columnOfDemand = new Int32Array(demandCount).fill(-1);
  const newColumn = (latency: number): number => columnLatencyMs.push(latency) - 1;
  const commodities = [...bySource].flatMap(([source, demands]): readonly Commodity[] => {
    const reached = reachedFrom(problem, source);
    const routable = demands.filter((d) => reached[demandDst[d] ?? 0] === 1);
    if (routable.length === 0) return [];
    const columnOfLink = new Int32Array(linkCount).fill(-1);
    for (let e = 0; e < linkCount; e++) {
      // Flow back into its own source would only be a cycle.
      const useful = (capacityBps[e] ?? 0) > 0 && reached[linkFrom[e] ?? 0] === 1 && linkTo[e] !== source;
      if (useful) columnOfLink[e] = newColumn(latencyMs[e] ?? 0);
    }
    return [
      {
        source,
        columnOfLink,
        reached,
        demands: routable.map((demand) => ({ demand, column: (columnOfDemand[demand] = newColumn(0)) })),
      },
    ];
  });

  const load = pack(linkCount, (e) => commodities.map(({ columnOfLink }) => columnOfLink[e] ?? -1));
  const admit = pack(demandCount, (d) => [columnOfDemand[d] ?? -1]);
  const model: FlowModel = {
    problem,
    unitBps: unitBpsOf(problem),
    columnCount: columnLatencyMs.length,
    latencyMs: Float64Array.from(columnLatencyMs),
    loadStart: load.start,
    loadColumns: load.items,
    admitStart: admit.start,
    admitColumns: admit.items,
    linksPerFlowMax: Math.max(1, problem.nodeCount - 1),
    // Flow on links may run in cycles: every link needs its row, or the optimal set would not be bounded.
    potentialBps: new Float64Array(linkCount).fill(Infinity),
    conserve: (builder) => addConservationRows(builder, problem, commodities),
  };
  return { model, commodities };
}

/**
 * Conservation:  sum of f(s, e) into v  -  sum of f(s, e) out of v  -  sum of a(d) from s to v  =  0
 * for each source s and each other node v that it reaches.
 */
function addConservationRows(
  builder: ProgramBuilder,
  { nodeCount, linkFrom, linkTo, demandDst }: Problem,
  commodities: readonly Commodity[],
): void {
  for (const { source, columnOfLink, demands, reached } of commodities) {
    const rowOfNode = new Int32Array(nodeCount).fill(-1);
    for (let v = 0; v < nodeCount; v++) if (v !== source && reached[v] === 1) rowOfNode[v] = builder.addRow({ lower: 0, upper: 0 });
    const add = (node: number | undefined, column: number, value: number): void => {
      const row = rowOfNode[node ?? -1] ?? -1;
      if (row >= 0) builder.addEntry(row, column, value);
    };
    columnOfLink.forEach((column, e) => {
      if (column < 0) return;
      add(linkTo[e], column, 1);
      add(linkFrom[e], column, -1);
    });
    for (const { demand, column } of demands) add(demandDst[demand], column, -1);
  }
}

function reachedFrom({ nodeCount, linkCount, linkFrom, linkTo, capacityBps }: Problem, source: number): Uint8Array {
  const reached = new Uint8Array(nodeCount);
  reached[source] = 1;
  for (let grew = true; grew;) {
    grew = false;
    for (let e = 0; e < linkCount; e++) {
      if ((capacityBps[e] ?? 0) <= 0 || reached[linkFrom[e] ?? 0] === 0 || reached[linkTo[e] ?? 0] === 1) continue;
      reached[linkTo[e] ?? 0] = 1;
      grew = true;
    }
  }
  return reached;
}

/** Lists of lists as offsets and items; items below zero are left out. */
function pack(count: number, listOf: (i: number) => readonly number[]): { readonly start: Int32Array; readonly items: Int32Array } {
  const start = new Int32Array(count + 1);
  const items: number[] = [];
  for (let i = 0; i < count; i++) {
    for (const item of listOf(i)) if (item >= 0) items.push(item);
    start[i + 1] = items.length;
  }
  return { start, items: Int32Array.from(items) };
}

/** Per demand, its paths. */
function pathFlows(problem: Problem, { commodities }: EdgeModel, columnsBps: Float64Array): (readonly PathFlow[])[] {
  const flows: (readonly PathFlow[])[] = Array.from({ length: problem.demandCount }, () => []);
  for (const { source, columnOfLink, demands } of commodities) {
    const linkBps = Float64Array.from(columnOfLink, (column) => (column < 0 ? 0 : (columnsBps[column] ?? 0)));
    const sinks = demands.map(({ demand, column }) => ({ node: problem.demandDst[demand] ?? 0, bps: columnsBps[column] ?? 0 }));
    decomposeFlow(problem, { source, linkBps, sinks }).forEach((paths, i) => {
      flows[demands[i]?.demand ?? 0] = paths;
    });
  }
  return flows;
}

/** A demand so small that its flow drowned in the solver's rounding still has to be carried: on any path. */
function fillGaps(problem: Problem, { commodities }: EdgeModel, flows: (readonly PathFlow[])[]): void {
  for (const { source, demands } of commodities) {
    for (const { demand } of demands) {
      if ((flows[demand] ?? []).length > 0) continue;
      flows[demand] = [{ links: fewestLinks(problem, source, problem.demandDst[demand] ?? 0), bps: problem.demandBps[demand] ?? 0 }];
    }
  }
}

/** A path with the fewest links with capacity. The destination is reachable. */
function fewestLinks(
  { nodeCount, linkCount, linkFrom, linkTo, capacityBps }: Problem,
  source: number,
  destination: number,
): readonly number[] {
  const linkInto = new Int32Array(nodeCount).fill(-1);
  const depth = new Int32Array(nodeCount).fill(-1);
  depth[source] = 0;
  for (let level = 0; depth[destination] === -1 && level < nodeCount; level++) {
    for (let e = 0; e < linkCount; e++) {
      const to = linkTo[e] ?? 0;
      if ((capacityBps[e] ?? 0) <= 0 || depth[linkFrom[e] ?? 0] !== level || depth[to] !== -1) continue;
      depth[to] = level + 1;
      linkInto[to] = e;
    }
  }
  const links: number[] = [];
  for (let node = destination; node !== source; node = linkFrom[linkInto[node] ?? 0] ?? source) links.push(linkInto[node] ?? 0);
  return links.reverse();
}

function packPaths({ demandCount }: Problem, flows: readonly (readonly PathFlow[])[]): Pick<EdgeOutcome, "paths" | "flowBps"> {
  const all = Array.from({ length: demandCount }, (_, d) => flows[d] ?? []);
  const flat = all.flat();
  const pathStart = new Int32Array(demandCount + 1);
  all.forEach((paths, d) => (pathStart[d + 1] = (pathStart[d] ?? 0) + paths.length));
  const links = pack(flat.length, (p) => flat[p]?.links ?? []);
  return {
    paths: { pathCount: flat.length, pathStart, linkStart: links.start, pathLinks: links.items },
    flowBps: Float64Array.from(flat, ({ bps }) => bps),
  };
}
