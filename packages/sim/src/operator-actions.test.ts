/** What operators rely on: applying a preview is making its changes, and going back brings back every byte. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import { canonicalJson, drainStates, type PlanSettings, type TopologyChange } from "@sluice/model";
import { digestOfRuleSet } from "@sluice/rules";
import { Desk } from "./desk.js";
import { seededRandom } from "./random.js";
import { demandsOf, scenarioOf } from "./scenario.js";

const testTimeoutMs = 300_000;
const runs = { numRuns: 25, seed: 7 };

const someCase = fc.record({
  seed: fc.integer({ min: 1, max: 1_000 }),
  drains: fc.array(fc.record({ link: fc.nat({ max: 30 }), drain: fc.constantFrom(...drainStates) }), { maxLength: 3 }),
  settings: fc.record(
    {
      splitWeightSumMax: fc.integer({ min: 4, max: 32 }),
      updateSlack: fc.constantFrom(0, 0.2),
      objective: fc.constantFrom("max-throughput" as const, "shortest-path" as const, "max-min-fair" as const),
    },
    { requiredKeys: [] },
  ),
});

type Case = typeof someCase extends fc.Arbitrary<infer T> ? T : never;

async function deskOf({ seed }: Case): Promise<Desk> {
  const scenario = scenarioOf(seed);
  const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };
  return Desk.open(scenario, demandsOf(seededRandom(seed), scenario.universe, "first"), lp);
}

function changesOf({ seed, drains, settings }: Case): {
  readonly changes: readonly TopologyChange[];
  readonly settings: Partial<PlanSettings>;
} {
  const { links } = scenarioOf(seed).universe;
  const changes = drains.flatMap(({ link, drain }) => {
    const linkId = links[link % links.length]?.id;
    return linkId === undefined ? [] : [{ kind: "set-link-state" as const, linkId, drain }];
  });
  return { changes, settings };
}

const rulesOf = ({ state }: Desk) =>
  [...(state.push.target?.rules ?? [])].map(([id, rules]) => [id, [...rules].sort(([a], [b]) => (a < b ? -1 : 1))]);

describe("an operator", () => {
  it("who applies a preview gets what making the changes gives: the same inputs, plan and rules", { timeout: testTimeoutMs }, async () => {
    await fc.assert(
      fc.asyncProperty(someCase, async (one) => {
        const { changes, settings } = changesOf(one);
        const [previewing, changing] = [await deskOf(one), await deskOf(one)];
        const applied = previewing.ask({ kind: "apply-proposal", proposal: await previewing.propose(changes, settings), force: true });
        expect(applied).toMatchObject({ ok: true, value: { epoch: 2 } });
        if (changes.length > 0) changing.ask({ kind: "change-topology", changes });
        changing.ask({ kind: "change-settings", settings });
        await changing.wait(10_000);
        const [proposed, planned] = [previewing, changing].map(({ store }) => store.plans.at(-1));
        expect(planned?.record.epoch).toBe(2);
        expect(proposed?.record.rulesDigest).toBe(planned?.record.rulesDigest);
        expect(canonicalJson(proposed?.record.plan)).toBe(canonicalJson(planned?.record.plan));
        expect(canonicalJson(proposed?.input)).toBe(canonicalJson(planned?.input));
        expect(canonicalJson(proposed?.assignmentsAfter)).toBe(canonicalJson(planned?.assignmentsAfter));
        expect(previewing.store.topologies.at(-1)).toEqual(changing.store.topologies.at(-1));
        // And nothing is planned after it: the plan is for the inputs that hold.
        await previewing.wait(10_000);
        expect(previewing.store.plans).toHaveLength(2);
      }),
      runs,
    );
  });

  it("who goes back gets the rules of then, byte for byte, from wherever", { timeout: testTimeoutMs }, async () => {
    await fc.assert(
      fc.asyncProperty(someCase, async (one) => {
        const { changes, settings } = changesOf(one);
        const desk = await deskOf(one);
        const before = rulesOf(desk);
        // Elsewhere first: other demands, then the changes without the drains, so that no link of the first plan is in the way.
        desk.event({ kind: "measure-demands", matrix: demandsOf(seededRandom(one.seed + 1), scenarioOf(one.seed).universe, "second") });
        await desk.wait(3_000);
        desk.ask({ kind: "apply-proposal", proposal: await desk.propose([], settings), force: true });
        if (changes.length > 0) desk.ask({ kind: "apply-proposal", proposal: await desk.propose(changes, {}), force: true });
        const first = desk.store.plans[0];
        if (first === undefined) throw new Error("the first plan is stored");
        const { record, input } = first;
        const epochs = desk.store.plans.length;
        const reply = desk.ask({ kind: "roll-back", record, input, force: true });
        expect(reply).toMatchObject({ ok: true, value: { epoch: epochs + 1, rolledBackTo: 1, mode: "held" } });
        expect(rulesOf(desk)).toEqual(before);
        expect(digestOfRuleSet(desk.state.push.target?.rules ?? new Map())).toBe(record.rulesDigest);
        expect(desk.store.plans.at(-1)?.record).toMatchObject({
          epoch: epochs + 1,
          rulesDigest: record.rulesDigest,
          cycleInputHash: record.cycleInputHash,
        });
        await desk.wait(10_000);
        expect(desk.store.plans).toHaveLength(epochs + 1);
      }),
      runs,
    );
  });
});
