/** What operators set about operating: the mode of the cycle, hold-downs, and changes that are meant for a certain version. */
import { describe, expect, it } from "vitest";
import { operationSettingsDefault, protectionDefault, topologyDocument } from "@sluice/model";
import { demandsOf, Harness, link, node, triangle } from "../testing/harness.js";
import { cut, kiteReady } from "../testing/kite.js";
import { around, by, demands, direct, published, refusals, running, setMode, standing } from "../testing/operator.js";

function change(harness: Harness, operation: unknown, ifVersion?: number) {
  const requestId = `operation-${harness.replies.size}`;
  harness.event({ kind: "change-operation", requestId, by, operation, ...(ifVersion === undefined ? {} : { ifVersion }) });
  return harness.replies.get(requestId);
}

const tell = (harness: Harness, id: string, up: boolean) => harness.agentEvent(node("a"), { kind: "link-changed", linkId: link(id), up });

describe("operation settings", () => {
  it("have the configuration's hold-downs until an operator sets them, and are kept under a version of their own", () => {
    const harness = new Harness({ config: { linkUpHoldMs: 123 } });
    expect(harness.view.operation).toEqual({ ...operationSettingsDefault, linkUpHoldMs: 123 });
    expect(harness.view.operationVersion).toBe(0);
    expect(change(harness, { linkUpHoldMs: 456, blastRadius: { admittedLossShareMax: 0.2 } })).toEqual({ ok: true, value: { version: 1 } });
    const [write] = harness.writes.filter(({ kind }) => kind !== "events");
    expect(write).toEqual({ kind: "operation", document: { settings: expect.not.objectContaining({ mode: "automatic" }) } });
    const blastRadius = { ...operationSettingsDefault.blastRadius, admittedLossShareMax: 0.2 };
    const expected = { ...operationSettingsDefault, linkUpHoldMs: 456, blastRadius };
    expect(harness.view.operation).toEqual(expected);
    const next = new Harness({ inventory: harness.inventory(), config: { linkUpHoldMs: 789, dampingReuseBelow: 700 } });
    expect(next.view.operation).toEqual({ ...expected, dampingReuseBelow: 700 });
    expect(next.view.operationVersion).toBe(1);
  });

  it("are refused where they make no sense, with the field, and nothing changes", () => {
    const harness = running();
    const before = standing(harness);
    const table: readonly [unknown, string, string][] = [
      [{ mode: "sometimes" }, "not-allowed", "/mode"],
      [{ colour: "red" }, "unknown-field", "/colour"],
      [{ confirmation: {} }, "unknown-field", "/confirmation"],
      [{ blastRadius: { rulesChangedShareMax: 1.5 } }, "out-of-range", "/blastRadius/rulesChangedShareMax"],
      [{ linkUpHoldMs: Number.NaN }, "not-finite", "/linkUpHoldMs"],
      [{ dampingReuseBelow: 2_500 }, "out-of-range", "/dampingReuseBelow"],
      [null, "wrong-type", ""],
    ];
    for (const [operation, code, pointer] of table) expect(refusals(change(harness, operation))).toEqual([[code, pointer]]);
    expect(standing(harness)).toEqual(before);
  });

  it("govern from when on a link is used again", () => {
    const harness = running();
    const isUp = () => harness.view.topology?.linkById.get(link("a-b"))?.operational === "up";
    change(harness, { linkUpHoldMs: 7_000 });
    tell(harness, "a-b", false);
    harness.wait(100);
    tell(harness, "a-b", true);
    harness.wait(6_500);
    expect(isUp()).toBe(false);
    change(harness, { linkUpHoldMs: 0 });
    harness.wait(100);
    expect(isUp()).toBe(true);
  });

  it("let what has decayed by now decay by the half-life that held", () => {
    const harness = running({ config: { dampingHalfLifeMs: 1_000, dampingReuseBelow: 1 } });
    tell(harness, "a-b", false);
    harness.wait(2_000);
    const before = harness.view.linksDamped[0]?.penalty ?? 0;
    expect(before).toBeCloseTo(250, 0);
    change(harness, { dampingHalfLifeMs: 3_600_000 });
    expect(harness.view.linksDamped[0]?.penalty).toBeCloseTo(before, 6);
  });
});

describe("a change that is meant for a certain version", () => {
  it("is refused where another one is stored when its turn comes, and nothing changes", () => {
    const harness = running();
    change(harness, { linkUpHoldMs: 1 });
    const drained = { kind: "set-link-state", linkId: "a-b", drain: "drained" };
    const requests = (ifVersion: number) =>
      [
        { kind: "replace-topology", requestId: `t${ifVersion}`, topology: topologyDocument(triangle()), ifVersion },
        { kind: "change-topology", requestId: `c${ifVersion}`, changes: [drained], ifVersion },
        { kind: "change-settings", requestId: `s${ifVersion}`, settings: { gapMax: 0.01 }, ifVersion },
        { kind: "change-operation", requestId: `o${ifVersion}`, operation: { linkUpHoldMs: 2 }, ifVersion },
        { kind: "measure-demands", requestId: `d${ifVersion}`, matrix: demands, ifVersion },
      ] as const;
    const before = standing(harness);
    for (const request of requests(9)) {
      harness.event(request);
      expect([request.kind, refusals(harness.replies.get(request.requestId))]).toEqual([request.kind, [["stale-version", undefined]]]);
    }
    expect(standing(harness)).toEqual(before);
    // Settings were never written: their version is 0. Topology comes second, after the first has become version 2.
    const versions = { "replace-topology": 1, "change-topology": 2, "change-settings": 0, "change-operation": 1, "measure-demands": 1 };
    for (const request of requests(1)) {
      harness.event({ ...request, ifVersion: versions[request.kind] });
      expect(harness.replies.get(request.requestId)).toEqual({ ok: true, value: { version: versions[request.kind] + 1 } });
    }
  });

  it("loses against another one that came first, although both read the same", () => {
    const harness = running();
    harness.slowStore = true;
    for (const requestId of ["one", "two"])
      harness.event({ kind: "change-settings", requestId, settings: { splitWeightSumMax: requestId === "one" ? 8 : 9 }, ifVersion: 0 });
    harness.persisted();
    expect(harness.replies.get("one")).toEqual({ ok: true, value: { version: 1 } });
    expect(refusals(harness.replies.get("two"))).toEqual([["stale-version", undefined]]);
    expect(harness.view.settings.splitWeightSumMax).toBe(8);
  });

  it("does not stand in for a matrix that is meant for another one", () => {
    const harness = running();
    harness.slowStore = true;
    harness.event({ kind: "measure-demands", requestId: "first", matrix: demandsOf("first", { "a>c": 1 }) });
    harness.event({ kind: "measure-demands", requestId: "meant", matrix: demandsOf("meant", { "a>c": 2 }), ifVersion: 2 });
    harness.event({ kind: "measure-demands", requestId: "newer", matrix: demandsOf("newer", { "a>c": 3 }) });
    for (let i = 0; i < 3; i += 1) harness.persisted();
    expect([...harness.replies].slice(-3)).toEqual([
      ["first", { ok: true, value: { version: 2 } }],
      ["meant", { ok: true, value: { version: 3 } }],
      ["newer", { ok: true, value: { version: 4 } }],
    ]);
  });
});

describe("the mode of the cycle", () => {
  it("held: ends the solve under way and starts none, whatever changes; automatic again: one comes at once", () => {
    const harness = running();
    harness.wait(5_000);
    harness.event({ kind: "measure-demands", requestId: "m", matrix: demandsOf("two", { "a>c": 3e9 }) });
    harness.wait(100);
    expect(harness.view.cycle.phase).toBe("solving");
    setMode(harness, "held");
    expect(harness.cancelled).toEqual([harness.solves.at(-1)?.solveId]);
    const solves = harness.solves.length;
    harness.answer(around);
    harness.event({ kind: "change-settings", requestId: "s", settings: { splitWeightSumMax: 8 } });
    harness.event({ kind: "change-topology", requestId: "c", changes: [{ kind: "set-link-state", linkId: "a-b", drain: "drained" }] });
    tell(harness, "a-c", false);
    harness.wait(60_000);
    expect(harness.solves).toHaveLength(solves);
    expect(harness.view.planInForce?.record.epoch).toBe(1);
    setMode(harness, "automatic");
    harness.wait(600);
    expect(harness.solves).toHaveLength(solves + 1);
    expect(harness.solves.at(-1)?.snapshot.demands.name).toBe("two");
    expect(published(harness, "operation-changed")).toEqual([
      { version: 1, mode: "held", by },
      { version: 2, mode: "automatic", by },
    ]);
  });

  it("held: is held after a restart, and the plan is adopted", () => {
    const first = running();
    setMode(first, "held");
    const harness = new Harness({ term: 2, inventory: first.inventory(), nowMs: first.nowMs + 1_000 });
    for (const id of ["a", "b", "c"]) harness.startAgent(id, { rules: first.rulesOf(id) });
    harness.wait(20_000);
    expect(harness.view.planInForce?.record.epoch).toBe(1);
    expect(harness.solves).toEqual([]);
  });

  it("held: a plan that was being written when the mode changed still becomes the target", () => {
    const harness = running();
    harness.wait(5_000);
    harness.event({ kind: "measure-demands", requestId: "m", matrix: demandsOf("two", { "a>c": 3e9, "b>c": 1e9 }) });
    harness.wait(100);
    harness.slowStore = true;
    harness.answer(around);
    setMode(harness, "held");
    expect(harness.heldWrites.map(({ write }) => write.kind)).toEqual(["plan", "operation"]);
    const [plan, mode] = harness.heldWrites.splice(0);
    for (const held of [mode, plan]) {
      if (held !== undefined) harness.heldWrites.push(held);
      harness.persisted();
    }
    harness.slowStore = false;
    harness.wait(2_000);
    expect(harness.view.planInForce?.record.epoch).toBe(2);
  });

  it("held: splits that were prepared still answer failures", () => {
    const harness = kiteReady();
    setMode(harness, "held");
    const solves = harness.solves.length;
    cut(harness, "a-c");
    harness.wait(1_000);
    expect(harness.view.protection?.active).toMatchObject({ scenarioId: "link:a-c", programmed: true });
    expect(harness.solves).toHaveLength(solves);
  });

  it("held: a controller that starts while links are down does not wait for a plan that never comes", () => {
    const first = running();
    setMode(first, "held");
    const rules = new Map(["a", "b", "c"].map((id) => [id, first.rulesOf(id)]));
    const harness = new Harness({ term: 2, inventory: first.inventory(), nowMs: first.nowMs + 1_000 });
    harness.startAgent("a", { rules: rules.get("a") ?? new Map(), linksDown: [link("a-b")] });
    harness.startAgent("b", { rules: new Map() });
    harness.startAgent("c", { rules: rules.get("c") ?? new Map() });
    harness.wait(15_000);
    expect(new Map(harness.rulesOf("b"))).toEqual(new Map(rules.get("b")));
  });

  it("shortest-path: plans so at once, without guarantees, and leaves the settings as they are", () => {
    const harness = running();
    const protection = { ...protectionDefault, guarantee: { kind: "guaranteed", failures: 1 } as const };
    harness.event({ kind: "change-settings", requestId: "s", settings: { protection, tunnels: { kind: "priced", k: 3 } } });
    harness.wait(5_000);
    expect(harness.view.cycle.phase).toBe("solving");
    setMode(harness, "shortest-path");
    expect(harness.cancelled).toHaveLength(1);
    harness.wait(600);
    const { settings } = harness.solves.at(-1)?.snapshot ?? {};
    expect(settings).toEqual({
      ...harness.view.settings,
      objective: "shortest-path",
      tunnels: { kind: "k-shortest", k: 3 },
      protection: { ...protection, guarantee: { kind: "none" } },
    });
    expect(harness.view.settings).toMatchObject({ objective: "max-throughput", protection });
    harness.answer(direct);
    harness.wait(1_000);
    setMode(harness, "automatic");
    harness.wait(600);
    expect(harness.solves.at(-1)?.snapshot.settings).toEqual(harness.view.settings);
  });
});

describe("who asked", () => {
  it("stands in the events that follow, up to the plan that is applied", () => {
    const harness = running();
    harness.wait(5_000);
    harness.event({ kind: "change-settings", requestId: "s", by, settings: { splitWeightSumMax: 8 } });
    harness.wait(100);
    harness.answer(around);
    harness.wait(1_000);
    const kinds = ["settings-changed", "solve-started", "plan-persisted", "plan-applied"];
    expect(kinds.map((kind) => [kind, published(harness, kind).at(-1)?.["by"]])).toEqual(kinds.map((kind) => [kind, by]));
    // The next plan is nobody's.
    harness.event({ kind: "measure-demands", requestId: "m", matrix: demandsOf("two", { "a>c": 3e9 }) });
    harness.wait(5_000);
    expect(published(harness, "solve-started").at(-1)).not.toHaveProperty("by");
  });
});
