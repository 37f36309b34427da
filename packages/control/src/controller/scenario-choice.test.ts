/** The scenario that is looked up against the definition: the smallest that contains all that was reported and of which every cable was. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  assert,
  cablesOf,
  compareText,
  failureScenarios,
  parseTopology,
  topologyUnder,
  buildTopology,
  tunnelOf,
  type FailureScenario,
  type LinkId,
  type Topology,
} from "@sluice/model";
import { cablesDown, chooseScenario, enterScenario, scenarioChoice } from "./scenario-choice.js";
import type { VerifiedPlan } from "./state.js";

const ids = ["a", "b", "c", "d", "e"];

/** Random networks with parallel cables, links without an opposite, and SRLGs that may name one direction only. */
const topologies = fc
  .array(
    fc.record({
      ends: fc.uniqueArray(fc.constantFrom(...ids), { minLength: 2, maxLength: 2 }),
      oneWay: fc.boolean(),
      srlgs: fc.tuple(fc.subarray(["f1", "f2"]), fc.subarray(["f1", "f2"])),
      sameSrlgs: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((cables): Topology => {
    const links = cables.flatMap(({ ends: [from = "", to = ""], oneWay, srlgs: [there, back], sameSrlgs }, i) => {
      const more = { capacityBps: 1e9 * (i + 1), latencyMs: 1, metric: 1 };
      const one = { id: `l${i}`, from, to, ...more, srlgIds: there };
      const other = { id: `m${i}`, from: to, to: from, ...more, srlgIds: sameSrlgs ? there : back };
      return oneWay ? [one] : [one, other];
    });
    const parsed = parseTopology({ name: "random", nodes: ids.map((id) => ({ id })), links });
    assert(parsed.ok, "the network is valid");
    return parsed.value;
  });

/** A plan of which only the tunnels count: one for each link that is used. */
function choiceOf(topology: Topology, used: readonly LinkId[], scenarios: readonly FailureScenario[]) {
  const plan = { tunnels: used.map((id) => tunnelOf(topology, [id])) };
  const choice = scenarioChoice({ topology, record: { plan } } as unknown as VerifiedPlan);
  for (const scenario of scenarios) enterScenario(choice, scenario);
  return choice;
}

describe("the choice of a scenario", () => {
  it("is the smallest that contains every cable that was reported, and all of which was reported from one end at least", () => {
    fc.assert(
      fc.property(topologies, fc.infiniteStream(fc.nat()), fc.boolean(), (topology, draws, allUsed) => {
        const draw = (below: number) => (draws.next().value ?? 0) % below;
        const used = topology.links.filter(() => allUsed || draw(3) > 0).map(({ id }) => id);
        const scenarios = failureScenarios(topology, ["link", "node", "srlg"]);
        const choice = choiceOf(topology, used, scenarios);
        const cables = cablesOf(topology);
        const isUsed = (id: LinkId) => used.includes(id);
        // What happened: a scenario of which each cable is reported by one end or both, or a few links.
        const scenario = scenarios[draw(scenarios.length)];
        const hit =
          draw(2) === 0 && scenario !== undefined ? scenario.linkIds : topology.links.filter(() => draw(4) === 0).map(({ id }) => id);
        const heard = cables.flatMap(({ linkIds }) => {
          const both = linkIds.filter((id) => hit.includes(id));
          return both.length === 2 && draw(2) === 0 ? both.slice(draw(2), 2).slice(0, 1) : both;
        });
        const now = buildTopology(topologyUnder(topology, { id: "", kind: "pair", linkIds: heard, nodeIds: [] }));
        assert(now.ok, "links may go down");

        const relevant = cables.filter(({ linkIds }) => linkIds.some(isUsed));
        const reported = relevant.filter(({ linkIds }) => linkIds.some((id) => heard.includes(id)));
        const fits = scenarios.filter(
          ({ linkIds: gone }) =>
            reported.length > 0 &&
            reported.every(({ linkIds }) => linkIds.filter(isUsed).every((id) => gone.includes(id))) &&
            relevant.every((cable) => !cable.linkIds.some((id) => gone.includes(id)) || reported.includes(cable)),
        );
        const smallest = Math.min(...fits.map(({ linkIds }) => linkIds.length));
        const down = cablesDown(choice, now.value);
        expect([...down].sort(compareText)).toEqual(reported.map(({ id }) => id).sort(compareText));
        expect(chooseScenario(choice, down)).toBe(fits.find(({ linkIds }) => linkIds.length === smallest)?.id);
      }),
      { numRuns: 500, seed: 3 },
    );
  });

  it("counts nothing that the plan knew to be down", () => {
    const parsed = parseTopology({
      name: "pair",
      nodes: [{ id: "a" }, { id: "b" }],
      links: ["x", "y"].flatMap((name) => [
        { id: `${name}-ab`, from: "a", to: "b", capacityBps: 1e9, latencyMs: 1, metric: 1 },
        { id: `${name}-ba`, from: "b", to: "a", capacityBps: 1e9, latencyMs: 1, metric: 1 },
      ]),
    });
    assert(parsed.ok, "the network is valid");
    const down = buildTopology(topologyUnder(parsed.value, { id: "", kind: "link", linkIds: ["x-ab" as LinkId], nodeIds: [] }));
    assert(down.ok, "links may go down");
    const choice = choiceOf(
      down.value,
      parsed.value.links.map(({ id }) => id),
      failureScenarios(down.value, ["link"]),
    );
    expect(cablesDown(choice, down.value).size).toBe(0);
    expect(cablesDown(choice, parsed.value).size).toBe(0);
    expect(cablesDown(choiceOf(parsed.value, [], []), down.value).size).toBe(0);
  });
});
