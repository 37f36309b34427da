import { toId, type NodeId } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MessageOrder, type OrderedMessage } from "./message-order.js";
import { peakLoad } from "./peak-load.js";
import type { UpdatePlan } from "./update-plan.js";

const nodes = ["a", "b", "c", "d"].map((id) => toId<NodeId>(id));

/** Random messages without content: only their order matters here. */
const plans: fc.Arbitrary<UpdatePlan> = fc
  .array(fc.array(fc.record({ node: fc.nat({ max: 3 }), waits: fc.subarray(nodes) }), { maxLength: 3 }), { maxLength: 4 })
  .map((stages) => ({
    slack: 0,
    interrupts: [],
    throttled: [],
    crowded: [],
    stages: stages.map((messages, index) => ({
      index,
      purpose: "flip",
      graceMs: 0,
      messages: [...new Map(messages.map(({ node, waits }) => [node, waits]))].map(([node, waitsFor]) => ({
        nodeId: nodes[node] ?? toId<NodeId>("a"),
        operations: [],
        waitsFor,
      })),
    })),
  }));

/** Largest load over every reachable state, by listing them: messages that may begin have begun. */
function largest(
  order: MessageOrder,
  baseBps: number,
  gains: ReadonlyMap<OrderedMessage, number>,
  losses: ReadonlyMap<OrderedMessage, number>,
): number {
  const all = nodes.map((node) => order.messagesOf(node));
  let most = 0;
  const visit = (progress: readonly number[], at: number): void => {
    if (at < all.length) {
      for (let done = 0; done <= (all[at]?.length ?? 0); done += 1) visit([...progress, done], at + 1);
      return;
    }
    const isDone = (message: OrderedMessage) => message.progress <= (progress[nodes.indexOf(message.nodeId)] ?? 0);
    const mayBegin = (message: OrderedMessage) =>
      all
        .flat()
        .every(
          (other) =>
            isDone(other) ||
            !(other.nodeId === message.nodeId
              ? other.progress < message.progress
              : message.waitsFor.includes(other.nodeId) && other.stage < message.stage),
        );
    const done = all.flat().filter(isDone);
    if (!done.every(mayBegin)) return;
    const begun = all.flat().filter((message) => isDone(message) || mayBegin(message));
    const gained = begun.reduce((sum, message) => sum + (gains.get(message) ?? 0), baseBps);
    most = Math.max(
      most,
      done.reduce((sum, message) => sum - (losses.get(message) ?? 0), gained),
    );
  };
  visit([], 0);
  return most;
}

describe("peakLoad", () => {
  it("is the largest load over all reachable states", () => {
    let isBelowSum = 0;
    fc.assert(
      fc.property(plans, fc.array(fc.nat({ max: 20 }), { minLength: 24, maxLength: 24 }), (plan, amounts) => {
        const order = new MessageOrder(plan);
        const messages = nodes.flatMap((node) => order.messagesOf(node));
        const gains = new Map(messages.map((message, i) => [message, amounts[2 * i] ?? 0]));
        const losses = new Map(messages.map((message, i) => [message, amounts[2 * i + 1] ?? 0]));
        const baseBps = 200;
        const found = peakLoad(order, { baseBps, limitBps: 0, changes: { gains, losses } });
        expect(found).toBeCloseTo(largest(order, baseBps, gains, losses), 6);
        if (found < [...gains.values()].reduce((sum, gain) => sum + gain, baseBps)) isBelowSum += 1;
      }),
      { numRuns: 1000 },
    );
    expect(isBelowSum).toBeGreaterThan(200);
  });
});
