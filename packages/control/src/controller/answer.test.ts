/** A solver's answer that is verified in slices: what comes in between counts. */
import { describe, expect, it } from "vitest";
import { demandsOf, Harness, link, node, triangle } from "../testing/harness.js";

const ids = ["a", "b", "c"];
const direct = { "a>c": ["a-c"], "b>c": ["b-c"] };

/** A solve is under way, and every step of verifying its answer is a slice of its own. */
function solving(): Harness {
  const harness = new Harness({ config: { workPerEventMax: 1 } });
  harness.ingest(triangle(), demandsOf("one", { "a>c": 2e9, "b>c": 1e9 }));
  for (const id of ids) harness.startAgent(id);
  harness.wait(100);
  expect(harness.solves.length).toBe(1);
  return harness;
}

const plansWritten = (harness: Harness): number => harness.writes.filter(({ kind }) => kind === "plan").length;

describe("an answer in hand", () => {
  it("takes several events, counts as being solved for meanwhile, and becomes a plan", () => {
    const harness = solving();
    harness.answer(direct);
    let events = 0;
    for (; plansWritten(harness) === 0 && events < 200; events += 1) {
      expect(harness.view.cycle.phase).toBe("solving");
      harness.wait(1);
    }
    expect(events).toBeGreaterThan(2);
    harness.wait(2_000);
    expect(harness.view.planInForce?.record.epoch).toBe(1);
    expect(harness.solves.length).toBe(1);
  });

  it("is not taken twice", () => {
    const harness = solving();
    harness.answer(direct);
    harness.answer(direct);
    harness.wait(2_000);
    expect(plansWritten(harness)).toBe(1);
  });

  it("is dropped where a link goes down before it is verified: another plan is asked for", () => {
    const harness = solving();
    harness.answer(direct);
    harness.wait(2);
    harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-b"), up: false });
    harness.wait(2_000);
    expect(plansWritten(harness)).toBe(0);
    expect(harness.solves.length).toBe(2);
    harness.answer(direct);
    harness.wait(2_000);
    expect(harness.view.planInForce?.record.epoch).toBe(1);
    expect(harness.controller.push.inForce?.topology.linkById.get(link("a-b"))?.operational).toBe("down");
  });

  it("is refused like one that is verified at once", () => {
    const harness = solving();
    harness.answer({ "a>c": ["a-c"], "b>c": ["b-a"] });
    harness.wait(500);
    expect(harness.kinds()).toContain("plan-refused");
    expect(plansWritten(harness)).toBe(0);
  });
});
