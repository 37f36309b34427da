import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LpBackend } from "@sluice/lp";
import { canonicalJson, objectiveNames, type ObjectiveName, type Plan, type Snapshot, type TopologyInput } from "@sluice/model";
import { checkPlan } from "./check.js";
import { linkLoads } from "./link-loads.js";
import { optimize, type OptimizeOptions } from "./optimize.js";
import { germany50, hasGermany50 } from "./testing/germany50.js";
import { highs, options, planOf } from "./testing/planning.js";
import { snapshotOf, triangle } from "./testing/snapshot.js";
import { arbitrarySnapshot } from "./testing/small-network.js";

function failing(outcome: Awaited<ReturnType<LpBackend["solve"]>>): OptimizeOptions["lp"] {
  const backend: LpBackend = { name: "highs", solve: () => Promise.resolve(outcome) };
  return { highs: backend, javascriptLpSolver: backend };
}

describe("optimize", () => {
  it("passes its own independent check, and that of the candidates derived anew, for every objective on random networks", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitrarySnapshot(),
        fc.constantFrom(...objectiveNames),
        fc.constantFrom(...(["k-shortest", "edge-disjoint", "srlg-disjoint"] as const)),
        fc.integer({ min: 1, max: 16 }),
        async (base, objective, kind, splitWeightSumMax) => {
          const snapshot = { ...base, settings: { ...base.settings, objective, tunnels: { kind, k: 3 }, splitWeightSumMax } };
          const plan = await planOf(snapshot);
          expect(plan.check.violations).toEqual([]);
          expect(checkPlan(snapshot, plan).violations).toEqual([]);
          expect(plan.rung).toBe(
            objective === "shortest-path" && plan.classes.some((item) => item.rung === "greedy") ? "greedy" : "optimal",
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it("gives the same bytes for the same snapshot", async () => {
    await fc.assert(
      fc.asyncProperty(arbitrarySnapshot(), fc.constantFrom(...objectiveNames), async (base, objective) => {
        const snapshot = { ...base, settings: { ...base.settings, objective } };
        const copy = JSON.parse(JSON.stringify(snapshot)) as Snapshot;
        expect(canonicalJson(await planOf(copy))).toBe(canonicalJson(await planOf(snapshot)));
      }),
      { numRuns: 40 },
    );
  });

  it("plans lower classes on what higher ones leave", async () => {
    const snapshot = snapshotOf(triangle, [
      ["a", "b", "interactive", 12e9],
      ["a", "b", "elastic", 5e9],
      ["a", "b", "bulk", 9e9],
    ]);
    const plan = await planOf(snapshot);
    expect(plan.classes.map((item) => item.admittedBps / 1e9)).toEqual([12, 5, 3].map((gbps) => expect.closeTo(gbps, 6)));
    const full = linkLoads(snapshot.topology, plan).filter(({ linkId }) => ["a-b", "a-c", "c-b"].includes(linkId));
    for (const { loadBps } of full) expect(loadBps / 1e9).toBeCloseTo(10, 6);
  });

  it("says when ties were not broken by tunnel length, and stays on the first rung", async () => {
    // A line of n nodes has (n - 1) n (n + 1) / 3 links on the paths of all pairs.
    const line = (n: number): TopologyInput => ({
      name: "line",
      nodes: Array.from({ length: n }, (_, i) => ({ id: `n${i}` })),
      links: Array.from({ length: n - 1 }, (_, i) => [
        { id: `up${i}`, from: `n${i}`, to: `n${i + 1}`, capacityBps: 10e9, latencyMs: 1, metric: 1 },
        { id: `down${i}`, from: `n${i + 1}`, to: `n${i}`, capacityBps: 10e9, latencyMs: 1, metric: 1 },
      ]).flat(),
    });
    const notesOf = async (n: number) => {
      const pairs = Array.from({ length: n * n }, (_, i) => [Math.floor(i / n), i % n] as const).filter(([a, b]) => a !== b);
      const plan = await planOf(
        snapshotOf(
          line(n),
          pairs.map(([a, b]) => [`n${a}`, `n${b}`, "elastic", 1e7]),
          { solver: "highs" },
        ),
      );
      expect(plan.rung).toBe("optimal");
      return plan.classes.map((item) => item.notes);
    };
    expect(await notesOf(66)).toEqual([[], [], []]);
    const note =
      "Ties between plans of equal throughput were not broken by tunnel length: the program has 100232 entries, more than 100000.";
    expect(await notesOf(67)).toEqual([[], [note], []]);
  });

  it("lists demands without a tunnel, and keeps drained and down elements out", async () => {
    const drained: TopologyInput = {
      ...triangle,
      nodes: [{ id: "a" }, { id: "b" }, { id: "c", drain: "drained" }],
      links: triangle.links.map((link) => (link.id === "a-b" ? { ...link, operational: "down" as const } : link)),
    };
    const plan = await planOf(
      snapshotOf(drained, [
        ["a", "b", "elastic", 1e9],
        ["b", "a", "elastic", 1e9],
        ["a", "c", "bulk", 0],
      ]),
    );
    expect(plan.unroutable).toEqual([{ src: "a", dst: "b", trafficClass: "elastic" }]);
    expect(plan.groups.map(({ src, dst, admittedBps }) => [src, dst, admittedBps])).toEqual([["b", "a", 1e9]]);
  });

  it("answers a network of one node, and no demand at all", async () => {
    for (const topology of [{ name: "one", nodes: [{ id: "a" }], links: [] }, triangle]) {
      const plan = await planOf(snapshotOf(topology, []));
      expect(plan).toMatchObject({ rung: "optimal", groups: [], tunnels: [], unroutable: [], check: { verdict: "pass" } });
    }
  });

  it("refuses invalid topologies and demands at nodes that do not exist", async () => {
    const good = snapshotOf(triangle, [["a", "b", "elastic", 1e9]]);
    const links = good.topology.links.map((link, i) => (i === 0 ? { ...link, to: "z" as never } : link));
    expect(await optimize({ ...good, topology: { ...good.topology, links } }, options())).toMatchObject({
      ok: false,
      faults: [{ code: "dangling-reference" }],
    });
    const demands = { ...good.demands, demands: good.demands.demands.map((demand) => ({ ...demand, dst: "z" as never })) };
    expect(await optimize({ ...good, demands }, options())).toMatchObject({ ok: false, faults: [{ code: "dangling-reference" }] });
  });

  it("uses a given path set, less what is down", async () => {
    const snapshot = snapshotOf(
      { ...triangle, links: triangle.links.map((link) => (link.id === "a-c" ? { ...link, operational: "down" as const } : link)) },
      [
        ["a", "b", "elastic", 20e9],
        ["b", "a", "elastic", 20e9],
      ],
    );
    const candidates = {
      pairs: new Map([
        ["a>b", [["a-b"], ["a-c", "c-b"]]],
        ["b>a", [["b-c", "c-a"]]],
      ]),
    } as never;
    const plan = await planOf(snapshot, { candidates });
    expect(plan.tunnels.map((tunnel) => tunnel.path).sort()).toEqual([["a-b"], ["b-c", "c-a"]]);
    expect(checkPlan(snapshot, plan, { candidates }).verdict).toBe("pass");
  });

  it("routes on links where asked to, and is then best over all paths", async () => {
    const objectives = ["max-throughput", "min-cost", "min-max-utilization", "max-concurrent"] as const;
    await fc.assert(
      // So small that sixteen candidates a pair are all its paths.
      fc.asyncProperty(arbitrarySnapshot({ nodesMax: 4, linksMax: 8 }), fc.constantFrom(...objectives), async (base, objective) => {
        const snapshot = { ...base, settings: { ...base.settings, objective, tunnels: { kind: "k-shortest" as const, k: 1 } } };
        const plan = await planOf(snapshot, { edgeBased: true });
        expect(checkPlan(snapshot, plan, { candidates: "all-paths" }).violations).toEqual([]);
        const every = await planOf({ ...snapshot, settings: { ...snapshot.settings, tunnels: { kind: "k-shortest", k: 16 } } });
        const [onLinks = 0, onPaths = 0] = [plan, every].map(({ classes: [interactive] }) => interactive?.certificate.value);
        expect(Math.abs(onLinks - onPaths)).toBeLessThanOrEqual(1e-5 * Math.max(Math.abs(onLinks), Math.abs(onPaths)));
      }),
      { numRuns: 100 },
    );
  });

  it("fills greedily on the candidate tunnels when routing on links fails", async () => {
    const snapshot = snapshotOf(triangle, [["a", "b", "elastic", 15e9]]);
    const plan = await planOf(snapshot, { edgeBased: true, lp: failing({ status: "failed" }) });
    expect(plan).toMatchObject({ rung: "greedy", check: { verdict: "pass" } });
  });

  it("reports its stages", async () => {
    const stages: string[] = [];
    await planOf(snapshotOf(triangle, [["a", "b", "elastic", 1e9]]), { onStage: (stage) => stages.push(stage) });
    expect(stages).toEqual(["tunnels", "solve interactive", "solve elastic", "solve bulk", "check", "done"]);
  });
});

describe("the ladder", () => {
  const snapshot = snapshotOf(triangle, [["a", "b", "elastic", 15e9]], { solver: "highs" });
  const elastic = (plan: Plan): Plan["classes"][number] | undefined => plan.classes[1];

  it.each([
    ["fails", { status: "failed", message: "out of memory" }],
    ["is out of time without a point", { status: "time-limit" }],
    ["calls a feasible problem infeasible", { status: "infeasible" }],
    ["calls it unbounded", { status: "unbounded" }],
  ] as const)("fills greedily, and says why, when the solver %s", async (_what, outcome) => {
    for (const objective of objectiveNames) {
      const plan = await planOf({ ...snapshot, settings: { ...snapshot.settings, objective } }, { lp: failing(outcome) });
      expect(plan.check.verdict).toBe("pass");
      if (objective === "shortest-path" || objective === "max-min-fair") continue;
      expect(elastic(plan)).toMatchObject({ rung: "greedy", solver: "greedy-fill", admittedBps: 15e9 });
      expect(elastic(plan)?.notes[0]).toContain(outcome.status);
    }
  });

  it("survives a backend that throws, or answers with garbage", async () => {
    const throwing: LpBackend = { name: "highs", solve: () => Promise.reject(new Error("abort(OOM)")) };
    const plan = await planOf(snapshot, { lp: { highs: throwing, javascriptLpSolver: throwing } });
    expect(elastic(plan)).toMatchObject({ rung: "greedy", admittedBps: 15e9 });
    expect(elastic(plan)?.notes[0]).toContain("abort(OOM)");

    for (const value of [Number.NaN, Infinity, -5, 1e30]) {
      const garbage: LpBackend = {
        name: "highs",
        solve: (program) =>
          Promise.resolve({
            status: "optimal",
            objective: value,
            primal: new Float64Array(program.columnCount).fill(value),
            dual: new Float64Array(program.rowCount).fill(value),
          }),
      };
      for (const objective of objectiveNames) {
        const answer = await planOf(
          { ...snapshot, settings: { ...snapshot.settings, objective } },
          { lp: { highs: garbage, javascriptLpSolver: garbage } },
        );
        expect(answer.check.verdict).toBe("pass");
      }
    }
  });

  it("calls a flow without proof feasible", async () => {
    const unproven: LpBackend = {
      name: "highs",
      solve: async (program, limits) => {
        const { dual: _dual, ...solved } = await highs.solve(program, limits);
        return { ...solved, status: "time-limit" };
      },
    };
    const plan = await planOf(snapshot, { lp: { highs: unproven, javascriptLpSolver: unproven } });
    expect(plan.rung).toBe("feasible");
    expect(elastic(plan)).toMatchObject({ rung: "feasible", admittedBps: 15e9 });
    expect(elastic(plan)?.certificate.bound).toBeUndefined();
  });

  it("does not begin a solve when the deadline is over, and starts greedy where asked to", async () => {
    let now = 0;
    const late = await planOf(snapshot, { nowMs: () => (now += 60_000) });
    expect(elastic(late)).toMatchObject({ rung: "greedy", notes: ["No time was left to solve."] });
    const asked = await planOf(snapshot, { greedyOnly: true });
    expect(elastic(asked)).toMatchObject({ rung: "greedy", admittedBps: 15e9 });
  });

  it("keeps the utilization above 1 in the certificate and admits what fits", async () => {
    const over = snapshotOf(triangle, [["a", "b", "elastic", 30e9]], { objective: "min-max-utilization" });
    const plan = await planOf(over);
    expect(elastic(plan)?.certificate.value).toBeCloseTo(1.5, 6);
    expect(elastic(plan)?.certificate.bound).toBeCloseTo(1.5, 6);
    expect((elastic(plan)?.admittedBps ?? 0) / 20e9).toBeCloseTo(1, 6);
    expect(elastic(plan)?.notes[0]).toContain("50");
  });
});

describe.skipIf(!hasGermany50)(
  `germany50, all pairs, three classes${hasGermany50 ? "" : " (skipped: the shared data is not here)"}`,
  () => {
    it.each([
      ["max-throughput", 0.91],
      ["min-cost", 0.91],
      ["max-concurrent", 0.91],
    ] as const)("is planned to the optimum for %s", async (objective: ObjectiveName, share) => {
      const base = germany50({ capacityBps: 0.15e9, demandScale: 1 });
      const snapshot = { ...base, settings: { ...base.settings, objective, deadlineSeconds: 600 } };
      const plan = await planOf(snapshot);
      expect(plan).toMatchObject({ rung: "optimal", unroutable: [], check: { verdict: "pass", checked: { demands: 7350 } } });
      const asked = plan.classes.reduce((sum, item) => sum + item.demandBps, 0);
      const allotted = plan.classes.reduce((sum, item) => sum + item.allottedBps, 0);
      const admitted = plan.classes.reduce((sum, item) => sum + item.admittedBps, 0);
      // Which optimum the higher classes take leaves the lower ones a little more or less.
      // A floor: which of its optima a higher class takes leaves the lower ones a little more or less.
      expect(allotted / asked).toBeGreaterThan(share);
      // What 64 weights cost on a network that is full.
      expect(admitted / allotted).toBeGreaterThan(0.998);
    });
  },
);
