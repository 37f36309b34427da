import { describe, expect, it } from "vitest";
import { InvariantBroken, parseTopology, pathLatencyMs, pathNodes, tunnelId, tunnelOf, type LinkId } from "./index.js";

const links = ["a>b", "b>c", "c>a", "c>d"].map((id) => {
  const [from = "", to = ""] = id.split(">");
  return { id, from, to, capacityBps: 1, latencyMs: 2, metric: 1 };
});
const parsed = parseTopology({ name: "t", nodes: ["a", "b", "c", "d"].map((id) => ({ id })), links });
if (!parsed.ok) throw new Error("the fixture is a topology");
const topology = parsed.value;
const path = (...ids: string[]): readonly LinkId[] => ids as LinkId[];

describe("tunnel", () => {
  it("knows its ends, nodes and latency", () => {
    const tunnel = tunnelOf(topology, path("a>b", "b>c", "c>d"));
    expect([tunnel.src, tunnel.dst]).toEqual(["a", "d"]);
    expect(pathNodes(topology, tunnel.path)).toEqual(["a", "b", "c", "d"]);
    expect(pathLatencyMs(topology, tunnel.path)).toBe(6);
  });

  it("has an id that depends on the path alone, and on all of it", () => {
    expect(tunnelId(path("a>b", "b>c"))).toBe(tunnelId(path("a>b", "b>c")));
    expect(tunnelId(path("a>b", "b>c"))).not.toBe(tunnelId(path("a>b,b>c")));
  });

  it("refuses loops, gaps, unknown links and nothing", () => {
    for (const bad of [path("a>b", "b>c", "c>a"), path("a>b", "c>d"), path("x>y"), path()]) {
      expect(() => tunnelOf(topology, bad)).toThrow(InvariantBroken);
    }
  });
});
