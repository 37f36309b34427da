/** Flow on given paths: one column a path. What the path-based schemes share: model, repair, outcome; by LP or by an engine of our own. */
import { gapMaxDefault, type ObjectiveName } from "@sluice/model";
import { certify, type FlowCertificate } from "./certificate.js";
import { fitToCapacity } from "./flow.js";
import { unitBpsOf, type FlowModel, type FlowOutcome } from "./flow-model.js";
import type { Problem } from "@sluice/mcf";
import type { EngineAnswer, EngineOptions } from "./own-engines.js";
import type { Scheme, SchemeOptions, SchemeOutcome } from "./scheme.js";

/** Largest relative gap at which an answer is called optimal, where none is wanted expressly. */
export const optimalGapMax = gapMaxDefault;

/** Interior points leave dust on paths that carry nothing: shares of a demand below this are swept. */
const flowShareMin = 1e-9;

export type FlowObjective = (model: FlowModel, options: SchemeOptions) => Promise<FlowOutcome>;

/** The same objective by one of our own engines. `linkPrices` in units of the objective per bps. */
export type EngineObjective = (problem: Problem, options: EngineOptions) => EngineAnswer;

/** The scheme that solves `objective` on the problem's paths. O(path links) beside the solver's work. */
export function pathScheme(name: ObjectiveName, objective: FlowObjective, byEngine: EngineObjective): Scheme {
  return {
    objective: name,
    async solve(problem, options): Promise<SchemeOutcome> {
      const { engine } = options;
      return engine === undefined
        ? solveByLp(problem, name, objective, options)
        : solveByEngine(problem, name, byEngine, { ...options, engine });
    },
  };
}

async function solveByLp(problem: Problem, name: ObjectiveName, objective: FlowObjective, options: SchemeOptions): Promise<SchemeOutcome> {
  const { model, pathOfColumn } = pathModel(problem);
  const solved = model.columnCount === 0 ? idle(model) : await objective(model, options);
  const columnsBps = new Float64Array(problem.pathCount);
  solved.columnsBps?.forEach((flow, column) => {
    columnsBps[pathOfColumn[column] ?? 0] = flow;
  });
  const flowBps = repair(problem, name, columnsBps);
  return judge(solved, flowBps, certify(problem, name, flowBps, solved.linkPrice), { ...options, solver: options.lp.name });
}

function solveByEngine(problem: Problem, name: ObjectiveName, byEngine: EngineObjective, options: EngineOptions): SchemeOutcome {
  const solved = byEngine(problem, options);
  const flowBps = repair(problem, name, solved.flowBps);
  const [linkPrice, certificate] = tightest(problem, name, flowBps, solved.linkPrices);
  const message = `it ended ${solved.ended}`;
  return judge({ status: "optimal", columnsBps: flowBps, linkPrice, message }, flowBps, certificate, {
    ...options,
    solver: options.engine,
  });
}

/** Of several prices, those with the tightest bound. */
function tightest(
  problem: Problem,
  name: ObjectiveName,
  flowBps: Float64Array,
  linkPrices: readonly Float64Array[],
): readonly [Float64Array, FlowCertificate] {
  const none = new Float64Array(problem.linkCount);
  const judged = [...linkPrices, none].map((price) => [price, certify(problem, name, flowBps, price)] as const);
  return judged.reduce((best, each) => ((each[1].gap ?? Infinity) < (best[1].gap ?? Infinity) ? each : best));
}

/** Nothing can be carried: zero flow is optimal, and no link has a price. */
export function idle({ problem }: FlowModel): FlowOutcome {
  return { status: "optimal", columnsBps: new Float64Array(0), linkPrice: new Float64Array(problem.linkCount) };
}

/** `optimal` is what the certificate says, not what the solver says. */
export function judge(
  { status, columnsBps, linkPrice, message, note }: FlowOutcome,
  flowBps: Float64Array,
  { value, gap }: FlowCertificate,
  { solver, gapMax = optimalGapMax }: { readonly solver: string; readonly gapMax?: number },
): SchemeOutcome {
  const outcome = {
    flowBps,
    objective: value,
    solver,
    ...(linkPrice === undefined ? {} : { linkPrice }),
    ...(note === undefined ? {} : { note }),
  };
  if (columnsBps === undefined) {
    return { ...outcome, status: status === "optimal" ? "failed" : status, ...(message === undefined ? {} : { message }) };
  }
  if (gap !== undefined && gap <= gapMax) return { ...outcome, status: "optimal" };
  const shortfall = gap === undefined ? "no dual bound is known" : `the dual bound leaves a gap of ${gap.toExponential(1)}`;
  return { ...outcome, status: "feasible", message: message ?? `The solver ended with status ${status}; ${shortfall}.` };
}

/** Paths over links without capacity get no column; `pathOfColumn` says which path a column is. */
export function pathModel(problem: Problem): { readonly model: FlowModel; readonly pathOfColumn: Int32Array } {
  const { demandCount, linkCount, linkStart, pathLinks, pathStart, capacityBps, demandBps, latencyMs } = problem;
  const pathOfColumn: number[] = [];
  const columnLatencyMs: number[] = [];
  const admitStart = new Int32Array(demandCount + 1);
  const potentialBps = new Float64Array(linkCount);
  const loadStart = new Int32Array(linkCount + 1);
  let linksPerFlowMax = 1;
  const countedFor = new Int32Array(linkCount).fill(-1);
  for (let d = 0; d < demandCount; d++) {
    const demand = demandBps[d] ?? 0;
    const pathEnd = demand > 0 ? (pathStart[d + 1] ?? 0) : 0;
    for (let p = pathStart[d] ?? 0; p < pathEnd; p++) {
      const links = pathLinks.subarray(linkStart[p] ?? 0, linkStart[p + 1] ?? 0);
      if (links.some((e) => (capacityBps[e] ?? 0) <= 0)) continue;
      pathOfColumn.push(p);
      linksPerFlowMax = Math.max(linksPerFlowMax, links.length);
      columnLatencyMs.push(links.reduce((sum, e) => sum + (latencyMs[e] ?? 0), 0));
      for (const e of links) {
        loadStart[e + 1] = (loadStart[e + 1] ?? 0) + 1;
        if (countedFor[e] === d) continue;
        countedFor[e] = d;
        potentialBps[e] = (potentialBps[e] ?? 0) + demand;
      }
    }
    admitStart[d + 1] = pathOfColumn.length;
  }
  for (let e = 0; e < linkCount; e++) loadStart[e + 1] = (loadStart[e + 1] ?? 0) + (loadStart[e] ?? 0);
  const loadColumns = new Int32Array(loadStart[linkCount] ?? 0);
  const next = loadStart.slice();
  pathOfColumn.forEach((p, column) => {
    for (let k = linkStart[p] ?? 0; k < (linkStart[p + 1] ?? 0); k++) {
      const e = pathLinks[k] ?? 0;
      const slot = next[e] ?? 0;
      next[e] = slot + 1;
      loadColumns[slot] = column;
    }
  });
  const model: FlowModel = {
    problem,
    unitBps: unitBpsOf(problem),
    columnCount: pathOfColumn.length,
    latencyMs: Float64Array.from(columnLatencyMs),
    loadStart,
    loadColumns,
    admitStart,
    admitColumns: Int32Array.from(pathOfColumn, (_, column) => column),
    linksPerFlowMax,
    potentialBps,
    conserve: () => undefined,
  };
  return { model, pathOfColumn: Int32Array.from(pathOfColumn) };
}

/**
 * Makes a flow that is right to the solver's tolerance exactly right: dust is swept, then no demand and no link's capacity
 * is exceeded. With min-max-utilization each demand is met exactly instead, and links may be exceeded.
 */
export function repair(problem: Problem, name: ObjectiveName, flowBps: Float64Array): Float64Array {
  const { demandCount, demandBps, pathStart } = problem;
  const swept = flowBps.slice();
  for (let d = 0; d < demandCount; d++) {
    const demand = demandBps[d] ?? 0;
    const flows = swept.subarray(pathStart[d] ?? 0, pathStart[d + 1] ?? 0);
    flows.forEach((flow, i) => {
      if (flow < flowShareMin * demand) flows[i] = 0;
    });
    const sum = flows.reduce((total, flow) => total + flow, 0);
    if (name === "min-max-utilization" && sum > 0) flows.forEach((flow, i) => (flows[i] = flow * (demand / sum)));
  }
  return name === "min-max-utilization" ? swept : fitToCapacity(problem, swept).flowBps;
}
