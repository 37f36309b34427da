/** Plans that operators bring, verified in slices: what comes in between counts. */
import { describe, expect, it } from "vitest";
import { demandsOf, link, node, type Harness } from "../testing/harness.js";
import { apply, around, drain, proposalOn, refusals, rollBack, rulesOfAll, running, standing } from "../testing/operator.js";

const drained = { changes: [drain("a-c"), drain("c-a")], paths: around };
const sliced = { config: { workPerEventMax: 1 } };
const requestId = "apply";

const plansOf = (harness: Harness) => harness.plans().map(({ record: { epoch }, input }) => ({ epoch, name: input.demands.name }));

/** Ticks until the request is answered. */
function ticksUntil(harness: Harness, id: string): number {
  let ticks = 0;
  for (; harness.replies.get(id) === undefined && ticks < 500; ticks += 1) harness.wait(1);
  return ticks;
}

describe("a plan in hand", () => {
  it("takes several events, keeps what waits behind it waiting, and is applied as if it had taken one", () => {
    const [harness, whole] = [running(sliced), running()];
    const others = standing(harness);
    expect(apply(harness, proposalOn(harness, drained), { requestId })).toBeUndefined();
    harness.event({ kind: "change-settings", requestId: "after", settings: { updateSlack: 0.2 } });
    expect(harness.replies.get("after")).toBeUndefined();
    expect(standing(harness)).toMatchObject({ ...(others as object), pending: [false, null, 2, 0] });
    expect(ticksUntil(harness, requestId)).toBeGreaterThan(2);
    expect(harness.replies.get(requestId)).toEqual(apply(whole, proposalOn(whole, drained)));
    harness.wait(5_000);
    whole.wait(5_000);
    expect(rulesOfAll(harness)).toEqual(rulesOfAll(whole));
    expect(harness.replies.get("after")).toMatchObject({ ok: true });
  });

  it("goes on with ticks only", () => {
    const harness = running(sliced);
    apply(harness, proposalOn(harness, drained), { requestId });
    for (let i = 0; i < 500; i += 1)
      harness.event({ kind: "measure-demands", requestId: `m${i}`, matrix: demandsOf("more", { "a>c": 1e9 }) });
    expect(harness.replies.get(requestId)).toBeUndefined();
  });

  it("is refused where a link goes down before it is verified, and changes nothing", () => {
    const harness = running(sliced);
    apply(harness, proposalOn(harness, drained), { requestId });
    harness.wait(2);
    harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-b"), up: false });
    ticksUntil(harness, requestId);
    expect(refusals(harness.replies.get(requestId)).map(([code]) => code)).toEqual(["stale-version"]);
    expect(plansOf(harness).map(({ epoch }) => epoch)).toEqual([1]);
    expect(harness.view.topologyVersion).toBe(1);
    expect(harness.controller.inventory.inHand).toBeUndefined();
  });

  it("is verified anew where a cycle's plan comes in between: its numbers follow those of that plan", () => {
    const harness = running(sliced);
    harness.wait(5_000);
    harness.event({ kind: "change-settings", requestId: "s", settings: { updateSlack: 0.2 } });
    for (let ms = 0; harness.view.cycle.phase !== "solving" && ms < 1_000; ms += 1) harness.wait(1);
    harness.answer({ "a>c": ["a-b", "b-c"], "b>c": ["b-a", "a-c"] });
    // Some of the way, so that the answer is through first.
    harness.wait(3);
    apply(harness, proposalOn(harness, drained), { requestId });
    expect(harness.view.cycle.phase).toBe("solving");
    for (let ticks = 0; harness.view.epoch < 2 && ticks < 500; ticks += 1) harness.wait(1);
    expect([harness.view.epoch, harness.controller.inventory.inHand?.asked.requestId]).toEqual([2, requestId]);
    ticksUntil(harness, requestId);
    expect(harness.replies.get(requestId)).toMatchObject({ ok: true, value: { epoch: 3 } });
    const [, cycle, applied] = harness.plans();
    expect([cycle?.record.epoch, applied?.record.epoch]).toEqual([2, 3]);
    expect(applied?.input.assignmentsBefore["tunnels"]).toEqual(expect.arrayContaining(cycle?.assignmentsAfter["tunnels"] as unknown[]));
    harness.wait(5_000);
    expect(harness.view.planInForce?.record.epoch).toBe(3);
  });

  it("is refused like one that is verified at once", () => {
    const [harness, whole] = [running(sliced), running()];
    const wrong = (on: Harness) => {
      const proposal = proposalOn(on, drained);
      return { ...proposal, plan: { ...proposal.plan, tunnels: proposal.plan.tunnels.slice(1) } };
    };
    apply(harness, wrong(harness), { requestId });
    ticksUntil(harness, requestId);
    const reply = harness.replies.get(requestId);
    expect(refusals(reply).map(([code]) => code)).toEqual(["check-failed"]);
    expect(reply).toEqual(apply(whole, wrong(whole)));
  });

  it("is gone back to in slices, too", () => {
    const harness = running(sliced);
    const rules = rulesOfAll(harness);
    apply(harness, proposalOn(harness, drained), { requestId });
    ticksUntil(harness, requestId);
    harness.wait(5_000);
    expect(rulesOfAll(harness)).not.toEqual(rules);
    expect(rollBack(harness, 1)).toBeUndefined();
    const id = `roll-back-${harness.replies.size}`;
    expect(ticksUntil(harness, id)).toBeGreaterThan(2);
    expect(harness.replies.get(id)).toMatchObject({ ok: true, value: { epoch: 3, rolledBackTo: 1 } });
    harness.wait(5_000);
    expect(rulesOfAll(harness)).toEqual(rules);
    expect(harness.view.operation.mode).toBe("held");
  });
});
