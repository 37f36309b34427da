/** The tunnels in play, in a problem's compact arrays: what stays, what goes and what is new, between two solves. */
import type { Problem } from "../problem.js";
import type { Pricing } from "./pricing.js";

export interface Renumbering {
  readonly problem: Problem;
  /** Per tunnel: its number before, or -1 for a new one. A demand's new tunnel is its last; the others keep their order. */
  readonly origin: Int32Array;
}

export interface Turnover extends Renumbering {
  /** Demands with a new tunnel, and demands without one only because all their slots carry. */
  readonly added: number;
  readonly blocked: number;
}

export interface TurnoverOptions {
  /** Tunnels a demand, at most. */
  readonly slots: number;
  /** A new tunnel is shorter than the demand's shortest by this share at least. */
  readonly advantage: number;
  /** Per tunnel, bps: one that carries stays. */
  readonly flowBps: Float64Array;
  /** Per link: its price and cost, as `pricing` was run on. */
  readonly linkLength: Float64Array;
  /** No tunnel as long as this is worth having. */
  readonly lengthMax: number;
}

/**
 * Gives each demand the path that `pricing` found for it where that is shorter than all its tunnels: in a free slot, or in place of the
 * longest tunnel that carries nothing. A demand whose slots all carry keeps them. O(links of all tunnels).
 */
export function turnOver(problem: Problem, pricing: Pricing, options: TurnoverOptions): Turnover {
  const { slots, advantage, flowBps, linkLength, lengthMax } = options;
  const { demandCount, pathStart } = problem;
  const dropped = new Uint8Array(problem.pathCount);
  const gains = new Uint8Array(demandCount);
  let blocked = 0;
  for (let d = 0; d < demandCount; d++) {
    const [first, end] = [pathStart[d] as number, pathStart[d + 1] as number];
    const least = pricing.least[d] as number;
    if (!(least < lengthMax)) continue;
    let shortest = lengthMax;
    let longest = -Infinity;
    let idle = -1;
    for (let p = first; p < end; p++) {
      const length = lengthOf(problem, p, linkLength);
      if (length < shortest) shortest = length;
      if (length > longest && !((flowBps[p] as number) > 0)) [longest, idle] = [length, p];
    }
    const shorter = shortest === Infinity || least < shortest * (1 - advantage);
    if (!shorter) continue;
    const full = end - first >= slots;
    if (full && idle < 0) blocked++;
    else gains[d] = 1;
    if (full && idle >= 0) dropped[idle] = 1;
  }
  return { ...rebuilt(problem, dropped, { gains, pricing }), blocked };
}

/** Leaves each demand the `count` tunnels that carry most; ties by lower number. O(links of all tunnels + tunnels x count). */
export function keepLargest(problem: Problem, flowBps: Float64Array, count: number): Renumbering {
  const { demandCount, pathStart } = problem;
  const dropped = new Uint8Array(problem.pathCount);
  for (let d = 0; d < demandCount; d++) {
    const [first, end] = [pathStart[d] as number, pathStart[d + 1] as number];
    for (let excess = end - first - count; excess > 0; excess--) {
      let least = -1;
      for (let p = end - 1; p >= first; p--) {
        if (dropped[p] === 0 && (least < 0 || (flowBps[p] as number) < (flowBps[least] as number))) least = p;
      }
      dropped[least] = 1;
    }
  }
  return rebuilt(problem, dropped);
}

/** Leaves out tunnels over links of no capacity, those that cost 1 or more where that is never worth it, and all beyond a demand's first `count`. */
export function keepFirst(
  problem: Problem,
  linkLength: Float64Array,
  { lengthMax, count }: { readonly lengthMax: number; readonly count: number },
): Renumbering {
  const { demandCount, pathStart } = problem;
  const dropped = new Uint8Array(problem.pathCount).fill(1);
  for (let d = 0; d < demandCount; d++) {
    let kept = 0;
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number) && kept < count; p++) {
      if (!(lengthOf(problem, p, linkLength) < lengthMax)) continue;
      dropped[p] = 0;
      kept++;
    }
  }
  return rebuilt(problem, dropped);
}

function lengthOf({ linkStart, pathLinks }: Problem, path: number, linkLength: Float64Array): number {
  const end = linkStart[path + 1] as number;
  let sum = 0;
  for (let i = linkStart[path] as number; i < end; i++) sum += linkLength[pathLinks[i] as number] as number;
  return sum;
}

interface Additions {
  /** Per demand: whether it gets the path that `pricing` has for it. */
  readonly gains: Uint8Array;
  readonly pricing: Pricing;
}

/** Counts first, so that no array is larger than it has to be: on large networks these are hundreds of megabytes. */
function rebuilt(problem: Problem, dropped: Uint8Array, additions?: Additions): Renumbering & { readonly added: number } {
  const { demandCount, pathStart, linkStart, pathLinks } = problem;
  let pathCount = 0;
  let linkTotal = 0;
  let added = 0;
  for (let p = 0; p < problem.pathCount; p++) {
    if (dropped[p] === 1) continue;
    pathCount++;
    linkTotal += (linkStart[p + 1] as number) - (linkStart[p] as number);
  }
  for (let d = 0; additions !== undefined && d < demandCount; d++) {
    if (additions.gains[d] === 0) continue;
    added++;
    linkTotal += additions.pricing.hops[d] as number;
  }
  pathCount += added;

  const nextStart = new Int32Array(demandCount + 1);
  const nextLinkStart = new Int32Array(pathCount + 1);
  const nextLinks = new Int32Array(linkTotal);
  const origin = new Int32Array(pathCount);
  let path = 0;
  let at = 0;
  for (let d = 0; d < demandCount; d++) {
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
      if (dropped[p] === 1) continue;
      for (let i = linkStart[p] as number; i < (linkStart[p + 1] as number); i++) nextLinks[at++] = pathLinks[i] as number;
      origin[path++] = p;
      nextLinkStart[path] = at;
    }
    if (additions !== undefined && additions.gains[d] === 1) {
      at = additions.pricing.writePath(d, nextLinks, at);
      origin[path++] = -1;
      nextLinkStart[path] = at;
    }
    nextStart[d + 1] = path;
  }
  return { problem: { ...problem, pathCount, pathStart: nextStart, linkStart: nextLinkStart, pathLinks: nextLinks }, origin, added };
}
