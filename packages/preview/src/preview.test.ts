/** Previews and what-ifs: what they say is what planning gives, and nothing that goes in is touched. */
import { optimize } from "@sluice/engine";
import { basisHash, buildTopology, canonicalHash, protectionDefault, type LinkId, type NodeId, type PlanSettings } from "@sluice/model";
import { assign, assignmentsDocument, emptyAssignments } from "@sluice/rules";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changedSnapshot } from "./changed-snapshot.js";
import { parseInputChanges, parseWhatIfChanges, type WhatIfChanges } from "./changes.js";
import { preview, whatIf, type Standing } from "./preview.js";
import { gbps, options, shapes, snapshotOf, standingOn, valueOf, type Shape } from "./testing/standing.js";

const ring: Shape = {
  capacities: [10, 10, 10, 10],
  chords: [],
  demands: [
    { src: 0, dst: 1, class: 0, rate: 4 },
    { src: 0, dst: 2, class: 1, rate: 9.5 },
    { src: 3, dst: 1, class: 2, rate: 9 },
  ],
};

const linkId = (text: string) => text as LinkId;
const nodeId = (text: string) => text as NodeId;

/** Changes of every kind, by links and nodes that a ring of three has. */
const changes: fc.Arbitrary<WhatIfChanges> = fc.record(
  {
    topologyChanges: fc.constantFrom(
      [{ kind: "set-link-state" as const, linkId: linkId("n0-n1"), drain: "drained" as const }],
      [{ kind: "set-node-state" as const, nodeId: nodeId("n2"), operational: "down" as const }],
      [{ kind: "remove-link" as const, linkId: linkId("n1-n0") }],
    ),
    settings: fc.constantFrom<Partial<PlanSettings>>(
      { objective: "max-min-fair" },
      { splitWeightSumMax: 3 },
      { tunnels: { kind: "k-shortest", k: 1 } },
    ),
    demands: fc.record({
      scale: fc.constantFrom(0, 0.5, 2),
      scaleClass: fc.constantFrom({ bulk: 3 }, { interactive: 0.1, elastic: 0.1 }),
      add: fc.constant([{ src: nodeId("n0"), dst: nodeId("n1"), trafficClass: "bulk" as const, rateBps: 2 * gbps }]),
    }),
    fail: fc.constantFrom({ srlgIds: ["duct" as never] }, { nodeIds: [nodeId("n2")] }, { linkIds: [linkId("n1-n2")] }),
    drain: fc.constantFrom({ linkIds: [linkId("n2-n1")], kind: "hard" as const }),
    addCapacity: fc.constant([{ linkId: linkId("n1-n2"), capacityBps: 5 * gbps }]),
  },
  { requiredKeys: [] },
);

describe("whatIf", () => {
  it("is the plan of the changed snapshot, and leaves what it was asked on as it was", async () => {
    await fc.assert(
      fc.asyncProperty(shapes, changes, async (shape, asked) => {
        const standing = await standingOn(snapshotOf(shape));
        const before = canonicalHash({ standing, asked });
        const found = await whatIf({ standing, changes: asked }, options);
        expect(canonicalHash({ standing, asked })).toBe(before);
        const changed = changedSnapshot(standing.ground, asked);
        // Only a link that is removed and named after that can be missing.
        expect(found.ok).toBe(changed.ok);
        if (!found.ok || !changed.ok) return;
        const { plan } = valueOf(await optimize(changed.value, options));
        expect(found.value.plan).toMatchObject({ inputHash: plan.inputHash, tunnels: plan.tunnels.length });
        expect(found.value.difference.classes.map(({ admittedBps }) => admittedBps.after)).toEqual(
          plan.classes.map(({ admittedBps }) => admittedBps),
        );
      }),
      { numRuns: 50 },
    );
  });

  it("fails, drains, scales, adds and widens what it names", () => {
    const { topology, demands } = valueOf(
      changedSnapshot(
        { ...snapshotOf(ring), linksDown: [] },
        {
          demands: {
            scale: 2,
            scaleClass: { bulk: 0.5 },
            add: [{ src: nodeId("n0"), dst: nodeId("n1"), trafficClass: "interactive", rateBps: gbps }],
          },
          fail: { srlgIds: ["duct" as never], nodeIds: [nodeId("n3")] },
          drain: { linkIds: [linkId("n1-n2")], nodeIds: [nodeId("n2")], kind: "hard" },
          addCapacity: [
            { linkId: linkId("n2-n3"), capacityBps: gbps },
            { linkId: linkId("n2-n3"), capacityBps: gbps },
          ],
        },
      ),
    );
    expect(demands.demands.map(({ rateBps }) => rateBps / gbps)).toEqual([9, 19, 9]);
    expect(topology.links.filter(({ operational }) => operational === "down").map(({ id }) => id)).toEqual(["n0-n1", "n1-n0"]);
    expect(topology.nodes.filter(({ operational }) => operational === "down").map(({ id }) => id)).toEqual(["n3"]);
    expect(topology.links.filter(({ drain }) => drain === "drained").map(({ id }) => id)).toEqual(["n1-n2"]);
    expect(topology.nodes.filter(({ drain }) => drain === "drained").map(({ id }) => id)).toEqual(["n2"]);
    expect(topology.links.find(({ id }) => id === "n2-n3")?.capacityBps).toBe(12 * gbps);
  });

  it("drains softly: what is drained carries only what has no other way", async () => {
    const standing = await standingOn(snapshotOf(ring));
    const gists: (string | undefined)[] = [];
    const load = async (kind: "hard" | "soft", scale: number): Promise<number | undefined> => {
      const asked = { drain: { linkIds: [linkId("n0-n1")], kind }, demands: { scale } };
      const { difference, plan } = valueOf(await whatIf({ standing, changes: asked }, options));
      gists.push(plan.softDrained);
      return difference.links.find((each) => each.linkId === "n0-n1")?.loadBps.after;
    };
    expect([await load("soft", 0.1), await load("hard", 0.1), await load("hard", 4)]).toEqual([0, 0, 0]);
    // As full as before: no difference.
    expect(await load("soft", 4)).toBeUndefined();
    expect(gists).toEqual(["avoided", undefined, undefined, "used"]);
  });

  it("looks at failures where it was asked to, before and after", async () => {
    const standing = await standingOn(snapshotOf(ring, { protection: protectionDefault }));
    const failures = { choice: { kinds: ["link" as const] }, layers: ["unrepaired" as const, "scenario-split" as const] };
    const stages: number[] = [];
    const found = valueOf(
      await whatIf(
        { standing, changes: { demands: { scale: 0.1 } }, failures },
        { ...options, onProgress: (_, fraction) => stages.push(fraction) },
      ),
    );
    const scenarios = found.failures?.scenarios ?? [];
    expect(scenarios).toHaveLength(4);
    expect(scenarios.every(({ before, after }) => before !== undefined && after !== undefined)).toBe(true);
    // A tenth of the demand finds a way around any cable.
    expect(scenarios.flatMap(({ after }) => Object.values(after?.layers["scenario-split"]?.lostBps ?? {})).every((bps) => bps === 0)).toBe(
      true,
    );
    expect(scenarios.some(({ verdict }) => verdict === "better")).toBe(true);
    expect(stages.at(-1)).toBe(1);
    expect(stages).toEqual(stages.toSorted((a, b) => a - b));
  });
});

describe("preview", () => {
  it("proposes what it has shown, on the inputs as they are", async () => {
    const standing = await standingOn(snapshotOf(ring));
    const asked = valueOf(
      parseInputChanges({
        topologyChanges: [{ kind: "set-link-state", linkId: "n0-n1", drain: "drained" }],
        settings: { splitWeightSumMax: 8 },
      }),
    );
    const { preview: shown, proposal } = valueOf(await preview({ standing, changes: asked }, options));
    const { topology, demands, settings } = standing.ground;
    expect(proposal.basis).toEqual({
      ...standing.versions,
      inputHash: basisHash({ topology: valueOf(buildTopology(topology)), demands, settings }),
    });
    expect(shown.basis).toEqual({ ...proposal.basis, epoch: 7 });
    expect(proposal.settings).toEqual({ splitWeightSumMax: 8 });
    expect(proposal.snapshot.settings).toEqual({ ...settings, splitWeightSumMax: 8 });
    expect(proposal.plan.inputHash).toBe(canonicalHash(proposal.snapshot));
    expect(shown.plan.inputHash).toBe(proposal.plan.inputHash);
    expect(proposal.plan.tunnels.some(({ path }) => path.includes(linkId("n0-n1")))).toBe(false);
    expect(shown.difference.isDifferent).toBe(true);
    expect(shown.difference.links.find((each) => each.linkId === "n0-n1")?.loadBps.after).toBe(0);
  });

  it("shows nothing where nothing changes, on whatever labels the standing plan was installed", async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.integer({ min: 1, max: 3 }), async (shape, turn) => {
        const snapshot = snapshotOf(shape);
        const topology = valueOf(buildTopology(snapshot.topology));
        const count = shape.capacities.length;
        const others = shape.demands.map((each) => ({ ...each, src: (each.src + turn) % count, dst: (each.dst + turn) % count }));
        const earlier = valueOf(await optimize(snapshotOf({ ...shape, demands: others }), options)).plan;
        const labels = { ...assignmentsDocument(valueOf(assign(emptyAssignments, earlier, topology))) };
        const { plan, ...rest } = await standingOn(snapshot);
        const standing: Standing = plan === undefined ? rest : { ...rest, plan: { ...plan, assignmentsBefore: labels } };
        const { preview: shown } = valueOf(await preview({ standing, changes: {} }, options));
        expect(shown.difference.isDifferent).toBe(false);
        expect(shown.difference.blastRadius).toMatchObject({ rulesChangedShare: 0, admittedLossBps: 0 });
      }),
      { numRuns: 25 },
    );
  });

  it("keeps down what agents say is down, whatever is put in its place", async () => {
    const snapshot = snapshotOf(ring);
    const [link] = snapshot.topology.links.filter(({ id }) => id === "n0-n1");
    if (link === undefined) throw new Error("the ring has the link");
    const ground = { ...snapshot, linksDown: [link.id] };
    const put = {
      kind: "put-link" as const,
      link: { ...link, srlgIds: [...link.srlgIds], capacityBps: 40 * gbps, operational: "up" as const },
    };
    const { topology } = valueOf(changedSnapshot(ground, { topologyChanges: [put] }));
    expect(topology.links.find(({ id }) => id === "n0-n1")).toMatchObject({ capacityBps: 40 * gbps, operational: "down" });
  });

  it("stands on no plan where there is none, and plans by the mode of now", async () => {
    const standing: Standing = { ...(await standingOn(snapshotOf(ring))), plan: undefined };
    const first = valueOf(await preview({ standing, changes: {} }, options));
    expect(first.preview.basis.epoch).toBeUndefined();
    expect(first.preview.difference.rules.rulesBefore).toBe(0);
    const shortest = valueOf(
      await preview({ standing: { ...standing, ground: { ...standing.ground, mode: "shortest-path" } }, changes: {} }, options),
    );
    expect(shortest.proposal.snapshot.settings.objective).toBe("shortest-path");
    expect(shortest.proposal.settings).toEqual({});
  });
});

describe("questions are refused", () => {
  const ground = { ...snapshotOf(ring), linksDown: [] };
  it.each([
    [{ topologyChanges: [{ kind: "remove-link", linkId: "zz" }] }, "not-found", "/topologyChanges/0/linkId"],
    [{ topologyChanges: [{ kind: "explode" }] }, "wrong-type", "/topologyChanges/0/kind"],
    [{ settings: { splitWeightSumMax: 0 } }, "out-of-range", "/settings/splitWeightSumMax"],
    [{ settings: { surprise: 1 } }, "unknown-field", "/settings/surprise"],
    [{ demands: { scale: -1 } }, "negative", "/demands/scale"],
    [{ demands: { scale: 1e3, scaleClass: { elastic: 1e3 } } }, "out-of-range", "/demands/scale"],
    [{ demands: { add: [{ src: "n0", dst: "zz", trafficClass: "bulk", rateBps: 1 }] } }, "dangling-reference", "/demands/add/0/dst"],
    [{ demands: { add: [{ src: "n0", dst: "n0", trafficClass: "bulk", rateBps: 1 }] } }, "self-loop", "/demands/add/0/dst"],
    [{ fail: { linkIds: ["n0-n1", "zz"] } }, "not-found", "/fail/linkIds/1"],
    [{ fail: { srlgIds: ["zz"] } }, "not-found", "/fail/srlgIds/0"],
    [{ drain: { nodeIds: ["zz"] } }, "not-found", "/drain/nodeIds/0"],
    [{ addCapacity: [{ linkId: "zz", capacityBps: 1 }] }, "not-found", "/addCapacity/0/linkId"],
    [{ addCapacity: [{ linkId: "n0-n1", capacityBps: Number.MAX_SAFE_INTEGER }] }, "out-of-range", "/addCapacity/0/capacityBps"],
    [{ surprise: 1 }, "unknown-field", "/surprise"],
  ])("%j", (asked, code, pointer) => {
    const parsed = parseWhatIfChanges(asked);
    const refused = parsed.ok ? changedSnapshot(ground, parsed.value) : parsed;
    expect(refused.ok ? [] : [refused.faults[0].code, refused.faults[0].pointer]).toEqual([code, pointer]);
  });

  it("and a preview takes only what can be applied", () => {
    const refused = parseInputChanges({ fail: { linkIds: ["n0-n1"] } });
    expect(refused.ok ? "" : refused.faults[0].code).toBe("unknown-field");
    // A setting that is not given stays, even if it has a default.
    expect(valueOf(parseInputChanges({ settings: { splitWeightSumMax: 4 } })).settings).toEqual({ splitWeightSumMax: 4 });
  });
});
