/** Gating against its plain definition: a message goes when the earlier messages of all it waits for are programmed. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toId, type NodeId } from "@sluice/model";
import { stagePurposes, type UpdatePlan } from "@sluice/rules";
import { advanceNode, isDone, nextMessage, startUpdate } from "./update.js";

const nodeIds = ["a", "b", "c", "d"].map((id) => toId<NodeId>(id));

const updatePlan = fc
  .array(
    fc.uniqueArray(fc.record({ nodeId: fc.constantFrom(...nodeIds), waitsFor: fc.subarray(nodeIds) }), {
      minLength: 1,
      maxLength: 4,
      selector: ({ nodeId }) => nodeId,
    }),
    {
      maxLength: 5,
    },
  )
  .map((stages): UpdatePlan => ({
    slack: 0,
    interrupts: [],
    throttled: [],
    crowded: [],
    stages: stages.map((messages, index) => ({
      index,
      purpose: stagePurposes[index] ?? "flip",
      graceMs: 0,
      messages: messages.map(({ nodeId, waitsFor }) => ({
        nodeId,
        operations: [],
        waitsFor: waitsFor.filter((other) => other !== nodeId),
      })),
    })),
  }));

describe("an update under way", () => {
  it("frees exactly the messages whose predecessors are programmed, in any order of acknowledgement, and ends", () => {
    fc.assert(
      fc.property(updatePlan, fc.infiniteStream(fc.nat()), (plan, draws) => {
        const update = startUpdate(plan, { epoch: 1, nowMs: 0, provisional: new Set() });
        const all = plan.stages.flatMap((stage) => stage.messages.map((message) => ({ stage: stage.index, ...message })));
        const done = new Set<(typeof all)[number]>();
        const mayGo = (message: (typeof all)[number]) =>
          all.every(
            (other) =>
              done.has(other) ||
              other.stage >= message.stage ||
              !(other.nodeId === message.nodeId || message.waitsFor.includes(other.nodeId)),
          );
        while (!isDone(update)) {
          const expected = all.filter((message) => !done.has(message) && mayGo(message)).map(({ nodeId, stage }) => `${nodeId} ${stage}`);
          const ready = [...update.ready].map((nodeId) => `${nodeId} ${nextMessage(update, nodeId)?.stage.index}`);
          expect(ready.toSorted()).toEqual(expected.toSorted());
          const chosen = [...update.ready][(draws.next().value ?? 0) % update.ready.size];
          if (chosen === undefined) throw new Error("nothing may go, and the update is not done");
          const stage = nextMessage(update, chosen)?.stage.index;
          update.ready.delete(chosen);
          advanceNode(update, chosen);
          for (const message of all) if (message.nodeId === chosen && message.stage === stage) done.add(message);
        }
        expect(done.size).toBe(all.length);
      }),
    );
  });
});
