/** Plans that are taken back unless they are confirmed in time. */
import { describe, expect, it } from "vitest";
import { fault, refuse, type Proposal } from "@sluice/model";
import { demandsOf, Harness, link, node } from "../testing/harness.js";
import {
  apply,
  around,
  by,
  drain,
  ids,
  proposalOn,
  published,
  refusals,
  rollBack,
  rulesOfAll,
  running,
  standing,
} from "../testing/operator.js";

const drained = { changes: [drain("a-c"), drain("c-a")], settings: { splitWeightSumMax: 8 }, paths: around };

/** The proposal is in force and waits for ten seconds. */
function pending(): { readonly harness: Harness; readonly before: unknown; readonly proposal: Proposal } {
  const harness = running();
  harness.wait(5_000);
  const before = rulesOfAll(harness);
  const proposal = proposalOn(harness, drained);
  expect(refusals(apply(harness, proposal, { confirmWithinSeconds: 10 }))).toEqual([]);
  harness.wait(1_000);
  expect(harness.view.planInForce?.record.epoch).toBe(2);
  return { harness, before, proposal };
}

function confirm(harness: Harness, epoch: number) {
  const requestId = `confirm-${harness.replies.size}`;
  harness.event({ kind: "confirm", requestId, by, epoch });
  return harness.replies.get(requestId);
}

function expectTakenBack(harness: Harness, before: unknown): void {
  expect(harness.view.confirmation).toBeUndefined();
  expect(harness.view.topology?.linkById.get(link("a-c"))?.drain).toBe("active");
  expect(harness.view.settings.splitWeightSumMax).toBe(64);
  expect(rulesOfAll(harness)).toEqual(before);
}

function successor(first: Harness, ms: number): Harness {
  const harness = new Harness({ term: 2, inventory: first.inventory(), nowMs: first.nowMs + ms });
  for (const id of ids) harness.startAgent(id, { rules: first.rulesOf(id), termSeen: 1, epochSeen: 2 });
  return harness;
}

describe("a plan that is to be confirmed", () => {
  it("says by when, in the answer, in the view and in an event", () => {
    const harness = running();
    const deadlineMs = harness.nowMs + 10_000;
    const reply = apply(harness, proposalOn(harness, drained), { confirmWithinSeconds: 10 });
    expect(reply).toMatchObject({ ok: true, value: { epoch: 2, confirmByMs: deadlineMs } });
    expect(harness.view.confirmation).toEqual({ epoch: 2, previousEpoch: 1, deadlineMs });
    expect(published(harness, "confirmation-pending")).toMatchObject([{ epoch: 2, previousEpoch: 1, deadlineMs, by }]);
  });

  it("stays once it is confirmed, also after a restart", () => {
    const { harness } = pending();
    expect(confirm(harness, 2)).toEqual({ ok: true, value: { epoch: 2, operationVersion: 2 } });
    expect(published(harness, "confirmed")).toEqual([{ epoch: 2, by }]);
    harness.wait(30_000);
    expect(harness.view.planInForce?.record.epoch).toBe(2);
    expect(harness.view.topology?.linkById.get(link("a-c"))?.drain).toBe("drained");
    const next = successor(harness, 1_000);
    next.wait(30_000);
    expect(next.view.planInForce?.record.epoch).toBe(2);
    expect(next.kinds()).not.toContain("confirmation-expired");
  });

  it("is taken back otherwise: inputs and rules as they were, then a cycle", () => {
    const { harness, before } = pending();
    const solves = harness.solves.length;
    harness.wait(8_500);
    expect(harness.view.planInForce?.record.epoch).toBe(2);
    harness.wait(1_000);
    harness.wait(400);
    expect(harness.view.planInForce?.record.epoch).toBe(3);
    expectTakenBack(harness, before);
    expect(harness.view.operation.mode).toBe("automatic");
    expect(published(harness, "confirmation-expired")).toMatchObject([{ expired: 2, previousEpoch: 1, epoch: 3, kept: [], by }]);
    const [first, , third] = harness.plans();
    expect(third?.record.rulesDigest).toBe(first?.record.rulesDigest);
    harness.wait(1_000);
    expect(harness.solves).toHaveLength(solves + 1);
    expect(harness.solves.at(-1)?.snapshot.settings.splitWeightSumMax).toBe(64);
  });

  it("is taken back by a controller that follows, even when the time is over before it starts", () => {
    for (const ms of [1_000, 60_000]) {
      const { harness: first, before } = pending();
      const harness = successor(first, ms);
      expect(harness.view.confirmation?.previousEpoch).toBe(ms < 10_000 ? 1 : undefined);
      harness.wait(10_400);
      expectTakenBack(harness, before);
      expect(harness.kinds()).toContain("confirmation-expired");
      expect(harness.plans().at(0)?.record).toMatchObject({ epoch: 3, rulesDigest: first.plans()[0]?.record.rulesDigest });
    }
  });

  it("is not taken back before a controller that follows has heard the agents: links may be down that it does not know of", () => {
    const { harness: first } = pending();
    const harness = new Harness({ term: 2, inventory: first.inventory(), nowMs: first.nowMs + 60_000 });
    harness.wait(9_000);
    expect([harness.view.confirmation?.epoch, harness.plans()]).toEqual([2, []]);
    harness.wait(2_000);
    expect(harness.plans().map(({ record }) => record.epoch)).toEqual([3]);
  });

  it("leaves what others have changed since", () => {
    const { harness } = pending();
    harness.event({ kind: "change-topology", requestId: "c", changes: [drain("c-a", false), drain("a-b")] });
    harness.event({ kind: "change-settings", requestId: "s", settings: { splitWeightSumMax: 16, updateSlack: 0.2 } });
    harness.wait(10_000);
    const drains = ["a-c", "c-a", "a-b"].map((id) => harness.view.topology?.linkById.get(link(id))?.drain);
    expect(drains).toEqual(["active", "active", "drained"]);
    expect(harness.view.settings).toMatchObject({ splitWeightSumMax: 16, updateSlack: 0.2 });
    expect(published(harness, "confirmation-expired")).toMatchObject([{ kept: ["c-a", "splitWeightSumMax"] }]);
  });

  it("lets a cycle make a new plan where the one before does not fit any more", () => {
    const { harness } = pending();
    harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-c"), up: false });
    harness.wait(600);
    harness.answer(around);
    harness.wait(10_000);
    expect(published(harness, "confirmation-expired")).toMatchObject([{ expired: 2, code: "check-failed" }]);
    expect(harness.view.topology?.linkById.get(link("a-c"))).toMatchObject({ drain: "active", operational: "down" });
    expect(harness.view.settings.splitWeightSumMax).toBe(64);
    expect(harness.solves.at(-1)?.snapshot.settings.splitWeightSumMax).toBe(64);
  });

  it("is not overtaken by new demands or settings, but by a failure", () => {
    const { harness } = pending();
    const solves = harness.solves.length;
    harness.event({ kind: "measure-demands", requestId: "m", matrix: demandsOf("two", { "a>c": 3e9, "b>c": 1e9 }) });
    harness.event({ kind: "change-settings", requestId: "s", settings: { updateSlack: 0.2 } });
    harness.wait(6_000);
    expect(harness.solves).toHaveLength(solves);
    harness.agentEvent(node("c"), { kind: "link-changed", linkId: link("c-a"), up: false });
    harness.wait(600);
    expect(harness.solves).toHaveLength(solves + 1);
    harness.failSolve();
    // That one is tried again, although no demands may ask for a plan.
    harness.wait(1_500);
    expect(harness.solves).toHaveLength(solves + 2);
    harness.answer(around);
    harness.wait(500);
    expect(harness.view.planInForce).toMatchObject({ record: { epoch: 3 }, input: { demands: { name: "two" } } });
    harness.event({ kind: "measure-demands", requestId: "n", matrix: demandsOf("three", { "a>c": 3e9, "b>c": 1e9 }) });
    expect(confirm(harness, 2)).toMatchObject({ ok: true });
    harness.wait(6_000);
    expect(harness.solves).toHaveLength(solves + 3);
    expect(harness.solves.at(-1)?.snapshot.demands.name).toBe("three");
  });

  it("is taken back by the plan of before although a failure has brought another one since", () => {
    const { harness, before } = pending();
    harness.agentEvent(node("b"), { kind: "link-changed", linkId: link("b-a"), up: false });
    harness.wait(600);
    harness.answer(around);
    harness.wait(500);
    expect(harness.view.planInForce?.record.epoch).toBe(3);
    harness.wait(8_300);
    expect(harness.view.planInForce?.record.epoch).toBe(4);
    expectTakenBack(harness, before);
  });

  it("can be gone back from at once, and only to the plan before it", () => {
    const { harness, before } = pending();
    const was = standing(harness);
    expect(refusals(rollBack(harness, 2))).toEqual([["not-allowed", undefined]]);
    expect(refusals(rollBack(harness, 1, { confirmWithinSeconds: 5 }))).toEqual([["not-allowed", "/confirmWithinSeconds"]]);
    expect(standing(harness)).toEqual(was);
    expect(rollBack(harness, 1)).toMatchObject({ ok: true, value: { epoch: 3, rolledBackTo: 1, mode: "held" } });
    harness.wait(30_000);
    expectTakenBack(harness, before);
    expect(harness.view.operation.mode).toBe("held");
    expect(harness.kinds()).not.toContain("confirmation-expired");
  });

  it("is confirmed by its own number only, and not when the time is over", () => {
    const { harness } = pending();
    const before = standing(harness);
    expect(refusals(confirm(harness, 1))).toEqual([["not-found", "/epoch"]]);
    expect(standing(harness)).toEqual(before);
    harness.slowStore = true;
    harness.wait(10_000);
    expect(harness.heldWrites.map(({ write }) => write.kind)).toEqual(["plan"]);
    harness.event({ kind: "confirm", requestId: "late", epoch: 2 });
    harness.slowStore = false;
    harness.persisted();
    expect(refusals(harness.replies.get("late"))).toEqual([["not-found", "/epoch"]]);
  });

  it("is taken back at the next try where the store failed", () => {
    const { harness, before } = pending();
    harness.slowStore = true;
    harness.wait(9_100);
    expect(harness.persisted(refuse(fault("unavailable", "The store is away.")))).toBe("plan");
    expect(harness.view.confirmation?.epoch).toBe(2);
    harness.slowStore = false;
    harness.wait(3_000);
    expectTakenBack(harness, before);
  });

  it("has a time that is whole seconds and not too long", () => {
    const harness = running();
    const before = standing(harness);
    for (const confirmWithinSeconds of [0, -1, 1.5, Number.NaN, 86_401])
      expect(refusals(apply(harness, proposalOn(harness, drained), { confirmWithinSeconds }))).toEqual([
        ["out-of-range", "/confirmWithinSeconds"],
      ]);
    expect(standing(harness)).toEqual(before);
  });

  it("may be one that was gone back to: the plan before and the mode come back", () => {
    const { harness } = pending();
    confirm(harness, 2);
    const rules = rulesOfAll(harness);
    harness.event({ kind: "change-topology", requestId: "c", changes: [drain("a-c", false), drain("c-a", false)] });
    harness.wait(600);
    harness.answer(around);
    harness.wait(1_000);
    expect(rollBack(harness, 1, { confirmWithinSeconds: 5 })).toMatchObject({ ok: true, value: { epoch: 4, mode: "held" } });
    harness.wait(1_000);
    expect(harness.view).toMatchObject({ operation: { mode: "held" }, planInForce: { record: { epoch: 4 } } });
    harness.wait(4_300);
    expect(harness.view).toMatchObject({ operation: { mode: "automatic" }, planInForce: { record: { epoch: 5 } } });
    expect(rulesOfAll(harness)).toEqual(rules);
  });
});
