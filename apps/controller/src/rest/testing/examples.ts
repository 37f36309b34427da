/**
 * For each route of the OpenAPI document, requests that provoke each status that is its own: the answer when all is well, and the
 * refusals that do not follow from the declaration. A route or a status without an example fails contract.test.ts. Who adds a route adds
 * its examples here.
 */
import { assert } from "@sluice/model";
import { ringDocument } from "./live-machine.js";

/** Asks as an admin, and has it go well. A text is CSV. */
export type Ask = (method: "GET" | "POST", url: string, payload?: object | string) => Promise<Record<string, unknown>>;

export interface Example {
  /**
   * Who answers: `full` shows a plan in force and takes no changes, `empty` knows of nothing, `live` is a real machine with a topology of three
   * nodes and nothing else, `bare` one without; `planned` has agents too, and a plan in force.
   */
  readonly world: "full" | "empty" | "live" | "bare" | "planned";
  /** Where something has to be done first, a function that does it. */
  readonly url: string | ((ask: Ask) => Promise<string>);
  /** Below `/v1/`: an address of the same route where nothing is done first. */
  readonly like?: string;
  readonly payload?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Examples = Readonly<Record<number, readonly [Example, ...Example[]]>>;

const full = (...urls: readonly [string, ...string[]]) => asked("full", ...urls);
const empty = (...urls: readonly [string, ...string[]]) => asked("empty", ...urls);

function asked(world: Example["world"], first: string, ...rest: readonly string[]): readonly [Example, ...Example[]] {
  return [{ world, url: first }, ...rest.map((url) => ({ world, url }))];
}

function write(url: string, payload?: object | string, world: Example["world"] = "live"): readonly [Example] {
  return [{ world, url, ...(payload === undefined ? {} : { payload }), headers: { "if-match": "*" } }];
}

const planned = (...urls: readonly [string, ...string[]]) => asked("planned", ...urls);

/** A request whose address comes of what is done first. */
function after(like: string, url: (ask: Ask) => Promise<string>, payload?: object): readonly [Example] {
  return [{ world: "planned", url, like, ...(payload === undefined ? {} : { payload }) }];
}

/** Asks for a preview or a what-if and waits until it is there. */
async function answered(ask: Ask, kind: "previews" | "what-ifs", payload: object): Promise<string> {
  const { id } = await ask("POST", `/v1/${kind}`, payload);
  for (;;) {
    const { state } = await ask("GET", `/v1/jobs/${String(id)}`);
    assert(state !== "failed" && state !== "cancelled", `the job is done, not ${String(state)}`);
    if (state === "done") return String(id);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const nowhere = "00000000-0000-0000-0000-000000000000";
const forecastRow = "2026-03-02T00:00:00Z,3600,a,b,bulk,1000000,p50";
const oddRow = "2026-03-02T00:00:00Z,3600,a,c,bulk,400000000000,p50";
const forecastHead = "windowStart,windowSeconds,src,dst,class,rateBps,quantile";

function upload(url: string, rows: readonly string[], world: Example["world"] = "live"): readonly [Example] {
  return [{ world, url, ...rowsOf(rows) }];
}

function rowsOf(rows: readonly string[]) {
  return { payload: [forecastHead, ...rows, ""].join("\n"), headers: { "content-type": "text/csv" } };
}

const matrix = { name: "busy hour", demands: [{ src: "a", dst: "b", trafficClass: "bulk", rateBps: 1e9 }] };

/** The first example of when all is well. */
export function wellDone(operationId: string): Example {
  const [, listed] = Object.entries(examples[operationId] ?? {}).find(([status]) => Number(status) < 300) ?? [];
  assert(listed !== undefined, `${operationId} has an example of when all is well`);
  return listed[0];
}

/** By operation id. */
export const examples: Readonly<Record<string, Examples>> = {
  getV1Topology: {
    200: full("/v1/topology", "/v1/topology?states=stored"),
    404: empty("/v1/topology"),
    422: full("/v1/topology?states=past"),
  },
  putV1Topology: { 200: write("/v1/topology", ringDocument), 422: write("/v1/topology", { ...ringDocument, name: "" }) },
  patchV1Topology: {
    200: write("/v1/topology", { changes: [{ kind: "set-link-state", linkId: "a-b", drain: "active" }] }),
    404: write("/v1/topology", { changes: [{ kind: "remove-link", linkId: "no-such" }] }),
    422: write("/v1/topology", {
      changes: [{ kind: "put-link", link: { id: "x", from: "a", to: "a", capacityBps: 1, latencyMs: 1, metric: 1 } }],
    }),
    503: write("/v1/topology", { changes: [] }, "bare"),
  },
  getV1Nodes: { 200: full("/v1/nodes", "/v1/nodes?limit=2"), 404: empty("/v1/nodes"), 422: full("/v1/nodes?limit=0") },
  getV1NodesNodeId: { 200: full("/v1/nodes/a", "/v1/nodes/x%3Ey%2Fz"), 404: full("/v1/nodes/nowhere") },
  getV1Links: { 200: full("/v1/links", "/v1/links?limit=3"), 404: empty("/v1/links"), 422: full("/v1/links?limit=0") },
  getV1LinksLinkId: { 200: full("/v1/links/a-b", "/v1/links/c-x%3Ey%2Fz"), 404: full("/v1/links/no-such") },
  getV1Srlgs: {
    200: [...asked("live", "/v1/srlgs", "/v1/srlgs?limit=1"), ...full("/v1/srlgs")],
    404: empty("/v1/srlgs"),
    422: full("/v1/srlgs?limit=0"),
  },
  getV1Drains: { 200: full("/v1/drains"), 404: empty("/v1/drains") },
  postV1Drains: {
    200: write("/v1/drains", { linkIds: ["a-b"], nodeIds: ["c"], srlgIds: ["bridge"] }),
    404: write("/v1/drains", { linkIds: ["a-b"] }, "bare"),
    422: write("/v1/drains", { linkIds: ["no-such"] }),
  },
  deleteV1Drains: {
    200: write("/v1/drains", { linkIds: ["a-b", "b-a"], nodeIds: ["c"] }),
    404: write("/v1/drains", { linkIds: ["a-b"] }, "bare"),
    422: write("/v1/drains", { nodeIds: ["nowhere"] }),
  },
  getV1Demands: {
    200: full("/v1/demands", "/v1/demands?limit=2", "/v1/demands?src=a&dst=c&class=bulk"),
    404: empty("/v1/demands"),
    422: full("/v1/demands?class=gold"),
  },
  putV1Demands: {
    200: write("/v1/demands", matrix),
    422: write("/v1/demands", { ...matrix, demands: [{ ...matrix.demands[0], dst: "nowhere" }] }),
    503: write("/v1/demands", matrix, "bare"),
  },
  getV1Tunnels: {
    200: full("/v1/tunnels", "/v1/tunnels?src=a&limit=1"),
    404: empty("/v1/tunnels"),
    422: full("/v1/tunnels?limit=0"),
  },
  getV1Plans: { 200: full("/v1/plans", "/v1/plans?limit=2"), 422: full("/v1/plans?limit=0") },
  getV1PlansEpoch: { 200: full("/v1/plans/3", "/v1/plans/1?include=groups"), 404: full("/v1/plans/99") },
  getV1PlansEpochExplanation: {
    200: full(
      "/v1/plans/3/explanation?demand=a%3Ec%2Fbulk",
      "/v1/plans/2/explanation?demand=x%3Ey%2Fz%3Ea%2Felastic",
      "/v1/plans/2/explanation?link=a-c",
    ),
    404: full("/v1/plans/3/explanation?link=no-such"),
    504: full("/v1/plans/1/explanation?link=a-c"),
  },
  getV1Settings: { 200: full("/v1/settings") },
  patchV1Settings: {
    200: write("/v1/settings", { deadlineSeconds: 3 }),
    422: write("/v1/settings", { solver: "best" }),
  },
  getV1Protection: { 200: full("/v1/protection") },
  getV1ProtectionScenarios: {
    200: full("/v1/protection/scenarios", "/v1/protection/scenarios?kind=node&limit=2"),
    404: empty("/v1/protection/scenarios"),
    422: full("/v1/protection/scenarios?kind=meteor"),
  },
  getV1ProtectionSplit: {
    200: full("/v1/protection/split?scenario=link%3Aa-b", "/v1/protection/split?scenario=node%3Ax%3Ey%2Fz"),
    404: full("/v1/protection/split?scenario=link%3Ano-such"),
    422: full("/v1/protection/split?scenario="),
  },
  getV1ProtectionBypasses: {
    200: full("/v1/protection/bypasses", "/v1/protection/bypasses?limit=1", "/v1/protection/bypasses?link=a-b"),
    404: empty("/v1/protection/bypasses"),
    422: full("/v1/protection/bypasses?limit=0"),
  },
  getV1ProtectionBackups: {
    200: full("/v1/protection/backups", "/v1/protection/backups?src=a&limit=1"),
    404: empty("/v1/protection/backups"),
    422: full("/v1/protection/backups?limit=0"),
  },
  getV1Failures: {
    200: full(
      "/v1/failures",
      "/v1/failures?kinds=node&layers=unrepaired,new-plan&limit=2",
      "/v1/failures?epoch=1&kinds=none&pairs=3&seed=4&layers=scenario-split",
    ),
    404: empty("/v1/failures"),
    422: full("/v1/failures?pairs=0"),
  },
  getV1Operation: { 200: full("/v1/operation") },
  patchV1Operation: { 200: write("/v1/operation", { mode: "automatic" }), 422: write("/v1/operation", { mode: "reckless" }) },
  getV1Agents: { 200: full("/v1/agents"), 422: full("/v1/agents?limit=0") },
  getV1AgentsNodeId: { 200: full("/v1/agents/b"), 404: full("/v1/agents/nowhere") },
  getV1AgentsNodeIdRules: {
    200: full("/v1/agents/a/rules", "/v1/agents/b/rules?compare=intended", "/v1/agents/c/rules?compare=intended&limit=1"),
    404: full("/v1/agents/nowhere/rules"),
    422: full("/v1/agents/a/rules?compare=past"),
  },
  postV1AgentsNodeIdResync: {
    202: write("/v1/agents/x%3Ey%2Fz/resync", undefined, "full"),
    404: write("/v1/agents/nowhere/resync"),
    503: write("/v1/agents/a/resync"),
  },
  getV1Events: {
    200: full("/v1/events", "/v1/events?after=2&limit=2", "/v1/events?kind=plan-applied,link-down&correlation=r-4"),
    422: full("/v1/events?limit=0"),
  },
  getV1EventsStream: {
    200: full("/v1/events/stream?after=0&limit=2", "/v1/events/stream?after=1&kind=plan-applied&limit=1"),
    422: full("/v1/events/stream?limit=0", "/v1/events/stream?after=999999"),
  },
  getV1History: { 200: full("/v1/history?correlation=r-4"), 404: full("/v1/history?correlation=nobody") },
  getV1HistoryPlans: { 200: full("/v1/history/plans", "/v1/history/plans?limit=1"), 422: full("/v1/history/plans?limit=0") },
  getV1Audit: { 200: full("/v1/audit", "/v1/audit?actor=nobody&limit=1"), 422: full("/v1/audit?limit=0") },
  getV1AuditVerification: { 200: full("/v1/audit/verification"), 404: full("/v1/audit/verification?after=999999") },
  getV1Jobs: { 200: planned("/v1/jobs") },
  getV1JobsId: {
    200: after(`jobs/${nowhere}`, async (ask) => `/v1/jobs/${await answered(ask, "what-ifs", {})}`),
    404: planned(`/v1/jobs/${nowhere}`),
  },
  deleteV1JobsId: {
    200: after(`jobs/${nowhere}`, async (ask) => `/v1/jobs/${await answered(ask, "what-ifs", {})}`),
    404: planned(`/v1/jobs/${nowhere}`),
  },
  postV1Previews: {
    202: write("/v1/previews", { settings: { deadlineSeconds: 9 } }, "planned"),
    404: write("/v1/previews", { topologyChanges: [{ kind: "remove-link", linkId: "no-such" }] }, "planned"),
  },
  getV1PreviewsId: {
    200: after(`previews/${nowhere}`, async (ask) => `/v1/previews/${await answered(ask, "previews", {})}`),
    404: planned(`/v1/previews/${nowhere}`),
  },
  postV1PreviewsIdApply: {
    200: after(
      `previews/${nowhere}/apply`,
      async (ask) => `/v1/previews/${await answered(ask, "previews", { settings: { deadlineSeconds: 8 } })}/apply`,
      { force: true },
    ),
    404: write(`/v1/previews/${nowhere}/apply`, { force: true }, "planned"),
    412: after(
      `previews/${nowhere}/apply`,
      async (ask) => {
        const url = `/v1/previews/${await answered(ask, "previews", { settings: { deadlineSeconds: 7 } })}/apply`;
        await ask("POST", url, { force: true, tolerateDemands: true });
        return url;
      },
      { force: true },
    ),
  },
  postV1WhatIfs: {
    202: write("/v1/what-ifs", { fail: { linkIds: ["a-b"] } }, "planned"),
    404: write("/v1/what-ifs", { topologyChanges: [{ kind: "remove-link", linkId: "no-such" }] }, "planned"),
  },
  getV1WhatIfsId: {
    200: after(`what-ifs/${nowhere}`, async (ask) => `/v1/what-ifs/${await answered(ask, "what-ifs", {})}`),
    404: planned(`/v1/what-ifs/${nowhere}`),
  },
  postV1PathChecks: {
    200: write("/v1/path-checks", { src: "a", dst: "b", trafficClass: "bulk", rateBps: 1e9 }, "planned"),
    404: write("/v1/path-checks", { src: "a", dst: "nowhere", trafficClass: "bulk", rateBps: 1e9 }, "planned"),
    422: write("/v1/path-checks", { src: "a", dst: "b", trafficClass: "gold", rateBps: 1e9 }, "planned"),
    504: write("/v1/path-checks", { src: "a", dst: "b", trafficClass: "bulk", rateBps: 1e9 }, "full"),
  },
  getV1PlansEpochDifference: {
    200: planned("/v1/plans/1/difference", "/v1/plans/1/difference?to=1"),
    404: planned("/v1/plans/999/difference"),
    504: full("/v1/plans/1/difference"),
  },
  postV1PlansEpochRollBack: {
    200: write("/v1/plans/1/roll-back", { force: true }, "planned"),
    404: write("/v1/plans/999/roll-back", { force: true }, "planned"),
  },
  postV1PlansEpochConfirm: {
    200: after("plans/1/confirm", async (ask) => {
      const { epoch } = await ask("POST", "/v1/plans/1/roll-back", { force: true, confirmWithinSeconds: 600 });
      return `/v1/plans/${String(epoch)}/confirm`;
    }),
    404: write("/v1/plans/999/confirm", undefined, "planned"),
  },
  postV1Forecasts: {
    200: upload("/v1/forecasts?batchId=one", [forecastRow]),
    413: upload("/v1/forecasts?batchId=long", Array(6).fill(forecastRow) as string[]),
    422: upload("/v1/forecasts?batchId=two&rows=7", [forecastRow]),
    503: upload("/v1/forecasts?batchId=one", [forecastRow], "bare"),
  },
  patchV1ForecastsBatchId: {
    200: [
      {
        world: "live",
        url: async (ask) => {
          await ask("POST", "/v1/forecasts?batchId=open&more=true", [forecastHead, forecastRow, ""].join("\n"));
          return "/v1/forecasts/open?row=1";
        },
        like: "forecasts/open?row=1",
        ...rowsOf([forecastRow.replace("3600", "7200")]),
      },
    ],
    404: upload("/v1/forecasts/none?row=0", [forecastRow]),
    413: [
      {
        world: "live",
        url: async (ask) => {
          await ask("POST", "/v1/forecasts?batchId=longer&more=true", [forecastHead, forecastRow, ""].join("\n"));
          return "/v1/forecasts/longer?row=1";
        },
        ...rowsOf(Array(6).fill(forecastRow) as string[]),
      },
    ],
    422: upload("/v1/forecasts/one?row=0", [forecastRow]),
    503: upload("/v1/forecasts/one?row=0", [forecastRow], "bare"),
  },
  deleteV1ForecastsBatchId: {
    200: [
      {
        world: "live",
        url: async (ask) => {
          await ask("POST", "/v1/forecasts?batchId=gone", [forecastHead, forecastRow, ""].join("\n"));
          return "/v1/forecasts/gone";
        },
        like: "forecasts/gone",
      },
    ],
    404: write("/v1/forecasts/none"),
  },
  postV1ForecastsBatchIdRelease: {
    200: [
      {
        world: "live",
        url: async (ask) => {
          // A hundred times what was measured: it waits for a person.
          await ask("POST", "/v1/forecasts?batchId=odd", [forecastHead, oddRow, ""].join("\n"));
          return "/v1/forecasts/odd/release";
        },
        like: "forecasts/odd/release",
      },
    ],
    404: write("/v1/forecasts/none/release"),
  },
  getV1Forecasts: { 200: asked("live", "/v1/forecasts") },
  getV1ForecastsBatchId: { 200: asked("live", "/v1/forecasts/one"), 404: asked("live", "/v1/forecasts/none") },
  getV1ForecastsBatchIdWindows: { 200: asked("live", "/v1/forecasts/one/windows"), 404: asked("live", "/v1/forecasts/none/windows") },
  getV1Outlook: { 200: asked("live", "/v1/outlook") },
  getV1HistoryDemands: { 200: asked("live", "/v1/history/demands", "/v1/history/demands?format=ndjson") },
  getV1Status: { 200: [...full("/v1/status"), ...empty("/v1/status")] },
  getHealthz: { 200: full("/healthz") },
  getReadyz: { 200: full("/readyz"), 503: empty("/readyz") },
  getMetrics: { 200: full("/metrics") },
};
