/** Nodes, links, SRLGs, demands and tunnels as `sluice get` shows them. */
import { ok, refuse, trafficClasses } from "@sluice/model";
import { z } from "zod";
import { rateText } from "../rate-unit.js";
import { argumentFault } from "../refusal.js";
import { fieldsText, instantText, stateText, tableOf, utilizationText, type Column } from "./columns-of.js";
import { documentResource, listResource } from "./resource.js";

const segment = (id: string): string => encodeURIComponent(id);
const optionalRate = (bps: number | undefined): string => (bps === undefined ? "-" : rateText(bps));

export const nodeItem = z.looseObject({
  id: z.string(),
  siteId: z.string(),
  prefix: z.string(),
  drain: z.string(),
  operational: z.string(),
  agent: z.string(),
  onTarget: z.boolean(),
});

export const nodes = listResource({
  name: "nodes",
  singular: "node",
  what: "switches and the prefixes behind them",
  path: "/v1/nodes",
  schema: nodeItem,
  nameOf: ({ id }) => id,
  pathOfOne: (id) => `/v1/nodes/${segment(id)}`,
  columns: [
    { head: "node", cell: ({ id }) => id },
    { head: "state", cell: ({ operational }, colors) => stateText(operational, colors) },
    { head: "drain", cell: ({ drain }, colors) => stateText(drain, colors) },
    { head: "agent", cell: ({ agent }, colors) => stateText(agent, colors) },
    { head: "rules as intended", cell: ({ onTarget }, colors) => stateText(onTarget ? "yes" : "no", colors) },
    { head: "site", isWide: true, cell: ({ siteId }) => siteId },
    { head: "prefix", isWide: true, cell: ({ prefix }) => prefix },
  ],
});

const rates = z.looseObject({ interactive: z.number(), elastic: z.number(), bulk: z.number() });
export const linkItem = z.looseObject({
  linkId: z.string(),
  from: z.string(),
  to: z.string(),
  capacityBps: z.number(),
  drain: z.string(),
  operational: z.string(),
  planned: z.looseObject({ loadBps: z.number(), utilization: z.number().optional(), loadBpsByClass: rates }).optional(),
  measured: z
    .looseObject({ transmittedBps: z.number(), droppedBps: z.number(), utilization: z.number().optional(), measuredAt: z.string() })
    .optional(),
});

export const links = listResource({
  name: "links",
  singular: "link",
  what: "directed links, with load and utilization, planned and measured",
  path: "/v1/links",
  schema: linkItem,
  nameOf: ({ linkId }) => linkId,
  pathOfOne: (id) => `/v1/links/${segment(id)}`,
  columns: [
    { head: "link", cell: ({ linkId }) => linkId },
    { head: "state", cell: ({ operational }, colors) => stateText(operational, colors) },
    { head: "drain", cell: ({ drain }, colors) => stateText(drain, colors) },
    { head: "capacity", align: "right", cell: ({ capacityBps }) => rateText(capacityBps) },
    { head: "planned", align: "right", cell: ({ planned }) => optionalRate(planned?.loadBps) },
    { head: "use", align: "right", cell: ({ planned }, colors) => utilizationText(planned?.utilization, colors) },
    { head: "measured", align: "right", cell: ({ measured }) => optionalRate(measured?.transmittedBps) },
    { head: "use", align: "right", cell: ({ measured }, colors) => utilizationText(measured?.utilization, colors) },
    { head: "from", isWide: true, cell: ({ from }) => from },
    { head: "to", isWide: true, cell: ({ to }) => to },
    ...trafficClasses.map((trafficClass) => ({
      head: trafficClass,
      align: "right" as const,
      isWide: true as const,
      cell: ({ planned }: z.output<typeof linkItem>) => optionalRate(planned?.loadBpsByClass[trafficClass]),
    })),
    { head: "dropped", align: "right", isWide: true, cell: ({ measured }) => optionalRate(measured?.droppedBps) },
    { head: "measured at", isWide: true, cell: ({ measured }) => instantText(measured?.measuredAt) },
  ],
});

export const srlgs = listResource({
  name: "srlgs",
  singular: "srlg",
  what: "shared-risk link groups",
  path: "/v1/srlgs",
  schema: z.looseObject({
    id: z.string(),
    linkIds: z.array(z.string()),
    capacityBps: z.number(),
    linksDown: z.number(),
    linksDrained: z.number(),
  }),
  nameOf: ({ id }) => id,
  columns: [
    { head: "srlg", cell: ({ id }) => id },
    { head: "links", align: "right", cell: ({ linkIds }) => String(linkIds.length) },
    { head: "down", align: "right", cell: ({ linksDown }, colors) => (linksDown === 0 ? "0" : colors.red(String(linksDown))) },
    {
      head: "drained",
      align: "right",
      cell: ({ linksDrained }, colors) => (linksDrained === 0 ? "0" : colors.yellow(String(linksDrained))),
    },
    { head: "capacity", align: "right", cell: ({ capacityBps }) => rateText(capacityBps) },
    { head: "of", isWide: true, cell: ({ linkIds }) => linkIds.join(" ") },
  ],
});

export const demandItem = z.looseObject({
  src: z.string(),
  dst: z.string(),
  trafficClass: z.string(),
  rateBps: z.number(),
  admittedBps: z.number().optional(),
});

export const demands = listResource({
  name: "demands",
  singular: "demand",
  what: "the newest demand, and what is admitted of it; an id is A>B/class",
  path: "/v1/demands",
  schema: demandItem,
  filters: ["src", "dst", "class"],
  nameOf: ({ src, dst, trafficClass }) => `${src}>${dst}/${trafficClass}`,
  queryOfOne(id) {
    const trafficClass = trafficClasses.find((each) => id.endsWith(`/${each}`));
    if (trafficClass !== undefined && id.includes(">")) return ok({ class: trafficClass });
    return refuse(
      argumentFault(
        "malformed",
        "demand",
        `A demand's id is A>B/class, with one of ${trafficClasses.join(", ")}, not ${JSON.stringify(id)} (quote it: > is the shell's).`,
      ),
    );
  },
  columns: [
    { head: "from", cell: ({ src }) => src },
    { head: "to", cell: ({ dst }) => dst },
    { head: "class", cell: ({ trafficClass }) => trafficClass },
    { head: "demand", align: "right", cell: ({ rateBps }) => rateText(rateBps) },
    { head: "admitted", align: "right", cell: ({ admittedBps }) => optionalRate(admittedBps) },
    {
      head: "share",
      align: "right",
      cell({ rateBps, admittedBps }, colors) {
        if (admittedBps === undefined || rateBps === 0) return "-";
        const text = `${((100 * admittedBps) / rateBps).toFixed(1)} %`;
        return admittedBps < rateBps * 0.999 ? colors.yellow(text) : text;
      },
    },
  ],
});

export const tunnelItem = z.looseObject({
  id: z.string(),
  src: z.string(),
  dst: z.string(),
  path: z.array(z.string()),
  latencyMs: z.number(),
  plannedBps: z.number(),
  flowGroups: z.array(z.looseObject({ trafficClass: z.string(), plannedBps: z.number(), weight: z.number(), weightSum: z.number() })),
});

export const tunnels = listResource({
  name: "tunnels",
  singular: "tunnel",
  what: "tunnels of the plan in force, and what they carry",
  path: "/v1/tunnels",
  schema: tunnelItem,
  filters: ["src", "dst"],
  nameOf: ({ id }) => id,
  columns: [
    { head: "tunnel", cell: ({ id }) => id },
    { head: "from", cell: ({ src }) => src },
    { head: "to", cell: ({ dst }) => dst },
    { head: "links", align: "right", cell: ({ path }) => String(path.length) },
    { head: "latency", align: "right", cell: ({ latencyMs }) => `${latencyMs.toFixed(1)} ms` },
    { head: "planned", align: "right", cell: ({ plannedBps }) => rateText(plannedBps) },
    {
      head: "weights",
      isWide: true,
      cell: ({ flowGroups }) =>
        flowGroups.map(({ trafficClass, weight, weightSum }) => `${trafficClass} ${weight}/${weightSum}`).join(", "),
    },
    { head: "path", isWide: true, cell: ({ path }) => path.join(" ") },
  ],
});

export const drains = documentResource({
  name: "drains",
  singular: "drain",
  what: "nodes and links that operators have drained",
  path: "/v1/drains",
  schema: z.looseObject({
    version: z.number(),
    nodes: z.array(z.looseObject({ id: z.string(), kind: z.string() })),
    links: z.array(z.looseObject({ id: z.string(), kind: z.string() })),
  }),
  table(document, colors) {
    const rows = [
      ...document.nodes.map(({ id, kind }) => ({ what: "node", id, kind })),
      ...document.links.map(({ id, kind }) => ({ what: "link", id, kind })),
    ];
    const columns: readonly Column<(typeof rows)[number]>[] = [
      { head: "what", cell: ({ what }) => what },
      { head: "id", cell: ({ id }) => id },
      { head: "drain", cell: ({ kind }) => kind },
    ];
    return tableOf(rows, columns, { colors, isWide: false, none: "Nothing is drained." });
  },
});

/** Without its thousands of nodes and links: those are in the JSON, and in `get nodes` and `get links`. */
export const topology = documentResource({
  name: "topology",
  singular: "topology",
  what: "the network as one document, as -o json or yaml for editing",
  path: "/v1/topology",
  schema: z.looseObject({
    version: z.number(),
    name: z.string(),
    sites: z.array(z.unknown()),
    nodes: z.array(z.unknown()),
    links: z.array(z.unknown()),
    linksReportedDown: z.array(z.string()),
  }),
  table: ({ version, name, sites, nodes: switches, links: directed, linksReportedDown }, colors) =>
    fieldsText(
      [
        ["name", name],
        ["version", String(version)],
        ["sites", String(sites.length)],
        ["nodes", String(switches.length)],
        ["links", String(directed.length)],
        ["reported down", linksReportedDown.length === 0 ? "none" : colors.red(linksReportedDown.join(" "))],
      ],
      colors,
    ),
});
