/** Applying what a preview computed: bound to its inputs, all in one step, and not more than the limits allow. */
import { describe, expect, it } from "vitest";
import { fault, refuse, type Proposal } from "@sluice/model";
import { demandsOf, Harness, link, node } from "../testing/harness.js";
import { apply, around, by, direct, drain, proposalOn, published, refusals, running, setMode, standing } from "../testing/operator.js";

const drained = { changes: [drain("a-c"), drain("c-a")], settings: { splitWeightSumMax: 8 }, paths: around };

describe("a proposal", () => {
  it("is written in one step with its plan, which is pushed; no cycle follows", () => {
    const harness = running();
    const solves = harness.solves.length;
    harness.writes.length = 0;
    const reply = apply(harness, proposalOn(harness, drained));
    expect(reply).toEqual({ ok: true, value: { epoch: 2, topologyVersion: 2, settingsVersion: 1 } });
    const writes = harness.writes.filter(({ kind }) => kind !== "events");
    expect(writes).toMatchObject([{ kind: "plan", record: { epoch: 2 }, inventory: { settings: { splitWeightSumMax: 8 } } }]);
    harness.wait(10_000);
    expect(harness.view.planInForce?.record.epoch).toBe(2);
    expect(harness.view.topology?.linkById.get(link("a-c"))?.drain).toBe("drained");
    expect(harness.solves).toHaveLength(solves);
    expect(published(harness, "proposal-applied")).toMatchObject([{ epoch: 2, topologyVersion: 2, settingsVersion: 1, by }]);
    for (const kind of ["topology-changed", "settings-changed", "plan-persisted", "plan-applied"])
      expect([kind, published(harness, kind).at(-1)?.["by"]]).toEqual([kind, by]);
  });

  it("may change nothing but the plan", () => {
    const harness = running();
    expect(apply(harness, proposalOn(harness, { paths: around }))).toEqual({
      ok: true,
      value: { epoch: 2, topologyVersion: 1, settingsVersion: 0 },
    });
    expect(harness.writes.filter(({ kind }) => kind === "plan").at(-1)).toMatchObject({ inventory: {} });
  });

  it("ends the solve under way, whose answer is not wanted any more", () => {
    const harness = running();
    harness.wait(5_000);
    harness.event({ kind: "measure-demands", requestId: "m", matrix: demandsOf("two", { "a>c": 3e9 }) });
    harness.wait(100);
    expect(harness.view.cycle.phase).toBe("solving");
    expect(refusals(apply(harness, proposalOn(harness, drained)))).toEqual([]);
    expect(harness.cancelled).toHaveLength(1);
    const solves = harness.solves.length;
    harness.wait(10_000);
    expect(harness.solves).toHaveLength(solves);
  });

  it("answers demands and settings that wait for a cycle", () => {
    const harness = running();
    harness.event({ kind: "measure-demands", requestId: "m", matrix: demandsOf("two", { "a>c": 3e9, "b>c": 1e9 }) });
    harness.event({ kind: "change-settings", requestId: "s", settings: { updateSlack: 0.2 } });
    const solves = harness.solves.length;
    expect(refusals(apply(harness, proposalOn(harness, drained)))).toEqual([]);
    harness.wait(10_000);
    expect(harness.solves).toHaveLength(solves);
    expect(harness.view.planInForce?.input).toMatchObject({ demands: { name: "two" }, settings: { updateSlack: 0.2 } });
  });

  it("waits for a plan that is being written, and takes the number after it", () => {
    const harness = running();
    harness.wait(5_000);
    harness.event({ kind: "change-settings", requestId: "s", settings: { updateSlack: 0.2 } });
    harness.wait(100);
    harness.slowStore = true;
    harness.answer(direct);
    expect(harness.heldWrites.map(({ write }) => write.kind)).toEqual(["plan"]);
    apply(harness, proposalOn(harness, drained), { requestId: "apply" });
    expect(harness.heldWrites).toHaveLength(1);
    harness.persisted();
    expect(harness.heldWrites.map(({ write }) => write)).toMatchObject([{ kind: "plan", record: { epoch: 3 } }]);
    harness.persisted();
    expect(harness.replies.get("apply")).toMatchObject({ ok: true, value: { epoch: 3 } });
  });

  it("is pushed though a link has failed while it was written; then a cycle follows", () => {
    const harness = running();
    harness.slowStore = true;
    apply(harness, proposalOn(harness, { paths: around }), { requestId: "apply" });
    const solves = harness.solves.length;
    harness.agentEvent(node("c"), { kind: "link-changed", linkId: link("c-a"), up: false });
    harness.persisted();
    harness.slowStore = false;
    harness.wait(1_000);
    expect(harness.view.planInForce?.record.epoch).toBe(2);
    expect(harness.solves).toHaveLength(solves + 1);
  });
});

describe("a proposal where plans are for blended demands", () => {
  it("holds until the next cycle, which plans for those", () => {
    const harness = running();
    harness.event({ kind: "change-operation", requestId: "o", operation: { demandSource: { kind: "blended" } } });
    harness.wait(6_000);
    harness.answer(direct);
    harness.wait(6_000);
    const solves = harness.solves.length;
    expect(refusals(apply(harness, proposalOn(harness, { paths: around })))).toEqual([]);
    harness.wait(1_000);
    expect(harness.view.planInForce?.input.demands).not.toHaveProperty("basis");
    expect(harness.solves).toHaveLength(solves + 1);
    expect(harness.solves.at(-1)?.snapshot.demands.basis).toEqual({ kind: "measured", why: "not-loaded" });
  });
});

describe("a stale proposal", () => {
  const changed: readonly (readonly [what: string, change: (harness: Harness) => void, pointers: readonly string[]])[] = [
    ["topology", (h) => h.event({ kind: "change-topology", requestId: "x", changes: [drain("a-b")] }), ["topologyVersion"]],
    ["settings", (h) => h.event({ kind: "change-settings", requestId: "x", settings: { gapMax: 0.01 } }), ["settingsVersion"]],
    ["demands", (h) => h.event({ kind: "measure-demands", requestId: "x", matrix: demandsOf("x", { "a>c": 1e9 }) }), ["demandsVersion"]],
    [
      "topology and demands",
      (h) => {
        h.event({ kind: "change-topology", requestId: "x", changes: [drain("a-b")] });
        h.event({ kind: "measure-demands", requestId: "y", matrix: demandsOf("x", { "a>c": 1e9 }) });
      },
      ["topologyVersion", "demandsVersion"],
    ],
    ["a link", (h) => h.agentEvent(node("b"), { kind: "link-changed", linkId: link("b-a"), up: false }), ["inputHash"]],
  ];

  it.each(changed)("is refused after a change of %s, which is named, and changes nothing", (_, change, fields) => {
    const harness = running();
    harness.wait(5_000);
    const proposal = proposalOn(harness, drained);
    setMode(harness, "held");
    change(harness);
    const before = standing(harness);
    expect(refusals(apply(harness, proposal))).toEqual(fields.map((field) => ["stale-version", `/proposal/basis/${field}`]));
    expect(standing(harness)).toEqual(before);
  });

  it("names the links that have changed", () => {
    const harness = running();
    const proposal = proposalOn(harness, drained);
    harness.agentEvent(node("b"), { kind: "link-changed", linkId: link("b-a"), up: false });
    const reply = apply(harness, proposal);
    expect(reply?.ok === false ? reply.faults[0].message : "").toContain("link b-a went down");
  });

  it("is refused in another mode of the cycle", () => {
    const harness = running();
    const proposal = proposalOn(harness, drained);
    setMode(harness, "shortest-path");
    expect(refusals(apply(harness, proposal))).toEqual([["stale-version", "/proposal/snapshot/settings"]]);
  });

  it("may be for older demands where that is said: they hold until the next cycle", () => {
    const harness = running();
    const proposal = proposalOn(harness, drained);
    harness.event({ kind: "measure-demands", requestId: "m", matrix: demandsOf("two", { "a>c": 3e9 }) });
    expect(refusals(apply(harness, proposal, { tolerateDemands: true }))).toEqual([]);
    harness.wait(1_000);
    expect(harness.view.planInForce).toMatchObject({ record: { epoch: 2 }, input: { demands: { name: "one" } } });
    expect(harness.view.demands?.name).toBe("two");
    harness.wait(6_000);
    expect(harness.solves.at(-1)?.snapshot.demands.name).toBe("two");
  });
});

describe("a proposal that does not stand up", () => {
  const damages: readonly (readonly [what: string, code: string, damage: (proposal: Proposal) => unknown])[] = [
    ["that is null", "wrong-type", () => null],
    ["without a basis", "missing-field", (p) => ({ ...p, basis: undefined })],
    ["with changes that cannot be made", "not-found", (p) => ({ ...p, topologyChanges: [{ kind: "remove-link", linkId: "zz" }] })],
    ["with settings that are none", "unknown-field", (p) => ({ ...p, settings: { colour: "red" } })],
    ["with a plan that is none", "check-failed", (p) => ({ ...p, plan: {} })],
    ["with a plan for another input", "check-failed", (p) => ({ ...p, plan: { ...p.plan, inputHash: "0".repeat(64) } })],
    [
      "that admits more than is asked for",
      "check-failed",
      (p) => ({ ...p, plan: { ...p.plan, groups: p.plan.groups.map((g) => ({ ...g, admittedBps: 9e12 })) } }),
    ],
    [
      "whose snapshot says something else",
      "stale-version",
      (p) => ({ ...p, snapshot: { ...p.snapshot, topology: { links: Number.NaN } } }),
    ],
    ["whose changes lead elsewhere than its snapshot", "stale-version", (p) => ({ ...p, topologyChanges: [] })],
  ];

  it.each(damages)("%s is refused, and nothing changes", (_, code, damage) => {
    const harness = running();
    const proposal = damage(proposalOn(harness, drained)) as Proposal;
    const before = standing(harness);
    expect(refusals(apply(harness, proposal))[0]?.[0]).toBe(code);
    expect(standing(harness)).toEqual(before);
    harness.wait(1_000);
    expect(harness.view.planInForce?.record.epoch).toBe(1);
  });

  it("is refused before there is anything, while agents are listened to, and while another one waits", () => {
    const harness = running();
    const proposal = proposalOn(harness, drained);
    expect(refusals(apply(new Harness(), proposal))).toEqual([["not-ready", undefined]]);
    const next = new Harness({ term: 2, inventory: harness.inventory(), nowMs: harness.nowMs });
    expect(refusals(apply(next, proposal))).toEqual([["not-ready", undefined]]);
    expect(refusals(apply(harness, proposal, { confirmWithinSeconds: 60 }))).toEqual([]);
    const before = standing(harness);
    expect(refusals(apply(harness, proposalOn(harness, { paths: direct })))).toEqual([["not-allowed", undefined]]);
    expect(standing(harness)).toEqual(before);
  });

  it("whose write failed changes nothing: the store is told again what holds, and a cycle follows", () => {
    const harness = running();
    harness.slowStore = true;
    apply(harness, proposalOn(harness, drained), { requestId: "apply" });
    harness.persisted(refuse(fault("store-failed", "Nobody knows.")));
    expect(harness.replies.get("apply")).toMatchObject({ ok: false, faults: [{ code: "store-failed" }] });
    expect([harness.view.topologyVersion, harness.view.settingsVersion, harness.view.epoch]).toEqual([1, 0, 1]);
    harness.wait(1_500);
    const kinds = [harness.persisted(), harness.persisted()];
    expect(kinds).toEqual(["topology", "settings"]);
    harness.slowStore = false;
    harness.wait(6_000);
    expect(harness.view.topology?.linkById.get(link("a-c"))?.drain).toBe("active");
    expect(harness.solves.at(-1)?.snapshot.settings.splitWeightSumMax).toBe(64);
    expect(harness.view.cycle.phase).toBe("solving");
  });
});

describe("the blast radius", () => {
  it("is refused where it passes a limit, each named, unless it is forced", () => {
    const harness = running();
    harness.event({ kind: "change-operation", requestId: "o", operation: { blastRadius: { rulesChangedShareMax: 0.1 } } });
    const nothing = proposalOn(harness, { paths: { "a>c": ["a-b", "b-c"] } });
    const before = standing(harness);
    const reply = apply(harness, nothing, { force: false });
    expect(reply).toMatchObject({
      ok: false,
      faults: [
        { code: "blast-radius", data: { measure: "rulesChangedShare", limit: 0.1 } },
        { code: "blast-radius", data: { measure: "admittedLossShare", value: 1 / 3, limit: 0.05 } },
      ],
    });
    expect(standing(harness)).toEqual(before);
    expect(refusals(apply(harness, nothing, { force: true }))).toEqual([]);
    expect(published(harness, "proposal-applied")).toMatchObject([{ force: true, admittedLossShare: 1 / 3 }]);
  });

  it("is allowed within the limits", () => {
    const harness = running();
    harness.event({
      kind: "change-operation",
      requestId: "o",
      operation: { blastRadius: { rulesChangedShareMax: 1, admittedLossShareMax: 0.5 } },
    });
    expect(refusals(apply(harness, proposalOn(harness, { paths: { "a>c": ["a-b", "b-c"] } }), { force: false }))).toEqual([]);
  });
});
