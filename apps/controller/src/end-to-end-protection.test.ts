/**
 * A failure and its three answers, with the real binaries: the switches at the cable go around it by themselves, the ingresses change over
 * to the split that they were given before, told by one message each without operations, and a new plan follows.
 *
 *     n0 --- n1
 *     |  \   |        every cable 10 Gb/s each way; n0-n2 is shorter than the ways around
 *     n3 --- n2
 */
import { protectionDefault } from "@sluice/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessNetwork, type LogEntry } from "./testing/process-network.js";

const nodes = ["n0", "n1", "n2", "n3"];
const detectionMs = 20;
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
  agentArgs: ["--log-level", "debug", "--detection-ms", String(detectionMs)],
});

interface Protection {
  readonly epoch: number;
  readonly bypasses: { readonly total: number; readonly linksWithout: readonly string[] };
  readonly scenarios: {
    readonly phase: string;
    readonly epoch: number;
    readonly asked: number;
    readonly prepared: number;
    readonly refused: number;
    readonly agents: { readonly concerned: number; readonly holdingAll: number };
  };
}
interface Failures {
  readonly epoch: number;
  readonly total: number;
  readonly items: readonly {
    readonly id: string;
    readonly kind: string;
    readonly split: string;
    readonly layers: Readonly<Record<string, { readonly lostBps: { readonly elastic: number } }>>;
  }[];
}
interface Split {
  readonly linkIds: readonly string[];
  readonly groups: readonly { readonly src: string; readonly members: readonly { readonly path: readonly string[] }[] }[];
}

/** A plan newer than that of the epoch is in force, and every ingress keeps all that was prepared for so many scenarios of it. */
async function prepared(after: number, asked: number): Promise<Protection> {
  const { plan } = await network.settled(after);
  return network.until<Protection>(
    "/v1/protection",
    ({ epoch, scenarios: { phase, epoch: of, agents, ...counts } }) =>
      epoch >= (plan?.epoch ?? 0) &&
      of === epoch &&
      phase === "ready" &&
      counts.asked === asked &&
      agents.concerned > 0 &&
      agents.holdingAll === agents.concerned,
  );
}

async function plannedOn(linkId: string): Promise<number | undefined> {
  const { items } = await network.get<{ items: readonly { linkId: string; planned?: { loadBps: number } }[] }>("/v1/links");
  return items.find((link) => link.linkId === linkId)?.planned?.loadBps;
}

const timeOf = ({ time }: LogEntry): number => Number(time);
const isActivation = (scenarioId: string) => (entry: LogEntry) =>
  entry["kind"] === "stage" && (entry["prepared"] as { scenarioId?: string } | undefined)?.scenarioId === scenarioId;

beforeAll(async () => {
  await network.startController();
  for (const node of nodes) network.startAgent(node);
});

afterAll(() => network.remove());

// One story: each part goes on from where the one before it ended.
describe("a failure that was prepared for", { timeout: 90_000 }, () => {
  it("has a split at every ingress concerned and a bypass around every cable before it happens", async () => {
    const changed = await fetch(`${network.controller.rest}/v1/settings`, {
      method: "PATCH",
      headers: { "if-match": "*", "content-type": "application/json" },
      body: JSON.stringify({ protection: protectionDefault }),
    });
    expect(changed.status).toBe(200);
    await network.sendTopology((linkId) => (linkId === "n0-n2" || linkId === "n2-n0" ? 1 : 2));
    await network.sendDemands(1, 1e9);
    // Five cables and four nodes; this network has no shared risks.
    const { bypasses, scenarios } = await prepared(0, 9);
    expect(bypasses.total).toBeGreaterThan(0);
    expect(bypasses.linksWithout).toEqual([]);
    expect(scenarios).toMatchObject({ prepared: 9, refused: 0 });
    expect(await plannedOn("n0-n2")).toBeGreaterThan(0);
  });

  it("is told of over REST by what each layer would lose, with the splits that are prepared", async () => {
    const { plan } = await network.get<{ plan: { epoch: number } }>("/v1/status");
    const report = await network.get<Failures>("/v1/failures?layers=unrepaired,local-repair,scenario-split,new-plan");
    expect(report).toMatchObject({ epoch: plan.epoch, total: 9 });
    expect(report.items.map(({ id }) => id)).toContain("link:n0-n2");
    expect(report.items.map(({ split }) => split)).toEqual(report.items.map(() => "given"));
    const lostBps = (layer: string) => report.items.map(({ layers }) => layers[layer]?.lostBps.elastic);
    const nothing = report.items.map(() => 0);
    expect([lostBps("scenario-split"), lostBps("new-plan")]).toEqual([nothing, nothing]);
    const cables = report.items.filter(({ kind }) => kind === "link").map(({ layers }) => layers);
    for (const layers of cables) {
      expect(layers["unrepaired"]?.lostBps.elastic).toBeGreaterThan(0);
      expect(layers["local-repair"]?.lostBps.elastic).toBe(0);
    }
  });

  it("is repaired next to it, then answered by one small message for each ingress, then planned anew", async () => {
    const { epoch } = await network.get<Protection>("/v1/protection");
    const split = await network.get<Split>("/v1/protection/split?scenario=link:n0-n2");
    const ingresses = [...new Set(split.groups.map(({ src }) => src))].sort();
    expect(ingresses.length).toBeGreaterThan(0);
    for (const { members } of split.groups) for (const { path } of members) expect(path).not.toContain("n0-n2");

    const from = network.log.length;
    network.setCable("n0", "n2", "down");
    const repairs = await Promise.all(
      ["n0-n2", "n2-n0"].map((link) => network.logged((entry) => entry["link"] === link && entry["up"] === false, from)),
    );
    for (const repair of repairs) {
      expect(repair["failoverGroups"]).toBeGreaterThan(0);
      expect(repair["around"]).toHaveLength(Number(repair["failoverGroups"]));
      expect(repair["around"]).not.toContain(repair["link"]);
    }
    const programmed = await network.logged(({ event }) => event === "scenario-programmed", from);
    expect(programmed).toMatchObject({ scenarioId: "link:n0-n2", epoch, ingresses: ingresses.length });
    // What is down already is no news.
    const after = await prepared(epoch, 8);
    expect((await network.settled(epoch)).plan).toMatchObject({ check: "pass", walk: "pass" });
    expect([after.scenarios.refused, await plannedOn("n0-n2")]).toEqual([0, 0]);

    const told = network.log.slice(from).filter(isActivation("link:n0-n2"));
    expect(told.map(({ node }) => String(node)).sort()).toEqual(ingresses);
    for (const stage of told) expect(stage).toMatchObject({ operations: 0, prepared: { epoch, scenarioId: "link:n0-n2" } });
    // Nobody had to be told the operations.
    const stages = network.log.slice(from).filter((entry) => entry["kind"] === "stage" && timeOf(entry) <= timeOf(programmed));
    expect(stages.filter(({ operations }) => operations !== 0)).toEqual([]);
    const applied = await network.logged(({ event }) => event === "plan-applied", from);
    expect(Math.min(...repairs.map(timeOf))).toBeLessThanOrEqual(Math.min(...told.map(timeOf)));
    expect(Math.max(...told.map(timeOf))).toBeLessThanOrEqual(timeOf(applied));
    const metrics = await (await fetch(`${network.controller.rest}/metrics`)).text();
    expect(metrics).toMatch(/^sluice_scenario_activations_total [1-9]/m);
    expect(metrics).toMatch(/^sluice_scenario_activation_seconds_count [1-9]/m);
  });

  it("is over when the cable has been back for a while, and is prepared for again", async () => {
    const { epoch } = await network.get<Protection>("/v1/protection");
    network.setCable("n0", "n2", "up");
    const again = await prepared(epoch, 9);
    expect(again.scenarios).toMatchObject({ prepared: 9, refused: 0 });
    expect(await plannedOn("n0-n2")).toBeGreaterThan(0);
  });

  it("is prepared for again at an agent that forgot it with its process", async () => {
    const agent = network.agents.get("n1");
    const gone = new Promise((resolve) => agent?.once("exit", resolve));
    const from = network.log.length;
    agent?.kill("SIGKILL");
    await gone;
    network.startAgent("n1");
    const prepare = await network.logged(({ kind, node }) => kind === "prepare" && node === "n1", from);
    expect(prepare).toMatchObject({ replaces: true });
    await prepared(0, 9);
  });

  it("leaves processes that end cleanly on SIGTERM", async () => {
    expect(await network.end()).toEqual([...nodes, "controller"].map(() => 0));
  });
});
