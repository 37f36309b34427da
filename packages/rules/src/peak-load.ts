/**
 * The largest load that a link can see in any state of an update. Each message adds to the link's load when a node begins to obey it
 * (flows that grow) and takes from it when the node has done so (flows that shrink): between the two, old and new may be
 * mixed. A message can begin only when those before it are done. The worst state is a closure of largest weight in that order,
 * which is a minimum cut (Picard 1976): gains against the losses that must come before them.
 */
import type { MessageOrder, OrderedMessage } from "./message-order.js";

/** How a link's load changes over an update. All bps, all >= 0. */
export interface LoadChanges {
  readonly gains: Map<OrderedMessage, number>;
  readonly losses: Map<OrderedMessage, number>;
}

/**
 * An upper bound of base + gains - losses over all reachable states: exact where it is above `limitBps`, and not searched
 * further once it is below. O(gains x losses) for the greedy bound; where that does not suffice, augmenting paths.
 */
export function peakLoad(
  order: MessageOrder,
  { baseBps, limitBps, changes }: { readonly baseBps: number; readonly limitBps: number; readonly changes: LoadChanges },
): number {
  const gains = [...changes.gains].map(([message, bps]) => ({ message, left: bps }));
  const losses = [...changes.losses].map(([message, bps]) => ({ message, left: bps }));
  let peak = gains.reduce((sum, { left }) => sum + left, baseBps);
  if (peak <= limitBps || losses.length === 0) return peak;

  // Bipartite flow: what a loss certainly takes away before a gain can begin.
  const reach = gains.map(({ message }) => losses.flatMap((loss, j) => (precedes(order, loss.message, message) ? [j] : [])));
  const flow = gains.map(() => new Map<number, number>());
  const push = (i: number, j: number, bps: number) => {
    const ofGain = flow[i];
    if (ofGain !== undefined) ofGain.set(j, (ofGain.get(j) ?? 0) + bps);
  };
  gains.forEach((gain, i) => {
    for (const j of reach[i] ?? []) {
      const loss = losses[j];
      const bps = loss === undefined ? 0 : Math.min(gain.left, loss.left);
      if (loss === undefined || bps <= 0) continue;
      gain.left -= bps;
      loss.left -= bps;
      push(i, j, bps);
      peak -= bps;
    }
  });

  const tiny = baseBps * 1e-12;
  while (peak > limitBps) {
    const path = augmentingPath({ gains, losses, reach, flow, tiny });
    if (path === undefined) break;
    const [start] = path.steps;
    const end = losses[path.end];
    if (start === undefined || end === undefined) break;
    let bps = Math.min(gains[start.gain]?.left ?? 0, end.left);
    for (const step of path.steps.slice(1)) bps = Math.min(bps, flow[step.gain]?.get(step.via) ?? 0);
    path.steps.forEach((step, k) => {
      push(step.gain, path.steps[k + 1]?.via ?? path.end, bps);
      if (k > 0) push(step.gain, step.via, -bps);
    });
    const source = gains[start.gain];
    if (source !== undefined) source.left -= bps;
    end.left -= bps;
    peak -= bps;
  }
  return peak;
}

/** Whether `earlier` must be done before `later` can begin. */
function precedes(order: MessageOrder, earlier: OrderedMessage, later: OrderedMessage): boolean {
  return earlier !== later && order.requires(later, earlier.nodeId) >= earlier.progress;
}

interface Step {
  readonly gain: number;
  /** The loss over which this gain was reached; its flow is taken back. */
  readonly via: number;
}

/** Breadth first from gains that have something left, over losses and back over flow, to a loss that has something left. */
function augmentingPath({
  gains,
  losses,
  reach,
  flow,
  tiny,
}: {
  readonly gains: readonly { readonly left: number }[];
  readonly losses: readonly { readonly left: number }[];
  readonly reach: readonly (readonly number[])[];
  readonly flow: readonly ReadonlyMap<number, number>[];
  readonly tiny: number;
}): { readonly steps: readonly Step[]; readonly end: number } | undefined {
  const cameFrom = new Map<number, { readonly via: number; readonly from: number | undefined }>();
  const queue: number[] = [];
  gains.forEach(({ left }, i) => {
    if (left <= tiny) return;
    cameFrom.set(i, { via: -1, from: undefined });
    queue.push(i);
  });
  const seen = new Set<number>();
  for (let head = 0; head < queue.length; head += 1) {
    const i = queue[head] ?? 0;
    for (const j of reach[i] ?? []) {
      if (seen.has(j)) continue;
      seen.add(j);
      if ((losses[j]?.left ?? 0) > tiny) {
        const steps: Step[] = [];
        for (let at: number | undefined = i; at !== undefined;) {
          const step: { readonly via: number; readonly from: number | undefined } | undefined = cameFrom.get(at);
          if (step === undefined) break;
          steps.unshift({ gain: at, via: step.via });
          at = step.from;
        }
        return { steps, end: j };
      }
      flow.forEach((ofGain, other) => {
        if (!cameFrom.has(other) && (ofGain.get(j) ?? 0) > tiny) {
          cameFrom.set(other, { via: j, from: i });
          queue.push(other);
        }
      });
    }
  }
  return undefined;
}
