/** Loads of links over an update: what stays, and what each message adds and takes. */
import type { Topology } from "@sluice/model";
import type { MessageOrder, OrderedMessage } from "./message-order.js";
import { peakLoad, type LoadChanges } from "./peak-load.js";
import { loadTolerance, type violationList, type WalkReport } from "./walk-report.js";

/** Loads by index of the link, bps. */
export type Loads = ReadonlyMap<number, number>;

export class LinkLoadChanges {
  readonly #topology: Topology;
  readonly #installedBps: Float64Array;
  /** What flows carry before any message, touched flows with all their ways. */
  readonly #baseBps: Float64Array;
  readonly #changes = new Map<number, LoadChanges>();
  /** What the final state has less than the last changes say, by link. */
  readonly #settledBps = new Map<number, number>();

  constructor(topology: Topology, installedWalk: WalkReport) {
    this.#topology = topology;
    const index = new Map(topology.links.map((link, i) => [link.id, i]));
    this.#installedBps = new Float64Array(topology.links.length);
    for (const { linkId, loadBps } of installedWalk.linkLoads) this.#installedBps[index.get(linkId) ?? -1] = loadBps;
    this.#baseBps = Float64Array.from(this.#installedBps);
  }

  /** A touched flow's installed load is replaced by what the walk of the update finds for it. */
  replaceBase(installed: Loads, found: Loads): void {
    for (const [link, bps] of installed) this.#baseBps[link] = (this.#baseBps[link] ?? 0) - bps;
    for (const [link, bps] of found) {
      this.#baseBps[link] = (this.#baseBps[link] ?? 0) + bps;
      this.#changesOf(link);
    }
  }

  /** `message` turns a flow's loads from `before` into `after`. */
  change(message: OrderedMessage, before: Loads, after: Loads): void {
    for (const [link, bps] of after) {
      const gain = bps - (before.get(link) ?? 0);
      if (gain > 0) increase(this.#changesOf(link).gains, message, gain);
    }
    for (const [link, bps] of before) {
      const loss = bps - (after.get(link) ?? 0);
      if (loss > 0) increase(this.#changesOf(link).losses, message, loss);
    }
  }

  /** Of what a flow may load links with after its last change, what is left in the final state. */
  settle(after: Loads, final: Loads): void {
    for (const [link, bps] of after) {
      const less = bps - (final.get(link) ?? 0);
      if (less !== 0) this.#settledBps.set(link, (this.#settledBps.get(link) ?? 0) + less);
    }
  }

  /** Judges every link that the update touches; returns an upper bound of each link's peak. O(links + what `peakLoad` needs). */
  judge(order: MessageOrder, slack: number, violations: ReturnType<typeof violationList>): Float64Array {
    const peaks = Float64Array.from(this.#installedBps);
    for (const [link, changes] of [...this.#changes].sort(([a], [b]) => a - b)) {
      const { id, capacityBps } = this.#topology.links[link] ?? { id: undefined, capacityBps: 0 };
      if (id === undefined) continue;
      const installedBps = this.#installedBps[link] ?? 0;
      const baseBps = this.#baseBps[link] ?? 0;
      // What installed ingresses admit was due to this link before, even where a hole on the way kept it off until now.
      const limitBps = Math.max(capacityBps * (1 + slack), installedBps, baseBps) * (1 + loadTolerance);
      const peak = peakLoad(order, { baseBps, limitBps, changes });
      peaks[link] = peak;
      if (peak > limitBps) {
        violations.add(
          { kind: "overload", linkId: id },
          `While the update lasts, link ${id} may have to carry ${peak} bps; it has ${capacityBps} bps and ${slack} of that as slack.`,
        );
      }
      const end = baseBps + sum(changes.gains) - sum(changes.losses) - (this.#settledBps.get(link) ?? 0);
      if (end > Math.max(capacityBps, installedBps) * (1 + loadTolerance)) {
        violations.add({ kind: "overload", linkId: id }, `After the update, link ${id} is to carry ${end} bps and has ${capacityBps} bps.`);
      }
    }
    return peaks;
  }

  #changesOf(link: number): LoadChanges {
    let changes = this.#changes.get(link);
    if (changes === undefined) this.#changes.set(link, (changes = { gains: new Map(), losses: new Map() }));
    return changes;
  }
}

function increase(amounts: Map<OrderedMessage, number>, message: OrderedMessage, bps: number): void {
  amounts.set(message, (amounts.get(message) ?? 0) + bps);
}

function sum(amounts: ReadonlyMap<OrderedMessage, number>): number {
  let total = 0;
  for (const bps of amounts.values()) total += bps;
  return total;
}
