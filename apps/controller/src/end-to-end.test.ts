/**
 * The real binaries: a controller process with its embedded database, an agent process for each switch, a stock gRPC client that
 * knows only the .proto files, and REST. Runs what the build made (`npm test` builds first).
 *
 *     n0 --- n1
 *     |  \   |        every cable 10 Gb/s each way; n0-n2 is shorter than the ways around
 *     n3 --- n2
 */
import { join } from "node:path";
import { optimize } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import { buildTopology, canonicalJson, type Result } from "@sluice/model";
import { assign, compileRules, digestOfRuleSet, parseAssignments } from "@sluice/rules";
import { prismaStore } from "@sluice/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessNetwork, type Status } from "./testing/process-network.js";

const nodes = ["n0", "n1", "n2", "n3"];
const network = new ProcessNetwork({
  name: "square",
  nodes,
  cables: [
    ["n0", "n1"],
    ["n1", "n2"],
    ["n2", "n3"],
    ["n3", "n0"],
    ["n0", "n2"],
  ],
});

const agentIn = (node: string, state: string) =>
  network.until<{ items: readonly { nodeId: string; state: string }[] }>("/v1/agents", ({ items }) =>
    items.some((agent) => agent.nodeId === node && agent.state === state),
  );

async function sendDemands(sequence: number, rateBps: number): Promise<void> {
  const demandCount = nodes.length * (nodes.length - 1);
  expect(await network.sendDemands(sequence, rateBps)).toMatchObject([{ sequence, demandCount, faults: [] }]);
}

beforeAll(async () => {
  await network.startController();
  for (const node of nodes) network.startAgent(node);
});

afterAll(() => network.remove());

// One story: each part goes on from where the one before it ended.
describe("controller and agents as processes", { timeout: 90_000 }, () => {
  it("turn topology and demand that came by gRPC into rules on every switch, and show it by REST", async () => {
    expect(await network.sendTopology((linkId) => (linkId === "n0-n2" ? 1 : 2))).toMatchObject({ version: 1 });
    await sendDemands(1, 1e9);
    const status = await network.settled();
    expect(status.plan).toMatchObject({ rung: "optimal", check: "pass", walk: "pass" });
    const { items } = await network.get<{ items: readonly { nodeId: string; ruleCount: number; state: string }[] }>("/v1/agents");
    expect(items.map(({ nodeId }) => nodeId)).toEqual(nodes);
    expect(items.reduce((sum, { ruleCount }) => sum + ruleCount, 0)).toBe(status.plan?.ruleCount);
    const query = `demand=${encodeURIComponent("n0>n2/elastic")}`;
    const explained = await network.get<unknown>(`/v1/plans/${status.plan?.epoch}/explanation?${query}`);
    expect(JSON.stringify(explained)).toContain('"reason":"met"');
  });

  it("plan anew around a link that an agent reports down, and use it again when it is up", async () => {
    const carries = async (): Promise<number> => {
      const { items } = await network.get<{ items: readonly { linkId: string; planned?: { loadBps: number } }[] }>("/v1/links");
      return items.find(({ linkId }) => linkId === "n0-n2")?.planned?.loadBps ?? Number.NaN;
    };
    expect(await carries()).toBeGreaterThan(0);
    const before = (await network.get<Status>("/v1/status")).epochNewest;
    network.agents.get("n0")?.stdin?.write("down n0-n2\n");
    await network.settled(before);
    expect(await carries()).toBe(0);

    const down = (await network.get<Status>("/v1/status")).epochNewest;
    network.agents.get("n0")?.stdin?.write("up n0-n2\n");
    await network.settled(down);
    expect(await carries()).toBeGreaterThan(0);
  });

  it("plan anew around a soft drain, carry the same, use it where nothing else would do, and use it freely when it is lifted", async () => {
    interface Plans {
      readonly items: readonly { readonly linkId: string; readonly planned?: { readonly loadBps: number } }[];
    }
    const drained = ["n0-n2", "n2-n0"];
    const loads = async (): Promise<readonly number[]> => {
      const { items } = await network.get<Plans>("/v1/links");
      return drained.map((id) => items.find(({ linkId }) => linkId === id)?.planned?.loadBps ?? Number.NaN);
    };
    const ask = async (method: "POST" | "DELETE", body: object): Promise<number> => {
      const headers = { "content-type": "application/json", "if-match": "*" };
      return (await fetch(`${network.controller.rest}/v1/drains`, { method, headers, body: JSON.stringify(body) })).status;
    };
    /** Of the plan that every switch holds: what it carries of all classes, and whether it is on what is drained softly. */
    const planOf = async ({ plan }: Status) => {
      expect(plan).toMatchObject({ check: "pass", walk: "pass" });
      const { classes, softDrained } = await network.get<{
        readonly classes: readonly { readonly admittedBps: number }[];
        readonly softDrained?: string;
      }>(`/v1/plans/${plan?.epoch}`);
      return { admittedGbps: Math.round(classes.reduce((sum, { admittedBps }) => sum + admittedBps, 0) / 1e3) / 1e6, softDrained };
    };
    const all = nodes.length * (nodes.length - 1);
    const before = await network.settled();
    expect((await loads()).every((load) => load > 0)).toBe(true);
    expect(await planOf(before)).toEqual({ admittedGbps: all, softDrained: undefined });

    expect(await ask("POST", { linkIds: drained, kind: "soft" })).toBe(200);
    const around = await network.settled(before.epochNewest);
    expect(await loads()).toEqual([0, 0]);
    expect(await planOf(around)).toEqual({ admittedGbps: all, softDrained: "avoided" });

    // Each node sends and takes 21 Gb/s, more than two cables carry: what is drained softly is needed, and not lost.
    await sendDemands(10, 7e9);
    const needed = await network.settled(around.epochNewest);
    expect((await loads()).every((load) => load > 0)).toBe(true);
    expect(await planOf(needed)).toMatchObject({ softDrained: "used" });

    await sendDemands(11, 1e9);
    const again = await network.settled(needed.epochNewest);
    expect(await planOf(again)).toEqual({ admittedGbps: all, softDrained: "avoided" });
    expect(await ask("DELETE", { linkIds: drained })).toBe(200);
    const lifted = await network.settled(again.epochNewest);
    expect((await loads()).every((load) => load > 0)).toBe(true);
    expect(await planOf(lifted)).toEqual({ admittedGbps: all, softDrained: undefined });
  });

  it("go on after the controller was killed in the middle of a push", async () => {
    const { epochNewest } = await network.get<Status>("/v1/status");
    const updating = network.logged(({ event }) => event === "update-started", network.log.length);
    await sendDemands(2, 2e9);
    await updating;
    const { grpc, rest, child, term } = network.controller;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;

    await network.startController(grpc, rest.replace("http://", ""));
    expect(network.controller.term).toBe(term + 1);
    const status = await network.settled(epochNewest);
    expect(status.plan).toMatchObject({ check: "pass", walk: "pass" });
    const { items } = await network.get<{ items: readonly { rateBps: number }[] }>("/v1/demands");
    expect(items.map(({ rateBps }) => rateBps)).toEqual(items.map(() => 2e9));
  });

  it("take back an agent that was killed, and program it again", async () => {
    const agent = network.agents.get("n3");
    const gone = new Promise((resolve) => agent?.once("exit", resolve));
    agent?.kill("SIGKILL");
    await gone;
    await agentIn("n3", "absent");
    network.startAgent("n3");
    await agentIn("n3", "synced");
    expect(await network.settled()).toMatchObject({ agents: { total: nodes.length, onTarget: nodes.length } });
  });

  it("end cleanly on SIGTERM", async () => {
    expect(await network.end()).toEqual([...nodes, "controller"].map(() => 0));
  });

  it("left inputs from which every cycle can be run again to the same bytes", async () => {
    const store = valueOf(await prismaStore({ dataDir: join(network.folder, "data") }));
    try {
      const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };
      const plans = valueOf(await store.listPlans({ limit: 100 }));
      expect(plans.length).toBeGreaterThanOrEqual(4);
      for (const { epoch } of plans) {
        const record = valueOf(await store.getPlan(epoch));
        const { topology: document, demands, settings, assignmentsBefore } = valueOf(await store.getCycleInput(record.cycleInputHash));
        const again = valueOf(await optimize({ topology: document, demands, settings }, { lp, nowMs: () => performance.now() }));
        expect(canonicalJson(again.plan)).toBe(canonicalJson(record.plan));
        const topology = valueOf(buildTopology(document));
        const assignments = valueOf(assign(valueOf(parseAssignments(assignmentsBefore)), again.plan, topology));
        expect(digestOfRuleSet(valueOf(compileRules(topology, again.plan, assignments)))).toBe(record.rulesDigest);
      }
    } finally {
      await store.close();
    }
  });
});

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value;
}
