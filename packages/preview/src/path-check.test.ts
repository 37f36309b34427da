/** Path checks, against planning with the demand added and against brute force on what is free. */
import { linkLoads, optimize } from "@sluice/engine";
import { pathLatencyMs, buildTopology, type FlowGroup, type LinkId, type Plan, type Snapshot } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pathCheck, type PathAnswer, type PathCheck } from "./path-check.js";
import { gbps, options, shapes, snapshotOf, valueOf, type Shape } from "./testing/standing.js";

const nothing: PathAnswer = { tunnels: [], admittedBps: 0, binding: [] };
const square: Shape = { capacities: [10, 10, 10, 10], chords: [], demands: [{ src: 0, dst: 1, class: 2, rate: 8 }] };

async function planOf(snapshot: Snapshot): Promise<Plan> {
  return valueOf(await optimize(snapshot, options)).plan;
}

function demand(src: string, dst: string, trafficClass: FlowGroup["trafficClass"], rate: number) {
  return { src: src as never, dst: dst as never, trafficClass, rateBps: rate * gbps };
}

async function check(
  shape: Shape,
  asked: ReturnType<typeof demand>,
  more: Partial<Parameters<typeof pathCheck>[0]> = {},
): Promise<PathCheck> {
  const snapshot = snapshotOf(shape);
  return valueOf(await pathCheck({ snapshot, plan: await planOf(snapshot), demand: asked, ...more }, options));
}

const ids = (answer: PathAnswer) => answer.tunnels.map(({ path }) => path.join(" ")).sort();

describe("pathCheck", () => {
  it("says yes with the tunnels that it would take", async () => {
    const found = await check(square, demand("n0", "n1", "bulk", 5));
    expect(found.verdict).toBe("yes");
    expect(found.beside.admittedBps).toBeCloseTo(5 * gbps, 0);
    expect(found.beside.tunnels.reduce((sum, { rateBps }) => sum + rateBps, 0)).toBeCloseTo(5 * gbps, 0);
    expect(found.beside.binding).toEqual([]);
  });

  it("takes from lower classes where it must, and says what", async () => {
    const found = await check(square, demand("n0", "n1", "interactive", 18));
    // 2 Gb/s are free on the short way and 10 around it.
    expect(found.verdict).toBe("yes-taking");
    expect(found.beside.admittedBps).toBeCloseTo(12 * gbps, -3);
    expect(found.taking?.admittedBps).toBeCloseTo(18 * gbps, -3);
    const [take] = found.taking?.takes ?? [];
    expect(take).toMatchObject({ linkId: "n0-n1", trafficClass: "bulk" });
    expect(take?.takenBps).toBeCloseTo(6 * gbps, -3);
  });

  it("says how much where not all, and what binds", async () => {
    const found = await check(square, demand("n0", "n1", "bulk", 18));
    expect([found.verdict, found.taking]).toEqual(["in-part", undefined]);
    expect(found.beside.admittedBps).toBeCloseTo(12 * gbps, -3);
    expect(found.beside.binding.map(({ linkId }) => linkId)).toContain("n0-n1");
    const full = await check({ ...square, demands: [{ src: 0, dst: 1, class: 0, rate: 20 }] }, demand("n0", "n1", "elastic", 1));
    expect(full).toMatchObject({ verdict: "no", beside: { admittedBps: 0, tunnels: [] } });
    expect(full.beside.binding.length).toBeGreaterThan(0);
  });

  it("keeps the latency bound, the settings' and its own", async () => {
    const within = await check(square, demand("n0", "n1", "bulk", 5), { latencyMsMax: 1 });
    expect(within).toMatchObject({ verdict: "in-part", latencyMsMax: 1 });
    expect(ids(within.beside)).toEqual(["n0-n1"]);
    const none = await check(square, demand("n0", "n2", "bulk", 5), { latencyMsMax: 1 });
    expect(none).toMatchObject({ verdict: "no-path", beside: { admittedBps: 0, tunnels: [] } });
    const snapshot = snapshotOf(square, { tunnels: { kind: "k-shortest", k: 3, latencyMsMax: 1 } });
    const bound = valueOf(await pathCheck({ snapshot, demand: demand("n0", "n2", "bulk", 5), latencyMsMax: 9 }, options));
    expect(bound).toMatchObject({ verdict: "no-path", latencyMsMax: 1 });
  });

  it("tells of tunnels that the policy does not have", async () => {
    const snapshot = snapshotOf({ ...square, demands: [] }, { tunnels: { kind: "k-shortest", k: 1 } });
    const found = valueOf(await pathCheck({ snapshot, demand: demand("n0", "n1", "bulk", 15) }, options));
    expect(found.verdict).toBe("in-part");
    expect(found.beside.admittedBps).toBeCloseTo(10 * gbps, -3);
    expect(found.otherTunnels?.admittedBps).toBeCloseTo(15 * gbps, -3);
  });

  it.each([
    [demand("zz", "n1", "bulk", 1), "not-found", "/src"],
    [demand("n1", "zz", "bulk", 1), "not-found", "/dst"],
    [demand("n1", "n1", "bulk", 1), "self-loop", "/dst"],
  ])("refuses %j", async (asked, code, pointer) => {
    const refused = await pathCheck({ snapshot: snapshotOf(square), demand: asked }, options);
    expect(refused.ok ? [] : [refused.faults[0].code, refused.faults[0].pointer]).toEqual([code, pointer]);
  });

  it("never overloads a link nor breaks a bound, and takes from lower classes only", async () => {
    await fc.assert(
      fc.asyncProperty(
        shapes,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 2 }),
        fc.option(fc.integer({ min: 1, max: 3 })),
        async (shape, rate, rank, bound) => {
          const snapshot = snapshotOf(shape);
          const plan = await planOf(snapshot);
          const trafficClass = (["interactive", "elastic", "bulk"] as const)[rank] ?? "bulk";
          const asked = demand("n0", "n2", trafficClass, rate);
          const found = valueOf(
            await pathCheck({ snapshot, plan, demand: asked, ...(bound === null ? {} : { latencyMsMax: bound }) }, options),
          );
          const topology = valueOf(buildTopology(snapshot.topology));
          const loads = linkLoads(snapshot.topology, plan);
          const within = (answer: PathAnswer, classes: readonly FlowGroup["trafficClass"][]): void => {
            const added = new Map<LinkId, number>();
            for (const { path, rateBps, latencyMs } of answer.tunnels) {
              expect(pathLatencyMs(topology, path)).toBe(latencyMs);
              expect(latencyMs).toBeLessThanOrEqual(bound ?? Infinity);
              for (const id of path) added.set(id, (added.get(id) ?? 0) + rateBps);
            }
            for (const { linkId, capacityBps, loadBpsByClass } of loads) {
              const used = classes.reduce((sum, name) => sum + loadBpsByClass[name], 0);
              expect(used + (added.get(linkId) ?? 0)).toBeLessThanOrEqual(capacityBps * (1 + 1e-6));
            }
            expect(answer.admittedBps).toBeLessThanOrEqual(asked.rateBps * (1 + 1e-9));
          };
          const all = ["interactive", "elastic", "bulk"] as const;
          within(found.beside, all);
          const { taking, otherTunnels } = found;
          within(taking ?? nothing, all.slice(0, rank + 1));
          expect(taking?.admittedBps ?? Infinity).toBeGreaterThan(found.beside.admittedBps);
          expect(taking?.takes.filter((take) => all.indexOf(take.trafficClass) <= rank) ?? []).toEqual([]);
          within(otherTunnels ?? nothing, all);
          expect(found.beside.admittedBps >= asked.rateBps * (1 - 1e-6)).toBe(found.verdict === "yes");
        },
      ),
      { numRuns: 60 },
    );
  });
});
