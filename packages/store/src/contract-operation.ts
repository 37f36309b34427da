/** Part of the store's contract: operation settings, and parts of the inventory that are written together. */
import { expect, it } from "vitest";
import type { OperationDocument, Result, Term, TopologyDocument } from "@sluice/model";
import { planSettingsDefault } from "@sluice/model";
import type { CycleInput, PlanRecord, Store } from "./store.js";

export interface OperationContract {
  readonly store: () => Store;
  readonly cycle: (of: { readonly epoch: number; readonly term: Term }) => { readonly plan: PlanRecord; readonly input: CycleInput };
  readonly network: (name: string) => TopologyDocument;
}

const operation: OperationDocument = {
  settings: { mode: "held", blastRadius: { rulesChangedShareMax: 0.25, admittedLossShareMax: 0, topClassLossAllowed: false } },
  confirmation: {
    epoch: 7,
    previousEpoch: 6,
    deadlineMs: 1_800_000_000_000,
    undo: { elements: [], settings: [{ name: "gapMax", before: 0.1, after: 0.01 }] },
    by: { actor: "somebody", correlationId: "r-1" },
  },
};

export function itKeepsOperation({ store, cycle, network }: OperationContract): void {
  const lead = async () => value(await store().acquireTerm("a test"));

  it("gives back operation settings with what waits for a confirmation, under a version of their own", async () => {
    const term = await lead();
    expect(value(await store().putOperation(term, { settings: {} }))).toBe(1);
    expect(value(await store().putOperation(term, operation))).toBe(2);
    expect(value(await store().loadInventory())).toEqual({ operation: { version: 2, document: operation }, epoch: 0 });
    expect(codes(await store().putOperation(term + 1, { settings: {} }))).toEqual(["stale-term"]);
    expect(value(await store().loadInventory()).operation?.version).toBe(2);
  });

  it("writes parts of the inventory together, and only those", async () => {
    const term = await lead();
    value(await store().putSettings(term, planSettingsDefault));
    const versions = value(await store().putInventory(term, { topology: network("whole"), operation }));
    expect(versions).toEqual({ topology: 1, operation: 1 });
    const settings = { ...planSettingsDefault, gapMax: 0.05 };
    expect(value(await store().putInventory(term, { settings }))).toEqual({ settings: 2 });
    expect(value(await store().putInventory(term, {}))).toEqual({});
    expect(value(await store().loadInventory())).toEqual({
      topology: { version: 1, document: network("whole") },
      settings: { version: 2, settings },
      operation: { version: 1, document: operation },
      epoch: 0,
    });
    const wrong = { topology: network("other"), settings: { ...settings, gapMax: Number.NaN } };
    const before = value(await store().loadInventory());
    expect(codes(await store().putInventory(term, wrong))).toEqual(["not-finite"]);
    expect(codes(await store().putInventory(term + 1, { topology: network("other") }))).toEqual(["stale-term"]);
    expect(value(await store().loadInventory())).toEqual(before);
  });

  it("writes a plan and the inventory that it is for in one step, or nothing", async () => {
    const term = await lead();
    const first = cycle({ epoch: 1, term });
    const change = { topology: network("with the plan"), settings: planSettingsDefault, operation };
    expect(value(await store().appendPlan(term, first.plan, first.input, { labels: 1 }, change))).toEqual({
      topology: 1,
      settings: 1,
      operation: 1,
    });
    const before = value(await store().loadInventory());
    expect(before).toEqual({
      topology: { version: 1, document: change.topology },
      settings: { version: 1, settings: planSettingsDefault },
      operation: { version: 1, document: operation },
      assignments: { labels: 1 },
      epoch: 1,
    });
    const late = { topology: network("too late") };
    // Of an epoch that is taken, under a term that is over, with an inventory that is none: nothing of it is kept.
    expect(codes(await store().appendPlan(term, first.plan, first.input, {}, late))).toEqual(["stale-epoch"]);
    const other = cycle({ epoch: 2, term: term + 1 });
    expect(codes(await store().appendPlan(term + 1, other.plan, other.input, {}, late))).toEqual(["stale-term"]);
    const next = cycle({ epoch: 2, term });
    const damaged = { ...late, settings: { ...planSettingsDefault, updateSlack: Infinity } };
    expect(codes(await store().appendPlan(term, next.plan, next.input, {}, damaged))).toEqual(["not-finite"]);
    expect(value(await store().loadInventory())).toEqual(before);
    expect(value(await store().appendPlan(term, next.plan, next.input, { labels: 2 }))).toEqual({});
    expect(value(await store().loadInventory())).toEqual({ ...before, assignments: { labels: 2 }, epoch: 2 });
  });
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.faults[0].code}: ${result.faults[0].message}`);
  return result.value;
}

function codes(result: Result<unknown>): readonly string[] {
  return result.ok ? [] : result.faults.map(({ code }) => code);
}
