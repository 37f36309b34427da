/** Plans, switches' sessions, jobs, forecasts, protection and settings as `sluice get` shows them. */
import { trafficClasses } from "@sluice/model";
import { z } from "zod";
import { percentText, rateText } from "../rate-unit.js";
import { flatFields } from "./flat-fields.js";
import { fieldsText, instantText, stateText, tableOf, utilizationText, type Column } from "./columns-of.js";
import { documentResource, listResource } from "./resource.js";

const segment = (id: string): string => encodeURIComponent(id);
const rates = z.looseObject({ interactive: z.number(), elastic: z.number(), bulk: z.number() });
const sumOf = (byClass: z.output<typeof rates>): number => byClass.interactive + byClass.elastic + byClass.bulk;

export const plans = listResource({
  name: "plans",
  singular: "plan",
  what: "plans, newest first",
  path: "/v1/plans",
  schema: z.looseObject({
    epoch: z.number(),
    createdAt: z.string(),
    rung: z.string(),
    demandBps: z.number(),
    admittedBps: z.number(),
    utilizationMax: z.number(),
    ruleCount: z.number(),
    rulesDigest: z.string(),
    term: z.number(),
    inForce: z.boolean(),
    timings: z.record(z.string(), z.number()),
  }),
  pageItems: 200,
  nameOf: ({ epoch }) => String(epoch),
  pathOfOne: (id) => `/v1/plans/${segment(id)}`,
  columns: [
    { head: "epoch", align: "right", cell: ({ epoch }) => String(epoch) },
    { head: "in force", cell: ({ inForce }, colors) => (inForce ? colors.green("yes") : "") },
    { head: "created", cell: ({ createdAt }) => instantText(createdAt) },
    { head: "rung", cell: ({ rung }, colors) => stateText(rung, colors) },
    { head: "demand", align: "right", cell: ({ demandBps }) => rateText(demandBps) },
    { head: "admitted", align: "right", cell: ({ admittedBps }) => rateText(admittedBps) },
    { head: "share", align: "right", cell: ({ demandBps, admittedBps }) => (demandBps === 0 ? "-" : percentText(admittedBps / demandBps)) },
    { head: "fullest", align: "right", cell: ({ utilizationMax }, colors) => utilizationText(utilizationMax, colors) },
    { head: "rules", align: "right", cell: ({ ruleCount }) => String(ruleCount) },
    { head: "seconds", align: "right", isWide: true, cell: ({ timings }) => (timings["total"] ?? 0).toFixed(3) },
    { head: "term", align: "right", isWide: true, cell: ({ term }) => String(term) },
    { head: "rules' digest", isWide: true, cell: ({ rulesDigest }) => rulesDigest.slice(0, 16) },
  ],
});

export const agentItem = z.looseObject({
  nodeId: z.string(),
  state: z.string(),
  onTarget: z.boolean(),
  bootId: z.string().optional(),
  digest: z.string().optional(),
  ruleCount: z.number(),
  ruleCountMax: z.number(),
  lastSeen: z.string().optional(),
  connectedSince: z.string().optional(),
  failure: z.looseObject({ epoch: z.number(), code: z.string(), reason: z.string() }).optional(),
});

export const agents = listResource({
  name: "agents",
  singular: "agent",
  what: "sessions with the switches, and whether they hold the rules that they should",
  path: "/v1/agents",
  schema: agentItem,
  nameOf: ({ nodeId }) => nodeId,
  pathOfOne: (id) => `/v1/agents/${segment(id)}`,
  columns: [
    { head: "node", cell: ({ nodeId }) => nodeId },
    { head: "state", cell: ({ state }, colors) => stateText(state, colors) },
    { head: "rules as intended", cell: ({ onTarget }, colors) => stateText(onTarget ? "yes" : "no", colors) },
    { head: "rules", align: "right", cell: ({ ruleCount }) => String(ruleCount) },
    { head: "room for", align: "right", isWide: true, cell: ({ ruleCountMax }) => String(ruleCountMax) },
    { head: "last seen", cell: ({ lastSeen }) => instantText(lastSeen) },
    { head: "connected since", isWide: true, cell: ({ connectedSince }) => instantText(connectedSince) },
    { head: "boot", isWide: true, cell: ({ bootId }) => bootId ?? "-" },
    { head: "failure", cell: ({ failure }, colors) => (failure === undefined ? "" : colors.red(`${failure.code}: ${failure.reason}`)) },
  ],
});

export const jobs = listResource({
  name: "jobs",
  singular: "job",
  what: "previews and what-ifs that wait, are computed or have ended",
  path: "/v1/jobs",
  schema: z.looseObject({
    id: z.string(),
    kind: z.string(),
    actor: z.string(),
    state: z.string(),
    stage: z.string(),
    progress: z.number(),
    createdAt: z.string(),
    endedAt: z.string().optional(),
    result: z.string().optional(),
  }),
  pageItems: 0,
  nameOf: ({ id }) => id,
  pathOfOne: (id) => `/v1/jobs/${segment(id)}`,
  columns: [
    { head: "job", cell: ({ id }) => id },
    { head: "kind", cell: ({ kind }) => kind },
    { head: "state", cell: ({ state }, colors) => stateText(state, colors) },
    { head: "progress", align: "right", cell: ({ progress }) => `${Math.floor(100 * progress)} %` },
    { head: "stage", cell: ({ stage }) => stage },
    { head: "by", cell: ({ actor }) => actor },
    { head: "asked", cell: ({ createdAt }) => instantText(createdAt) },
    { head: "ended", isWide: true, cell: ({ endedAt }) => instantText(endedAt) },
    { head: "result", isWide: true, cell: ({ result }) => result ?? "-" },
  ],
});

export const forecasts = listResource({
  name: "forecasts",
  singular: "forecast",
  what: "batches of forecasts, newest first",
  path: "/v1/forecasts",
  schema: z.looseObject({
    batchId: z.string(),
    name: z.string(),
    state: z.string(),
    startedAt: z.string(),
    rows: z.number(),
    errorCount: z.number(),
    windows: z.number(),
    windowsQuarantined: z.number(),
    firstWindowStart: z.string().optional(),
    lastWindowEnd: z.string().optional(),
    by: z.string().optional(),
  }),
  pageItems: 0,
  nameOf: ({ batchId }) => batchId,
  pathOfOne: (id) => `/v1/forecasts/${segment(id)}`,
  columns: [
    { head: "batch", cell: ({ batchId }) => batchId },
    { head: "state", cell: ({ state }, colors) => stateText(state, colors) },
    { head: "rows", align: "right", cell: ({ rows }) => String(rows) },
    { head: "wrong", align: "right", cell: ({ errorCount }, colors) => (errorCount === 0 ? "0" : colors.red(String(errorCount))) },
    { head: "windows", align: "right", cell: ({ windows }) => String(windows) },
    {
      head: "quarantined",
      align: "right",
      cell: ({ windowsQuarantined: count }, colors) => (count === 0 ? "0" : colors.yellow(String(count))),
    },
    { head: "from", cell: ({ firstWindowStart }) => instantText(firstWindowStart) },
    { head: "to", cell: ({ lastWindowEnd }) => instantText(lastWindowEnd) },
    { head: "uploaded", isWide: true, cell: ({ startedAt }) => instantText(startedAt) },
    { head: "by", isWide: true, cell: ({ by }) => by ?? "-" },
    { head: "name", isWide: true, cell: ({ name }) => name },
  ],
});

export const scenarios = listResource({
  name: "scenarios",
  singular: "scenario",
  what: "failures that a split is prepared for, and what would be lost under each",
  path: "/v1/protection/scenarios",
  schema: z.looseObject({
    scenarioId: z.string(),
    kind: z.string(),
    linkIds: z.array(z.string()),
    nodeIds: z.array(z.string()),
    active: z.boolean(),
    crowded: z.boolean(),
    ingresses: z.number(),
    lostBps: rates,
    utilizationMax: z.number(),
    fullestLinkId: z.string().optional(),
  }),
  filters: ["kind"],
  nameOf: ({ scenarioId }) => scenarioId,
  columns: [
    { head: "scenario", cell: ({ scenarioId }) => scenarioId },
    { head: "active", cell: ({ active }, colors) => (active ? colors.yellow("yes") : "") },
    { head: "links", align: "right", cell: ({ linkIds }) => String(linkIds.length) },
    { head: "ingresses", align: "right", cell: ({ ingresses }) => String(ingresses) },
    { head: "lost", align: "right", cell: ({ lostBps }) => rateText(sumOf(lostBps)) },
    { head: "fullest", align: "right", cell: ({ utilizationMax }, colors) => utilizationText(utilizationMax, colors) },
    { head: "link", cell: ({ fullestLinkId }) => fullestLinkId ?? "-" },
    ...trafficClasses.map((trafficClass) => ({
      head: `${trafficClass} lost`,
      align: "right" as const,
      isWide: true as const,
      cell: ({ lostBps }: { readonly lostBps: z.output<typeof rates> }) => rateText(lostBps[trafficClass]),
    })),
  ],
});

export const bypasses = listResource({
  name: "bypasses",
  singular: "bypass",
  what: "ways around each link, prepared at the switch before it",
  path: "/v1/protection/bypasses",
  schema: z.looseObject({
    id: z.string(),
    protects: z.string(),
    path: z.array(z.string()),
    latencyMs: z.number(),
    sharedSrlgIds: z.array(z.string()),
  }),
  filters: ["link"],
  nameOf: ({ id }) => id,
  columns: [
    { head: "bypass", cell: ({ id }) => id },
    { head: "around", cell: ({ protects }) => protects },
    { head: "latency", align: "right", cell: ({ latencyMs }) => `${latencyMs.toFixed(1)} ms` },
    {
      head: "shares",
      cell: ({ sharedSrlgIds }, colors) => (sharedSrlgIds.length === 0 ? "nothing" : colors.yellow(sharedSrlgIds.join(" "))),
    },
    { head: "path", cell: ({ path }) => path.join(" ") },
  ],
});

export const backups = listResource({
  name: "backups",
  singular: "backup",
  what: "what stands in for each tunnel",
  path: "/v1/protection/backups",
  schema: z.looseObject({
    tunnelId: z.string(),
    backupId: z.string(),
    disjointness: z.string(),
    src: z.string(),
    dst: z.string(),
    path: z.array(z.string()),
    latencyMs: z.number(),
  }),
  filters: ["src", "dst"],
  nameOf: ({ tunnelId }) => tunnelId,
  columns: [
    { head: "tunnel", cell: ({ tunnelId }) => tunnelId },
    { head: "backup", cell: ({ backupId }) => backupId },
    { head: "from", cell: ({ src }) => src },
    { head: "to", cell: ({ dst }) => dst },
    { head: "disjoint by", cell: ({ disjointness }, colors) => (disjointness === "partial" ? colors.yellow(disjointness) : disjointness) },
    { head: "latency", align: "right", cell: ({ latencyMs }) => `${latencyMs.toFixed(1)} ms` },
    { head: "path", isWide: true, cell: ({ path }) => path.join(" ") },
  ],
});

export const outlook = documentResource({
  name: "outlook",
  singular: "outlook",
  what: "windows ahead, planned for on their forecasts: which will not fit, and the first link to fill",
  path: "/v1/outlook",
  schema: z.looseObject({
    state: z.string(),
    computedAt: z.string().optional(),
    fault: z.looseObject({ message: z.string() }).optional(),
    windows: z.array(
      z.looseObject({
        batchId: z.string(),
        windowStart: z.string(),
        quantile: z.string(),
        fits: z.boolean(),
        classes: z.array(z.looseObject({ trafficClass: z.string(), demandBps: z.number(), admittedBps: z.number() })),
        link: z.looseObject({ linkId: z.string(), utilization: z.number() }).optional(),
      }),
    ),
  }),
  table({ state, computedAt, fault, windows }, colors) {
    const total = (of: (typeof windows)[number], field: "demandBps" | "admittedBps"): number =>
      of.classes.reduce((sum, each) => sum + each[field], 0);
    const columns: readonly Column<(typeof windows)[number]>[] = [
      { head: "window", cell: ({ windowStart }) => instantText(windowStart) },
      { head: "quantile", cell: ({ quantile }) => quantile },
      { head: "fits", cell: ({ fits }, colorsHere) => stateText(fits ? "yes" : "no", colorsHere) },
      { head: "demand", align: "right", cell: (each) => rateText(total(each, "demandBps")) },
      { head: "admitted", align: "right", cell: (each) => rateText(total(each, "admittedBps")) },
      { head: "first link to fill", cell: ({ link }) => link?.linkId ?? "-" },
      { head: "use", align: "right", cell: ({ link }, colorsHere) => utilizationText(link?.utilization, colorsHere) },
      { head: "batch", cell: ({ batchId }) => batchId },
    ];
    const head = fieldsText(
      [
        ["state", state],
        ["computed", instantText(computedAt)],
        ["fault", fault?.message],
      ],
      colors,
    );
    return `${head}\n${tableOf(windows, columns, { colors, isWide: false, none: "No windows are ahead: nobody has uploaded forecasts for them." })}`;
  },
});

const flatDocument = z.record(z.string(), z.unknown());

export const settings = documentResource({
  name: "settings",
  singular: "settings",
  what: "what operators have set about planning",
  path: "/v1/settings",
  schema: flatDocument,
  table: (document, colors) => fieldsText(flatFields(document), colors),
});

export const operation = documentResource({
  name: "operation",
  singular: "operation",
  what: "what operators have set about operating: mode, blast radius, hold-downs",
  path: "/v1/operation",
  schema: flatDocument,
  table: (document, colors) => fieldsText(flatFields(document), colors),
});

export const protection = documentResource({
  name: "protection",
  singular: "protection",
  what: "what is prepared for failures, and which scenario is active",
  path: "/v1/protection",
  schema: flatDocument,
  table: (document, colors) => fieldsText(flatFields(document), colors),
});
