/**
 * Which states an update can be in. Messages are partially ordered: a node obeys its own in stage order, and a message is
 * sent only after the earlier messages of the nodes it waits for. A reachable state is a set of obeyed messages that
 * contains with each message all that come before it: an ideal of that order. Ideals are closed under intersection, so there
 * is a reachable state within given bounds on every node's progress exactly if the least one that has the lower bounds keeps
 * the upper ones; and the least one is the union of the bounds' closures, so bounds can be compared in pairs.
 */
import type { NodeId, RuleOperation } from "@sluice/model";
import type { UpdatePlan } from "./update-plan.js";

/** A message; `progress` is its place among its node's messages, from 1. */
export interface OrderedMessage {
  readonly nodeId: NodeId;
  readonly progress: number;
  readonly stage: number;
  readonly operations: readonly RuleOperation[];
  readonly waitsFor: readonly NodeId[];
}

export class MessageOrder {
  readonly #nodeIndex = new Map<NodeId, number>();
  readonly #messages: OrderedMessage[][] = [];
  readonly #closures = new Map<OrderedMessage, Uint32Array>();
  readonly count: number;

  constructor({ stages }: UpdatePlan) {
    let count = 0;
    stages.forEach((stage, position) => {
      for (const { nodeId, operations, waitsFor } of stage.messages) {
        let index = this.#nodeIndex.get(nodeId);
        if (index === undefined) {
          this.#nodeIndex.set(nodeId, (index = this.#messages.length));
          this.#messages.push([]);
        }
        const ofNode = this.#messages[index] ?? [];
        ofNode.push({ nodeId, progress: ofNode.length + 1, stage: position, operations, waitsFor });
        count += 1;
      }
    });
    this.count = count;
  }

  nodes(): IterableIterator<NodeId> {
    return this.#nodeIndex.keys();
  }

  /** The messages of a node in the order in which it obeys them. */
  messagesOf(nodeId: NodeId): readonly OrderedMessage[] {
    const index = this.#nodeIndex.get(nodeId);
    return index === undefined ? [] : (this.#messages[index] ?? []);
  }

  /** How far `nodeId` must be once `message` is obeyed: the number of its messages. */
  requires(message: OrderedMessage, nodeId: NodeId): number {
    const index = this.#nodeIndex.get(nodeId);
    return index === undefined ? 0 : (this.#closureOf(message)[index] ?? 0);
  }

  /** Progress of every node in the least state that has the message. O(nodes x waitsFor), once per message asked for. */
  #closureOf(message: OrderedMessage): Uint32Array {
    const known = this.#closures.get(message);
    if (known !== undefined) return known;
    const closure = new Uint32Array(this.#messages.length);
    const own = this.messagesOf(message.nodeId);
    const before = [own[message.progress - 2], ...message.waitsFor.map((nodeId) => this.#lastBefore(nodeId, message.stage))];
    for (const earlier of before) {
      if (earlier === undefined) continue;
      this.#closureOf(earlier).forEach((progress, i) => {
        if (progress > (closure[i] ?? 0)) closure[i] = progress;
      });
    }
    closure[this.#nodeIndex.get(message.nodeId) ?? 0] = message.progress;
    this.#closures.set(message, closure);
    return closure;
  }

  #lastBefore(nodeId: NodeId, stage: number): OrderedMessage | undefined {
    return this.messagesOf(nodeId).findLast((message) => message.stage < stage);
  }
}
