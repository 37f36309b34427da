import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failureScenarios, unprotected, type Plan, type ProtectionSettings } from "@sluice/model";
import { topologyOf } from "../testing/link-text.js";
import { protectPlan } from "./protect-plan.js";
import { backupStandIns, bypassStandIns, reserve, type StandIn } from "./reservation.js";

const settings: ProtectionSettings = { ...unprotected, guarantee: { kind: "protected" } };

const standIn: fc.Arbitrary<StandIn> = fc.record({
  links: fc.uniqueArray(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
  bps: fc.integer({ min: 0, max: 9 }).map((n) => n / 7),
  scenarios: fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
});

describe("reserve", () => {
  it("adds up per scenario and takes the worst, and is never more than the plain sum", () => {
    fc.assert(
      fc.property(fc.array(standIn, { maxLength: 12 }), (standIns) => {
        const { sharedBps, plainBps } = reserve(6, standIns);
        for (let link = 0; link < 6; link++) {
          const over = (keep: (one: StandIn) => boolean): number =>
            standIns.filter((one) => one.links.includes(link) && keep(one)).reduce((sum, { bps }) => sum + bps, 0);
          const shared = Math.max(...[0, 1, 2, 3, 4].map((scenario) => over(({ scenarios }) => scenarios.includes(scenario))));
          expect(sharedBps[link]).toBeCloseTo(shared, 9);
          expect(plainBps[link]).toBeCloseTo(
            over(({ scenarios }) => scenarios.length > 0),
            9,
          );
          expect(sharedBps[link]).toBeLessThanOrEqual(plainBps[link] ?? -1);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("needs nothing where nothing stands in", () => {
    expect(reserve(2, [])).toEqual({ sharedBps: new Float64Array(2), plainBps: new Float64Array(2) });
  });
});

describe("what stands in", () => {
  // a-b and c-d fail one at a time: both detours go over x-y, which has room for one of them only.
  const topology = topologyOf("a-b c-d a-x c-x x-y y-b y-d");
  const [ab, cd] = [["a>b"], ["c>d"]] as const;
  const plan = planOfPaths([
    ["a", "b", ab, 3e9],
    ["c", "d", cd, 4e9],
  ]);
  const at = (id: string): number => topology.links.findIndex((link) => link.id === id);

  it("shares what bypasses and backups need over failures that do not happen together", () => {
    const protection = protectPlan(topology, { ...settings, localRepair: "link" }, plan);
    const scenarios = failureScenarios(topology, ["link"]);
    for (const standIns of [bypassStandIns, backupStandIns]) {
      const { sharedBps, plainBps } = reserve(topology.links.length, standIns(topology, { ...plan, protection }, scenarios));
      expect([sharedBps[at("x>y")], plainBps[at("x>y")]]).toEqual([4e9, 7e9]);
      expect([sharedBps[at("a>x")], plainBps[at("a>x")], sharedBps[at("a>b")]]).toEqual([3e9, 3e9, 0]);
    }
  });

  it("adds up what one cut needs at once", () => {
    const risky = topologyOf("a-b[s] c-d[s] a-x c-x x-y y-b y-d");
    const protection = protectPlan(risky, { ...settings, localRepair: "link" }, plan);
    const scenarios = failureScenarios(risky, ["link", "srlg"]);
    const { sharedBps } = reserve(risky.links.length, bypassStandIns(risky, { ...plan, protection }, scenarios));
    expect(sharedBps[risky.links.findIndex(({ id }) => id === "x>y")]).toBe(7e9);
  });

  it("leaves out backups that the same failure takes down", () => {
    const bridge = topologyOf("s-a a-b s-x x-a");
    const over = planOfPaths([["s", "b", ["s>a", "a>b"], 2e9]]);
    const protection = protectPlan(bridge, { ...settings, localRepair: "none" }, over);
    const needed = (id: string): readonly number[] => {
      const scenarios = failureScenarios(bridge, ["link"]).filter((scenario) => scenario.id === id);
      return [...reserve(bridge.links.length, backupStandIns(bridge, { ...over, protection }, scenarios)).sharedBps];
    };
    expect(needed("link:a>b").some((bps) => bps > 0)).toBe(false);
    expect(bridge.links.filter((_, i) => (needed("link:a>s")[i] ?? 0) > 0).map(({ id }) => id)).toEqual(["a>b", "s>x", "x>a"]);
  });

  it("leaves out stand-ins that the same failure takes down, and sends what goes on around the node", () => {
    const net = topologyOf("a-b b-c a-x x-c x-b");
    const through = planOfPaths([
      ["a", "c", ["a>b", "b>c"], 2e9],
      ["a", "b", ["a>b"], 5e9],
    ]);
    const protection = protectPlan(net, { ...settings, localRepair: "node" }, through);
    const needed = (kinds: readonly ("link" | "node")[]): Record<string, number | undefined> => {
      const { sharedBps } = reserve(net.links.length, bypassStandIns(net, { ...through, protection }, failureScenarios(net, kinds)));
      return Object.fromEntries(["a>x", "x>c", "x>b"].map((id) => [id, sharedBps[net.links.findIndex((link) => link.id === id)]]));
    };
    // The cable a-b: 2 go around b, 5 to b. The cable b-c: 2 go from b over x.
    expect(needed(["link"])).toEqual({ "a>x": 7e9, "x>c": 2e9, "x>b": 5e9 });
    // The node b: nothing for b can be saved.
    expect(needed(["node"])).toEqual({ "a>x": 2e9, "x>c": 2e9, "x>b": 0 });
  });
});

function planOfPaths(
  flows: readonly (readonly [src: string, dst: string, path: readonly string[], bps: number])[],
): Pick<Plan, "tunnels" | "groups"> {
  const tunnels = flows.map(([src, dst, path]) => ({ id: `t-${path.join("+")}`, src, dst, path }) as unknown as Plan["tunnels"][number]);
  const groups = flows.map(
    ([src, dst, , bps], i) =>
      ({
        src,
        dst,
        trafficClass: "elastic",
        demandBps: bps,
        admittedBps: bps,
        members: [{ tunnelId: tunnels[i]?.id, allottedBps: bps, weight: 1 }],
      }) as unknown as Plan["groups"][number],
  );
  return { tunnels, groups };
}
