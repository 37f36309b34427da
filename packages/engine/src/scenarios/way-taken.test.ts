import { describe, expect, it } from "vitest";
import { buildTopology, type Bypass, type FailureScenario, type LinkId } from "@sluice/model";
import { planOf } from "../testing/planning.js";
import { snapshotOf } from "../testing/snapshot.js";
import { failureOf } from "./failure.js";
import { indexPlan } from "./plan-index.js";
import { wayTaken } from "./way-taken.js";

//   a --- b --- d        a>d goes by way of b; c is the way around
//    \   / \   /
//      c ---- (c-d)
const links = ["a-b", "b-d", "a-c", "c-b", "c-d"] as const;
const snapshot = snapshotOf(
  {
    name: "ways",
    nodes: ["a", "b", "c", "d"].map((id) => ({ id })),
    links: links.map((id) => {
      const [from = "", to = ""] = id.split("-");
      return { id, from, to, capacityBps: 1e9, latencyMs: 1, metric: id.includes("c") ? 9 : 1 };
    }),
  },
  [["a", "d", "elastic", 1e9]],
  { tunnels: { kind: "k-shortest", k: 1 } },
);
const plan = await planOf(snapshot);

function bypass(protects: string, path: readonly string[], avoids?: string): Bypass {
  return { id: `b-${path.join()}`, protects, path, avoids, sharedSrlgIds: [] } as unknown as Bypass;
}

function way(bypasses: readonly Bypass[], ...dead: readonly string[]): string {
  const topology = buildTopology(snapshot.topology);
  if (!topology.ok) throw new Error("the test's own topology is wrong");
  const index = indexPlan(topology.value, { ...plan, protection: { bypasses, backupTunnels: [], backups: [] } });
  const scenario: FailureScenario = { id: "test", kind: "pair", linkIds: dead as unknown as LinkId[], nodeIds: [] };
  const taken = wayTaken(index, failureOf(topology.value, index, scenario), 0);
  return `${taken.links.map((e) => index.linkIds[e]).join(" ")}${taken.arrives ? "" : " X"}`;
}

const aroundLink = bypass("a-b", ["a-c", "c-b"]);
const aroundNode = bypass("a-b", ["a-c", "c-d"], "b");

describe("the way that traffic takes into a tunnel", () => {
  it("is the tunnel, or what comes before a link that is gone", () => {
    expect(way([])).toBe("a-b b-d");
    expect(way([aroundLink], "b-d")).toBe("a-b X");
    expect(way([], "a-b")).toBe(" X");
  });

  it("goes around a link, and on", () => {
    expect(way([aroundLink], "a-b")).toBe("a-c c-b b-d");
    expect(way([aroundLink], "a-b", "b-d")).toBe("a-c c-b X");
  });

  it("goes around the node behind it where there is such a bypass, whatever became of that", () => {
    expect(way([aroundLink, aroundNode], "a-b", "b-d")).toBe("a-c c-d");
    expect(way([aroundLink, aroundNode], "a-b", "c-d")).toBe("a-c X");
  });

  it("ends inside a bypass that is broken: nothing repairs it", () => {
    expect(way([aroundLink, bypass("c-b", ["c-d"])], "a-b", "c-b")).toBe("a-c X");
  });
});
