/** The rules of a network over an update: what a key holds at each progress of its node. */
import { ruleKey, type NodeId, type Rule, type RuleKey, type RuleSet } from "@sluice/model";
import type { MessageOrder } from "./message-order.js";

/** A key holds `rule` (or nothing) while its node has obeyed `from` to `to` messages. */
export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly rule: Rule | undefined;
}

export class RuleTimeline {
  readonly #installed: RuleSet;
  readonly #order: MessageOrder;
  readonly #touched = new Map<NodeId, Map<RuleKey, readonly Segment[]>>();

  /** O(operations). */
  constructor(installed: RuleSet, order: MessageOrder) {
    this.#installed = installed;
    this.#order = order;
    for (const nodeId of order.nodes()) {
      const starts = new Map<RuleKey, Map<number, Rule | undefined>>();
      for (const { progress, operations } of order.messagesOf(nodeId)) {
        for (const operation of operations) {
          const key = operation.op === "put" ? ruleKey(operation.rule) : operation.key;
          let ofKey = starts.get(key);
          if (ofKey === undefined) starts.set(key, (ofKey = new Map([[0, installed.get(nodeId)?.get(key)]])));
          ofKey.set(progress, operation.op === "put" ? operation.rule : undefined);
        }
      }
      const end = order.messagesOf(nodeId).length;
      const segments = new Map<RuleKey, readonly Segment[]>();
      for (const [key, ofKey] of starts) {
        const from = [...ofKey];
        segments.set(
          key,
          from.map(([start, rule], i) => ({ from: start, to: (from[i + 1]?.[0] ?? end + 1) - 1, rule })),
        );
      }
      this.#touched.set(nodeId, segments);
    }
  }

  /** How many messages a node gets: its last progress. */
  end(nodeId: NodeId): number {
    return this.#order.messagesOf(nodeId).length;
  }

  /** The nodes that get messages. */
  nodes(): Iterable<NodeId> {
    return this.#touched.keys();
  }

  touchedKeys(nodeId: NodeId): ReadonlyMap<RuleKey, readonly Segment[]> {
    return this.#touched.get(nodeId) ?? new Map();
  }

  segments(nodeId: NodeId, key: RuleKey): readonly Segment[] {
    return this.#touched.get(nodeId)?.get(key) ?? [{ from: 0, to: this.end(nodeId), rule: this.#installed.get(nodeId)?.get(key) }];
  }

  at(nodeId: NodeId, key: RuleKey, progress: number): Rule | undefined {
    const segments = this.#touched.get(nodeId)?.get(key);
    if (segments === undefined) return this.#installed.get(nodeId)?.get(key);
    return segments.find(({ from, to }) => from <= progress && progress <= to)?.rule;
  }
}
