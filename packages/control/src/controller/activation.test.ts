/** What happens when a failure happens that was prepared for, and when one does that was not. */
import { describe, expect, it } from "vitest";
import type { ControllerMessage, NodeRules } from "@sluice/model";
import { digestOf } from "@sluice/rules";
import { demandsOf, Harness, link, node } from "../testing/harness.js";
import { cut, kiteNodes, kitePaths, kiteProtecting, kiteReady, kiteRunning, kiteSplits, mend } from "../testing/kite.js";

type Stage = Extract<ControllerMessage, { kind: "stage" }>;

const scenarioEvents = (harness: Harness) =>
  harness.published.filter(({ kind }) => /^scenario-(activated|programmed|ended)/.test(kind)).map(({ kind, data }) => ({ kind, ...data }));
const stagesSince = (harness: Harness, from: number): readonly Stage[] => harness.stages().slice(from);

/** Updates that were ordered and walked: an activation needs none. */
const updates = (harness: Harness) => harness.kinds().filter((kind) => kind === "update-started").length;

/** The links that the flow groups of a switch leave by. */
function outputs(rules: NodeRules): readonly string[] {
  return [...rules.values()].flatMap((rule) => (rule.kind === "group" ? rule.buckets.map(({ output }) => output) : [])).sort();
}

function expectOn(harness: Harness, rules: ReadonlyMap<string, NodeRules> | undefined): void {
  for (const id of kiteNodes) expect([id, new Map(harness.rulesOf(id))]).toEqual([id, new Map(rules?.get(node(id)) ?? [])]);
}

describe("a failure that was prepared for", () => {
  it("is answered by one message to each ingress, without operations, ten milliseconds after the news", () => {
    const harness = kiteReady();
    const { length } = harness.stages();
    const planned = harness.view.planInForce?.rules;
    cut(harness, "a-c");
    expect(stagesSince(harness, length)).toEqual([]);
    harness.wait(10);
    expect(stagesSince(harness, length)).toMatchObject([
      { term: 1, epoch: 1, stage: 0, operations: [], prepared: { epoch: 1, scenarioId: "link:a-c" } },
    ]);
    expect(scenarioEvents(harness)).toEqual([
      { kind: "scenario-activated", scenarioId: "link:a-c", epoch: 1, ingresses: 1, msFromEvent: 10 },
      { kind: "scenario-programmed", scenarioId: "link:a-c", epoch: 1, ingresses: 1, msFromEvent: 10 },
    ]);
    expect(outputs(harness.rulesOf("a"))).toEqual(["a-b"]);
    const { planInForce, protection, planPending, push } = harness.view;
    expect(planInForce).toMatchObject({ scenarioId: "link:a-c", record: { epoch: 1 }, walk: { verdict: "pass", lostBps: 0 } });
    expect(planInForce?.walk.linkLoads).toEqual([
      { linkId: "a-b", loadBps: 4e9 },
      { linkId: "b-c", loadBps: 7e9 },
    ]);
    expect([planPending, push]).toEqual([undefined, undefined]);
    expect(protection?.active).toEqual({ scenarioId: "link:a-c", newsMs: harness.nowMs - 10, programmed: true });
    expectOn(harness, planInForce?.rules);
    // What it was activated from is as it was.
    expect(planned).not.toBe(planInForce?.rules);
    expect(outputs(planned?.get(node("a")) ?? new Map())).toEqual(["a-b", "a-c"]);
    for (const id of kiteNodes) {
      expect(harness.view.agents.find(({ nodeId }) => nodeId === id)?.digest).toBe(digestOf(harness.rulesOf(id)));
    }
  });

  it("is followed by a new plan as if nothing had been prepared, and the update starts from what was activated", () => {
    const harness = kiteReady();
    cut(harness, "a-c");
    harness.wait(100);
    expect(harness.solves).toHaveLength(2);
    const { length } = harness.stages();
    harness.answer({ "a>c": ["a-d", "d-c"], "b>c": ["b-c"] }, { backups: [] });
    harness.wait(1_500);
    expect(scenarioEvents(harness).at(-1)).toEqual({ kind: "scenario-ended", scenarioId: "link:a-c", epoch: 1, reason: "other-plan" });
    expect(harness.view.planInForce).toMatchObject({ record: { epoch: 2 } });
    expect(harness.view.planInForce?.scenarioId).toBeUndefined();
    expect(harness.published.filter(({ kind }) => kind === "plan-applied").map(({ data }) => data["epoch"])).toEqual([1, 2]);
    expect(stagesSince(harness, length).length).toBeGreaterThan(0);
    expect(harness.view.protection).toMatchObject({ epoch: 2, phase: "splitting" });
    expectOn(harness, harness.view.planInForce?.rules);
  });

  it("needs the report of one end only", () => {
    const harness = kiteReady();
    harness.agentEvent(node("c"), { kind: "link-changed", linkId: link("c-a"), up: false });
    harness.wait(10);
    expect(harness.view.protection?.active?.scenarioId).toBe("link:a-c");
  });

  it("is told to a switch in full where its agent turns out to keep nothing, and that is given all of it again", () => {
    const harness = kiteReady();
    harness.agents.get(node("a"))?.state.prepared.byScenario.clear();
    const { length } = harness.stages();
    const prepares = () => harness.sent.filter(({ message }) => message.kind === "prepare").length;
    const before = prepares();
    cut(harness, "a-c");
    harness.wait(50);
    const [named, full, ...more] = stagesSince(harness, length);
    expect(named).toMatchObject({ operations: [], prepared: { scenarioId: "link:a-c" } });
    expect(full?.prepared).toBeUndefined();
    expect(full?.operations.length).toBeGreaterThan(0);
    expect(more).toEqual([]);
    expect(scenarioEvents(harness).map(({ kind }) => kind)).toEqual(["scenario-activated", "scenario-programmed"]);
    expect(harness.kinds()).not.toContain("plan-failed");
    expect(outputs(harness.rulesOf("a"))).toEqual(["a-b"]);
    harness.wait(200);
    expect(prepares()).toBe(before + 1);
  });

  it("is told in full to a switch whose agent has said that it has no room, or has not answered yet", () => {
    const harness = kiteRunning();
    const agent = harness.agents.get(node("a"));
    if (agent === undefined) throw new Error("no agent");
    const { streamId } = agent;
    agent.streamId = -1;
    harness.answerProtect(kiteSplits);
    harness.wait(100);
    agent.streamId = streamId;
    const { length } = harness.stages();
    cut(harness, "a-c");
    harness.wait(50);
    expect(stagesSince(harness, length)).toHaveLength(1);
    expect(stagesSince(harness, length)[0]?.prepared).toBeUndefined();
    expect(outputs(harness.rulesOf("a"))).toEqual(["a-b"]);
  });

  it("leads to the larger scenario when more is heard: switches that have changed over already are told the difference", () => {
    const harness = kiteReady();
    cut(harness, "a-c");
    harness.wait(20);
    const { length } = harness.stages();
    cut(harness, "b-c");
    harness.wait(10);
    expect(scenarioEvents(harness).slice(2)).toEqual([
      { kind: "scenario-activated", scenarioId: "srlg:duct", epoch: 1, ingresses: 2, msFromEvent: 10 },
      { kind: "scenario-ended", scenarioId: "link:a-c", epoch: 1, reason: "replaced" },
      { kind: "scenario-programmed", scenarioId: "srlg:duct", epoch: 1, ingresses: 2, msFromEvent: 10 },
    ]);
    const [toA, toB, ...more] = stagesSince(harness, length);
    expect([toA?.prepared, toB?.prepared, more]).toEqual([undefined, { epoch: 1, scenarioId: "srlg:duct" }, []]);
    expect(outputs(harness.rulesOf("a"))).toEqual(["a-d"]);
    expect(outputs(harness.rulesOf("b"))).toEqual(["b-a"]);
    expectOn(harness, harness.view.planInForce?.rules);
  });

  it("may be replaced while it is on its way, and what it changed alone is taken back", () => {
    const harness = kiteReady();
    const a = harness.agents.get(node("a"));
    if (a === undefined) throw new Error("no agent");
    const { streamId } = a;
    const ordered = updates(harness);
    cut(harness, "a-c");
    // The message to a is under way when b-c goes as well.
    a.streamId = -1;
    harness.wait(10);
    expect(harness.view.protection?.active).toMatchObject({ scenarioId: "link:a-c", programmed: false });
    cut(harness, "b-c");
    harness.wait(10);
    expect(harness.view.protection?.active).toMatchObject({ scenarioId: "srlg:duct", programmed: false });
    expect(outputs(harness.rulesOf("b"))).toEqual(["b-a"]);
    // Now a hears the first message, and with its answer gets the second.
    a.streamId = streamId;
    const waiting = harness.stages().filter(({ prepared }) => prepared?.scenarioId === "link:a-c");
    for (const message of waiting) harness.agentEvent(node("a"), { kind: "message", streamId: (streamId ?? 0) % 1_000, message });
    expect(harness.view.protection?.active).toMatchObject({ scenarioId: "srlg:duct", programmed: true });
    expect(outputs(harness.rulesOf("a"))).toEqual(["a-d"]);
    expectOn(harness, harness.view.planInForce?.rules);
    expect(updates(harness)).toBe(ordered);
  });

  it("takes back what the scenario before it changed and it does not", () => {
    const harness = kiteRunning();
    const planned = harness.view.planInForce?.rules;
    const ordered = updates(harness);
    // What goes from a is given up where both cables are gone: there is nothing to change at a then.
    harness.answerProtect({ ...kiteSplits, "srlg:duct": { "a>c": undefined, "b>c": ["b-a", "a-d", "d-c"] } });
    harness.wait(200);
    cut(harness, "a-c");
    harness.wait(20);
    expect(outputs(harness.rulesOf("a"))).toEqual(["a-b"]);
    cut(harness, "b-c");
    harness.wait(20);
    expect(harness.view.protection?.active).toMatchObject({ scenarioId: "srlg:duct", programmed: true });
    expect(new Map(harness.rulesOf("a"))).toEqual(new Map(planned?.get(node("a"))));
    expect(outputs(harness.rulesOf("b"))).toEqual(["b-a"]);
    expectOn(harness, harness.view.planInForce?.rules);
    expect(updates(harness)).toBe(ordered);
  });

  it("stands while more fails that was not prepared for together; a new plan answers that", () => {
    const harness = kiteReady();
    cut(harness, "a-c");
    harness.wait(20);
    // The way around is cut as well.
    cut(harness, "a-b");
    harness.wait(300);
    expect(harness.view.protection?.active?.scenarioId).toBe("link:a-c");
    expect(scenarioEvents(harness)).toHaveLength(2);
    harness.wait(400);
    expect(
      harness.solves
        .at(-1)
        ?.snapshot.topology.links.filter(({ operational }) => operational === "down")
        .map(({ id }) => id),
    ).toEqual(["a-b", "a-c", "b-a", "c-a"]);
    harness.answer({ "a>c": ["a-d", "d-c"], "b>c": ["b-c"] }, { backups: [] });
    harness.wait(1_500);
    expect(harness.view.planInForce).toMatchObject({ record: { epoch: 2 }, walk: { lostBps: 0 } });
    expectOn(harness, harness.view.planInForce?.rules);
  });

  it("that nobody prepared for is answered by a new plan alone", () => {
    const harness = kiteReady();
    cut(harness, "a-c", "d-c");
    harness.wait(700);
    expect(scenarioEvents(harness)).toEqual([]);
    expect(harness.solves).toHaveLength(2);
  });

  it("does not count cables that the plan does not use", () => {
    const harness = kiteReady();
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>c": 4e9 }) });
    harness.wait(5_000);
    harness.answer({ "a>c": ["a-c"] }, { backups: [[["a-c"], ["a-b", "b-c"]]] });
    harness.wait(1_500);
    harness.answerProtect({ "link:a-c": { "a>c": ["a-b", "b-c"] } });
    harness.wait(200);
    cut(harness, "a-c", "d-c");
    harness.wait(20);
    expect(harness.view.protection?.active?.scenarioId).toBe("link:a-c");
  });
});

describe("the end of a failure", () => {
  it("brings the plan back after the hold-down where no new plan came", () => {
    const harness = kiteReady();
    const planned = harness.view.planInForce?.rules;
    cut(harness, "a-c");
    harness.wait(100);
    harness.failSolve();
    mend(harness, "a-c");
    harness.wait(1_900);
    expect(harness.view.protection?.active?.scenarioId).toBe("link:a-c");
    harness.wait(1_500);
    expect(scenarioEvents(harness).at(-1)).toEqual({ kind: "scenario-ended", scenarioId: "link:a-c", epoch: 1, reason: "recovered" });
    expect(harness.view.planInForce?.scenarioId).toBeUndefined();
    expectOn(harness, planned);
    // Everything is ready for the next time.
    harness.wait(15_000);
    harness.failSolve();
    cut(harness, "a-c");
    harness.wait(20);
    expect(harness.view.protection?.active?.scenarioId).toBe("link:a-c");
    expect(harness.stages().at(-1)?.prepared).toEqual({ epoch: 1, scenarioId: "link:a-c" });
  });

  it("in another order than its beginning keeps the scenario until all of it is over", () => {
    const harness = kiteReady();
    cut(harness, "a-c");
    harness.wait(20);
    cut(harness, "b-c");
    harness.wait(20);
    mend(harness, "a-c");
    for (let round = 0; round < 8; round += 1) {
      harness.wait(500);
      harness.failSolve();
    }
    expect(harness.view.protection?.active?.scenarioId).toBe("srlg:duct");
    mend(harness, "b-c");
    harness.wait(4_000);
    expect(harness.view.protection?.active).toBeUndefined();
    expectOn(harness, harness.view.planInForce?.rules);
    expect(outputs(harness.rulesOf("a"))).toEqual(["a-b", "a-c"]);
    expect(outputs(harness.rulesOf("b"))).toEqual(["b-c"]);
  });

  it("is none while the cable flaps: one activation, however often it comes and goes", () => {
    const harness = kiteReady();
    for (let i = 0; i < 100; i += 1) {
      cut(harness, "a-c");
      harness.wait(50);
      mend(harness, "a-c");
      harness.wait(50);
    }
    expect(scenarioEvents(harness).map(({ kind }) => kind)).toEqual(["scenario-activated", "scenario-programmed"]);
    expect(harness.solves).toHaveLength(2);
  });
});

describe("nothing is activated", () => {
  it("while an update is under way: what was prepared is for other rules", () => {
    const harness = kiteReady();
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>c": 4.5e9, "b>c": 3e9 }) });
    harness.wait(5_000);
    const a = harness.agents.get(node("a"));
    if (a === undefined) throw new Error("no agent");
    const { streamId } = a;
    a.streamId = -1;
    harness.answer(kitePaths, kiteProtecting);
    // A switch that does not answer holds up the splits of the new plan only for so long: they are there before its rules are.
    harness.wait(1_900);
    expect(harness.view.protection).toMatchObject({ phase: "due", epoch: 2 });
    harness.wait(200);
    harness.answerProtect(kiteSplits);
    harness.wait(100);
    expect(harness.view.protection).toMatchObject({ phase: "ready", epoch: 2 });
    expect(harness.view.push?.outstanding).toEqual(["a"]);
    cut(harness, "a-c");
    harness.wait(200);
    expect(scenarioEvents(harness)).toEqual([]);
    // a is heard again. The new plan is in force, and none for the failure is there yet: now the scenario helps.
    a.streamId = streamId;
    const late = harness.sent.filter((sent) => sent.streamId === streamId && sent.message.kind !== "ping").slice(-2);
    for (const { message } of late) harness.agentEvent(node("a"), { kind: "message", streamId: (streamId ?? 0) % 1_000, message });
    harness.wait(100);
    expect(harness.view.planInForce?.record.epoch).toBe(2);
    expect(harness.view.protection?.active?.scenarioId).toBe("link:a-c");
    expect(outputs(harness.rulesOf("a"))).toEqual(["a-b"]);
  });

  it("while the control network is at fault", () => {
    const harness = kiteReady();
    const links = new Map(kiteNodes.map((id) => [id, harness.agents.get(node(id))?.streamId]));
    for (const id of ["b", "c", "d"] as const) {
      harness.event({ kind: "agent-closed", streamId: links.get(id) ?? -1 });
      harness.agents.delete(node(id));
    }
    harness.wait(200);
    expect(harness.view.frozen?.missing).toEqual(["b", "c", "d"]);
    harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-c"), up: false });
    harness.wait(1_000);
    expect(scenarioEvents(harness)).toEqual([]);
  });
});

describe("a dead switch", () => {
  it("is answered by its own scenario, and by that of a cable while only one neighbour has told of it", () => {
    for (const apartMs of [0, 40]) {
      const harness = kiteReady();
      const b = harness.agents.get(node("b"));
      harness.event({ kind: "agent-closed", streamId: b?.streamId ?? -1 });
      harness.agents.delete(node("b"));
      harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-b"), up: false });
      harness.wait(apartMs);
      harness.agentEvent(node("c"), { kind: "link-changed", linkId: link("c-b"), up: false });
      harness.wait(20);
      const activated = scenarioEvents(harness).filter(({ kind }) => kind === "scenario-activated");
      expect(activated.map((event) => "scenarioId" in event && event["scenarioId"])).toEqual(
        apartMs === 0 ? ["node:b"] : ["link:a-b", "node:b"],
      );
      // Nothing is lost but what ends there: a dead switch of three neighbours is no fault of the control network.
      expect(harness.view.frozen).toBeUndefined();
      expect(harness.view.protection?.active).toMatchObject({ scenarioId: "node:b", programmed: true });
      expect(outputs(harness.rulesOf("a"))).toEqual(["a-c"]);
    }
  });

  it("that cannot be told to forget its rules does not keep later failures from being answered", () => {
    const harness = kiteReady();
    // d dies: its agent falls silent, its neighbours see dead ports. The plan does not need it but for backups.
    const d = harness.agents.get(node("d"));
    harness.event({ kind: "agent-closed", streamId: d?.streamId ?? -1 });
    harness.agents.delete(node("d"));
    harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-d"), up: false });
    harness.agentEvent(node("c"), { kind: "link-changed", linkId: link("c-d"), up: false });
    harness.wait(100);
    harness.answer(kitePaths, {
      ...kiteProtecting,
      backups: [
        [["a-c"], ["a-b", "b-c"]],
        [["b-c"], ["b-a", "a-c"]],
      ],
    });
    harness.wait(1_500);
    // d cannot be told to forget its rules: the update does not end.
    expect(harness.view.push?.absent).toEqual(["d"]);
    expect(harness.view.planInForce?.record.epoch).toBe(1);
    harness.answerProtect({ "link:a-c": { "a>c": ["a-b", "b-c"] } });
    harness.wait(200);
    expect(harness.view.protection).toMatchObject({ phase: "ready", refused: [] });
    cut(harness, "a-c");
    harness.wait(20);
    expect(harness.view.protection?.active).toMatchObject({ scenarioId: "link:a-c", programmed: true });
    expect(outputs(harness.rulesOf("a"))).toEqual(["a-b"]);
    // What was left to do at d is not forgotten.
    harness.wait(200);
    expect(harness.view.push?.absent).toEqual(["d"]);
    expect(scenarioEvents(harness).map(({ kind }) => kind)).toEqual(["scenario-activated", "scenario-programmed"]);
  });
});

describe("a switch that was told to activate", () => {
  it("and whose stream is lost before it answers is understood from its next hello", () => {
    for (const heard of [false, true]) {
      const harness = kiteReady();
      const a = harness.agents.get(node("a"));
      if (a === undefined) throw new Error("no agent");
      const { streamId } = a;
      const reads = harness.sent.filter(({ message }) => message.kind === "read-rules").length;
      a.streamId = -1;
      cut(harness, "a-c");
      harness.wait(20);
      if (heard) {
        const message = harness.stages().at(-1);
        if (message !== undefined) harness.agentEvent(node("a"), { kind: "message", streamId: (streamId ?? 0) % 1_000, message });
      }
      harness.event({ kind: "agent-closed", streamId: streamId ?? -1 });
      harness.agentEvent(node("a"), { kind: "closed", streamId: (streamId ?? 0) % 1_000 });
      harness.wait(1_000);
      expect(harness.sent.filter(({ message }) => message.kind === "read-rules")).toHaveLength(reads);
      expect(harness.view.protection?.active).toMatchObject({ scenarioId: "link:a-c", programmed: true });
      expect(outputs(harness.rulesOf("a"))).toEqual(["a-b"]);
      expect(scenarioEvents(harness).map(({ kind }) => kind)).toEqual(["scenario-activated", "scenario-programmed"]);
    }
  });

  it("and has seen a higher epoch is told again under that, by an ordinary update", () => {
    const harness = kiteReady();
    const a = harness.agents.get(node("a"));
    if (a === undefined) throw new Error("no agent");
    const streamId = a.streamId ?? -1;
    a.streamId = -1;
    cut(harness, "a-c");
    harness.wait(20);
    const sequence = harness.stages().at(-1)?.sequence ?? -1;
    a.streamId = streamId;
    harness.fromAgent(streamId, { kind: "refused", sequence, code: "stale-epoch", termSeen: 1, epochSeen: 7 });
    harness.wait(200);
    expect(harness.stages().at(-1)).toMatchObject({ epoch: 7 });
    expect(harness.stages().at(-1)?.prepared).toBeUndefined();
    expect(outputs(harness.rulesOf("a"))).toEqual(["a-b"]);
    expect(harness.view.planInForce?.scenarioId).toBe("link:a-c");
    expectOn(harness, harness.view.planInForce?.rules);
  });

  it("and refuses it in full as well leaves the others where they are, and is asked again with patience", () => {
    const harness = kiteReady();
    const a = harness.agents.get(node("a"));
    if (a === undefined) throw new Error("no agent");
    a.refuses = true;
    cut(harness, "a-c");
    harness.wait(300);
    expect(harness.published.find(({ kind }) => kind === "plan-failed")?.data).toMatchObject({ nodeId: "a", purpose: "activate" });
    a.refuses = false;
    harness.wait(1_500);
    expect(outputs(harness.rulesOf("a"))).toEqual(["a-b"]);
    expectOn(harness, harness.view.planInForce?.rules);
    expect(harness.view.planInForce?.scenarioId).toBe("link:a-c");
  });
});

describe("a plan that a switch refuses while a scenario is active", () => {
  it("is taken back to the scenario, not to the plan whose links are gone", () => {
    const harness = kiteReady();
    cut(harness, "a-c");
    harness.wait(100);
    const b = harness.agents.get(node("b"));
    if (b === undefined) throw new Error("no agent");
    b.refuses = true;
    harness.answer({ "a>c": ["a-d", "d-c"], "b>c": ["b-a", "a-d", "d-c"] }, { backups: [] });
    harness.wait(500);
    expect(harness.kinds()).toContain("rolled-back");
    expect(harness.view.planInForce).toMatchObject({ scenarioId: "link:a-c", record: { epoch: 1 } });
    expect(outputs(harness.rulesOf("a"))).toEqual(["a-b"]);
    // Splits for the plan are asked for again, under an epoch that agents do not refuse.
    b.refuses = false;
    harness.answerProtect(kiteSplits);
    harness.wait(300);
    expect(harness.view.protection).toMatchObject({ phase: "ready", epoch: 1 });
    expect(harness.sent.findLast(({ message }) => message.kind === "prepare")?.message).toMatchObject({ epoch: 2 });
    expect(harness.view.protection?.agents).toMatchObject([{ held: 5 }, { held: 2 }]);
    cut(harness, "b-c");
    harness.wait(20);
    expect(harness.view.protection?.active).toMatchObject({ scenarioId: "srlg:duct", programmed: true });
    expectOn(harness, harness.view.planInForce?.rules);
  });
});

describe("a successor of a controller that had activated a scenario", () => {
  function succeed(before: Harness): Harness {
    const harness = new Harness({ term: 2, inventory: before.inventory(), nowMs: before.nowMs + 1_000 });
    const linksDown = [link("a-c"), link("c-a")];
    for (const id of kiteNodes) harness.startAgent(id, { rules: before.rulesOf(id), termSeen: 1, epochSeen: 1, linksDown });
    harness.wait(150);
    return harness;
  }

  it("reads what differs, leaves the switches on the scenario, and plans anew", () => {
    const before = kiteReady();
    cut(before, "a-c");
    before.wait(100);
    const harness = succeed(before);
    expect(harness.kinds()).toContain("adopted");
    expect(harness.sent.filter(({ message }) => message.kind === "read-rules")).toHaveLength(1);
    harness.wait(1_000);
    expect(harness.stages()).toEqual([]);
    expect(outputs(harness.rulesOf("a"))).toEqual(["a-b"]);
    harness.answer({ "a>c": ["a-d", "d-c"], "b>c": ["b-c"] }, { backups: [] });
    harness.wait(1_500);
    expect(harness.view.planInForce?.record.epoch).toBe(2);
    expectOn(harness, harness.view.planInForce?.rules);
  });

  it("brings the switches to its plan where no new one can be made, or the links are back", () => {
    const before = kiteReady();
    cut(before, "a-c");
    before.wait(100);
    const failing = succeed(before);
    failing.wait(600);
    failing.failSolve();
    failing.wait(500);
    expect(failing.stages().length).toBeGreaterThan(0);
    const mended = succeed(before);
    mend(mended, "a-c");
    mended.wait(2_500);
    expect(outputs(mended.rulesOf("a"))).toEqual(["a-b", "a-c"]);
  });
});
