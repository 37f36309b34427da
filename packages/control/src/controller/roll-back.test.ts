/** Going back to an earlier plan. */
import { describe, expect, it } from "vitest";
import { digestOfRuleSet } from "@sluice/rules";
import { demandsOf, Harness, link, node } from "../testing/harness.js";
import {
  around,
  by,
  direct,
  drain,
  ids,
  published,
  refusals,
  rollBack,
  rulesOfAll,
  running,
  setMode,
  standing,
} from "../testing/operator.js";

/** The second plan sends everything around; the first is to come back. */
function onSecondPlan(): { readonly harness: Harness; readonly before: unknown } {
  const harness = running();
  const before = rulesOfAll(harness);
  harness.wait(5_000);
  harness.event({ kind: "change-settings", requestId: "s", settings: { updateSlack: 0.2 } });
  harness.wait(100);
  harness.answer(around);
  harness.wait(1_000);
  expect(harness.view.planInForce?.record.epoch).toBe(2);
  expect(rulesOfAll(harness)).not.toEqual(before);
  return { harness, before };
}

describe("a roll-back", () => {
  it("installs the rules of then, byte for byte, under a new epoch, and plans nothing more", () => {
    const { harness, before } = onSecondPlan();
    const solves = harness.solves.length;
    expect(rollBack(harness, 1)).toEqual({ ok: true, value: { epoch: 3, rolledBackTo: 1, mode: "held", operationVersion: 1 } });
    harness.event({ kind: "measure-demands", requestId: "m", matrix: demandsOf("two", { "a>c": 3e9 }) });
    harness.wait(60_000);
    expect(harness.view.planInForce?.record.epoch).toBe(3);
    expect(rulesOfAll(harness)).toEqual(before);
    const [first, , third] = harness.plans();
    expect(third?.record).toEqual({ ...first?.record, epoch: 3, createdAt: third?.record.createdAt });
    expect(third?.input).toEqual(first?.input);
    expect(digestOfRuleSet(new Map(ids.map((id) => [node(id), harness.rulesOf(id)])))).toBe(first?.record.rulesDigest);
    expect(harness.solves).toHaveLength(solves);
    expect(harness.view.operation.mode).toBe("held");
    expect(published(harness, "plan-rolled-back-to")).toMatchObject([{ epoch: 3, rolledBackTo: 1, mode: "held", by }]);
    expect(published(harness, "plan-applied").at(-1)).toMatchObject({ epoch: 3, by });
  });

  it("is one step for the store: plan and mode together", () => {
    const { harness } = onSecondPlan();
    const count = harness.writes.length;
    rollBack(harness, 1);
    const writes = harness.writes.slice(count).filter(({ kind }) => kind !== "events");
    expect(writes).toMatchObject([{ kind: "plan", record: { epoch: 3 }, inventory: { operation: { settings: { mode: "held" } } } }]);
  });

  it("survives a restart: the same rules are adopted, nothing is sent", () => {
    const { harness: first, before } = onSecondPlan();
    rollBack(first, 1);
    first.wait(2_000);
    const harness = new Harness({ term: 2, inventory: first.inventory(), nowMs: first.nowMs + 1_000 });
    for (const id of ids) harness.startAgent(id, { rules: first.rulesOf(id) });
    harness.wait(20_000);
    expect(harness.view.planInForce?.record.epoch).toBe(3);
    expect(harness.stages()).toEqual([]);
    expect(rulesOfAll(harness)).toEqual(before);
  });

  it("gives out no label again that the plan it replaces has: the next plan's tunnels have others", () => {
    const { harness } = onSecondPlan();
    const labelsOf = (epoch: number) => {
      const assigned = harness.plans()[epoch - 1]?.assignmentsAfter as { tunnels: readonly { label: number }[] } | undefined;
      return new Set(assigned?.tunnels.map(({ label }) => label));
    };
    rollBack(harness, 1);
    harness.wait(2_000);
    setMode(harness, "automatic");
    harness.wait(1_000);
    harness.answer({ "a>c": ["a-c"], "b>c": ["b-a", "a-c"] });
    harness.wait(2_000);
    expect(harness.view.planInForce?.record.epoch).toBe(4);
    const fresh = [...labelsOf(4)].filter((label) => !labelsOf(1).has(label));
    expect(fresh).toHaveLength(1);
    expect(fresh.filter((label) => labelsOf(2).has(label))).toEqual([]);
  });

  const obstacles: readonly (readonly [why: string, make: (harness: Harness) => void, forced: boolean])[] = [
    ["is gone", (h) => h.event({ kind: "change-topology", requestId: "x", changes: [{ kind: "remove-link", linkId: "a-c" }] }), false],
    ["is down", (h) => h.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-c"), up: false }), false],
    ["is drained", (h) => h.event({ kind: "change-topology", requestId: "x", changes: [drain("a-c")] }), true],
  ];

  it.each(obstacles)("is refused where a link of it %s, which is said; nothing changes", (why, make, forced) => {
    const { harness } = onSecondPlan();
    setMode(harness, "held");
    make(harness);
    harness.wait(1_000);
    const before = standing(harness);
    const reply = rollBack(harness, 1, { force: false });
    expect(reply).toMatchObject({ ok: false, faults: [{ code: "check-failed", data: { linkId: "a-c" } }] });
    expect(reply?.ok === false ? reply.faults[0].message : "").toContain(`link a-c, which ${why}`);
    expect(standing(harness)).toEqual(before);
    expect(refusals(rollBack(harness, 1, { force: true }))).toEqual(forced ? [] : [["check-failed", undefined]]);
  });

  it("is refused where record and input are not each other's, or the rules do not come out as they were", () => {
    const { harness } = onSecondPlan();
    const [first, second] = harness.plans();
    if (first === undefined || second === undefined) throw new Error("two plans are stored");
    const wrong = [
      { record: first.record, input: second.input },
      { record: { ...first.record, rulesDigest: "0".repeat(64) }, input: first.input },
      {
        record: { ...first.record, plan: { ...first.record.plan, groups: [] as never[], tunnels: second.record.plan.tunnels } },
        input: first.input,
      },
    ];
    const before = standing(harness);
    for (const [i, { record, input }] of wrong.entries()) {
      harness.event({ kind: "roll-back", requestId: `w${i}`, record, input, force: true });
      expect(refusals(harness.replies.get(`w${i}`))).toEqual([["check-failed", undefined]]);
    }
    expect(standing(harness)).toEqual(before);
  });

  it("is held against the demands of now: what they want and the old plan does not carry is lost", () => {
    const harness = running();
    harness.wait(5_000);
    harness.event({ kind: "measure-demands", requestId: "m", matrix: demandsOf("more", { "a>c": 4e9, "b>c": 1e9 }) });
    harness.wait(100);
    harness.answer(direct);
    harness.wait(1_000);
    expect(rollBack(harness, 1, { force: false })).toMatchObject({
      ok: false,
      faults: [{ code: "blast-radius", data: { measure: "admittedLossShare", value: 0.4 } }],
    });
  });

  it("to the plan in force changes no rule", () => {
    const { harness } = onSecondPlan();
    const before = rulesOfAll(harness);
    const stages = harness.stages().length;
    expect(refusals(rollBack(harness, 2, { force: false }))).toEqual([]);
    harness.wait(2_000);
    expect(harness.view.planInForce?.record.epoch).toBe(3);
    expect(harness.stages()).toHaveLength(stages);
    expect(rulesOfAll(harness)).toEqual(before);
  });
});
