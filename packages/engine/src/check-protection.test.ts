import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bypassId,
  protectionDefault,
  tunnelId,
  unprotected,
  type Backup,
  type Bypass,
  type FaultCode,
  type LinkId,
  type Path,
  type Plan,
  type PlanProtection,
  type Snapshot,
  type Tunnel,
} from "@sluice/model";
import { checkPlan } from "./check.js";
import { planOf } from "./testing/planning.js";
import { snapshotOf } from "./testing/snapshot.js";
import { topologyInputOf } from "./testing/link-text.js";
import { arbitrarySnapshot } from "./testing/small-network.js";

//      a ---[x]--- b --- d         d hangs on b; e is a way that shares x; c one that shares nothing
//      |\         /|
//      | c ------- |
//      e[x]--------+
const network = topologyInputOf("a-b[x] a-c:2 c-b:2 a-e[x] e-b b-d a-c#2:9");
const snapshot = snapshotOf(
  network,
  [
    ["a", "b", "interactive", 4e9],
    ["a", "d", "elastic", 3e9],
    ["b", "a", "bulk", 1e9],
  ],
  {
    tunnels: { kind: "k-shortest", k: 1 },
    protection: { ...protectionDefault, localRepair: "node", guarantee: { interactive: kept(), elastic: kept(), bulk: { kind: "none" } } },
  },
);
const plan = await planOf(snapshot);
const held = protectionOf(plan);

function kept() {
  return { kind: "protected" as const };
}

function protectionOf({ protection }: Plan): PlanProtection {
  if (protection === undefined) throw new Error("the plan is protected");
  return protection;
}

function ids(text: string): Path {
  return text.split(" ") as unknown as Path;
}

function backupTunnel(path: string): Tunnel {
  const links = ids(path);
  return { id: tunnelId(links), src: path[0] as never, dst: path.at(-1) as never, path: links };
}

/** The backup of a>b is replaced by another path. */
function withBackup(path: string, change: Partial<Backup>): Partial<PlanProtection> {
  const own = plan.tunnels.find((tunnel) => tunnel.path.join(" ") === "a>b")?.id;
  const tunnel = backupTunnel(path);
  const replaced = held.backups.find(({ tunnelId: id }) => id === own)?.backupId;
  return {
    backupTunnels: [...held.backupTunnels.filter(({ id }) => id !== replaced), tunnel].sort(byId),
    backups: held.backups.map((backup) => (backup.tunnelId === own ? { ...backup, backupId: tunnel.id, ...change } : backup)),
  };
}

/** A bypass, by protected link, is replaced. */
function withBypass(protects: string, change: (bypass: Bypass) => Partial<Bypass>): Partial<PlanProtection> {
  return {
    bypasses: held.bypasses
      .map((bypass) => {
        if (bypass.protects !== protects || bypass.avoids !== undefined) return bypass;
        const changed = { ...bypass, ...change(bypass) };
        return change(bypass).id === undefined ? { ...changed, id: bypassId(changed.protects, changed.path) } : changed;
      })
      .sort(byId),
  };
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}

const corruptions: readonly (readonly [what: string, code: FaultCode, corrupt: () => Partial<PlanProtection>])[] = [
  ["a bypass missing", "protection-wrong", () => ({ bypasses: held.bypasses.filter(({ protects }) => protects !== "a>b") })],
  ["a bypass twice", "duplicate-id", () => ({ bypasses: held.bypasses.flatMap((bypass) => [bypass, bypass]) })],
  ["bypasses out of order", "duplicate-id", () => ({ bypasses: [...held.bypasses].reverse() })],
  ["a bypass under another's id", "tunnel-broken", () => withBypass("a>b", () => ({ id: "b-0" as never }))],
  ["a bypass over the link itself", "protection-wrong", () => withBypass("a>b", () => ({ path: ids("a>b") }))],
  ["a bypass that ends elsewhere", "protection-wrong", () => withBypass("a>b", () => ({ path: ids("a>c") }))],
  ["a bypass that starts elsewhere", "protection-wrong", () => withBypass("a>b", () => ({ path: ids("c>b") }))],
  ["a bypass whose links do not join", "tunnel-broken", () => withBypass("a>b", () => ({ path: ids("a>c e>b") }))],
  ["a bypass with a loop", "tunnel-broken", () => withBypass("a>b", () => ({ path: ids("a>c c>a a>e e>b") }))],
  ["a bypass without links", "tunnel-broken", () => withBypass("a>b", () => ({ path: [] }))],
  ["a bypass over an unknown link", "tunnel-broken", () => withBypass("a>b", () => ({ path: ids("a>z") }))],
  [
    "a bypass that shares an SRLG and says so",
    "protection-wrong",
    () => withBypass("a>b", () => ({ path: ids("a>e e>b"), sharedSrlgIds: ["x" as never] })),
  ],
  ["a bypass that shares an SRLG and hides it", "protection-wrong", () => withBypass("a>b", () => ({ path: ids("a>e e>b") }))],
  ["a bypass that says it shares what it does not", "protection-wrong", () => withBypass("a>b", () => ({ sharedSrlgIds: ["x" as never] }))],
  [
    "a bypass of a link that no tunnel uses",
    "protection-wrong",
    () => withBypass("a>b", () => ({ protects: "e>b" as LinkId, path: ids("e>a a>b") })),
  ],
  [
    "a bypass that avoids a node where none is to be avoided",
    "protection-wrong",
    () => withBypass("a>b", () => ({ avoids: "e" as never })),
  ],
  [
    "a bypass that passes the node that it avoids",
    "protection-wrong",
    () => ({
      bypasses: held.bypasses
        .map((bypass) => {
          const path = ids("a>c#2 c>b");
          return bypass.avoids === undefined ? bypass : { ...bypass, path, id: bypassId(bypass.protects, path) };
        })
        .sort(byId),
    }),
  ],
  ["a backup missing", "protection-wrong", () => ({ backups: held.backups.slice(1), backupTunnels: usedBy(held.backups.slice(1)) })],
  ["a backup twice", "duplicate-id", () => ({ backups: held.backups.flatMap((backup) => [backup, backup]) })],
  ["a backup of an unknown tunnel", "dangling-reference", () => withBackups((backup) => ({ tunnelId: `${backup.tunnelId}0` as never }))],
  ["a backup that is no tunnel", "dangling-reference", () => withBackups((backup) => ({ backupId: `${backup.backupId}0` as never }))],
  ["a tunnel that backs itself", "protection-wrong", () => withBackups((backup) => ({ backupId: backup.tunnelId }))],
  ["a backup to elsewhere", "protection-wrong", () => withBackup("a>c", {})],
  [
    "a backup that could be SRLG-disjoint",
    "protection-wrong",
    () => withBackup("a>e e>b", { disjointness: "node", sharedSrlgIds: ["x" as never] }),
  ],
  ["a backup that hides an SRLG", "protection-wrong", () => withBackup("a>e e>b", {})],
  ["a backup that says it shares a link", "protection-wrong", () => withBackups(() => ({ sharedLinkIds: ["a>b" as never] }))],
  ["a backup that says it shares a node", "protection-wrong", () => withBackups(() => ({ sharedNodeIds: ["c" as never] }))],
  ["a backup that calls itself less than it is", "protection-wrong", () => withBackups(() => ({ disjointness: "link" }))],
  [
    "a backup tunnel that is used by none",
    "dangling-reference",
    () => ({ backupTunnels: [...held.backupTunnels, backupTunnel("a>e e>b")].sort(byId) }),
  ],
  [
    "a backup tunnel of the plan",
    "duplicate-id",
    () => ({ backupTunnels: [...held.backupTunnels, ...plan.tunnels.slice(0, 1)].sort(byId) }),
  ],
  ["a backup tunnel twice", "duplicate-id", () => ({ backupTunnels: held.backupTunnels.flatMap((tunnel) => [tunnel, tunnel]) })],
  ["a backup tunnel with a loop", "tunnel-broken", () => withBackup("a>c c>a a>c c>b", {})],
  [
    "a backup tunnel under another's id",
    "tunnel-broken",
    () => ({ backupTunnels: held.backupTunnels.map((tunnel) => ({ ...tunnel, id: `${tunnel.id}0` as never })) }),
  ],
  [
    "a backup tunnel that says other ends",
    "tunnel-broken",
    () => ({ backupTunnels: held.backupTunnels.map((tunnel) => ({ ...tunnel, src: "e" as never })) }),
  ],
];

function withBackups(change: (backup: Backup) => Partial<Backup>): Partial<PlanProtection> {
  return { backups: held.backups.map((backup, i) => (i === 0 ? { ...backup, ...change(backup) } : backup)) };
}

function usedBy(backups: readonly Backup[]): readonly Tunnel[] {
  return held.backupTunnels.filter(({ id }) => backups.some(({ backupId }) => backupId === id));
}

function codesOf(question: Snapshot, protection: PlanProtection | undefined): readonly FaultCode[] {
  return checkPlan(question, { ...plan, inputHash: plan.inputHash, protection }).violations.map(({ code }) => code);
}

describe("checkProtection", () => {
  it("passes what the engine plans, of which every kind is there", () => {
    expect(plan.check.violations).toEqual([]);
    expect(held.backups.map(({ disjointness }) => disjointness).sort()).toEqual(["partial", "srlg"]);
    expect(held.bypasses.map(({ protects, avoids }) => `${protects} ${avoids ?? ""}`).sort()).toEqual([
      "a>b ",
      "a>c ",
      "a>c c",
      "b>a ",
      "c>b ",
    ]);
  });

  it.each(corruptions)("finds %s: %s", (_, code, corrupt) => {
    expect(codesOf(snapshot, { ...held, ...corrupt() })).toContain(code);
  });

  it("finds protection that was not asked for, and misses none that was", () => {
    expect(codesOf(snapshot, undefined)).toEqual(["protection-wrong"]);
    const unasked = { ...snapshot, settings: { ...snapshot.settings, protection: unprotected } };
    expect(codesOf(unasked, held)).toEqual(["input-mismatch", "protection-wrong"]);
    expect(codesOf(unasked, undefined)).toEqual(["input-mismatch"]);
    // Backups are wanted by none, bypasses are.
    const linksOnly = { ...unasked, settings: { ...unasked.settings, protection: { ...unprotected, localRepair: "node" as const } } };
    expect(codesOf(linksOnly, held)).toContain("protection-wrong");
    const noRepair = {
      ...snapshot,
      settings: { ...snapshot.settings, protection: { ...protectionDefault, localRepair: "none" as const } },
    };
    expect(codesOf(noRepair, held)).toContain("protection-wrong");
  });

  it("finds backups above the latency bound, and none missing that cannot keep it", () => {
    const bounded = (latencyMsMax: number): Snapshot => ({
      ...snapshot,
      settings: { ...snapshot.settings, tunnels: { kind: "k-shortest", k: 1, latencyMsMax } },
    });
    expect(codesOf(bounded(3), held)).toContain("tunnel-unusable");
    expect(codesOf(bounded(5), held)).toEqual(["input-mismatch"]);
    expect(
      codesOf(bounded(1), {
        ...held,
        backups: [],
        backupTunnels: [],
        bypasses: held.bypasses.filter(({ protects }) => /a>b|b>a/.test(protects)),
      }),
    ).not.toContain("protection-wrong");
  });

  it("finds bypasses and backups over links that are down or drained", () => {
    const down = {
      ...snapshot,
      topology: {
        ...snapshot.topology,
        links: snapshot.topology.links.map((link) => (link.id === "a>c" ? { ...link, operational: "down" as const } : link)),
      },
    };
    expect(codesOf(down, held)).toContain("tunnel-broken");
  });

  it("never throws, whatever is left out or exchanged", () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...held.bypasses]),
        fc.shuffledSubarray([...held.backups]),
        fc.shuffledSubarray([...held.backupTunnels, ...plan.tunnels]),
        (bypasses, backups, backupTunnels) => {
          const { violations } = checkPlan(snapshot, { ...plan, protection: { bypasses, backups, backupTunnels } });
          const isSame =
            JSON.stringify([bypasses, backups, backupTunnels]) === JSON.stringify([held.bypasses, held.backups, held.backupTunnels]);
          expect(violations.length === 0).toBe(isSame);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("finds any bypass or backup that is taken out, on random networks", async () => {
    await fc.assert(
      fc.asyncProperty(arbitrarySnapshot(), fc.nat(), async (base, at) => {
        const question = { ...base, settings: { ...base.settings, protection: { ...protectionDefault, localRepair: "node" as const } } };
        const good = await planOf(question);
        const { bypasses, backups, backupTunnels } = protectionOf(good);
        const without = <T>(items: readonly T[]): readonly T[] => items.filter((_, i) => i !== at % Math.max(1, items.length));
        const failsOf = (protection: PlanProtection): boolean => checkPlan(question, { ...good, protection }).verdict === "fail";
        expect(failsOf({ bypasses: without(bypasses), backups, backupTunnels })).toBe(bypasses.length > 0);
        expect(failsOf({ bypasses, backups: without(backups), backupTunnels })).toBe(backups.length > 0);
        expect(failsOf({ bypasses, backups, backupTunnels: without(backupTunnels) })).toBe(backupTunnels.length > 0);
      }),
      { numRuns: 100 },
    );
  });
});
