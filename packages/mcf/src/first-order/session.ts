/**
 * A flow program that is solved again and again while its paths stay: after demands have moved, with links cut. Tries and memory are laid out
 * once, and each solve may start from the point where another one ended.
 */
import { assert } from "@sluice/model";
import type { FlowProgram, FlowSolution, FlowStart, SolveLimits } from "../flow-program.js";
import { addLoads, makeKernel, type KernelKind } from "../kernel/kernel.js";
import { layOut, weightless, type Layout } from "../kernel/layout.js";
import { buildMergedTrie, buildTrie, hasMerged, type MergedTrie, type PathTrie } from "../trie/path-trie.js";
import { makeClosures } from "./closures.js";
import { emptyIncumbent, gapOf, type Incumbent } from "./incumbent.js";
import { iterateUntil } from "./iterations.js";
import { dealtFlow, gatheredFlow } from "./merged-flow.js";
import { makeIterate, setAnchor, type Iterate } from "./iterate.js";
import { priceStepOf } from "./price-step.js";
import { begin, carriableBps, type SessionPoint } from "./start-point.js";
import { stepSizeStart } from "./step-control.js";

export interface FirstOrderOptions {
  readonly kind: KernelKind;
  /** This one included. */
  readonly threads: number;
  /** Stop after so many steps; left out: only when nothing better is to be expected. */
  readonly iterationsMax?: number | undefined;
}

/** What is different from the program that the session was opened with. */
export interface FlowChange {
  /** Per demand, bps; 0 where the first rate was 0. */
  readonly demandBps?: Float64Array | undefined;
  /** Per link, bps, at most the first capacity. Paths over links of capacity 0 are closed. */
  readonly capacityBps?: Float64Array | undefined;
}

export interface FlowSession {
  readonly solve: (limits: SolveLimits, from?: { readonly change?: FlowChange; readonly start?: FlowStart | SessionPoint }) => FlowSolution;
  /** Where the last solve ended. */
  readonly point: () => SessionPoint;
  readonly close: () => void;
}

export interface SessionOptions extends FirstOrderOptions {
  /**
   * Demands may grow to so many times their first rate, or capacities fall to this part, or some of both: links that could fill by then are
   * watched from the start.
   */
  readonly demandGrowthMax: number;
  /** For solves without changes: demands that are equal but for their rates are solved as one. */
  readonly merge?: boolean;
}

/** `close` gives the threads back; memory goes with the session. Throws on changes outside of what it was opened for. */
export function openSession(program: FlowProgram, options: SessionOptions): FlowSession {
  const { problem, limit } = program;
  const firstBps = carriableBps(program);
  // Where the utilization is minimized, any link may turn out to be the fullest.
  const fillable = limit === "capacity" ? 1 / options.demandGrowthMax : 0;
  const carriable = { ...problem, demandBps: firstBps };
  const merges = options.merge === true && limit === "capacity" && program.pathCost === undefined;
  const trie = merges ? buildMergedTrie(carriable, { fillable }) : buildTrie(carriable, { fillable });
  const isMerged = hasMerged(trie);
  const kernel = makeKernel(layOut(program, trie, isMerged ? trie.merged.rateBps : firstBps), options);
  const iterate = makeIterate(kernel, priceStepOf(program, kernel), stepSizeStart);
  const closures = makeClosures(iterate, problem);
  // What is needed for changes only is not made for a single solve.
  let longest: Float64Array | undefined;
  let usualWeight: number | undefined;
  let isClosed = false;

  return {
    solve(limits, { change = {}, start } = {}) {
      assert(!isClosed, "a session that was closed solves nothing: its memory is another's");
      const began = limits.nowMs();
      const isChanged = change.demandBps !== undefined || change.capacityBps !== undefined;
      assert(!isMerged || !isChanged, "a session that merges demands takes no changes");
      const changed = changedProgram(program, change, { firstBps, growthMax: options.demandGrowthMax });
      iterate.priceStep = priceStepOf(changed, kernel);
      iterate.stepSize = stepSizeStart;
      closures.openAll();
      if (isChanged || longest !== undefined) {
        const { layout } = kernel;
        longest ??= layout.weight.map((weight, k) => weight * (layout.demand[k] as number));
        setRates(layout, changed.problem.demandBps, longest);
      }
      const weights = begin(kernel, changed, start === undefined ? undefined : startOn(trie, start), usualWeight);
      usualWeight = weights.usual;
      iterate.primalWeight = weights.first;
      closures.close(changed);
      loadByFlow(iterate);
      setAnchor(iterate);
      const incumbent = emptyIncumbent(kernel, changed, clippedDemands(program, change, changed));
      const ended = iterateUntil(iterate, incumbent, changed, {
        limits,
        began,
        warm: start !== undefined,
        primalWeightUsual: usualWeight,
        iterationsMax: options.iterationsMax,
      });
      return solutionOf(trie, problem, { layout: kernel.layout, incumbent }, { ...ended, primalWeight: iterate.primalWeight });
    },
    point() {
      assert(!isClosed, "a session that was closed is at no point");
      return { flow: kernel.layout.flow.slice(), price: kernel.layout.price.slice(), primalWeight: iterate.primalWeight };
    },
    close() {
      if (!isClosed) kernel.release();
      isClosed = true;
    },
  };
}

/** Demands of which less counts than is asked. */
function clippedDemands({ problem }: FlowProgram, { demandBps = problem.demandBps }: FlowChange, changed: FlowProgram): readonly number[] {
  const clipped: number[] = [];
  const counted = changed.problem.demandBps;
  for (let d = 0; d < demandBps.length; d++) if ((counted[d] as number) < (demandBps[d] as number)) clipped.push(d);
  return clipped;
}

function changedProgram(
  program: FlowProgram,
  { demandBps, capacityBps }: FlowChange,
  { firstBps, growthMax }: { readonly firstBps: Float64Array; readonly growthMax: number },
): FlowProgram {
  const { problem } = program;
  if (demandBps === undefined && capacityBps === undefined) return { ...program, problem: { ...problem, demandBps: firstBps } };
  const growth = (demandBps ?? problem.demandBps).reduce((most, d, k) => Math.max(most, d / ((problem.demandBps[k] as number) || 1)), 0);
  assert(
    (demandBps ?? problem.demandBps).every((d, k) => d >= 0 && (d === 0 || (problem.demandBps[k] as number) > 0)),
    "demands that a session was opened without stay away",
  );
  assert(
    (capacityBps ?? problem.capacityBps).every((c, e) => {
      const first = problem.capacityBps[e] as number;
      return c === 0 || (c > 0 && c <= first && growth * first <= growthMax * (1 + 1e-9) * c);
    }),
    `in a session no link's capacity grows, nor do demands against it beyond ${growthMax} times what they were`,
  );
  // Where a demand was clipped to what its paths carry, it stays clipped to that.
  const rates = demandBps?.map((d, k) =>
    (firstBps[k] as number) < (problem.demandBps[k] as number) ? Math.min(d, firstBps[k] as number) : d,
  );
  return { ...program, problem: { ...problem, demandBps: rates ?? firstBps, capacityBps: capacityBps ?? problem.capacityBps } };
}

/** Writes demands' rates into the layout. `longest`, per position: the links of the demand's longest path. */
function setRates({ demandAt, demand, weight }: Layout, demandBps: Float64Array, longest: Float64Array): void {
  for (let k = 0; k < demandAt.length; k++) {
    const d = demandAt[k] as number;
    if (d < 0) continue;
    const rate = demandBps[d] as number;
    demand[k] = rate;
    weight[k] = rate > 0 ? (longest[k] as number) / rate : weightless;
  }
}

/** Link loads of the flows as they are. */
function loadByFlow({ kernel }: Iterate): void {
  const { layout } = kernel;
  layout.fitted.set(layout.flow);
  layout.linkFigure.fill(1);
  kernel.scale();
  addLoads(layout, layout.load);
}

/** A start by the trie's paths. */
function startOn(trie: PathTrie | MergedTrie, start: FlowStart | SessionPoint): FlowStart | SessionPoint {
  return hasMerged(trie) && "flowBps" in start ? { ...start, flowBps: gatheredFlow(trie, start.flowBps) } : start;
}

function solutionOf(
  trie: PathTrie | MergedTrie,
  { linkCount }: FlowProgram["problem"],
  { layout, incumbent }: { readonly layout: Layout; readonly incumbent: Incumbent },
  ended: Pick<FlowSolution, "status" | "iterations" | "primalWeight">,
): FlowSolution {
  const onPaths = new Float64Array(trie.leaf.length);
  const { pathAt } = layout;
  for (let slot = 0; slot < pathAt.length; slot++) {
    const path = pathAt[slot] as number;
    if (path >= 0) onPaths[path] = incumbent.flow[slot] as number;
  }
  const { value, bound } = incumbent;
  const flowBps = hasMerged(trie) ? dealtFlow(trie, onPaths) : onPaths;
  return { ...ended, flowBps, linkPrice: incumbent.price.slice(0, linkCount), value, bound, gap: gapOf(incumbent) };
}
