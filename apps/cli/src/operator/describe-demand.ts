/** One demand: what is admitted of it, the tunnels that carry it, and what binds it. */
import { ok, trafficClasses, type Result } from "@sluice/model";
import type { z } from "zod";
import { percentText, rateText } from "../rate-unit.js";
import { fieldsText, partText, tableOf, type Column } from "./columns-of.js";
import type { Described, Describing } from "./description.js";
import { demands, type demandItem, tunnelItem } from "./network-resources.js";

type Tunnel = z.output<typeof tunnelItem>;

export async function describeDemand(id: string, { client }: Describing): Promise<Result<Described>> {
  const one = await demands.readOne(client, id);
  if (!one.ok) return one;
  // `readOne` read it by this schema.
  const demand = one.value as z.output<typeof demandItem>;
  const { src, dst, trafficClass, rateBps, admittedBps } = demand;
  const listed =
    admittedBps === undefined ? ok({ items: [] as readonly Tunnel[] }) : await client.list("/v1/tunnels", tunnelItem, { src, dst });
  if (!listed.ok) return listed;
  const tunnels = listed.value.items.filter(({ flowGroups }) => flowGroups.some((each) => each.trafficClass === trafficClass));
  const shareOf = ({ flowGroups }: Tunnel) => flowGroups.find((each) => each.trafficClass === trafficClass);
  const columns: readonly Column<Tunnel>[] = [
    { head: "tunnel", cell: ({ id: tunnelId }) => tunnelId },
    { head: "weight", align: "right", cell: (tunnel) => `${shareOf(tunnel)?.weight ?? 0}/${shareOf(tunnel)?.weightSum ?? 0}` },
    { head: "planned", align: "right", cell: (tunnel) => rateText(shareOf(tunnel)?.plannedBps ?? 0) },
    { head: "latency", align: "right", cell: ({ latencyMs }) => `${latencyMs.toFixed(1)} ms` },
    { head: "path", cell: ({ path }) => path.join(" ") },
  ];
  return ok({
    value: { kind: "demand-description", demand, tunnels },
    table(colors) {
      const admitted =
        admittedBps === undefined
          ? "no plan is in force"
          : `${rateText(admittedBps)}${rateBps === 0 ? "" : ` (${percentText(admittedBps / rateBps)})`}`;
      const head = fieldsText(
        [
          ["demand", demands.nameOf(demand)],
          ["asked for", rateText(rateBps)],
          ["admitted", admittedBps !== undefined && admittedBps < rateBps ? colors.yellow(admitted) : admitted],
          ["priority", `${trafficClasses.findIndex((each) => each === trafficClass) + 1} of ${trafficClasses.length}`],
        ],
        colors,
      );
      const table = tableOf(tunnels, columns, { colors, isWide: false, none: "No tunnel carries it." });
      const more =
        admittedBps !== undefined && admittedBps < rateBps ? `\nWhat binds it: sluice explain --demand '${demands.nameOf(demand)}'\n` : "";
      return `${head}${partText("tunnels", table, colors)}${more}`;
    },
  });
}
