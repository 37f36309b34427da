/** Getting ready for failures: asking, not believing the answer, giving it to the agents. */
import { describe, expect, it } from "vitest";
import { fault, ok, refuse, unprotected, type ControllerMessage, type ScenarioSplit } from "@sluice/model";
import { demandsOf, node, splitOn, type Harness } from "../testing/harness.js";
import { kiteProtecting, kitePaths, kiteReady, kiteRunning, kiteSplits } from "../testing/kite.js";

type Prepare = Extract<ControllerMessage, { kind: "prepare" }>;

function prepares(harness: Harness): readonly Prepare[] {
  return harness.sent.flatMap(({ message }) => (message.kind === "prepare" ? [message] : []));
}

const published = (harness: Harness, kind: string) => harness.published.filter((event) => event.kind === kind).map(({ data }) => data);

/** The split of one scenario, as the solver would give it. */
function splitFor(harness: Harness, id: keyof typeof kiteSplits): ScenarioSplit {
  const asked = harness.protects.at(-1);
  const scenario = asked?.scenarios.find((one) => one.id === id);
  if (asked === undefined || scenario === undefined) throw new Error(`${id} was not asked about`);
  return splitOn({ topology: asked.snapshot.topology, plan: asked.plan }, scenario, kiteSplits[id]);
}

function give(harness: Harness, splits: unknown): void {
  const protectId = harness.protects.at(-1)?.protectId ?? -1;
  harness.event({ kind: "protected", protectId, result: ok({ splits: splits as readonly ScenarioSplit[] }) });
  harness.wait(200);
}

describe("a plan that is protected", () => {
  it("has splits asked for as soon as it is the target, for the scenarios of its own settings", () => {
    const harness = kiteRunning();
    const [asked, ...more] = harness.protects;
    expect(more).toEqual([]);
    expect(asked?.epoch).toBe(1);
    expect(asked?.plan).toBe(harness.view.planInForce?.record.plan);
    expect(asked?.snapshot).toEqual(harness.solves[0]?.snapshot);
    expect(asked?.scenarios.map(({ id }) => id)).toEqual([
      ...["a-b", "a-c", "a-d", "b-c", "c-d"].map((id) => `link:${id}`),
      ...["a", "b", "c", "d"].map((id) => `node:${id}`),
      "srlg:duct",
    ]);
    expect(harness.view.protection).toMatchObject({ phase: "splitting", epoch: 1, scenarios: 10, splits: [] });
  });

  it("has its splits checked and given to the ingresses concerned, which say that they keep them", () => {
    const harness = kiteReady();
    expect(published(harness, "plan-protected")).toEqual([{ epoch: 1, scenarios: 10, prepared: 6, refused: 0, operations: 7 }]);
    expect(harness.view.protection).toMatchObject({
      phase: "ready",
      scenarios: 10,
      operations: 7,
      refused: [],
      crowded: [],
      agents: [
        { nodeId: "a", concerned: 5, held: 5, refused: 0 },
        { nodeId: "b", concerned: 2, held: 2, refused: 0 },
      ],
    });
    expect(harness.view.protection?.splits.map(({ scenario }) => scenario.id)).toEqual(Object.keys(kiteSplits));
    expect(
      prepares(harness).map(({ term, epoch, replaces, scenarios }) => [
        term,
        epoch,
        replaces,
        scenarios.map(({ scenarioId }) => scenarioId),
      ]),
    ).toEqual([
      [1, 1, true, ["link:a-c", "link:b-c", "link:a-b", "srlg:duct", "node:b"]],
      [1, 1, true, ["link:b-c", "srlg:duct"]],
    ]);
    // Nothing is applied.
    expect(harness.view.agents.every(({ onTarget }) => onTarget)).toBe(true);
  });

  it("is asked for nothing where it promises nothing", () => {
    expect(kiteRunning({}, unprotected).protects).toEqual([]);
    expect(kiteRunning({}, unprotected).view.protection?.phase).toBe("none");
  });

  it("gives way to the next plan: what was asked for is cancelled, its answer is not heard, agents keep only the new", () => {
    const harness = kiteRunning();
    const old = harness.protects[0];
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>c": 2e9, "b>c": 1e9 }) });
    harness.wait(5_000);
    harness.answer(kitePaths, kiteProtecting);
    expect(harness.protectsCancelled).toEqual([old?.protectId]);
    expect(harness.protects).toHaveLength(2);
    expect(harness.protects[1]?.epoch).toBe(2);
    harness.event({ kind: "protected", protectId: old?.protectId ?? -1, result: ok({ splits: [] }) });
    expect(harness.view.protection?.phase).toBe("splitting");
    harness.answerProtect(kiteSplits);
    harness.wait(200);
    expect(harness.view.protection).toMatchObject({ phase: "ready", epoch: 2 });
    harness.event({ kind: "measure-demands", matrix: demandsOf("y", { "a>c": 3e9, "b>c": 1e9 }) });
    harness.wait(5_000);
    harness.answer(kitePaths, kiteProtecting);
    // Those of epoch 2 were ready: there is nothing to cancel, and nothing of them is left.
    expect(harness.protectsCancelled).toHaveLength(1);
    expect(harness.view.protection).toMatchObject({ phase: "splitting", epoch: 3, splits: [], agents: [] });
  });

  it("is tried again with patience when the solver fails or falls silent", () => {
    const harness = kiteRunning({ config: { protectOverrunMaxMs: 3_000 } });
    harness.event({ kind: "protected", protectId: harness.protects[0]?.protectId ?? -1, result: refuse(fault("solver-failed", "No.")) });
    expect(published(harness, "protect-failed")).toMatchObject([{ epoch: 1, code: "solver-failed", retryAfterMs: 1_000 }]);
    expect(harness.view.protection?.phase).toBe("due");
    harness.wait(950);
    expect(harness.protects).toHaveLength(1);
    harness.wait(100);
    expect(harness.protects).toHaveLength(2);
    harness.wait(3_100);
    expect(harness.protectsCancelled).toEqual([harness.protects[1]?.protectId]);
    expect(published(harness, "protect-failed")).toMatchObject([{}, { code: "deadline-exceeded", retryAfterMs: 2_000 }]);
    harness.wait(2_000);
    harness.answerProtect(kiteSplits);
    harness.wait(200);
    expect(harness.view.protection?.phase).toBe("ready");
  });

  it("is checked a bounded number of splits a tick, and the loop goes on in between", () => {
    const harness = kiteRunning({ config: { protectWorkPerTickMax: 1 } });
    harness.answerProtect(kiteSplits);
    const counts: number[] = [];
    for (let tick = 0; tick < 7; tick += 1) {
      counts.push(harness.view.protection?.splits.length ?? 0);
      harness.event({ kind: "measure-demands", requestId: `d${tick}`, matrix: demandsOf(`d${tick}`, { "a>c": 4e9 }) });
      expect(harness.replies.get(`d${tick}`)).toMatchObject({ ok: true });
      harness.event({ kind: "tick" });
    }
    expect(counts).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(harness.view.protection?.phase).toBe("ready");
  });

  it("keeps no more operations than it may, and says which scenarios are left out", () => {
    const harness = kiteRunning({ config: { scenarioOperationsMax: 4 } });
    harness.answerProtect(kiteSplits);
    harness.wait(200);
    expect(harness.view.protection?.refused).toMatchObject([
      { scenarioId: "srlg:duct", fault: { code: "too-many" } },
      { scenarioId: "node:b", fault: { code: "too-many" } },
    ]);
    expect(harness.view.protection).toMatchObject({ operations: 4 });
  });
});

describe("an answer that is not believed", () => {
  const damages: readonly [string, string, (split: ScenarioSplit) => unknown][] = [
    ["of a scenario that nobody asked about", "check-failed", (split) => ({ ...split, scenario: { ...split.scenario, id: "link:x" } })],
    ["that is null", "check-failed", () => null],
    ["that is no split", "check-failed", () => ({ scenario: { id: "srlg:duct" } })],
    ["with losses of NaN", "check-failed", (split) => ({ ...split, lostBps: { ...split.lostBps, elastic: Number.NaN } })],
    [
      "with a group that the plan does not have",
      "check-failed",
      (split) => ({ ...split, groups: split.groups.map((group) => ({ ...group, trafficClass: "bulk" })) }),
    ],
    ["with a group twice", "check-failed", (split) => ({ ...split, groups: [...split.groups, ...split.groups] })],
    [
      "that admits more than was asked for",
      "check-failed",
      (split) => ({ ...split, groups: split.groups.map((g) => ({ ...g, admittedBps: 9e9 })) }),
    ],
    [
      "with a weight of a half",
      "check-failed",
      (split) => ({ ...split, groups: split.groups.map((g) => ({ ...g, members: g.members.map((m) => ({ ...m, weight: 0.5 })) })) }),
    ],
    [
      "with more weight than the tables hold",
      "check-failed",
      (split) => ({ ...split, groups: split.groups.map((g) => ({ ...g, members: g.members.map((m) => ({ ...m, weight: 65 })) })) }),
    ],
    [
      "with a tunnel that is not installed",
      "check-failed",
      (split) => ({ ...split, groups: split.groups.map((g) => ({ ...g, members: g.members.map((m) => ({ ...m, tunnelId: "t-x" })) })) }),
    ],
    ["with rates on no tunnel", "check-failed", (split) => ({ ...split, groups: split.groups.map((g) => ({ ...g, members: [] })) })],
    // The groups stay on links that are gone, and the split says that all is carried.
    ["that leaves traffic on dead links", "walk-failed", (split) => ({ ...split, groups: [] })],
    ["that gives nothing up and carries less", "walk-failed", (split) => ({ ...split, groups: split.groups.slice(1) })],
  ];
  it.each(damages)("%s is dropped and said", (_what, code, damage) => {
    const harness = kiteRunning();
    give(harness, [damage(splitFor(harness, "srlg:duct")), splitFor(harness, "link:a-c")]);
    expect(published(harness, "scenario-refused")).toMatchObject([{ epoch: 1, code }]);
    expect(harness.view.protection?.splits.map(({ scenario }) => scenario.id)).toEqual(["link:a-c"]);
    expect(harness.view.protection?.phase).toBe("ready");
    // What it held is not given to anybody.
    expect(prepares(harness).flatMap(({ scenarios }) => scenarios.map(({ scenarioId }) => scenarioId))).toEqual(["link:a-c"]);
  });

  it("that overloads a link is dropped", () => {
    const harness = kiteRunning();
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>c": 8e9, "b>c": 7e9 }) });
    harness.wait(5_000);
    harness.answer(kitePaths, kiteProtecting);
    harness.wait(1_000);
    harness.answerProtect(kiteSplits);
    harness.wait(200);
    const refused = harness.view.protection?.refused.map(({ scenarioId, fault: { code, data } }) => [scenarioId, code, data?.["kind"]]);
    expect(refused).toEqual(["link:a-c", "srlg:duct"].map((id) => [id, "walk-failed", "overload"]));
  });

  it("that says what the scenario takes down in its own words is judged by ours", () => {
    const harness = kiteRunning();
    const split = splitFor(harness, "link:a-c");
    give(harness, [{ ...split, groups: [], scenario: { ...split.scenario, linkIds: [], nodeIds: [] } }]);
    expect(harness.view.protection?.refused).toMatchObject([{ scenarioId: "link:a-c", fault: { code: "walk-failed" } }]);
  });

  it("is none at all is tried again", () => {
    const harness = kiteRunning();
    give(harness, "splits");
    expect(published(harness, "protect-failed")).toMatchObject([{ code: "check-failed" }]);
  });
});

describe("what agents are given", () => {
  it("comes in messages of bounded size, one at a time", () => {
    const harness = kiteRunning({ config: { preparedOperationsPerMessageMax: 1 } });
    const agent = harness.agents.get(node("a"));
    if (agent === undefined) throw new Error("no agent");
    const { streamId } = agent;
    // It hears nothing for a while.
    agent.streamId = -1;
    harness.answerProtect(kiteSplits);
    harness.wait(300);
    const toA = () =>
      harness.sent.filter((sent) => sent.streamId === streamId && sent.message.kind === "prepare").map(({ message }) => message as Prepare);
    expect(toA()).toHaveLength(1);
    agent.streamId = streamId;
    const [first] = toA();
    if (first === undefined || streamId === undefined) throw new Error("no message");
    harness.agentEvent(node("a"), { kind: "message", streamId: streamId % 1_000, message: first });
    harness.wait(300);
    expect(toA().map(({ replaces }) => replaces)).toEqual([true, false, false, false, false]);
    expect(toA().every(({ scenarios }) => scenarios.length === 1)).toBe(true);
    expect(harness.view.protection?.agents).toMatchObject([{ held: 5 }, { held: 2 }]);
  });

  it("is not counted twice when an answer comes again, late, or for another message", () => {
    const harness = kiteRunning({ config: { preparedOperationsPerMessageMax: 1 } });
    const agent = harness.agents.get(node("a"));
    if (agent?.streamId === undefined) throw new Error("no agent");
    const { streamId } = agent;
    agent.streamId = -1;
    harness.answerProtect(kiteSplits);
    harness.wait(100);
    const toA = () => harness.sent.findLast((sent) => sent.streamId === streamId && sent.message.kind === "prepare")?.message as Prepare;
    const held = () => harness.view.protection?.agents.find(({ nodeId }) => nodeId === "a")?.held;
    const answer = (sequence: number, more: object = {}) =>
      harness.fromAgent(streamId, { kind: "prepared", term: 1, epoch: 1, sequence, held: 1, refused: [], ...more });
    const { sequence } = toA();
    answer(sequence - 1);
    answer(sequence + 1_000);
    answer(sequence, { term: 9 });
    expect(held()).toBe(0);
    answer(sequence);
    expect(held()).toBe(1);
    const second = toA().sequence;
    expect(second).toBeGreaterThan(sequence);
    answer(sequence);
    expect(held()).toBe(1);
    answer(second, { refused: ["link:b-c"] });
    answer(second);
    expect(harness.view.protection?.agents[0]).toEqual({ nodeId: "a", concerned: 5, held: 1, refused: 1 });
  });

  it("comes again to an agent that starts anew, and what was on its way to one whose stream was lost", () => {
    const harness = kiteReady();
    const rules = harness.rulesOf("a");
    const before = harness.agents.get(node("a"));
    harness.event({ kind: "agent-closed", streamId: before?.streamId ?? -1 });
    harness.startAgent("a", { rules, termSeen: 1, epochSeen: 1 });
    harness.wait(200);
    expect(harness.view.protection?.agents).toMatchObject([
      { nodeId: "a", held: 5 },
      { nodeId: "b", held: 2 },
    ]);
    expect(prepares(harness)).toHaveLength(3);

    // The same process on a new stream keeps what it kept.
    const agent = harness.agents.get(node("a"));
    harness.event({ kind: "agent-closed", streamId: agent?.streamId ?? -1 });
    harness.agentEvent(node("a"), { kind: "closed", streamId: (agent?.streamId ?? 0) % 1_000 });
    harness.wait(1_000);
    expect(harness.view.agents.find(({ nodeId }) => nodeId === "a")?.state).toBe("synced");
    expect(prepares(harness)).toHaveLength(3);
  });

  it("comes again where the stream was lost before the answer, and only what was on its way", () => {
    const harness = kiteRunning({ config: { preparedOperationsPerMessageMax: 1 } });
    const agent = harness.agents.get(node("a"));
    if (agent?.streamId === undefined) throw new Error("no agent");
    const { streamId } = agent;
    agent.streamId = -1;
    harness.answerProtect(kiteSplits);
    harness.wait(100);
    harness.event({ kind: "agent-closed", streamId });
    harness.agentEvent(node("a"), { kind: "closed", streamId: streamId % 1_000 });
    harness.wait(1_000);
    expect(harness.view.protection?.agents).toMatchObject([
      { nodeId: "a", held: 5 },
      { nodeId: "b", held: 2 },
    ]);
    const toA = harness.sent.flatMap((sent) => (sent.streamId === agent.streamId && sent.message.kind === "prepare" ? [sent.message] : []));
    expect(toA.map(({ replaces, scenarios }) => [replaces, scenarios[0]?.scenarioId])).toEqual([
      [true, "link:a-c"],
      [false, "link:b-c"],
      [false, "link:a-b"],
      [false, "srlg:duct"],
      [false, "node:b"],
    ]);
  });

  it("ends the stream of an agent that does not answer for it", () => {
    const harness = kiteRunning();
    const agent = harness.agents.get(node("a"));
    const streamId = agent?.streamId;
    if (agent === undefined) throw new Error("no agent");
    agent.streamId = -1;
    harness.answerProtect(kiteSplits);
    harness.wait(5_200);
    expect(harness.closed).toMatchObject([{ streamId, code: "deadline-exceeded" }]);
  });

  it("is not pressed on an agent that has seen a higher epoch", () => {
    const harness = kiteRunning();
    const agent = harness.agents.get(node("a"));
    const streamId = agent?.streamId ?? -1;
    if (agent === undefined) throw new Error("no agent");
    agent.streamId = -1;
    harness.answerProtect(kiteSplits);
    harness.wait(100);
    const sequence = prepares(harness).find(({ scenarios }) => scenarios[0]?.scenarioId === "link:a-c")?.sequence ?? -1;
    agent.streamId = streamId;
    harness.fromAgent(streamId, { kind: "refused", sequence, code: "stale-epoch", termSeen: 1, epochSeen: 7 });
    harness.wait(2_000);
    expect(harness.view.protection?.agents[0]).toMatchObject({ nodeId: "a", held: 0 });
    expect(prepares(harness)).toHaveLength(2);
    expect(harness.controller.push.epochSent).toBe(7);
  });
});
