import { describe, expect, it } from "vitest";
import type { PeerInstance } from "@sluice/mcf/peer-bench";
import { labelsOf, selectInstances } from "./selection.js";
import { tinyInstance } from "../testing/tiny-bench.js";

const instance = (topology: string, model: string, seed: number, scale: number): PeerInstance => ({
  ...tinyInstance,
  dtype: "f32",
  id: `${topology}_${model}_${seed}_x${scale}`,
  topology,
  model,
  scale,
});
const instances = [instance("Kdl", "gravity", 17, 16), instance("Kdl", "poisson", 10, 32), instance("GtsCe", "gravity", 5, 16)];
const ids = (...names: readonly string[]) => {
  const chosen = selectInstances(names, instances);
  return chosen.ok ? chosen.value.map(({ id }) => id) : chosen.faults[0].message;
};

describe("instances are chosen", () => {
  it.each([
    [[], ["Kdl_gravity_17_x16", "Kdl_poisson_10_x32", "GtsCe_gravity_5_x16"]],
    [["all"], ["Kdl_gravity_17_x16", "Kdl_poisson_10_x32", "GtsCe_gravity_5_x16"]],
    [["kdl"], ["Kdl_gravity_17_x16", "Kdl_poisson_10_x32"]],
    [["Kdl_g"], ["Kdl_gravity_17_x16"]],
    [["GtsCe_gravity_5_x16"], ["GtsCe_gravity_5_x16"]],
    [
      ["GtsCe", "Kdl_poisson", "Kdl_poisson_10_x32"],
      ["Kdl_poisson_10_x32", "GtsCe_gravity_5_x16"],
    ],
  ])("by %j: in the benchmark's order, each once", (names, expected) => {
    expect(ids(...names)).toEqual(expected);
  });

  it("or refused with names that are near", () => {
    expect(ids("Kdll")).toBe(
      'There is no instance "Kdll". Near: Kdl, GtsCe, Kdl_gravity_17_x16, Kdl_poisson_10_x32, GtsCe_gravity_5_x16. "all" means each of the 3.',
    );
    expect(ids("GtsC")).toMatch(/Near: GtsCe,/);
    expect(ids("Kdl_gravity_18_x16")).toMatch(/Near: Kdl_gravity_17_x16,/);
  });
});

describe("labels", () => {
  it("are short where that tells instances apart, else ids", () => {
    expect([...labelsOf(instances).values()]).toEqual(["Kdl gravity x16", "Kdl poisson x32", "GtsCe gravity x16"]);
    const twins = [instance("Kdl", "gravity", 1, 2), instance("Kdl", "gravity", 2, 2)];
    expect([...labelsOf(twins).values()]).toEqual(["Kdl_gravity_1_x2", "Kdl_gravity_2_x2"]);
  });
});
