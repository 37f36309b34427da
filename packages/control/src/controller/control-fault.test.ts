/** Many agents lost at once: a fault of the control network, or dead switches. */
import { describe, expect, it } from "vitest";
import { assert, parseTopology, type Topology } from "@sluice/model";
import { demandsOf, Harness, link, node } from "../testing/harness.js";

const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
const direct = { "a>b": ["a-b"], "e>f": ["e-f"] };
const demands = demandsOf("one", { "a>b": 2e9, "e>f": 1e9 });

/** a-b-c-d-e-f-g-h-a, every cable two links of 10 Gb/s. */
function ring(): Topology {
  const parsed = parseTopology({
    name: "ring",
    nodes: names.map((id) => ({ id })),
    links: names.flatMap((x, i) => {
      const y = names[(i + 1) % names.length] ?? x;
      return [
        { id: `${x}-${y}`, from: x, to: y, capacityBps: 10e9, latencyMs: 1, metric: 1 },
        { id: `${y}-${x}`, from: y, to: x, capacityBps: 10e9, latencyMs: 1, metric: 1 },
      ];
    }),
  });
  assert(parsed.ok, "the ring is valid");
  return parsed.value;
}

function running(more: ConstructorParameters<typeof Harness>[0] = {}): Harness {
  const harness = new Harness(more);
  harness.ingest(ring(), demands);
  for (const id of names) harness.startAgent(id);
  harness.wait(100);
  harness.answer(direct);
  harness.wait(1_000);
  expect(harness.view.planInForce?.record.epoch).toBe(1);
  return harness;
}

/** The agent is gone, and stays away. */
function lose(harness: Harness, id: string): void {
  const agent = harness.agents.get(node(id));
  assert(agent?.streamId !== undefined, `the agent ${id} is connected`);
  harness.event({ kind: "agent-closed", streamId: agent.streamId });
  harness.agents.delete(node(id));
}

/** What the living neighbours of these nodes see: dead ports. */
function reportDown(harness: Harness, ids: readonly string[]): void {
  for (const { id, from, to } of ring().links) {
    if (!ids.includes(from) && ids.includes(to)) harness.agentEvent(from, { kind: "link-changed", linkId: id, up: false });
  }
}

const faults = (harness: Harness) => harness.published.filter(({ kind }) => kind.startsWith("control-network-"));

describe("the loss of many agents", () => {
  it("is a fault of the control network where no neighbour sees a dead port: nothing is solved or sent until they are back", () => {
    const harness = running();
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>b": 3e9, "e>f": 1e9 }) });
    harness.wait(4_500);
    expect(harness.solves).toHaveLength(2);
    const rules = new Map(["b", "d", "f"].map((id) => [id, harness.rulesOf(id)]));
    for (const id of ["b", "d", "f"]) lose(harness, id);
    harness.wait(100);
    expect(faults(harness)).toEqual([
      { kind: "control-network-fault", data: { nodeIds: ["b", "d", "f"], missing: 3, connected: 5, share: 3 / 8 } },
    ]);
    expect(harness.cancelled).toEqual([harness.solves[1]?.solveId]);
    expect(harness.view.frozen).toMatchObject({ missing: ["b", "d", "f"] });
    expect(harness.view.readiness.ready).toBe(false);
    expect(harness.view.readiness.reasons.join()).toContain("control network");
    // It listens: a measurement is stored, a cut is believed; and does nothing about either.
    harness.event({ kind: "measure-demands", requestId: "y", matrix: demandsOf("y", { "a>b": 4e9, "e>f": 1e9 }) });
    harness.agentEvent(node("a"), { kind: "link-changed", linkId: link("a-b"), up: false });
    const { length } = harness.stages();
    harness.wait(60_000);
    expect(harness.replies.get("y")).toMatchObject({ ok: true });
    expect(harness.solves).toHaveLength(2);
    expect(harness.stages()).toHaveLength(length);
    // Two are back: one of eight is missing, less than the share.
    for (const id of ["b", "d"]) harness.startAgent(id, { rules: rules.get(id) ?? new Map(), termSeen: 1 });
    harness.wait(600);
    expect(faults(harness).at(-1)).toMatchObject({ kind: "control-network-healed", data: { reason: "agents-back", missing: 1 } });
    expect(harness.view.readiness.ready).toBe(true);
    expect(harness.solves).toHaveLength(3);
    expect(harness.solves[2]?.snapshot.demands.name).toBe("y");
  });

  it("is the death of switches where all living neighbours see dead ports, though the dead have neighbours among them", () => {
    const harness = running();
    for (const id of ["b", "c", "d"]) lose(harness, id);
    reportDown(harness, ["b", "c", "d"]);
    harness.wait(1_000);
    expect(faults(harness)).toEqual([]);
    expect(harness.solves).toHaveLength(2);
  });

  it("is a fault where one neighbour still sees a living port", () => {
    const harness = running();
    for (const id of ["b", "c", "d"]) lose(harness, id);
    reportDown(harness, ["d"]);
    harness.wait(1_000);
    expect(faults(harness)).toHaveLength(1);
    // The news of the other ports ends it.
    reportDown(harness, ["b", "c", "d"]);
    harness.wait(600);
    expect(faults(harness).at(-1)).toMatchObject({ kind: "control-network-healed", data: { missing: 0 } });
    expect(harness.solves).toHaveLength(2);
  });

  it("is none of two agents, nor of three one after the other", () => {
    const harness = running();
    for (const id of ["b", "d"]) lose(harness, id);
    harness.wait(3_000);
    lose(harness, "f");
    harness.wait(3_000);
    expect(faults(harness)).toEqual([]);
  });

  it("holds a plan that was being written back, and goes on without the missing after its patience", () => {
    const harness = running({ config: { frozenMaxMs: 20_000 } });
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>b": 3e9, "e>f": 2e9 }) });
    harness.wait(4_500);
    harness.slowStore = true;
    harness.answer(direct);
    const { length } = harness.stages();
    for (const id of ["b", "d", "f"]) lose(harness, id);
    harness.wait(100);
    harness.persisted();
    harness.wait(15_000);
    expect(harness.stages()).toHaveLength(length);
    expect(harness.view.planPending).toBeUndefined();
    harness.wait(6_000);
    expect(faults(harness).at(-1)).toMatchObject({ kind: "control-network-healed", data: { reason: "patience", missing: 3 } });
    expect(harness.solves).toHaveLength(3);
  });

  it("stops an update where it stands, and the update goes on when they are back", () => {
    const harness = running();
    harness.event({ kind: "measure-demands", matrix: demandsOf("x", { "a>b": 3e9, "e>f": 2e9 }) });
    harness.wait(4_500);
    // Nobody hears what is sent from here on.
    const streams = new Map([...harness.agents].map(([id, agent]) => [id, agent.streamId]));
    for (const agent of harness.agents.values()) agent.streamId = -1;
    harness.answer({ "a>b": ["a-h", "h-g", "g-f", "f-e", "e-d", "d-c", "c-b"], "e>f": ["e-f"] });
    const { length } = harness.stages();
    expect(length).toBeGreaterThan(0);
    const rules = new Map(["b", "d", "f"].map((id) => [id, harness.rulesOf(id)]));
    for (const [id, agent] of harness.agents) agent.streamId = streams.get(id);
    for (const id of ["b", "d", "f"]) lose(harness, id);
    harness.wait(3_000);
    expect(faults(harness)).toHaveLength(1);
    expect(harness.stages()).toHaveLength(length);
    for (const id of ["b", "d", "f"]) harness.startAgent(id, { rules: rules.get(id) ?? new Map(), termSeen: 1 });
    harness.wait(10_000);
    expect(harness.stages().length).toBeGreaterThan(length);
  });
});
