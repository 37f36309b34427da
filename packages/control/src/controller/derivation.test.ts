/** Updates that are derived in slices, and ahead: what comes of them is the same, whatever comes in between. */
import { describe, expect, it } from "vitest";
import type { ControllerMessage } from "@sluice/model";
import { demandsOf, Harness, node, triangle } from "../testing/harness.js";

const ids = ["a", "b", "c"];
const direct = { "a>c": ["a-c"], "b>c": ["b-c"] };
const around = { "a>c": ["a-b", "b-c"], "b>c": ["b-a", "a-c"] };
const first = demandsOf("one", { "a>c": 2e9, "b>c": 1e9 });
const second = demandsOf("two", { "a>c": 3e9, "b>c": 2e9 });
/** Every step is a slice of its own. */
const sliced = { workPerEventMax: 1 };

function running(more: ConstructorParameters<typeof Harness>[0] = {}): Harness {
  const harness = new Harness(more);
  harness.ingest(triangle(), first);
  for (const id of ids) harness.startAgent(id);
  harness.wait(100);
  harness.answer(direct);
  harness.wait(2_000);
  expect(harness.view.planInForce?.record.epoch).toBe(1);
  return harness;
}

function measure(harness: Harness): void {
  harness.event({ kind: "measure-demands", requestId: "second", matrix: second });
  harness.wait(5_500);
}

type StageMessage = Extract<ControllerMessage, { kind: "stage" }>;

function stagesOf(harness: Harness): readonly Pick<StageMessage, "epoch" | "stage" | "operations">[] {
  return harness.stages().map(({ epoch, stage, operations }) => ({ epoch, stage, operations }));
}

function expectOnPlan(harness: Harness, epoch: number): void {
  expect(harness.view.planInForce?.record.epoch).toBe(epoch);
  const rules = harness.view.planInForce?.rules;
  for (const id of ids) expect(new Map(harness.rulesOf(id))).toEqual(new Map(rules?.get(node(id)) ?? []));
}

function isDerived(harness: Harness): boolean {
  return harness.controller.push.derivation?.derived !== undefined;
}

describe("an update that is derived in slices", () => {
  it("is the update that is derived at once, message by message", () => {
    const [whole, slices] = [running(), running({ config: sliced })].map((harness) => {
      measure(harness);
      harness.answer(around);
      harness.wait(2_000);
      expectOnPlan(harness, 2);
      return stagesOf(harness);
    });
    expect(slices).toEqual(whole);
    expect(slices?.length).toBeGreaterThan(6);
  });

  it("takes several events, and sends nothing before it is done", () => {
    const harness = running({ config: sliced });
    measure(harness);
    const sent = harness.stages().length;
    harness.answer(around);
    let events = 0;
    for (; harness.stages().length === sent && events < 200; events += 1) harness.wait(1);
    expect(events).toBeGreaterThan(5);
    harness.wait(2_000);
    expectOnPlan(harness, 2);
  });

  it("is begun anew where a switch turns out to hold something else in between, and still ends", () => {
    const harness = running({ config: sliced });
    measure(harness);
    harness.answer(around);
    for (let restart = 0; restart < 8; restart += 1) {
      harness.wait(3);
      // A switch that has lost all its rules.
      harness.startAgent("b");
    }
    harness.wait(2_000);
    expectOnPlan(harness, 2);
    expect(harness.controller.push.derivation).toBeUndefined();
  });

  it("is dropped where a link goes down in between: the next plan's is derived", () => {
    const harness = running({ config: sliced });
    measure(harness);
    harness.answer(around);
    harness.wait(3);
    for (const [id, linkId] of [
      ["a", "a-b"],
      ["b", "b-a"],
    ] as const)
      harness.agentEvent(node(id), { kind: "link-changed", linkId: linkId as never, up: false });
    harness.wait(3_000);
    harness.answer(direct);
    harness.wait(3_000);
    expect(harness.view.planInForce?.rules).toBe(harness.controller.push.target?.rules);
    expect(harness.view.planInForce?.record.plan.groups.every(({ members }) => members.length === 1)).toBe(true);
    for (const id of ids) expect(new Map(harness.rulesOf(id))).toEqual(new Map(harness.view.planInForce?.rules.get(node(id)) ?? []));
  });
});

describe("while a plan is being written", () => {
  function writing(config = {}): Harness {
    const harness = running({ config });
    measure(harness);
    harness.slowStore = true;
    harness.answer(around);
    return harness;
  }

  it.each([
    ["at once", {}],
    ["in slices", sliced],
  ])("its update is derived ahead %s, and goes out when it is durable", (_, config) => {
    const harness = writing(config);
    const sent = harness.stages().length;
    harness.wait(500);
    expect(isDerived(harness)).toBe(true);
    expect(harness.stages().length).toBe(sent);
    harness.persisted();
    // Without another tick.
    expect(harness.stages().length).toBeGreaterThan(sent);
    harness.slowStore = false;
    harness.wait(2_000);
    expectOnPlan(harness, 2);
  });

  it("what was derived ahead is not used where a switch holds something else by then", () => {
    const harness = writing();
    harness.wait(500);
    expect(isDerived(harness)).toBe(true);
    harness.startAgent("b");
    harness.persisted();
    harness.slowStore = false;
    harness.wait(2_000);
    expectOnPlan(harness, 2);
  });

  it("nothing is left of it where the write fails", () => {
    const harness = writing();
    harness.wait(500);
    const sent = harness.stages().length;
    harness.persisted({ ok: false, faults: [{ code: "store-failed", message: "The test's store failed." }] });
    harness.wait(500);
    expect(harness.stages().length).toBe(sent);
    expectOnPlan(harness, 1);
  });
});
