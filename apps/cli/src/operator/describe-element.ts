/** A node with its links, its switch and its demand; a link with what it carries, for whom, and what is prepared for its failure. */
import { ok, trafficClasses, type Result } from "@sluice/model";
import { z } from "zod";
import { percentText, rateText } from "../rate-unit.js";
import type { Colors } from "../terminal.js";
import { fieldsText, instantText, partText, stateText, tableOf, utilizationText, type Column } from "./columns-of.js";
import { agentFields } from "./describe-agent.js";
import { restText, rowsShown, type Described, type Describing } from "./description.js";
import { linkItem, links, nodeItem, tunnelItem } from "./network-resources.js";
import { agentItem } from "./plan-resources.js";

const sums = z.looseObject({ demandBps: z.number(), admittedBps: z.number().optional() });
const nodeDetail = nodeItem.extend({
  version: z.number(),
  linksOut: z.array(z.string()),
  linksIn: z.array(z.string()),
  sends: sums,
  receives: sums,
});

export async function describeNode(id: string, { client }: Describing): Promise<Result<Described>> {
  const path = encodeURIComponent(id);
  const [node, agent, all] = await Promise.all([
    client.get(`/v1/nodes/${path}`, nodeDetail),
    client.get(`/v1/agents/${path}`, agentItem),
    client.list("/v1/links", linkItem),
  ]);
  if (!node.ok) return node;
  if (!agent.ok) return agent;
  if (!all.ok) return all;
  const { value } = node.value;
  const own = new Set([...value.linksOut, ...value.linksIn]);
  const ownLinks = all.value.items.filter(({ linkId }) => own.has(linkId));
  return ok({
    value: { kind: "node-description", node: value, agent: agent.value.value, links: ownLinks },
    table(colors) {
      const head = fieldsText(
        [
          ["node", value.id],
          ["site", value.siteId],
          ["prefix", value.prefix],
          ["state", stateText(value.operational, colors)],
          ["drain", stateText(value.drain, colors)],
          ["sends", sumsText(value.sends)],
          ["receives", sumsText(value.receives)],
        ],
        colors,
      );
      const shown = ownLinks.slice(0, rowsShown);
      return [
        head,
        partText("switch", fieldsText(agentFields(agent.value.value, colors), colors), colors),
        partText("links", `${links.table(shown, { colors, isWide: false })}${restText(ownLinks.length)}`, colors),
      ].join("");
    },
  });
}

function sumsText({ demandBps, admittedBps }: z.output<typeof sums>): string {
  if (admittedBps === undefined) return rateText(demandBps);
  const share = demandBps === 0 ? "" : ` (${percentText(admittedBps / demandBps)})`;
  return `${rateText(admittedBps)} of ${rateText(demandBps)}${share}`;
}

const linkDetail = linkItem.extend({
  version: z.number(),
  latencyMs: z.number(),
  metric: z.number(),
  srlgIds: z.array(z.string()),
  reportedDown: z.boolean(),
  suppressed: z.boolean(),
});
type LinkDetail = z.output<typeof linkDetail>;
const bypassItem = z.looseObject({ id: z.string(), path: z.array(z.string()), latencyMs: z.number(), sharedSrlgIds: z.array(z.string()) });
type Tunnel = z.output<typeof tunnelItem>;

const tunnelColumns: readonly Column<Tunnel>[] = [
  { head: "tunnel", cell: ({ id }) => id },
  { head: "from", cell: ({ src }) => src },
  { head: "to", cell: ({ dst }) => dst },
  { head: "planned", align: "right", cell: ({ plannedBps }) => rateText(plannedBps) },
  {
    head: "classes",
    cell: ({ flowGroups }) => flowGroups.map(({ trafficClass, plannedBps }) => `${trafficClass} ${rateText(plannedBps)}`).join(", "),
  },
];

export async function describeLink(id: string, { client }: Describing): Promise<Result<Described>> {
  // First the link: where there is none, that is what is to be said.
  const link = await client.get(`/v1/links/${encodeURIComponent(id)}`, linkDetail);
  if (!link.ok) return link;
  const { value } = link.value;
  const [all, around] = await Promise.all([
    value.planned === undefined ? ok({ items: [] as readonly Tunnel[] }) : client.list("/v1/tunnels", tunnelItem),
    value.planned === undefined
      ? ok({ items: [] as readonly z.output<typeof bypassItem>[] })
      : client.list("/v1/protection/bypasses", bypassItem, { link: id }),
  ]);
  if (!all.ok) return all;
  if (!around.ok) return around;
  const tunnels = all.value.items.filter(({ path }) => path.includes(id)).toSorted((a, b) => b.plannedBps - a.plannedBps);
  const bypasses = around.value.items;
  return ok({
    value: { kind: "link-description", link: value, tunnels, bypasses },
    table: (colors) =>
      [
        linkFields(value, colors),
        partText(
          `tunnels (${tunnels.length})`,
          `${tableOf(tunnels.slice(0, rowsShown), tunnelColumns, { colors, isWide: false, none: "No tunnel of the plan in force uses it." })}${restText(tunnels.length)}`,
          colors,
        ),
        partText(
          "ways around it",
          bypasses.length === 0
            ? "None is prepared.\n"
            : bypasses.map(({ path, latencyMs }) => `${path.join(" ")} (${latencyMs.toFixed(1)} ms)\n`).join(""),
          colors,
        ),
      ].join(""),
  });
}

function linkFields(link: LinkDetail, colors: Colors): string {
  const { planned, measured } = link;
  const why = link.reportedDown ? " (its switch says so)" : link.suppressed ? " (it went down too often)" : "";
  const classes = planned === undefined ? "" : trafficClasses.map((each) => `${each} ${rateText(planned.loadBpsByClass[each])}`).join(", ");
  return fieldsText(
    [
      ["link", link.linkId],
      ["from, to", `${link.from} to ${link.to}`],
      ["capacity", rateText(link.capacityBps)],
      ["latency", `${link.latencyMs} ms`],
      ["metric", String(link.metric)],
      ["srlgs", link.srlgIds.length === 0 ? "none" : link.srlgIds.join(" ")],
      ["state", `${stateText(link.operational, colors)}${why}`],
      ["drain", stateText(link.drain, colors)],
      [
        "planned",
        planned === undefined
          ? "no plan is in force"
          : `${rateText(planned.loadBps)}, ${utilizationText(planned.utilization, colors)}: ${classes}`,
      ],
      [
        "measured",
        measured === undefined
          ? "not yet"
          : `${rateText(measured.transmittedBps)}, ${utilizationText(measured.utilization, colors)}; dropped ${rateText(measured.droppedBps)}; ${instantText(measured.measuredAt)}`,
      ],
    ],
    colors,
  );
}
