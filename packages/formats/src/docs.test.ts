/** The examples of docs/formats.md are read as the page says. */
import { readFileSync } from "node:fs";
import type { Result, Topology } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { readDemands, readTopology, readTunnels } from "./index.js";

const page = readFileSync(new URL("../../../docs/formats.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/```(\w*)\n([\s\S]*?)```/g)].map(([, language = "", text = ""]) => ({ language, text }));
const inline = [...page.matchAll(/`(\{"src".*?\})`/g)].map(([, text = ""]) => text);

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value;
}

const bytes = (text = ""): Uint8Array => new TextEncoder().encode(text);

describe("docs/formats.md", () => {
  const [own, matrix, series, tunnels, nodeLink, csv, ...rest] = blocks;
  const topology: Topology = value(readTopology(bytes(own?.text), { name: "x" })).topology;

  it("has an example of each format that is written by hand", () => {
    expect(rest).toEqual([]);
    expect(topology.name).toBe("two sites");
    expect(topology.linkById.get("a" as never)?.capacityBps).toBe(100e9);
  });

  it.each([
    ["own matrix", matrix?.text, "sluice-json", "demand-matrix"],
    ["own series", series?.text, "sluice-json", "demand-series"],
    ["CSV", csv?.text, "csv", "demand-series"],
    ["NDJSON", inline[0], "ndjson", "demand-matrix"],
  ])("%s", (_what, text, format, kind) => {
    const read = value(readDemands(bytes(text), topology, { name: "x" }));
    expect([read.format, read.matrices.kind]).toEqual([format, kind]);
    expect(JSON.stringify(read.matrices)).toContain("25000000000");
  });

  it("path set and node-link", () => {
    expect(value(readTunnels(bytes(tunnels?.text), topology, { name: "x" })).paths.get("oslo-1>bergen-1")).toEqual([["a"]]);
    const read = value(readTopology(bytes(nodeLink?.text), { name: "x" }));
    expect([read.format, read.topology.links.length, read.demands?.kind]).toEqual(["node-link-json", 2, "demand-matrix"]);
  });
});
