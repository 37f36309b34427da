import { describe, expect, it } from "vitest";
import {
  cablesOf,
  failureScenarios,
  flowGroupId,
  pairScenario,
  protectionDefault,
  type Bypass,
  type FailureKind,
  type FailureScenario,
  type Guarantee,
  type Plan,
  type ScenarioSplit,
  type Snapshot,
  type TopologyInput,
} from "@sluice/model";
import { options, planOf } from "../testing/planning.js";
import { snapshotOf } from "../testing/snapshot.js";
import { checkSplit } from "./check-split.js";
import { splitScenarios, type SplitOptions } from "./split-scenarios.js";
import { withBackups } from "./testing/with-backups.js";

const gbps = 1e9;

/** Cables with a capacity in Gb/s and SRLGs, each as two links `a-b` and `b-a`; a third part names parallel ones apart. */
function network(...cables: readonly (readonly [ends: string, capacity: number, ...srlgs: string[]])[]): TopologyInput {
  const nodes = new Set(cables.flatMap(([ends]) => ends.split("-").slice(0, 2)));
  return {
    name: "network",
    nodes: [...nodes].map((id) => ({ id })),
    links: cables.flatMap(([ends, capacity, ...srlgIds]) => {
      const [from = "", to = "", nth] = ends.split("-");
      const suffix = nth === undefined ? "" : `-${nth}`;
      return [
        { id: `${from}-${to}${suffix}`, from, to },
        { id: `${to}-${from}${suffix}`, from: to, to: from },
      ].map((link) => ({ ...link, capacityBps: capacity * gbps, latencyMs: 1, metric: 1, srlgIds }));
    }),
  };
}

type Demands = Parameters<typeof snapshotOf>[1];

interface Planned {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
}

/** The plan is made on single shortest tunnels unless said otherwise, and holds backups. */
async function planned(
  topology: TopologyInput,
  demands: Demands,
  { k = 1, guarantee = { kind: "protected" } }: { k?: number; guarantee?: (typeof protectionDefault)["guarantee"] } = {},
): Promise<Planned> {
  const bare = snapshotOf(topology, demands, { tunnels: { kind: "k-shortest", k } });
  const plan = withBackups(bare, await planOf(bare));
  return { snapshot: { ...bare, settings: { ...bare.settings, protection: { ...protectionDefault, guarantee } } }, plan };
}

/** Bulk from a to b stands on its tunnel and on that tunnel's backup. */
function bulkOnBothWays(made: Planned): Planned {
  const { backupTunnels = [], backups = [], bypasses = [] } = made.plan.protection ?? {};
  const backup = backupTunnels.find(({ src, dst, path }) => src === "a" && dst === "b" && path.length === 2);
  if (backup === undefined) throw new Error("there is no backup from a to b");
  const groups = made.plan.groups.map((group) =>
    group.trafficClass === "bulk"
      ? { ...group, members: [...group.members, { tunnelId: backup.id, weight: group.members[0]?.weight ?? 1, allottedBps: 0 }] }
      : group,
  );
  const tunnels = [...made.plan.tunnels, backup].sort((a, b) => (a.id < b.id ? -1 : 1));
  const protection = { bypasses, backups, backupTunnels: backupTunnels.filter((tunnel) => tunnel !== backup) };
  return { ...made, plan: { ...made.plan, groups, tunnels, protection } };
}

async function splitOf({ snapshot, plan }: Planned, failure: FailureScenario, more: Partial<SplitOptions> = {}): Promise<ScenarioSplit> {
  const result = await splitScenarios(snapshot, plan, [failure], { ...options(), ...more });
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  const [split] = result.value.splits;
  if (split === undefined) throw new Error("there is no split");
  expect(checkSplit(snapshot, plan, split).violations).toEqual([]);
  return split;
}

function scenario({ snapshot: { topology } }: Planned, kind: FailureKind, id: string): FailureScenario {
  const found = failureScenarios(topology, [kind]).find((each) => each.id === `${kind}:${id}`);
  if (found === undefined) throw new Error(`there is no scenario ${kind}:${id}`);
  return found;
}

/** Per group: what it is admitted, Gb/s, and over which nodes, with weights. */
function told({ plan }: Planned, { groups }: ScenarioSplit): Record<string, string> {
  const tunnels = [...plan.tunnels, ...(plan.protection?.backupTunnels ?? [])];
  const way = (id: string): string => tunnels.find((tunnel) => tunnel.id === id)?.path.join(" ") ?? "?";
  return Object.fromEntries(
    groups.map((group) => [
      flowGroupId(group),
      `${Number((group.admittedBps / gbps).toFixed(6))}: ${group.members.map(({ tunnelId, weight }) => `${weight} x ${way(tunnelId)}`).join(", ")}`,
    ]),
  );
}

//   a --- b --- d        b-d is a bridge, c a way around a-b
//    \   /
//      c
const withBridge = network(["a-b", 10], ["a-c", 10], ["c-b", 10], ["b-d", 10]);

describe("a scenario", () => {
  it("stops what has no way left, and counts it as lost", async () => {
    const net = await planned(withBridge, [
      ["a", "d", "elastic", 4 * gbps],
      ["a", "b", "elastic", 3 * gbps],
    ]);
    const split = await splitOf(net, scenario(net, "link", "b-d"));
    expect(told(net, split)).toEqual({ "a>d/elastic": "0: 1 x a-b b-d" });
    expect(split.lostBps).toEqual({ interactive: 0, elastic: 4 * gbps, bulk: 0 });
    expect(split.lostBpsMin).toEqual(split.lostBps);
    expect([split.utilizationMax, split.fullestLinkId]).toEqual([0.3, "a-b"]);
  });

  it("moves groups to their backups", async () => {
    const net = await planned(withBridge, [["a", "d", "elastic", 4 * gbps]]);
    const split = await splitOf(net, scenario(net, "link", "a-b"));
    // The bridge is in every way from a to d, so the only backup shares it.
    expect(told(net, split)).toEqual({ "a>d/elastic": "4: 1 x a-c c-b b-d" });
    expect(split.lostBps.elastic).toBe(0);
  });

  it("that touches nothing has no groups", async () => {
    const net = await planned(withBridge, [["a", "b", "elastic", 5 * gbps]]);
    const split = await splitOf(net, scenario(net, "link", "b-d"));
    expect(split).toMatchObject({ groups: [], lostBps: { elastic: 0 }, utilizationMax: 0.5, fullestLinkId: "a-b" });
  });

  it("takes down a whole SRLG: parallel links in one conduit are no backup for each other", async () => {
    const net = await planned(network(["a-b-1", 10, "duct"], ["a-b-2", 10, "duct"], ["a-c", 4], ["c-b", 4]), [
      ["a", "b", "elastic", 6 * gbps],
    ]);
    expect(told(net, await splitOf(net, scenario(net, "link", "a-b-1")))).toEqual({ "a>b/elastic": "6: 1 x a-b-2" });
    const both = await splitOf(net, scenario(net, "srlg", "duct"));
    // The parallel link is the tunnel's only backup: nothing is installed by way of c.
    expect(told(net, both)).toEqual({ "a>b/elastic": "0: 1 x a-b-1" });
    expect(both.lostBps.elastic).toBe(6 * gbps);
  });

  it("leaves to local repair what only a bypass brings through, where there is room for it", async () => {
    const bypass = { id: "b-0", protects: "a-b", path: ["a-c", "c-b"], sharedSrlgIds: [] } as unknown as Bypass;
    for (const [capacity, isCarried] of [
      [8, true],
      [4, false],
    ] as const) {
      const made = await planned(network(["a-b", 10], ["a-c", capacity], ["c-b", capacity]), [["a", "b", "elastic", 6 * gbps]]);
      const net = { ...made, plan: { ...made.plan, protection: { bypasses: [bypass], backupTunnels: [], backups: [] } } };
      const split = await splitOf(net, scenario(net, "link", "a-b"));
      expect(told(net, split)).toEqual(isCarried ? {} : { "a>b/elastic": "0: 1 x a-b" });
      expect([split.lostBps.elastic, split.utilizationMax]).toEqual(isCarried ? [0, 0.75] : [6 * gbps, 0]);
      // The bypass is gone as well.
      const both = await splitOf(net, pairScenario(scenario(net, "link", "a-b"), scenario(net, "link", "a-c")));
      expect(told(net, both)).toEqual({ "a>b/elastic": "0: 1 x a-b" });
    }
  });

  it("uses the tunnels of other classes between the same nodes", async () => {
    const made = await planned(
      network(["a-b", 10], ["a-c", 10], ["c-b", 10]),
      [
        ["a", "b", "interactive", 10 * gbps],
        ["a", "b", "bulk", 5 * gbps],
      ],
      { k: 2 },
    );
    const { protection: _, ...plan } = made.plan;
    const net = { ...made, plan };
    expect(told(net, await splitOf(net, scenario(net, "link", "a-b")))).toEqual({
      "a>b/bulk": "0: 1 x a-c c-b",
      "a>b/interactive": "10: 1 x a-c c-b",
    });
  });

  it("takes down a node with what starts and ends there, and makes room", async () => {
    const net = await planned(network(["a-b", 10], ["b-c", 10], ["a-d", 10], ["d-c", 10]), [
      ["a", "c", "elastic", 8 * gbps],
      ["d", "c", "elastic", 6 * gbps],
      ["b", "c", "elastic", 2 * gbps],
    ]);
    const before = new Map(net.plan.groups.map((group) => [flowGroupId(group), group.members.length]));
    expect(before.size).toBe(3);
    const b = await splitOf(net, scenario(net, "node", "b"));
    expect(b.lostBps.elastic / gbps).toBeCloseTo(2 + 4, 6);
    expect(told(net, b)).toEqual({ "a>c/elastic": "4: 1 x a-d d-c" });
    const c = await splitOf(net, scenario(net, "node", "c"));
    expect(c.groups.map(({ admittedBps }) => admittedBps)).toEqual([0, 0, 0]);
    expect(c).toMatchObject({ lostBps: { elastic: 16 * gbps }, utilizationMax: 0 });
    expect(c.fullestLinkId).toBeUndefined();
  });

  it("of two failures at once is answered as well", async () => {
    const net = await planned(withBridge, [["a", "b", "elastic", 5 * gbps]]);
    const both = pairScenario(scenario(net, "link", "a-b"), scenario(net, "link", "a-c"));
    expect(await splitOf(net, both)).toMatchObject({ groups: [{ admittedBps: 0 }], lostBps: { elastic: 5 * gbps } });
  });
});

describe("classes in priority", () => {
  //   a --- b        each 10
  //    \   /
  //      c
  const triangle = network(["a-b", 10], ["a-c", 10], ["c-b", 10]);

  it("release the fewest groups that the room of a class above crowds out", async () => {
    const net = await planned(triangle, [
      ["a", "b", "interactive", 6 * gbps],
      ["a", "c", "bulk", 5 * gbps],
      ["c", "b", "bulk", 3 * gbps],
      ["b", "c", "bulk", 2 * gbps],
    ]);
    const split = await splitOf(net, scenario(net, "link", "a-b"));
    // Interactive needs 6 of a-c and of c-b: bulk keeps 4 of its 5 on a-c, and its 3 on c-b.
    expect(told(net, split)).toEqual({ "a>b/interactive": "6: 1 x a-c c-b", "a>c/bulk": "4: 1 x a-c" });
    expect(split.lostBps).toEqual({ interactive: 0, elastic: 0, bulk: 1 * gbps });
  });

  it("release the largest group on a link first, and the small ones not at all", async () => {
    const net = await planned(network(["a-b", 10], ["a-c", 10], ["c-b", 10], ["x-a", 10]), [
      ["a", "b", "interactive", 6 * gbps],
      ["a", "c", "bulk", 5 * gbps],
      ["x", "c", "bulk", 2 * gbps],
    ]);
    const split = await splitOf(net, scenario(net, "link", "a-b"));
    expect(told(net, split)).toEqual({ "a>b/interactive": "6: 1 x a-c c-b", "a>c/bulk": "2: 1 x a-c" });
  });

  const promise = (interactive: Guarantee, bulk: Guarantee) => ({ interactive, elastic: { kind: "none" } as const, bulk });
  const guaranteed = { kind: "guaranteed", failures: 1 } as const;

  it("keep the weights of a guaranteed class on what survives, and its room from those above that are promised less", async () => {
    const net = await planned(
      triangle,
      [
        ["a", "b", "interactive", 8 * gbps],
        ["a", "b", "bulk", 5 * gbps],
      ],
      { k: 2, guarantee: promise({ kind: "protected" }, guaranteed) },
    );
    const bulk = net.plan.groups.find(({ trafficClass }) => trafficClass === "bulk");
    expect(bulk?.members.length).toBeGreaterThan(1);
    const split = await splitOf(net, scenario(net, "link", "a-b"));
    // Bulk's whole rate goes by way of c, where interactive finds 5 of the 8 that it wants.
    expect(told(net, split)).toEqual({ "a>b/bulk": expect.stringMatching(/^5: \d+ x a-c c-b$/), "a>b/interactive": "5: 1 x a-c c-b" });
    expect(split.lostBps.interactive / gbps).toBeCloseTo(3, 6);
  });

  it("keep a guaranteed class's room from repaired traffic of a class above that is promised nothing", async () => {
    const made = await planned(
      network(["a-b", 10], ["a-c", 8], ["c-b", 8], ["d-a", 10]),
      [
        ["d", "b", "interactive", 4 * gbps],
        ["a", "b", "interactive", 3 * gbps],
        ["a", "b", "bulk", 3 * gbps],
      ],
      { k: 1, guarantee: promise({ kind: "none" }, guaranteed) },
    );
    const both = bulkOnBothWays(made);
    // All of interactive goes over a-b, and is brought around it by way of c, where there is no room for both.
    const bypass = { id: "b-0", protects: "a-b", path: ["a-c", "c-b"], sharedSrlgIds: [] } as unknown as Bypass;
    const { backups = [], backupTunnels = [] } = both.plan.protection ?? {};
    const net = { ...both, plan: { ...both.plan, protection: { bypasses: [bypass], backupTunnels, backups } } };
    const split = await splitOf(net, scenario(net, "link", "a-b"));
    expect(told(net, split)["a>b/bulk"]).toBe("3: 1 x a-c c-b");
    expect(split.lostBps.bulk).toBe(0);
    expect(split.lostBps.interactive / gbps).toBeCloseTo(2, 6);
  });

  it("move classes in between out of the way where those above take all that a guaranteed class has not set aside", async () => {
    const net = bulkOnBothWays(
      await planned(
        triangle,
        [
          ["a", "b", "interactive", 4 * gbps],
          ["a", "c", "elastic", 3 * gbps],
          ["a", "b", "bulk", 4 * gbps],
        ],
        { k: 1, guarantee: { interactive: { kind: "protected" }, elastic: { kind: "protected" }, bulk: guaranteed } },
      ),
    );
    const split = await splitOf(net, scenario(net, "link", "a-b"));
    expect(told(net, split)).toEqual({
      "a>b/bulk": "4: 1 x a-c c-b",
      "a>b/interactive": "4: 1 x a-c c-b",
      "a>c/elastic": "2: 1 x a-c",
    });
  });

  it("keep a guaranteed class's room although classes above crowd each other where it sends nothing", async () => {
    const net = bulkOnBothWays(
      await planned(
        network(["a-b", 10], ["a-c", 8], ["c-b", 8], ["d-e", 10], ["e-f", 10], ["d-f", 10], ["f-b", 10]),
        [
          ["d", "e", "interactive", 6 * gbps],
          ["d", "f", "elastic", 6 * gbps],
          ["a", "b", "elastic", 5 * gbps],
          ["a", "b", "bulk", 5 * gbps],
        ],
        { k: 1, guarantee: { interactive: guaranteed, elastic: { kind: "protected" }, bulk: guaranteed } },
      ),
    );
    // Interactive stands on its way by f, too: where d-e goes it crowds elastic on d-f.
    const backup = net.plan.protection?.backupTunnels.find(({ src, dst }) => src === "d" && dst === "e");
    if (backup === undefined) throw new Error("there is no backup from d to e");
    const groups = net.plan.groups.map((group) =>
      group.trafficClass === "interactive"
        ? { ...group, members: [...group.members, { tunnelId: backup.id, weight: group.members[0]?.weight ?? 1, allottedBps: 0 }] }
        : group,
    );
    const tunnels = [...net.plan.tunnels, backup].sort((a, b) => (a.id < b.id ? -1 : 1));
    const { backups = [], bypasses = [], backupTunnels = [] } = net.plan.protection ?? {};
    const protection = { backups, bypasses, backupTunnels: backupTunnels.filter((tunnel) => tunnel !== backup) };
    const both = { ...net, plan: { ...net.plan, groups, tunnels, protection } };
    const failure = pairScenario(scenario(both, "link", "a-b"), scenario(both, "link", "d-e"));
    const split = await splitOf(both, failure);
    expect(told(both, split)["a>b/bulk"]).toBe("5: 1 x a-c c-b");
    expect(told(both, split)["a>b/elastic"]).toBe("3: 1 x a-c c-b");
    expect(split.lostBps.bulk).toBe(0);
  });

  it("cut a guaranteed class to what fits where more fails than it is guaranteed for, and find ways for groups that lost theirs", async () => {
    const net = await planned(network(["a-b-1", 10], ["a-b-2", 10], ["a-b-3", 4]), [["a", "b", "interactive", 12 * gbps]], {
      k: 2,
      guarantee: promise(guaranteed, { kind: "none" }),
    });
    const one = await splitOf(net, scenario(net, "link", "a-b-1"));
    expect(told(net, one)["a>b/interactive"]).toMatch(/^10: \d+ x a-b-2$/);
    const two = await splitOf(net, pairScenario(scenario(net, "link", "a-b-1"), scenario(net, "link", "a-b-2")));
    expect(told(net, two)).toEqual({ "a>b/interactive": "4: 1 x a-b-3" });
  });

  it("leave a class that is promised nothing as it is, but for rates where room is short", async () => {
    const net = await planned(
      triangle,
      [
        ["a", "b", "interactive", 6 * gbps],
        ["a", "b", "bulk", 10 * gbps],
        ["c", "b", "bulk", 1 * gbps],
      ],
      { k: 2, guarantee: promise({ kind: "protected" }, { kind: "none" }) },
    );
    const before = net.plan.groups.find((group) => flowGroupId(group) === "a>b/bulk");
    expect(before?.members.length).toBe(2);
    const split = await splitOf(net, scenario(net, "link", "a-b"));
    const after = split.groups.find((group) => flowGroupId(group) === "a>b/bulk");
    expect(after?.members.map(({ tunnelId, weight }) => [tunnelId, weight])).toEqual(
      before?.members.map(({ tunnelId, weight }) => [tunnelId, weight]),
    );
    expect(after?.admittedBps).toBeLessThan(before?.admittedBps ?? 0);
    expect(split.utilizationMax).toBeCloseTo(1, 9);
  });
});

describe("the least rate of a meter", () => {
  it("of a group that is refused finds room on a full link: others give it up, but for the guaranteed", async () => {
    const demands = [
      ["a", "b", "interactive", 1 * gbps],
      ["a", "b", "bulk", 0.5 * gbps],
    ] as const;
    const cables = network(["a-b", 1], ["a-c", 1], ["c-b", 1]);
    const lossOf = async (interactive: Guarantee): Promise<number> => {
      const net = await planned(cables, demands, { k: 2, guarantee: { interactive, elastic: interactive, bulk: { kind: "protected" } } });
      const split = await splitOf(net, scenario(net, "link", "a-b"));
      expect(split.groups.find(({ trafficClass }) => trafficClass === "bulk")?.admittedBps).toBe(0);
      return split.lostBps.interactive;
    };
    expect(await lossOf({ kind: "protected" })).toBeCloseTo(1000, 3);
    expect(await lossOf({ kind: "guaranteed", failures: 1 })).toBe(0);
  });
});

describe("the work", () => {
  it("reports each split in turn, stops when told, and refuses what it does not know", async () => {
    const net = await planned(withBridge, [["a", "d", "elastic", 4 * gbps]]);
    const scenarios = failureScenarios(net.snapshot.topology, ["link", "node"]);
    expect(scenarios.length).toBe(cablesOf(net.snapshot.topology).length + 4);
    const seen: string[] = [];
    const all = await splitScenarios(net.snapshot, net.plan, scenarios, {
      ...options(),
      onSplit: (split, index) => seen.push(`${index} ${split.scenario.id}`),
    });
    expect(all.ok && all.value.splits.map((split, index) => `${index} ${split.scenario.id}`)).toEqual(seen);
    expect(seen.length).toBe(scenarios.length);

    let asked = 0;
    const stopped = await splitScenarios(net.snapshot, net.plan, scenarios, { ...options(), isCancelled: () => ++asked > 2 });
    expect(stopped).toMatchObject({ ok: false, faults: [{ code: "cancelled" }] });

    const unknown = { id: "link:x", kind: "link", linkIds: ["x"], nodeIds: [] } as unknown as FailureScenario;
    expect(await splitScenarios(net.snapshot, net.plan, [unknown], options())).toMatchObject({
      ok: false,
      faults: [{ code: "dangling-reference" }],
    });
    expect(await splitScenarios(net.snapshot, net.plan, [], options())).toMatchObject({ ok: true, value: { splits: [] } });
  });
});
