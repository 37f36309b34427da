import { describe, expect, it } from "vitest";
import { failureScenarios, protectionDefault, type Snapshot } from "@sluice/model";
import { germany50, hasGermany50 } from "../testing/germany50.js";
import { options, planOf } from "../testing/planning.js";
import { checkSplit } from "./check-split.js";
import { splitScenarios } from "./split-scenarios.js";
import { withBackups } from "./testing/with-backups.js";

/** Of the 138 single failures every so many is looked at. */
const step = 6;
/** What integer weights may cost, of all that is admitted. */
const roundingMax = 1e-3;

describe.skipIf(!hasGermany50)("splits of germany50, all pairs in three classes, with more demand than fits", () => {
  it("pass the checker, and keep nearly what is proven to be the most", async () => {
    const drawn = germany50({ capacityBps: 40e9, demandScale: 600 });
    const snapshot: Snapshot = { ...drawn, settings: { ...drawn.settings, protection: protectionDefault } };
    const plan = withBackups(snapshot, await planOf(snapshot));
    const admittedBps = plan.classes.reduce((sum, item) => sum + item.admittedBps, 0);
    const demandBps = plan.classes.reduce((sum, item) => sum + item.demandBps, 0);
    expect(admittedBps / demandBps).toBeLessThan(0.999);
    expect(admittedBps / demandBps).toBeGreaterThan(0.5);
    const scenarios = failureScenarios(snapshot.topology, ["link", "node"]).filter((_, i) => i % step === 0);
    const result = await splitScenarios(snapshot, plan, scenarios, options());
    expect(result.ok && result.value.splits.length).toBe(scenarios.length);
    for (const split of result.ok ? result.value.splits : []) {
      expect(checkSplit(snapshot, plan, split).violations).toEqual([]);
      expect(split.groups.length).toBeGreaterThan(0);
      const { lostBps, lostBpsMin } = split;
      const costBps = (["interactive", "elastic", "bulk"] as const).reduce(
        (sum, each) => sum + lostBps[each] - (lostBpsMin?.[each] ?? 0),
        0,
      );
      expect(costBps).toBeLessThanOrEqual(roundingMax * admittedBps);
    }
  }, 120_000);
});
