import { readFileSync } from "node:fs";
import { parseTopology } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { networkPlanOf } from "./network-plan.js";

function example(file: string) {
  const topology = parseTopology(JSON.parse(readFileSync(new URL(`../../../../examples/${file}`, import.meta.url), "utf8")));
  if (!topology.ok) throw new Error(topology.faults[0].message);
  return topology.value;
}

describe("the plan of a Mininet network", () => {
  it.each(["b4.json", "abilene.json"])("has each link of %s at one port of its own, at the node where it starts", (file) => {
    const topology = example(file);
    const { cables, switches, hosts } = networkPlanOf(topology, "/run/x");
    const seen = new Map<string, string>();
    const ports = new Set<string>();
    for (const { ends } of cables) {
      for (const { node, port, links } of ends) {
        expect(port).toBeGreaterThan(1);
        expect(ports.has(`${node} ${port}`)).toBe(false);
        ports.add(`${node} ${port}`);
        for (const link of links) seen.set(link, node);
      }
    }
    expect(seen).toEqual(new Map(topology.links.map(({ id, from }) => [id, from])));
    for (const list of [
      switches.map(({ managementAddress }) => managementAddress),
      hosts.map(({ address }) => address),
      hosts.map(({ mac }) => mac),
    ])
      expect(new Set(list).size).toBe(topology.nodes.length);
  });

  it("gives hosts the tenth address of their prefix, or the last of a small one", () => {
    const nodes = [
      { id: "a", prefix: "10.1.0.0/16" },
      { id: "b", prefix: "10.2.0.8/30" },
    ];
    const topology = parseTopology({ name: "t", nodes, links: [] });
    if (!topology.ok) throw new Error(topology.faults[0].message);
    expect(networkPlanOf(topology.value, "/x").hosts.map(({ address }) => address)).toEqual(["10.1.0.10", "10.2.0.11"]);
  });

  it("gives more switches than a byte numbers addresses of their own", () => {
    const nodes = Array.from({ length: 600 }, (_, i) => ({ id: `n${i}` }));
    const topology = parseTopology({ name: "t", nodes, links: [] });
    if (!topology.ok) throw new Error(topology.faults[0].message);
    const { switches, hosts } = networkPlanOf(topology.value, "/x");
    expect(new Set(switches.map(({ managementAddress }) => managementAddress)).size).toBe(600);
    expect(switches.every(({ managementAddress }) => /^10\.254\.[1-9]\d*\.([1-9]\d*)\/16$/.test(managementAddress))).toBe(true);
    expect(new Set(hosts.map(({ mac }) => mac)).size).toBe(600);
  });
});
