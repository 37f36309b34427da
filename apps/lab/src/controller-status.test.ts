import { createServer, type RequestListener } from "node:http";
import { once } from "node:events";
import { protectionDefault } from "@sluice/model";
import { describe, expect, test } from "vitest";
import { isAnswered, protectUnlessSet, readProtection, readStatus, type ControllerStatus } from "./controller-status.js";

const certificate = { objective: "max-throughput", sense: "maximize", unit: "bps", value: 8, bound: 8, gap: 0 } as const;
const plan = {
  epoch: 4,
  createdAt: "2030-01-01T00:00:00.000Z",
  rung: "optimal",
  check: "pass",
  walk: "pass",
  ruleCount: 5,
  unroutable: 0,
  utilizationMax: 0.5,
  classes: [{ trafficClass: "elastic", rung: "optimal", solver: "highs", demandBps: 8, admittedBps: 8, certificate }],
  seconds: {},
} as const;
const status: ControllerStatus = {
  term: 1,
  reasons: [],
  demands: { name: "day #3", rateBps: 8 },
  epochNewest: 4,
  plan,
  cycle: { phase: "idle", failures: 0 },
  agents: { total: 2, onTarget: 2 },
};
const { plan: _, ...planless } = status;

describe("isAnswered", () => {
  test.each<[string, ControllerStatus, string, number, boolean]>([
    ["a newer plan on every switch", status, "day #9", 3, true],
    ["a kept plan for the same demand", status, "day #3", 4, true],
    ["a kept plan for another moment", status, "day #4", 4, false],
    ["a kept plan, and more is asked for now", { ...status, demands: { name: "day #3", rateBps: 9 } }, "day #3", 4, false],
    ["a switch that does not hold it yet", { ...status, agents: { total: 2, onTarget: 1 } }, "day #3", 3, false],
    ["no switches known yet", { ...status, agents: { total: 0, onTarget: 0 } }, "day #3", 3, false],
    ["no plan", planless, "day #3", 0, false],
  ])("%s: %#", (_name, given, matrixName, epochBefore, expected) => {
    expect(isAnswered(given, matrixName, epochBefore)).toBe(expected);
  });
});

describe("readStatus", () => {
  async function answering(listener: RequestListener) {
    const server = createServer(listener).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const result = await readStatus(`http://127.0.0.1:${port}`);
    server.close();
    return result;
  }

  test("gives the status", async () => {
    expect(await answering((_request, response) => response.end(JSON.stringify(status)))).toEqual({ ok: true, value: status });
  });
  test.each([
    ["another document", "{}", 200],
    ["a problem", JSON.stringify({ ...status, title: "broken" }), 503],
    ["no object", "[1]", 200],
    ["a plan without classes", JSON.stringify({ ...status, plan: { epoch: 1 } }), 200],
  ])("refuses %s", async (_name, body, code) => {
    expect(await answering((_request, response) => response.writeHead(code).end(body))).toMatchObject({
      ok: false,
      faults: [{ code: "malformed" }],
    });
  });
  test("says when nobody answers", async () => {
    expect(await readStatus("http://127.0.0.1:1")).toMatchObject({ ok: false, faults: [{ code: "unavailable" }] });
  });
});

describe("settings and protection", () => {
  async function controller(version: number) {
    const patched: unknown[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        if (request.method === "PATCH") patched.push(JSON.parse(Buffer.concat(chunks).toString("utf8")));
        response.end(JSON.stringify({ version: version + patched.length, objective: "max-throughput" }));
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    return { server, patched, rest: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}` };
  }

  test.each([
    [0, [{ protection: protectionDefault }]],
    [3, []],
  ])("of version %d are changed so: %j", async (version, expected) => {
    const { server, patched, rest } = await controller(version);
    expect(await protectUnlessSet(rest)).toMatchObject({ ok: true });
    expect(patched).toEqual(expected);
    server.close();
  });

  test("are refused where something else answers, or nobody", async () => {
    const { server, rest } = await controller(Number.NaN);
    expect(await protectUnlessSet(rest)).toMatchObject({ ok: false, faults: [{ code: "malformed" }] });
    expect(await readProtection(rest)).toMatchObject({ ok: false, faults: [{ code: "malformed" }] });
    server.close();
    expect(await protectUnlessSet("http://127.0.0.1:1")).toMatchObject({ ok: false, faults: [{ code: "unavailable" }] });
  });
});
