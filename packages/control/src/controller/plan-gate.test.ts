import { describe, expect, it } from "vitest";
import {
  buildDemandMatrix,
  buildTopology,
  bypassId,
  canonicalHash,
  parseTopology,
  planSettingsDefault,
  protectionDefault,
  topologyDocument,
  tunnelId,
  unprotected,
  type Backup,
  type Bypass,
  type LocalRepair,
  type Path,
  type Plan,
  type PlanProtection,
  type ProtectionSettings,
  type Snapshot,
  type Tunnel,
} from "@sluice/model";
import { allSteps } from "@sluice/rules";
import { admitPlan } from "./plan-gate.js";

//     a ---- b ---- d      cables of 10 Gb/s; a-b is in the SRLG x, e-b is drained
//     |\    /|     /
//     | `c-' |    /
//     e .....+   /         c-d as well
const cables = ["a-b", "b-d", "a-c", "c-b", "c-d", "a-e", "e-b"];
const topology = value(
  parseTopology({
    name: "gate",
    nodes: ["a", "b", "c", "d", "e"].map((id) => ({ id })),
    links: cables.flatMap((cable) => {
      const [a = "", b = ""] = cable.split("-");
      return [
        [a, b],
        [b, a],
      ].map(([from = "", to = ""]) => ({
        id: `${from}>${to}`,
        from,
        to,
        capacityBps: 10e9,
        latencyMs: 1,
        metric: 1,
        srlgIds: cable === "a-b" ? ["x"] : [],
        drain: cable === "e-b" ? ("drained" as const) : ("active" as const),
      }));
    }),
  }),
);

function value<T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly faults: unknown }): T {
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value;
}

function ids(text: string): Path {
  return (text === "" ? [] : text.split(" ")) as unknown as Path;
}

function tunnel(text: string): Tunnel {
  const path = ids(text);
  return { id: tunnelId(path), src: text[0] as never, dst: text.at(-1) as never, path };
}

function bypass(protects: string, text: string, avoids?: string): Bypass {
  const path = ids(text);
  return {
    id: bypassId(protects as never, path),
    protects: protects as never,
    ...(avoids === undefined ? {} : { avoids: avoids as never }),
    path,
    sharedSrlgIds: [],
  };
}

function backup(of: string, by: string, change: Partial<Backup> = {}): Backup {
  return {
    tunnelId: tunnel(of).id,
    backupId: tunnel(by).id,
    disjointness: "srlg",
    sharedLinkIds: [],
    sharedNodeIds: [],
    sharedSrlgIds: [],
    ...change,
  };
}

const held: PlanProtection = {
  bypasses: [bypass("a>b", "a>c c>b"), bypass("b>d", "b>c c>d"), bypass("a>b", "a>c c>d", "b")],
  backupTunnels: [tunnel("a>c c>d")],
  backups: [backup("a>b b>d", "a>c c>d")],
};

function asking(change: Partial<ProtectionSettings> = {}): ProtectionSettings {
  return { ...protectionDefault, localRepair: "node", ...change };
}

/** The same with an earlier plan that has the same paths. */
function admitted(...asked: Parameters<typeof planOf>) {
  const { snapshot, plan } = planOf(...asked);
  const on = value(buildTopology(snapshot.topology));
  const afresh = allSteps(admitPlan(on, snapshot, plan));
  expect(allSteps(admitPlan(on, snapshot, plan, planOf(held).plan))).toEqual(afresh);
  return afresh;
}

function planOf(protection: unknown, asked: ProtectionSettings | null = asking(), tunnels = [tunnel("a>b b>d")]) {
  const demands = value(buildDemandMatrix("gate", [{ src: "a" as never, dst: "d" as never, trafficClass: "elastic", rateBps: 2e9 }]));
  const snapshot: Snapshot = {
    topology: topologyDocument(topology),
    demands,
    settings: { ...planSettingsDefault, ...(asked === null ? {} : { protection: asked }) },
  };
  const plan = {
    inputHash: canonicalHash(snapshot),
    rung: "optimal",
    classes: [],
    tunnels,
    groups: [
      {
        src: "a",
        dst: "d",
        trafficClass: "elastic",
        demandBps: 2e9,
        admittedBps: 2e9,
        members: tunnels.map(({ id }) => ({ tunnelId: id, allottedBps: 1e9, weight: 1 })),
      },
    ],
    unroutable: [],
    ...(protection === undefined ? {} : { protection }),
    check: { verdict: "pass", checked: {}, violations: [], utilizationMax: 0.2 },
  } as unknown as Plan;
  return { snapshot, plan };
}

const malformed: readonly (readonly [what: string, protection: unknown])[] = [
  ["is missing though it was asked for", undefined],
  ["is nothing", null],
  ["is a text", "bypasses"],
  ["has no bypasses", { backupTunnels: [], backups: [] }],
  ["has bypasses that are none", { ...held, bypasses: [null] }],
  ["has a bypass without a path", { ...held, bypasses: [{ ...held.bypasses[0], path: undefined }] }],
  ["has a bypass without links", { ...held, bypasses: [bypass("a>b", "")] }],
  ["has a bypass over the link itself", { ...held, bypasses: [bypass("a>b", "a>b")] }],
  ["has a bypass that ends before the merge point", { ...held, bypasses: [bypass("a>b", "a>c")] }],
  ["has a bypass that starts elsewhere", { ...held, bypasses: [bypass("a>b", "c>b")] }],
  ["has a bypass with a gap", { ...held, bypasses: [bypass("a>b", "a>c d>b")] }],
  ["has a bypass with a loop", { ...held, bypasses: [bypass("a>b", "a>e e>a a>c c>b")] }],
  ["has a bypass over a drained link", { ...held, bypasses: [bypass("a>b", "a>e e>b")] }],
  ["has a bypass over an unknown link", { ...held, bypasses: [bypass("a>b", "a>z")] }],
  ["has a bypass of an unknown link", { ...held, bypasses: [bypass("a>z", "a>c c>b")] }],
  ["has a bypass under another's id", { ...held, bypasses: [{ ...bypass("a>b", "a>c c>b"), id: bypass("b>a", "b>c c>a").id }] }],
  ["has a bypass twice", { ...held, bypasses: [bypass("a>b", "a>c c>b"), bypass("a>b", "a>c c>b")] }],
  ["has two bypasses of a link to one node", { ...held, bypasses: [bypass("a>b", "a>c c>b"), bypass("a>b", "a>c c>d d>b")] }],
  ["has a bypass that passes the node that it avoids", { ...held, bypasses: [bypass("a>b", "a>c c>b b>d", "b")] }],
  ["has a bypass that avoids some other node", { ...held, bypasses: [bypass("a>b", "a>c c>b", "d")] }],
  ["says that a bypass shares what the link is not in", { ...held, bypasses: [{ ...bypass("a>b", "a>c c>b"), sharedSrlgIds: ["y"] }] }],
  ["does not say what a bypass shares", { ...held, bypasses: [{ ...bypass("a>b", "a>c c>b"), sharedSrlgIds: undefined }] }],
  ["has a backup tunnel that nothing needs", { ...held, backups: [] }],
  ["has a backup tunnel twice", { ...held, backupTunnels: [...held.backupTunnels, ...held.backupTunnels] }],
  ["has a backup tunnel of the plan", { ...held, backupTunnels: [...held.backupTunnels, tunnel("a>b b>d")] }],
  ["has a backup tunnel with a loop", { ...held, backupTunnels: [tunnel("a>e e>a a>c c>d")] }],
  ["has a backup tunnel to elsewhere", { ...held, backupTunnels: [{ ...tunnel("a>c c>d"), dst: "b" }] }],
  ["has a backup tunnel over a drained link", { ...held, backupTunnels: [tunnel("a>e e>b b>d")] }],
  [
    "has a backup tunnel under another's id",
    {
      ...held,
      backupTunnels: [{ ...tunnel("a>c c>d"), id: "t-0" }],
      backups: [backup("a>b b>d", "a>c c>d", { backupId: "t-0" as never })],
    },
  ],
  ["backs a tunnel that is not there", { ...held, backups: [...held.backups, backup("a>c", "a>c c>d")] }],
  ["backs a backup tunnel", { ...held, backups: [...held.backups, backup("a>c c>d", "a>b b>d")] }],
  ["backs a tunnel by none", { ...held, backups: [backup("a>b b>d", "a>c")] }],
  ["backs a tunnel by itself", { ...held, backups: [...held.backups, backup("a>b b>d", "a>b b>d")], backupTunnels: [] }],
  ["backs a tunnel twice", { ...held, backups: [...held.backups, ...held.backups] }],
  ["backs a tunnel by one with other ends", { ...held, backupTunnels: [tunnel("a>c c>b")], backups: [backup("a>b b>d", "a>c c>b")] }],
  ["does not say how far apart a backup is", { ...held, backups: [backup("a>b b>d", "a>c c>d", { disjointness: "far" as never })] }],
  ["does not say what a backup shares", { ...held, backups: [backup("a>b b>d", "a>c c>d", { sharedNodeIds: 1 as never })] }],
];

describe("admitPlan", () => {
  it("admits a plan whose protection is what it says", () => {
    expect(admitted(held)).toMatchObject({ ok: true });
    expect(admitted(undefined, null)).toMatchObject({ ok: true });
    expect(admitted(undefined, unprotected)).toMatchObject({ ok: true });
    expect(admitted({ bypasses: [], backupTunnels: [], backups: [] })).toMatchObject({ ok: true });
    const twoTunnels = [tunnel("a>b b>d"), tunnel("a>c c>d")];
    const eachOther = [backup("a>b b>d", "a>c c>d"), backup("a>c c>d", "a>b b>d")];
    expect(admitted({ bypasses: [], backupTunnels: [], backups: eachOther }, asking(), twoTunnels)).toMatchObject({ ok: true });
  });

  it.each(malformed)("refuses a plan whose protection %s", (_, protection) => {
    expect(admitted(protection)).toMatchObject({ ok: false, faults: [{ code: "check-failed" }] });
  });

  it.each<readonly [asked: string, settings: ProtectionSettings | null]>([
    ["nothing", null],
    ["nothing of it", unprotected],
    ["no local repair", asking({ localRepair: "none" satisfies LocalRepair })],
    ["links alone", asking({ localRepair: "link" })],
  ])("refuses protection of nodes where settings ask for %s", (_, settings) => {
    expect(admitted(held, settings)).toMatchObject({ ok: false, faults: [{ code: "check-failed" }] });
  });
});
