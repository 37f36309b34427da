/** The controller step by step: scripts in the manner of etcd-io/raft. */
import { describe, expect, it } from "vitest";
import { fault, planSettingsDefault, refuse, topologyDocument, type Plan, type PlanSettings } from "@sluice/model";
import { demandsOf, Harness, link, node, planOn, triangle } from "../testing/harness.js";

const direct = { "a>c": ["a-c"], "b>c": ["b-c"] };
const around = { "a>c": ["a-b", "b-c"], "b>c": ["b-c"] };
const demands = demandsOf("one", { "a>c": 2e9, "b>c": 1e9 });

/** A triangle with three agents, and a first plan in force. */
function running(more: ConstructorParameters<typeof Harness>[0] = {}): Harness {
  const harness = new Harness(more);
  harness.ingest(triangle(), demands);
  for (const id of ["a", "b", "c"]) harness.startAgent(id);
  harness.wait(100);
  harness.answer(direct);
  harness.wait(1_000);
  expect(harness.view.planInForce?.record.epoch).toBe(1);
  return harness;
}

function expectOnPlan(harness: Harness): void {
  const rules = harness.view.planInForce?.rules;
  const ids = ["a", "b", "c"];
  expect(ids.map((id) => [id, new Map(harness.rulesOf(id))])).toEqual(ids.map((id) => [id, new Map(rules?.get(node(id)) ?? [])]));
}

describe("inventory", () => {
  it("is acknowledged after it is persisted, and holds from then on", () => {
    const harness = new Harness();
    harness.slowStore = true;
    harness.ingest(triangle());
    expect(harness.replies.size).toBe(0);
    expect(harness.view.topology).toBeUndefined();
    harness.persisted();
    expect(harness.replies.get("topology")).toEqual({ ok: true, value: { version: 1 } });
    expect(harness.view.topologyVersion).toBe(1);
  });

  it("keeps the earlier state when input is refused, and names the field", () => {
    const harness = new Harness();
    harness.ingest(triangle(), demands);
    const refused: readonly [string, () => void, string, string][] = [
      [
        "t",
        () =>
          harness.event({
            kind: "replace-topology",
            requestId: "t",
            topology: { name: "x", nodes: [{ id: "a" }, { id: "a" }], links: [] },
          }),
        "duplicate-id",
        "/nodes/1/id",
      ],
      ["u", () => harness.event({ kind: "replace-topology", requestId: "u", topology: null }), "wrong-type", ""],
      [
        "c",
        () => harness.event({ kind: "change-topology", requestId: "c", changes: [{ kind: "remove-link", linkId: "zz" }] }),
        "not-found",
        "/changes/0/linkId",
      ],
      ["s", () => harness.event({ kind: "change-settings", requestId: "s", settings: { updateSlack: -1 } }), "negative", "/updateSlack"],
      ["f", () => harness.event({ kind: "change-settings", requestId: "f", settings: { colour: "red" } }), "unknown-field", "/colour"],
      [
        "d",
        () => harness.event({ kind: "measure-demands", requestId: "d", matrix: demandsOf("bad", { "a>q": 1 }) }),
        "dangling-reference",
        "/demands/0/dst",
      ],
    ];
    for (const [requestId, send, code, pointer] of refused) {
      send();
      const reply = harness.replies.get(requestId);
      const [first] = reply?.ok === false ? reply.faults : [];
      expect([requestId, first?.code, first?.pointer ?? ""]).toEqual([requestId, code, pointer]);
    }
    expect(harness.view.topologyVersion).toBe(1);
    expect(harness.view.demands?.name).toBe("one");
  });

  it("answers a matrix that was overtaken while it waited with the newer one's version", () => {
    const harness = new Harness();
    harness.ingest(triangle());
    harness.slowStore = true;
    for (const name of ["m1", "m2", "m3"])
      harness.event({ kind: "measure-demands", requestId: name, matrix: demandsOf(name, { "a>c": 1 }) });
    harness.persisted();
    expect(harness.replies.get("m1")).toEqual({ ok: true, value: { version: 1 } });
    harness.persisted();
    expect(harness.replies.get("m2")).toEqual({ ok: true, value: { version: 2, superseded: true } });
    expect(harness.replies.get("m3")).toEqual({ ok: true, value: { version: 2 } });
    expect(harness.view.demands?.name).toBe("m3");
  });

  it("changes the settings that are given, and no other", () => {
    const harness = new Harness();
    harness.event({ kind: "change-settings", requestId: "gap", settings: { gapMax: 0.01 } });
    harness.event({ kind: "change-settings", requestId: "sum", settings: { splitWeightSumMax: 8 } });
    expect(harness.view.settings).toEqual({ ...planSettingsDefault, gapMax: 0.01, splitWeightSumMax: 8 });
  });

  it("plans by the default what was stored before a setting came up", () => {
    const { gapMax, ...old } = { ...planSettingsDefault, splitWeightSumMax: 8 };
    const settings = { version: 3, settings: old as PlanSettings };
    const harness = new Harness({ inventory: { epoch: 0, settings } });
    expect(harness.view.settings).toEqual({ ...planSettingsDefault, splitWeightSumMax: 8, gapMax });
  });

  it("refuses what would make the queue longer than its limit", () => {
    const harness = new Harness({ config: { inventoryQueueMax: 2 } });
    harness.slowStore = true;
    for (const requestId of ["1", "2", "3", "4"])
      harness.event({ kind: "replace-topology", requestId, topology: topologyDocument(triangle()) });
    expect(harness.replies.get("4")).toMatchObject({ ok: false, faults: [{ code: "unavailable" }] });
    expect(harness.replies.size).toBe(1);
  });

  it("writes again what a failed write may have overwritten", () => {
    const harness = new Harness();
    harness.ingest(triangle());
    harness.slowStore = true;
    harness.event({ kind: "change-topology", requestId: "c", changes: [{ kind: "set-link-state", linkId: "a-b", drain: "drained" }] });
    harness.persisted(refuse(fault("store-failed", "Nobody knows.")));
    expect(harness.replies.get("c")).toMatchObject({ ok: false, faults: [{ code: "store-failed" }] });
    harness.wait(2_000);
    expect(harness.heldWrites.map(({ write }) => write)).toEqual([{ kind: "topology", document: topologyDocument(triangle()) }]);
  });
});

describe("the cycle", () => {
  it("solves, persists, and only then pushes; all switches hold the plan's rules", () => {
    const harness = new Harness();
    harness.ingest(triangle(), demands);
    for (const id of ["a", "b", "c"]) harness.startAgent(id);
    harness.wait(100);
    harness.slowStore = true;
    harness.answer(around);
    expect(harness.heldWrites.map(({ write }) => write.kind)).toEqual(["plan"]);
    expect(harness.stages()).toEqual([]);
    expect(harness.view.cycle.phase).toBe("persisting");
    harness.persisted();
    harness.wait(1_000);
    expect(harness.kinds()).toContain("plan-applied");
    expect(harness.rulesOf("b").size).toBeGreaterThan(3);
    expectOnPlan(harness);
  });

  it("does not push what could not be persisted, and tries again later", () => {
    const harness = new Harness();
    harness.ingest(triangle(), demands);
    for (const id of ["a", "b", "c"]) harness.startAgent(id);
    harness.wait(100);
    harness.slowStore = true;
    harness.answer(around);
    harness.persisted(refuse(fault("store-failed", "Away.")));
    harness.wait(500);
    expect(harness.stages()).toEqual([]);
    expect(harness.solves).toHaveLength(1);
    harness.wait(6_000);
    expect(harness.solves).toHaveLength(2);
  });

  it("has one solve under way, waits out the interval, and lets the newest demands win", () => {
    const harness = running();
    const before = harness.solves.length;
    for (const [i, name] of ["x", "y", "z"].entries())
      harness.event({ kind: "measure-demands", matrix: demandsOf(name, { "a>c": 1e9 * (i + 1) }) });
    harness.wait(1_000);
    expect(harness.solves).toHaveLength(before);
    harness.wait(5_000);
    expect(harness.solves).toHaveLength(before + 1);
    expect(harness.solves.at(-1)?.snapshot.demands.name).toBe("z");
    harness.event({ kind: "measure-demands", matrix: demandsOf("w", { "a>c": 1e9 }) });
    harness.wait(8_000);
    expect(harness.solves).toHaveLength(before + 1);
  });

  it("keeps the distance between solves before there is any plan, too", () => {
    const harness = new Harness();
    harness.ingest(triangle(), demands);
    harness.startAgent("a");
    harness.wait(1_000);
    expect(harness.solves).toHaveLength(1);
    harness.event({ kind: "measure-demands", requestId: "y", matrix: demandsOf("y", { "a>c": 1e9 }) });
    harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-c"), up: false });
    // The solve was for another network. The next may begin at once, the one after it may not.
    harness.wait(100);
    expect(harness.solves).toHaveLength(2);
    harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-b"), up: false });
    harness.event({ kind: "measure-demands", requestId: "z", matrix: demandsOf("z", { "a>c": 1e9 }) });
    harness.wait(300);
    expect(harness.solves).toHaveLength(2);
    harness.wait(300);
    expect(harness.solves).toHaveLength(3);
    expect(harness.solves.at(-1)?.snapshot.demands.name).toBe("z");
  });

  it("cancels a solve for a network that changed, and discards its answer", () => {
    const harness = running();
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>c": 3e9 }) });
    harness.wait(5_000);
    const stale = harness.solves.at(-1);
    harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-c"), up: false });
    expect(harness.cancelled).toEqual([stale?.solveId]);
    if (stale !== undefined)
      harness.event({
        kind: "solved",
        solveId: stale.solveId,
        result: { ok: true, value: { plan: planOn(stale.snapshot, direct), timings: {} } },
      });
    expect(harness.view.epoch).toBe(1);
    harness.wait(600);
    expect(harness.solves.at(-1)?.snapshot.topology.links.find(({ id }) => id === "a-c")?.operational).toBe("down");
  });

  it("lets a solve end when a link comes back, uses it, and solves again with the link", () => {
    const harness = running();
    harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-c"), up: false });
    harness.wait(600);
    harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-c"), up: true });
    expect(harness.cancelled).toEqual([]);
    harness.answer(around);
    harness.wait(1_500);
    expect(harness.view.planInForce?.record.epoch).toBe(2);
    expect(harness.solves).toHaveLength(2);
    harness.wait(1_000);
    expect(harness.solves).toHaveLength(3);
    expect(harness.solves.at(-1)?.snapshot.topology.links.every(({ operational }) => operational === "up")).toBe(true);
  });

  it("keeps the last plan when a solve fails, says so, and is patient twice as long after each failure", () => {
    const harness = running();
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>c": 3e9 }) });
    harness.wait(5_000);
    const startedAt: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const { length } = harness.solves;
      harness.failSolve();
      expect(harness.view.rung).toBe("kept");
      const failedAtMs = harness.nowMs;
      while (harness.solves.length === length) harness.wait(50);
      startedAt.push(harness.nowMs - failedAtMs);
    }
    // The interval between solves is 5 s: patience shows once it is longer.
    expect(startedAt.slice(1)).toEqual([5_000, 5_000, 8_000]);
    expect(harness.view.planInForce?.record.epoch).toBe(1);
    expectOnPlan(harness);
  });

  it("gives up a solver that does not answer", () => {
    const harness = running({ config: { solveOverrunMaxMs: 1_000 } });
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>c": 3e9 }) });
    harness.wait(5_000);
    const { length } = harness.solves;
    harness.wait(12_000);
    expect(harness.cancelled).toEqual([harness.solves[length - 1]?.solveId]);
    expect(harness.kinds()).toContain("solve-failed");
  });

  const damages: readonly [string, (plan: Plan) => unknown][] = [
    ["of another input", (plan) => ({ ...plan, inputHash: "0" })],
    ["that its own check refused", (plan) => ({ ...plan, check: { ...plan.check, verdict: "fail" } })],
    ["with NaN", (plan) => ({ ...plan, groups: plan.groups.map((group) => ({ ...group, admittedBps: Number.NaN })) })],
    ["with more than was asked for", (plan) => ({ ...plan, groups: plan.groups.map((group) => ({ ...group, admittedBps: 9e9 })) })],
    ["with a group nobody asked for", (plan) => ({ ...plan, groups: plan.groups.map((group) => ({ ...group, trafficClass: "bulk" })) })],
    [
      "with a weight of a half",
      (plan) => ({
        ...plan,
        groups: plan.groups.map((group) => ({ ...group, members: group.members.map((member) => ({ ...member, weight: 0.5 })) })),
      }),
    ],
    ["without its tunnels", (plan) => ({ ...plan, tunnels: [] })],
    [
      "with a broken path",
      (plan) => ({ ...plan, tunnels: plan.tunnels.map((tunnel) => ({ ...tunnel, path: [...tunnel.path].reverse() })) }),
    ],
    [
      "with a path that visits a node twice",
      (plan) => ({ ...plan, tunnels: plan.tunnels.map((tunnel) => ({ ...tunnel, path: ["a-b", "b-a", "a-c"] })) }),
    ],
    ["that is no plan at all", () => ({ hello: "world" })],
    ["that is null", () => null],
  ];
  it.each(damages)("refuses an answer %s", (_what, damage) => {
    const harness = running();
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>c": 3e9 }) });
    harness.wait(5_000);
    const solve = harness.solves.at(-1);
    if (solve === undefined) throw new Error("no solve");
    const plan = damage(planOn(solve.snapshot, { "a>c": ["a-b", "b-c"] })) as Plan;
    harness.event({ kind: "solved", solveId: solve.solveId, result: { ok: true, value: { plan, timings: {} } } });
    expect(harness.kinds()).toContain("plan-refused");
    expect(harness.view.epoch).toBe(1);
    expect(harness.view.rung).toBe("kept");
  });

  it("refuses a plan that overloads a link, whatever its own check says", () => {
    const harness = running();
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>c": 8e9, "b>c": 8e9 }) });
    harness.wait(5_000);
    harness.answer(around);
    expect(harness.published.findLast(({ kind }) => kind === "plan-refused")?.data).toMatchObject({ faults: [{ code: "walk-failed" }] });
    expect(harness.view.epoch).toBe(1);
  });
});

describe("a refused stage", () => {
  it("stops the update, brings the others back to the last good plan, and leads to a new plan with patience", () => {
    const harness = running();
    const agent = harness.agents.get(node("b"));
    if (agent === undefined) throw new Error("no agent");
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>c": 3e9, "b>c": 2e9 }) });
    harness.wait(5_000);
    agent.refuses = true;
    harness.answer(around);
    harness.wait(500);
    expect(harness.published.find(({ kind }) => kind === "plan-failed")?.data).toMatchObject({
      nodeId: "b",
      code: "rule-refused",
      epoch: 2,
    });
    expect(harness.kinds()).toContain("rolled-back");
    expect(harness.view.agents.find(({ nodeId }) => nodeId === "b")?.failure?.code).toBe("rule-refused");
    expect(harness.view.epoch).toBe(2);
    expect(harness.view.planInForce?.record.epoch).toBe(1);
    expectOnPlan(harness);
    agent.refuses = false;
    harness.wait(6_000);
    harness.answer(around);
    harness.wait(1_000);
    expect(harness.view.planInForce?.record.epoch).toBe(3);
    expect(harness.view.agents.every(({ failure }) => failure === undefined)).toBe(true);
    expectOnPlan(harness);
  });
});

describe("a successor", () => {
  function succeed(before: Harness, agents: readonly string[] = ["a", "b", "c"]): Harness {
    const harness = new Harness({ term: 2, inventory: before.inventory(), nowMs: before.nowMs + 1_000 });
    for (const id of agents) harness.startAgent(id, { rules: before.rulesOf(id), termSeen: 1 });
    return harness;
  }

  it("adopts by digest what the switches hold: nothing is read, nothing is sent", () => {
    const harness = succeed(running());
    harness.wait(100);
    expect(harness.sent.filter(({ message }) => message.kind === "stage" || message.kind === "read-rules")).toEqual([]);
    expect(harness.view.planInForce?.record.epoch).toBe(1);
    expect(harness.view.readiness).toEqual({ ready: true, reasons: [], deletionsAllowed: true });
  });

  it("finds the one switch that holds something else, reads it and mends it", () => {
    const before = running();
    const harness = new Harness({ term: 2, inventory: before.inventory(), nowMs: before.nowMs });
    harness.startAgent("a", { rules: before.rulesOf("a"), termSeen: 1 });
    harness.startAgent("b", { rules: before.rulesOf("b"), termSeen: 1 });
    harness.startAgent("c", { termSeen: 1 });
    harness.wait(500);
    expect(harness.sent.filter(({ message }) => message.kind === "read-rules")).toHaveLength(1);
    expect(harness.stages().length).toBeGreaterThan(0);
    expectOnPlan(harness);
  });

  it("neither solves nor pushes before all were heard or the grace is over", () => {
    const harness = succeed(running(), ["a", "b"]);
    harness.wait(9_000);
    expect(harness.solves).toEqual([]);
    expect(harness.view.readiness.ready).toBe(false);
    expect(harness.view.readiness.deletionsAllowed).toBe(false);
    harness.wait(2_000);
    expect(harness.solves).toHaveLength(1);
    expect(harness.view.readiness.deletionsAllowed).toBe(false);
  });

  it("takes a link for down that the last plan took for down, until its agent says otherwise", () => {
    const before = running();
    before.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-c"), up: false });
    before.wait(1_000);
    before.answer({ "a>c": ["a-b", "b-c"], "b>c": ["b-c"] });
    before.wait(1_000);
    const harness = new Harness({ term: 2, inventory: before.inventory(), nowMs: before.nowMs });
    expect(harness.view.linksReportedDown).toEqual(["a-c"]);
    harness.startAgent("a", { rules: before.rulesOf("a"), termSeen: 1 });
    expect(harness.view.linksReportedDown).toEqual([]);
  });

  it("does nothing more once the store knows a newer one", () => {
    const harness = running();
    harness.slowStore = true;
    harness.event({ kind: "change-settings", requestId: "s", settings: { splitWeightSumMax: 8 } });
    harness.persisted(refuse(fault("stale-term", "Term 1 was followed by 2.")));
    expect(harness.steppedDown).toBe(true);
    const { length } = harness.sent;
    harness.event({ kind: "measure-demands", matrix: demands });
    harness.wait(60_000);
    expect(harness.sent).toHaveLength(length);
    expect(harness.view.readiness.ready).toBe(false);
  });
});

describe("what is taken out of the topology", () => {
  it("is still reckoned with until a plan without it is in force, by a successor too", () => {
    const harness = running();
    harness.event({ kind: "change-topology", requestId: "gone", changes: [{ kind: "remove-link", linkId: "a-c" }] });
    expect([...harness.controller.inventory.retired.links.keys()]).toEqual(["a-c"]);
    const successor = new Harness({ term: 2, inventory: harness.inventory(), nowMs: harness.nowMs });
    expect([...successor.controller.inventory.retired.links.keys()]).toEqual(["a-c"]);
    harness.wait(600);
    harness.answer(around);
    harness.wait(1_000);
    expect(harness.view.planInForce?.record.epoch).toBe(2);
    expect(harness.controller.inventory.retired.links.size).toBe(0);
    expectOnPlan(harness);
  });
});

describe("streams", () => {
  const hello = (nodeId: string, more: { readonly termSeen?: number; readonly bootId?: string } = {}) => ({
    kind: "hello" as const,
    nodeId: node(nodeId),
    bootId: more.bootId ?? "boot",
    termSeen: more.termSeen ?? 0,
    epochSeen: 0,
    digest: "0".repeat(32),
    ruleCount: 0,
    ruleCountMax: 100,
    links: [],
  });
  const open = (harness: Harness, streamId: number) => harness.event({ kind: "agent-opened", streamId });

  it("are refused to an agent whose certificate is that of another, before anything that it says counts", () => {
    const harness = new Harness();
    harness.ingest(triangle());
    harness.event({ kind: "agent-opened", streamId: 1, certified: node("b") });
    harness.fromAgent(1, hello("a", { termSeen: 7 }));
    harness.event({ kind: "agent-opened", streamId: 2, certified: node("a") });
    harness.fromAgent(2, hello("a"));
    expect(harness.closed.map(({ streamId, code }) => [streamId, code])).toEqual([[1, "forbidden"]]);
    const told = harness.published.filter(({ kind }) => kind === "agent-refused" || kind === "agent-connected");
    expect(told.map(({ kind, data }) => [kind, data["nodeId"], data["code"], data["certified"]])).toEqual([
      ["agent-refused", "a", "forbidden", "b"],
      ["agent-connected", "a", undefined, undefined],
    ]);
  });

  it("are refused for a node that is not in the topology, and for an agent that has obeyed a newer term", () => {
    const harness = new Harness();
    harness.ingest(triangle());
    open(harness, 1);
    harness.fromAgent(1, hello("zz"));
    open(harness, 2);
    harness.fromAgent(2, hello("a", { termSeen: 7 }));
    open(harness, 3);
    harness.fromAgent(3, { kind: "pong", nonce: 1 });
    expect(harness.closed.map(({ streamId, code }) => [streamId, code])).toEqual([
      [1, "not-found"],
      [2, "stale-term"],
      [3, "malformed"],
    ]);
  });

  it("wait with their hello until there is a topology", () => {
    const harness = new Harness();
    open(harness, 1);
    harness.fromAgent(1, hello("a"));
    harness.wait(10_000);
    expect(harness.sent.filter(({ message }) => message.kind === "welcome")).toEqual([]);
    harness.fromAgent(1, { kind: "pong", nonce: 1 });
    harness.ingest(triangle());
    expect(harness.sent.filter(({ message }) => message.kind === "welcome")).toHaveLength(1);
    expect(harness.closed).toEqual([]);
  });

  it("are replaced by the newest of the same node; the old one is heard no more", () => {
    const harness = new Harness();
    harness.ingest(triangle());
    open(harness, 1);
    harness.fromAgent(1, hello("a"));
    open(harness, 2);
    harness.fromAgent(2, hello("a", { bootId: "other" }));
    expect(harness.closed).toMatchObject([{ streamId: 1, code: "cancelled" }]);
    harness.fromAgent(1, { kind: "link-event", linkId: link("a-b"), up: false });
    expect(harness.view.linksReportedDown).toEqual([]);
    harness.fromAgent(2, { kind: "link-event", linkId: link("a-b"), up: false });
    expect(harness.view.linksReportedDown).toEqual(["a-b"]);
  });

  it("are closed when no hello comes, when nothing is heard, and when there are too many", () => {
    const harness = new Harness({ config: { streamsMax: 2 } });
    harness.ingest(triangle());
    open(harness, 1);
    open(harness, 2);
    harness.fromAgent(2, hello("a"));
    open(harness, 3);
    expect(harness.closed).toMatchObject([{ streamId: 3, code: "too-many" }]);
    harness.wait(20_000);
    expect(harness.closed.slice(1)).toMatchObject([
      { streamId: 1, code: "deadline-exceeded" },
      { streamId: 2, code: "deadline-exceeded" },
    ]);
    expect(harness.sent.some(({ message }) => message.kind === "ping")).toBe(true);
  });

  it("are probed however much agents say: an agent that hears nothing for long takes its controller for dead", () => {
    const harness = running();
    for (let i = 0; i < 200; i += 1) {
      harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-b"), up: i % 2 === 1 });
      harness.wait(100);
    }
    expect(harness.kinds()).not.toContain("agent-disconnected");
  });

  it("are closed when a stage is not acknowledged; what it did is found out from the next hello", () => {
    const harness = running();
    const agent = harness.agents.get(node("c"));
    if (agent === undefined) throw new Error("no agent");
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>c": 3e9, "b>c": 2e9 }) });
    harness.wait(5_000);
    const { streamId } = agent;
    // The agent is cut off: what is sent to it is not delivered, and it does not know.
    agent.streamId = -1;
    harness.answer(around);
    harness.wait(6_000);
    expect(harness.closed).toMatchObject([{ streamId, code: "deadline-exceeded" }]);
    expect(harness.view.planPending?.record.epoch).toBe(2);
    agent.streamId = undefined;
    harness.startAgent("c", { rules: agent.rules, termSeen: 1 });
    harness.wait(1_000);
    expect(harness.view.planInForce?.record.epoch).toBe(2);
    expectOnPlan(harness);
  });
});

describe("links", () => {
  it("are down when the agent of either end says so, up when neither does, and strangers are not heard", () => {
    const harness = running();
    const tell = (nodeId: string, up: boolean) =>
      harness.fromAgent(harness.agents.get(node(nodeId))?.streamId ?? -1, { kind: "link-event", linkId: link("a-c"), up });
    tell("b", false);
    expect(harness.view.linksReportedDown).toEqual([]);
    tell("a", false);
    tell("c", false);
    expect(harness.view.topology?.linkById.get(link("a-c"))?.operational).toBe("down");
    expect(harness.view.topology?.linkById.get(link("c-a"))?.operational).toBe("up");
    tell("a", true);
    expect(harness.view.linksReportedDown).toEqual(["a-c"]);
    tell("c", true);
    expect(harness.view.linksReportedDown).toEqual([]);
    expect(harness.view.topology?.linkById.get(link("a-c"))?.operational).toBe("down");
    harness.wait(2_000);
    expect(harness.view.topology?.linkById.get(link("a-c"))?.operational).toBe("up");
    expect(harness.kinds().filter((kind) => kind.startsWith("link-"))).toEqual(["link-down", "link-up"]);
    expect(harness.view.topologyVersion).toBe(1);
  });

  it("going down lead to a verified plan around them", () => {
    const harness = running();
    harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-c"), up: false });
    harness.wait(700);
    harness.answer(around);
    harness.wait(1_000);
    expect(harness.view.planInForce?.record.epoch).toBe(2);
    expect(harness.view.planInForce?.walk.lostBps).toBe(0);
    expectOnPlan(harness);
  });
});
