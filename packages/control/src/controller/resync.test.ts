/** An operator has a switch read anew. */
import { describe, expect, it } from "vitest";
import { foundTable } from "../agent/found-table.js";
import { demandsOf, node } from "../testing/harness.js";
import { around, by, published, refusals, rulesOfAll, running } from "../testing/operator.js";

describe("a resync", () => {
  it("finds what a switch has lost behind everybody's back, and mends it", () => {
    const harness = running();
    const before = rulesOfAll(harness);
    const agent = harness.agents.get(node("b"));
    if (agent === undefined) throw new Error("the agent is there");
    // The machine of the agent reports what its table holds: somebody has taken a rule out of it.
    const [key] = [...harness.rulesOf("b").keys()].filter((each) => each.startsWith("ingress/"));
    agent.rules = new Map([...agent.rules].filter(([each]) => each !== key));
    agent.state.table = foundTable(1_000, agent.rules);
    harness.wait(20_000);
    expect(rulesOfAll(harness)).not.toEqual(before);
    harness.event({ kind: "resync", requestId: "r", by, nodeId: node("b") });
    expect(harness.replies.get("r")).toEqual({ ok: true, value: { nodeId: "b" } });
    harness.wait(1_000);
    expect(rulesOfAll(harness)).toEqual(before);
    expect(published(harness, "resync-asked")).toEqual([{ nodeId: "b", by }]);
    expect(published(harness, "agent-synced").at(-1)).toMatchObject({ nodeId: "b", onTarget: false });
  });

  it("of a switch that holds what it should sends nothing but the question", () => {
    const harness = running();
    const count = harness.sent.length;
    harness.event({ kind: "resync", requestId: "r", nodeId: node("b") });
    harness.wait(1_000);
    expect(harness.sent.slice(count).map(({ message }) => message.kind)).toEqual(["read-rules"]);
    expect(harness.view.agents.map(({ state }) => state)).toEqual(["synced", "synced", "synced"]);
  });

  it("waits for a stage that the switch has still to answer for", () => {
    const harness = running();
    harness.wait(5_000);
    harness.event({ kind: "measure-demands", requestId: "m", matrix: demandsOf("two", { "a>c": 2e9, "b>c": 1e9 }) });
    harness.wait(100);
    const agent = harness.agents.get(node("b"));
    const streamId = agent?.streamId;
    if (agent === undefined || streamId === undefined) throw new Error("the agent is connected");
    // Its stream swallows what the controller sends.
    agent.streamId = undefined;
    harness.answer(around);
    harness.wait(200);
    expect(harness.controller.switches.get(node("b"))?.inFlight).toBeDefined();
    harness.event({ kind: "resync", requestId: "r", nodeId: node("b") });
    const asked = () => harness.sent.filter(({ message }) => message.kind === "read-rules").length;
    const before = asked();
    harness.wait(1_000);
    expect(asked()).toBe(before);
    expect(harness.controller.switches.get(node("b"))?.belief.kind).toBe("either");
  });

  it("is refused for a node that is not there, and for an agent that is away", () => {
    const harness = running();
    harness.event({ kind: "resync", requestId: "x", nodeId: node("x") });
    expect(refusals(harness.replies.get("x"))).toEqual([["not-found", undefined]]);
    const streamId = harness.agents.get(node("b"))?.streamId ?? 0;
    harness.event({ kind: "agent-closed", streamId });
    harness.event({ kind: "resync", requestId: "y", nodeId: node("b") });
    expect(refusals(harness.replies.get("y"))).toEqual([["unavailable", undefined]]);
    expect(harness.kinds()).not.toContain("resync-asked");
  });
});
