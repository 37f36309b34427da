import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planSettingsDefault } from "./settings.js";
import { applyTopologyChanges, type TopologyChange } from "./topology-change.js";
import { parseTopology, topologyDocument, type Topology } from "./topology.js";
import { toId, type LinkId } from "./id.js";
import type { Result } from "./fault.js";
import { undoElements, undoOf, undoSettings } from "./undo.js";

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}

const names = ["a", "b", "c", "d"];
const base = value(
  parseTopology({
    name: "four",
    nodes: names.map((id) => ({ id })),
    links: names.map((from, i) => ({ id: `l${i}`, from, to: names[(i + 1) % 4] ?? "", capacityBps: 1e9, latencyMs: 1, metric: 1 })),
  }),
);
const settings = planSettingsDefault;
const link = (i: number) => toId<LinkId>(`l${i}`);

const someChange: fc.Arbitrary<TopologyChange> = fc.oneof(
  fc.record({
    kind: fc.constant("set-link-state" as const),
    linkId: fc.nat({ max: 3 }).map(link),
    drain: fc.constantFrom("active" as const, "drained" as const),
  }),
  fc.record({ kind: fc.constant("remove-link" as const), linkId: fc.nat({ max: 3 }).map(link) }),
  fc.record({ i: fc.integer({ min: 4, max: 6 }), metric: fc.integer({ min: 1, max: 9 }) }).map(({ i, metric }): TopologyChange => {
    const [from, to] = [base.nodes[0]?.id, base.nodes[2]?.id];
    if (from === undefined || to === undefined) throw new Error("the network has four nodes");
    const state = { drain: "active" as const, operational: "up" as const };
    return { kind: "put-link", link: { id: link(i), from, to, capacityBps: 1e9, latencyMs: 1, metric, srlgIds: [], ...state } };
  }),
);

/** Those that can be made. */
function changed(topology: Topology, changes: readonly TopologyChange[]): Topology {
  return changes.reduce((now, change) => {
    const next = applyTopologyChanges(now, [change]);
    return next.ok ? next.value : now;
  }, topology);
}

describe("taking back a change of the inputs", () => {
  it("restores every byte where nobody has changed anything since", () => {
    fc.assert(
      fc.property(fc.array(someChange, { maxLength: 5 }), fc.integer({ min: 1, max: 64 }), (changes, sum) => {
        const after = { topology: changed(base, changes), settings: { ...settings, splitWeightSumMax: sum } };
        const undo = undoOf({ topology: base, settings }, after);
        const elements = value(undoElements(after.topology, undo));
        expect(topologyDocument(elements.value)).toEqual(topologyDocument(base));
        expect(undoSettings(after.settings, undo)).toEqual({ value: settings, kept: [] });
        expect(elements.kept).toEqual([]);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it("leaves what somebody else has changed since, and restores the rest", () => {
    fc.assert(
      fc.property(fc.array(someChange, { maxLength: 5 }), fc.array(someChange, { maxLength: 5 }), (mine, theirs) => {
        const after = changed(base, mine);
        const now = changed(after, theirs);
        const { value: back, kept } = value(undoElements(now, undoOf({ topology: base, settings }, { topology: after, settings })));
        for (let i = 0; i <= 6; i += 1) {
          const [was, became, is, restored] = [base, after, now, back].map(({ linkById }) => JSON.stringify(linkById.get(link(i)) ?? null));
          const isMine = was !== became;
          expect([i, restored]).toEqual([i, isMine && is === became ? was : is]);
          expect([i, kept.includes(`l${i}`)]).toEqual([i, isMine && is !== became]);
        }
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  it("takes settings back one by one, and those that were not there away", () => {
    const after = { ...settings, gapMax: 0.01, updateSlack: 0.5, protection: undefined };
    const { protection: _, ...plain } = after;
    const undo = undoOf({ topology: base, settings }, { topology: base, settings: { ...plain, tunnels: { kind: "priced", k: 2 } } });
    const now = { ...plain, tunnels: { kind: "edge-disjoint" as const, k: 2 } };
    expect(undoSettings(now, undo)).toEqual({ value: { ...settings, tunnels: now.tunnels }, kept: ["tunnels"] });
  });

  it("is refused where it gives no network: a node that is to go has got a link", () => {
    const put: TopologyChange = { kind: "put-node", node: { id: toId("e"), drain: "active", operational: "up" } };
    const after = changed(base, [put]);
    const undo = undoOf({ topology: base, settings }, { topology: after, settings });
    const state = { drain: "active" as const, operational: "up" as const };
    const cable = {
      id: link(9),
      from: toId<never>("e"),
      to: toId<never>("a"),
      capacityBps: 1e9,
      latencyMs: 1,
      metric: 1,
      srlgIds: [],
      ...state,
    };
    const now = changed(after, [{ kind: "put-link", link: cable }]);
    expect(undoElements(now, undo)).toMatchObject({ ok: false, faults: [{ code: "dangling-reference" }] });
  });
});
