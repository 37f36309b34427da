/** Cuts in the emulated network: what the switches do about them by the rules of a real plan, with a controller and without. */
import { once } from "node:events";
import { createServer } from "node:http";
import { optimize } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import {
  parseDemandMatrix,
  parseTopology,
  planSettingsDefault,
  protectionDefault,
  toId,
  topologyDocument,
  type LinkId,
  type Result,
} from "@sluice/model";
import { assign, compileRules, diffRules, emptyAssignments } from "@sluice/rules";
import { expect, test } from "vitest";
import { FailureWatch } from "./failure-watch.js";
import { FluidNetwork } from "./fluid-network.js";

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}

/** a, b, c in a ring of cables of 10 Gb/s; a sends 4 Gb/s to b, on their cable. */
async function ring(protection: "protected" | "unprotected") {
  const ids = ["a", "b", "c"];
  const topology = value(
    parseTopology({
      name: "ring",
      nodes: ids.map((id) => ({ id })),
      links: ids.flatMap((from, i) => {
        const to = ids[(i + 1) % 3] ?? "";
        return [
          [from, to],
          [to, from],
        ].map(([x = "", y = ""]) => ({ id: `${x}-${y}`, from: x, to: y, capacityBps: 1e10, latencyMs: 1, metric: 1 }));
      }),
    }),
  );
  const demands = value(parseDemandMatrix({ name: "one", demands: [{ src: "a", dst: "b", trafficClass: "elastic", rateBps: 4e9 }] }));
  const settings = {
    ...planSettingsDefault,
    objective: "shortest-path" as const,
    ...(protection === "protected" ? { protection: protectionDefault } : {}),
  };
  const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };
  const snapshot = { topology: topologyDocument(topology), demands, settings };
  const { plan } = value(await optimize(snapshot, { lp, nowMs: () => performance.now() }));
  const rules = value(compileRules(topology, plan, value(assign(emptyAssignments, plan, topology))));
  const network = new FluidNetwork(topology, { detectionMs: 20 });
  for (const { nodeId, datapath } of network.datapaths) {
    expect(await datapath.apply(diffRules(new Map(), rules.get(nodeId) ?? new Map()))).toEqual([]);
  }
  network.offer(demands);
  return { topology, network };
}

const link = toId<LinkId>("b-a");

test("no controller lives: local repair heals all the same", async () => {
  const { topology, network } = await ring("protected");
  const told: string[] = [];
  const stop = new AbortController();
  const tell = (line: string): void => {
    told.push(line);
    if (told.length === 3) stop.abort();
  };
  const watch = new FailureWatch({ topology, network, rest: () => undefined, tell, signal: stop.signal });
  const following = watch.followJournal();
  const cutting = watch.cut(link);
  // The switches do not know yet: what they send there is lost.
  expect([network.isLinkUp(link), network.isPortLive(link), network.forward(0).flows[0]?.deliveredBps]).toEqual([false, true, 0]);
  await Promise.all([cutting, following]);
  expect(network.forward(0).flows[0]).toMatchObject({ deliveredBps: 4e9, lostBps: 0 });
  expect(told[0]).toBe("Cable a-b is cut: 4 Gb/s of 4 Gb/s (100.00 %) is lost until the switches at its ends notice.");
  expect([...told].sort().slice(0, 2)).toEqual([
    "  No controller answers: the switches go on by themselves.",
    expect.stringMatching(/^ {2}after \d+ ms the switches at its ends send around it: all arrives\.$/),
  ]);
  expect(watch.latest).toEqual(told);
});

test("without protection nothing heals before a plan does", async () => {
  const { topology, network } = await ring("unprotected");
  const told: string[] = [];
  const stop = new AbortController();
  const watch = new FailureWatch({ topology, network, rest: () => undefined, tell: (line) => told.push(line), signal: stop.signal });
  const cutting = watch.cut(link);
  while (told.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(told[1]).toMatch(/know of it: 4 Gb\/s \(100\.00 %\) less arrives than before\.$/);
  expect(watch.isFollowing).toBe(true);
  // The same cable by its other direction: it is cut already.
  await watch.cut(toId<LinkId>("a-b"));
  expect(told).toHaveLength(2);
  watch.repair(link);
  await cutting;
  expect([watch.isFollowing, told.at(-1), network.forward(0).flows[0]?.deliveredBps]).toEqual([false, "Cable a-b is repaired.", 4e9]);
});

test("the journal tells what the controller does: for the cut that it is about, and to people", async () => {
  const { topology, network } = await ring("protected");
  let entries: readonly object[] = [{ kind: "link-up", data: { linkId: "of an earlier run" } }];
  const server = createServer((request, response) => {
    const after = Number(new URL(request.url ?? "", "http://h").searchParams.get("after"));
    const items = entries.slice(after).map((each, i) => ({ sequence: after + i + 1, at: new Date().toISOString(), ...each }));
    response.end(JSON.stringify({ items, nextAfter: after + items.length }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const rest = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  const told: string[] = [];
  const stop = new AbortController();
  const watch = new FailureWatch({ topology, network, rest: () => rest, tell: (line) => told.push(line), signal: stop.signal });
  const following = watch.followJournal();
  const cutting = watch.cut(link);
  while (told.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  entries = [
    ...entries,
    { kind: "link-down", data: { linkId: "a-b" } },
    { kind: "scenario-programmed", data: { scenarioId: "link:a-b", ingresses: 1 } },
    { kind: "solve-started", data: {} },
    { kind: "plan-persisted", data: { epoch: 2 } },
    { kind: "plan-applied", data: { epoch: 2, seconds: 0.1, movedSeconds: 0.1 } },
    { kind: "rolled-back", data: { epoch: 1 } },
  ];
  await cutting;
  while (told.length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort();
  await following;
  server.close();
  expect(told.slice(2).sort()).toEqual([
    expect.stringMatching(/^ {2}after \d+ ms 1 ingresses use the split prepared for link:a-b: all arrives\.$/),
    expect.stringMatching(/^ {2}after \d+ ms plan 2 carries the traffic: all arrives\.$/),
    "The switches are back on plan 1.",
  ]);
});
