import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseDemandSeries, parseTopology, trafficClasses } from "../packages/model/src/index.js";
import { abilene, b4, dayOf, exampleFiles, topologyOf } from "./generate-examples.js";

const committed = (name: string) => readFileSync(new URL(`../examples/${name}`, import.meta.url), "utf8");

describe("examples/", () => {
  it.each([...exampleFiles()])("%s is what the generator writes, byte for byte", (name, text) => {
    expect(committed(name) === text, `${name} differs: run scripts/generate-examples.ts`).toBe(true);
  });

  it.each([
    { name: "b4.json", nodes: 12, links: 38 },
    { name: "abilene.json", nodes: 12, links: 30 },
  ])("$name is a topology of $nodes nodes and $links links, each with its way back in the same SRLG", ({ name, nodes, links }) => {
    const parsed = parseTopology(JSON.parse(committed(name)));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
    const topology = parsed.value;
    expect([topology.nodes.length, topology.links.length]).toEqual([nodes, links]);
    for (const link of topology.links) {
      const back = topology.links.find(({ from, to }) => from === link.to && to === link.from);
      expect(back?.srlgIds).toEqual(link.srlgIds);
      expect(link.srlgIds).toHaveLength(1);
    }
    expect(new Set(topology.links.flatMap(({ srlgIds }) => srlgIds)).size).toBe(links / 2);
  });

  it.each([
    { name: "b4-day.json", network: b4 },
    { name: "abilene-day.json", network: abilene },
  ])("$name says that it is synthetic, has a day of whole Mb/s for all pairs and classes, and stays small", ({ name, network }) => {
    const text = committed(name);
    expect(Buffer.byteLength(text)).toBeLessThan(400_000);
    const parsed = parseDemandSeries(JSON.parse(text));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
    const day = parsed.value;
    expect(day.name).toContain("synthetic");
    expect(day.ratesBps.length * day.intervalSeconds).toBe(86_400);
    expect(day.flowGroups).toHaveLength(12 * 11 * 3);
    expect(day.ratesBps.flat().every((rate) => rate % 1e6 === 0)).toBe(true);
    const ids = new Set(topologyOf(network).nodes.map((node) => node.id));
    expect(day.flowGroups.every(({ src, dst }) => ids.has(src) && ids.has(dst))).toBe(true);
  });

  it("splits the day by class about 15:45:40 and swings by a third or more", () => {
    for (const network of [b4, abilene]) {
      const day = dayOf(network);
      const sums = trafficClasses.map((trafficClass) =>
        day.ratesBps.reduce(
          (sum, row) => sum + row.reduce((part, rate, i) => part + (day.flowGroups[i]?.trafficClass === trafficClass ? rate : 0), 0),
          0,
        ),
      );
      const total = sums.reduce((sum, part) => sum + part, 0);
      [0.15, 0.45, 0.4].forEach((share, i) => expect(Math.abs((sums[i] ?? 0) / total - share)).toBeLessThan(0.03));
      const loads = day.ratesBps.map((row) => row.reduce((sum, rate) => sum + rate, 0));
      expect(Math.min(...loads) / Math.max(...loads)).toBeLessThan(0.67);
    }
  });
});
