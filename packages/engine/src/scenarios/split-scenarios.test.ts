import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  failureScenarios,
  pairScenario,
  protectionDefault,
  trafficClasses,
  type FailureScenario,
  type Plan,
  type ScenarioSplit,
  type Snapshot,
} from "@sluice/model";
import { options, planOf } from "../testing/planning.js";
import { arbitrarySnapshot } from "../testing/small-network.js";
import { checkSplit } from "./check-split.js";
import { splitScenarios, type SplitOptions } from "./split-scenarios.js";
import { bestKept } from "./testing/best-kept.js";
import { withBackups } from "./testing/with-backups.js";

const seed = 4;
/** With so many weights rounding costs little, and leaves out no tunnel that matters. */
const finest = 1024;
const roundingMax = 0.03;
/** Relative to what is wanted: both solvers' gaps. */
const gapMax = 2e-6;
/** What groups of the classes above gave up for the least rates of others' meters. */
const trickleBps = 14 * 1_000;

/** Networks with cables: every link has one the other way. */
function snapshots(): fc.Arbitrary<Snapshot> {
  return fc
    .tuple(arbitrarySnapshot({ nodesMax: 6, linksMax: 10, demandsMax: 14 }), fc.constantFrom(8, 64, finest))
    .map(([snapshot, weights]) => ({
      ...snapshot,
      topology: {
        ...snapshot.topology,
        links: snapshot.topology.links
          .flatMap((link) => [link, { ...link, id: `${link.id}-back` as typeof link.id, from: link.to, to: link.from }])
          .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      },
      settings: { ...snapshot.settings, splitWeightSumMax: weights, protection: protectionDefault },
    }));
}

function scenariosOf({ topology }: Snapshot): readonly FailureScenario[] {
  const single = failureScenarios(topology, ["link", "node", "srlg"]);
  const [first] = single;
  return first === undefined ? [] : [...single, ...single.slice(1, 4).map((other) => pairScenario(first, other))];
}

async function splitsOf(snapshot: Snapshot, plan: Plan, more: Partial<SplitOptions> = {}): Promise<readonly ScenarioSplit[]> {
  const result = await splitScenarios(snapshot, plan, scenariosOf(snapshot), { ...options(), ...more });
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value.splits;
}

describe("splits of small networks", () => {
  it("pass the checker, keep what HiGHS says can be kept, and prove it, from the plan or from nothing", async () => {
    const seen = { changed: 0, lost: 0, solved: 0 };
    await fc.assert(
      fc.asyncProperty(snapshots(), async (snapshot) => {
        const plan = withBackups(snapshot, await planOf(snapshot));
        for (const warm of [true, false]) {
          for (const split of await splitsOf(snapshot, plan, { warm })) {
            expect(checkSplit(snapshot, plan, split).violations).toEqual([]);
            for (const trafficClass of trafficClasses) {
              const { wantedBps, allottedBps, admittedBps, bestBps } = await bestKept(snapshot, plan, split, trafficClass);
              const isFine = snapshot.settings.splitWeightSumMax === finest;
              const tolerance = gapMax * wantedBps + trickleBps;
              expect(Math.abs((isFine ? allottedBps : bestBps) - bestBps)).toBeLessThanOrEqual(tolerance);
              expect(admittedBps).toBeGreaterThanOrEqual(isFine ? (1 - roundingMax) * bestBps - tolerance : 0);
              expect(Math.abs((split.lostBpsMin?.[trafficClass] ?? NaN) - (wantedBps - bestBps))).toBeLessThanOrEqual(tolerance);
              seen.changed += wantedBps > 0 ? 1 : 0;
              seen.lost += bestBps < wantedBps ? 1 : 0;
              seen.solved += bestBps > 0 && bestBps < wantedBps * (1 - 1e-6) ? 1 : 0;
            }
          }
        }
      }),
      { seed, numRuns: 60 },
    );
    // The networks are such that all of this happens.
    expect(Math.min(seen.changed, seen.lost, seen.solved)).toBeGreaterThan(50);
  }, 120_000);

  it("are the same bytes each time", async () => {
    await fc.assert(
      fc.asyncProperty(snapshots(), fc.boolean(), async (snapshot, warm) => {
        const plan = withBackups(snapshot, await planOf(snapshot));
        expect(JSON.stringify(await splitsOf(snapshot, plan, { warm }))).toBe(JSON.stringify(await splitsOf(snapshot, plan, { warm })));
      }),
      { seed, numRuns: 15 },
    );
  }, 60_000);

  it("use surviving tunnels only where the plan holds no backups", async () => {
    await fc.assert(
      fc.asyncProperty(snapshots(), async (snapshot) => {
        const { protection: _, ...plan } = await planOf(snapshot);
        for (const split of await splitsOf(snapshot, plan)) expect(checkSplit(snapshot, plan, split).violations).toEqual([]);
      }),
      { seed, numRuns: 20 },
    );
  }, 60_000);

  it("reckon with local repair, which carries what no split can", async () => {
    await fc.assert(
      fc.asyncProperty(snapshots(), fc.constantFrom("link" as const, "node" as const), async (drawn, localRepair) => {
        const guarantee = { interactive: { kind: "protected" }, elastic: { kind: "protected" }, bulk: { kind: "none" } } as const;
        const snapshot = { ...drawn, settings: { ...drawn.settings, protection: { ...protectionDefault, guarantee, localRepair } } };
        const plan = await planOf(snapshot);
        for (const split of await splitsOf(snapshot, plan)) expect(checkSplit(snapshot, plan, split).violations).toEqual([]);
      }),
      { seed, numRuns: 80 },
    );
  }, 120_000);

  it("of fair classes, and of classes with different promises, pass the checker", async () => {
    const kinds = [{ kind: "none" }, { kind: "protected" }] as const;
    const guarantees = fc.record({
      interactive: fc.constantFrom(...kinds),
      elastic: fc.constantFrom(...kinds),
      bulk: fc.constantFrom(...kinds),
    });
    const objectives = fc.constantFrom("max-min-fair", "min-cost", "max-concurrent", "shortest-path");
    await fc.assert(
      fc.asyncProperty(snapshots(), guarantees, objectives, async (drawn, guarantee, objective) => {
        const snapshot: Snapshot = {
          ...drawn,
          settings: { ...drawn.settings, objective, protection: { ...protectionDefault, guarantee } },
        };
        const plan = withBackups(snapshot, await planOf(snapshot));
        for (const split of await splitsOf(snapshot, plan)) expect(checkSplit(snapshot, plan, split).violations).toEqual([]);
      }),
      { seed, numRuns: 40 },
    );
  }, 120_000);
});
