/** A bypass gives way to another under a failover group that keeps its number; and plans of before there were such numbers. */
import { assert, canonicalHash, protectionDefault, ruleKey, type NodeId, type NodeRules, type Rule, type RuleSet } from "@sluice/model";
import { assignmentsDocument, compileRules, digestOf, digestOfDigests, parseAssignments, type AssignmentsDocument } from "@sluice/rules";
import { describe, expect, it } from "vitest";
import type { AssignmentsRecord, StartInventory } from "../inventory-record.js";
import { demandsOf, Harness, link, node, type Protecting } from "../testing/harness.js";
import { kite, kiteNodes, kitePaths, kiteRunning } from "../testing/kite.js";
import { recompiled } from "./reinstall.js";

const overB: Protecting = { backups: [], bypasses: [["a-c", ["a-b", "b-c"]]] };
const overD: Protecting = { backups: [], bypasses: [["a-c", ["a-d", "d-c"]]] };
const protection = { ...protectionDefault, scenarios: [] };
const drainGraceMs = 300;

/** The kite, all on its links, with a bypass for link a-c. */
function running(by: Protecting): Harness {
  const harness = kiteRunning({ config: { drainGraceMs } }, protection);
  replanned(harness, by, 1);
  return harness;
}

/** New demands, a new plan on the same tunnels, and all the time that it needs. */
function replanned(harness: Harness, by: Protecting, times: number): void {
  harness.event({ kind: "measure-demands", requestId: `more-${times}`, matrix: demandsOf(`more-${times}`, { "a>c": 4e9, "b>c": 3e9 }) });
  for (const { length } = harness.solves; harness.solves.length === length;) harness.wait(50);
  harness.answer(kitePaths, by);
}

const failoversOf = (rules: NodeRules) => [...rules.values()].flatMap((rule) => (rule.kind === "failover" ? [rule] : []));
const labelsOf = (rules: NodeRules) => [...rules.values()].flatMap((rule) => (rule.kind === "label" ? [rule.match.label] : []));

describe("a failover group that changes where it stands", () => {
  it("keeps its number, and the bypass that it had stays for the grace after that", () => {
    const harness = running(overB);
    harness.wait(2_000);
    const [before] = failoversOf(harness.rulesOf("a"));
    const label = before?.buckets[1]?.pushLabel ?? 0;
    expect(labelsOf(harness.rulesOf("b"))).toContain(label);
    const { length } = harness.stages();
    replanned(harness, overD, 2);
    const atMs = { changed: 0, gone: 0 };
    while (atMs.gone === 0) {
      harness.wait(1);
      const [now] = failoversOf(harness.rulesOf("a"));
      expect(now?.failoverId).toBe(before?.failoverId);
      if (now?.buckets[1]?.output === link("a-d") && atMs.changed === 0) atMs.changed = harness.nowMs;
      if (!labelsOf(harness.rulesOf("b")).includes(label)) atMs.gone = harness.nowMs;
    }
    expect(atMs.changed).toBeGreaterThan(0);
    expect(atMs.gone - atMs.changed).toBeGreaterThanOrEqual(drainGraceMs);
    // A label rule of the new bypass, the group, a label rule of the old one.
    const operations = harness
      .stages()
      .slice(length)
      .flatMap((stage) => stage.operations);
    expect(operations.map((each) => (each.op === "put" ? each.rule.kind : each.key))).toEqual(["label", "failover", `label/${label}`]);
  });
});

describe("a failover group of another store", () => {
  it("keeps its number to itself as long as a switch holds it", () => {
    const harness = new Harness({ config: { drainGraceMs } });
    harness.event({ kind: "change-settings", requestId: "protection", settings: { protection } });
    harness.ingest(kite(), demandsOf("kite", { "a>c": 4e9, "b>c": 3e9 }));
    const foreign = [16, 18, 20].map((failoverId): Rule => ({
      kind: "failover",
      failoverId,
      buckets: [{ output: link("a-b") }, { output: link("a-d") }],
    }));
    for (const id of kiteNodes) harness.startAgent(id, { rules: new Map(id === "a" ? foreign.map((rule) => [ruleKey(rule), rule]) : []) });
    harness.wait(100);
    harness.answer(kitePaths, overB);
    harness.wait(2_000);
    const [plan] = harness.plans();
    assert(plan !== undefined, "a plan is stored");
    const { tunnels, failovers = [] } = plan.assignmentsAfter as AssignmentsDocument;
    // Two tunnels, the bypass, and then its group.
    expect([tunnels.map(({ label }) => label).sort((a, b) => a - b), failovers.map(({ number }) => number)]).toEqual([[17, 19, 21], [22]]);
    expect(failoversOf(harness.rulesOf("a")).map(({ failoverId }) => failoverId)).toEqual([22]);
  });
});

describe("a plan of before failover groups had numbers of their own", () => {
  /** What a store of then holds, and what switches do. */
  function stored(): { readonly inventory: StartInventory; readonly rules: RuleSet } {
    const { lastPlan, assignments, ...rest } = (() => {
      const harness = running(overB);
      harness.wait(2_000);
      return harness.inventory();
    })();
    assert(lastPlan !== undefined && assignments !== undefined, "a plan is stored");
    const older = (record: AssignmentsRecord): AssignmentsRecord => {
      const { failovers: _, ...of } = record as { readonly failovers: unknown };
      return of;
    };
    const before = older(assignments);
    const parsed = parseAssignments(before);
    assert(parsed.ok, "assignments of then are valid still");
    const rules = compileRules(kite(), lastPlan.record.plan, parsed.value);
    assert(rules.ok, "compiled");
    const { input, record } = lastPlan;
    const plan = { record, input: { ...input, assignmentsBefore: older(input.assignmentsBefore) } };
    return { inventory: { ...rest, assignments: before, lastPlan: plan }, rules: rules.value };
  }

  it("is adopted as it is, and its numbers stay with the cycles that follow", () => {
    const { inventory, rules } = stored();
    const harness = new Harness({ term: 2, inventory, config: { drainGraceMs } });
    for (const id of kiteNodes) harness.startAgent(id, { rules: rules.get(node(id)) ?? new Map(), termSeen: 1, epochSeen: 2 });
    harness.wait(2_000);
    expect(harness.kinds()).toContain("adopted");
    expect(harness.stages()).toEqual([]);
    const [group] = failoversOf(rules.get("a" as NodeId) ?? new Map());
    expect(group?.buckets[1]?.pushLabel).toBe(group?.failoverId);

    replanned(harness, overB, 3);
    harness.wait(2_000);
    expect([harness.stages(), harness.view.planInForce?.record.epoch]).toEqual([[], 3]);
    expect(harness.plans().at(-1)?.assignmentsAfter).toHaveProperty("failovers", [
      { linkId: "a-c", mergeId: "c", number: group?.failoverId },
    ]);

    replanned(harness, overD, 4);
    harness.wait(2_000);
    const [changed] = failoversOf(harness.rulesOf("a"));
    expect([changed?.failoverId, changed?.buckets[1]?.output]).toEqual([group?.failoverId, "a-d"]);
    expect(changed?.buckets[1]?.pushLabel).not.toBe(group?.failoverId);
    expect(harness.stages().flatMap(({ operations }) => operations)).toHaveLength(3);
  });

  it("is gone back to with the rules that it had", () => {
    const { inventory, rules } = stored();
    const { lastPlan } = inventory;
    assert(lastPlan !== undefined, "a plan is stored");
    const { input } = lastPlan;
    const record = {
      ...lastPlan.record,
      cycleInputHash: canonicalHash(input),
      rulesDigest: digestOfDigests(
        new Map([...rules].filter(([, ofNode]) => ofNode.size > 0).map(([id, ofNode]) => [id, digestOf(ofNode)])),
      ),
    };
    const again = recompiled({ record, input });
    expect(again.ok && again.value.rules).toEqual(rules);
    const after = again.ok ? assignmentsDocument(again.value.assignmentsAfter) : undefined;
    expect(after?.tunnels).toEqual((inventory.assignments as AssignmentsDocument).tunnels);
    expect(after).not.toHaveProperty("failovers");
  });
});
