/** The rules of a network over an update: what a key holds at each progress of its node. */
import { ruleKey, type NodeId, type Rule, type RuleKey, type RuleSet } from "@sluice/model";
import type { MessageOrder } from "./message-order.js";
import type { Steps } from "./steps.js";

/** A key holds `rule` (or nothing) while its node has obeyed `from` to `to` messages. */
export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly rule: Rule | undefined;
}

interface OpenSegment extends Segment {
  to: number;
}

export class RuleTimeline {
  readonly #installed: RuleSet;
  readonly #order: MessageOrder;
  readonly #touched = new Map<NodeId, Map<RuleKey, readonly Segment[]>>();
  readonly #labelsTouched = new Set<RuleKey>();

  private constructor(installed: RuleSet, order: MessageOrder) {
    this.#installed = installed;
    this.#order = order;
  }

  /** O(operations). */
  static *steps(installed: RuleSet, order: MessageOrder): Steps<RuleTimeline> {
    const timeline = new RuleTimeline(installed, order);
    for (const nodeId of order.nodes()) yield timeline.#enter(nodeId);
    return timeline;
  }

  /** Returns how many operations the node gets. */
  #enter(nodeId: NodeId): number {
    const messages = this.#order.messagesOf(nodeId);
    const end = messages.length;
    const segments = new Map<RuleKey, OpenSegment[]>();
    const before = this.#installed.get(nodeId);
    let count = 0;
    for (const { progress, operations } of messages) {
      for (const operation of operations) {
        count += 1;
        const key = operation.op === "put" ? ruleKey(operation.rule) : operation.key;
        let ofKey = segments.get(key);
        if (ofKey === undefined) {
          segments.set(key, (ofKey = [{ from: 0, to: end, rule: before?.get(key) }]));
          if (key.startsWith("label/")) this.#labelsTouched.add(key);
        }
        const last = ofKey.at(-1);
        // Of several operations of one message the last counts.
        if (last?.from === progress) ofKey.pop();
        else if (last !== undefined) last.to = progress - 1;
        ofKey.push({ from: progress, to: end, rule: operation.op === "put" ? operation.rule : undefined });
      }
    }
    this.#touched.set(nodeId, segments);
    return count;
  }

  /** How many messages a node gets: its last progress. */
  end(nodeId: NodeId): number {
    return this.#order.messagesOf(nodeId).length;
  }

  /** The nodes that get messages. */
  nodes(): Iterable<NodeId> {
    return this.#touched.keys();
  }

  /** Whether some message touches what this key holds at some node; of keys of label rules. */
  isLabelTouched(key: RuleKey): boolean {
    return this.#labelsTouched.has(key);
  }

  touchedKeys(nodeId: NodeId): ReadonlyMap<RuleKey, readonly Segment[]> {
    return this.#touched.get(nodeId) ?? new Map();
  }

  /** The segments of a key that some message touches. */
  touchedSegments(nodeId: NodeId, key: RuleKey): readonly Segment[] | undefined {
    return this.#touched.get(nodeId)?.get(key);
  }

  installed(nodeId: NodeId, key: RuleKey): Rule | undefined {
    return this.#installed.get(nodeId)?.get(key);
  }

  segments(nodeId: NodeId, key: RuleKey): readonly Segment[] {
    return this.touchedSegments(nodeId, key) ?? [{ from: 0, to: this.end(nodeId), rule: this.installed(nodeId, key) }];
  }

  at(nodeId: NodeId, key: RuleKey, progress: number): Rule | undefined {
    const segments = this.touchedSegments(nodeId, key);
    if (segments === undefined) return this.installed(nodeId, key);
    return segments.find(({ from, to }) => from <= progress && progress <= to)?.rule;
  }
}
