/** `?demand=SRC>DST/CLASS` or `?link=ID`: which one to explain. */
import { fault, flowGroupSchema, linkIdSchema, ok, refuse, type FlowGroup, type Result, type TopologyDocument } from "@sluice/model";
import { z } from "zod";
import type { ExplainQuery } from "../solver/solver-message.js";
import { parameterFault } from "./route.js";

export const explainQuerySchema = z.strictObject({
  demand: z.string().max(400).optional().meta({ description: "Source, destination and class of a flow group: `SRC>DST/CLASS`." }),
  link: linkIdSchema.optional().meta({ description: "A link's id." }),
});

/** Refuses what the topology of the plan does not have. Ids may hold `>` themselves: the reading that it has is meant. */
export function explainQueryOf({ demand, link }: z.output<typeof explainQuerySchema>, topology: TopologyDocument): Result<ExplainQuery> {
  if ((demand === undefined) === (link === undefined)) {
    return refuse(fault("missing-field", "Say either demand=SRC>DST/CLASS or link=ID.", { pointer: "/query" }));
  }
  if (link !== undefined) {
    return topology.links.some(({ id }) => id === link)
      ? ok({ kind: "link", linkId: link })
      : refuse(fault("not-found", `The plan's topology has no link ${link}.`, { pointer: "/query/link" }));
  }
  const readings = readingsOf(demand ?? "");
  if (readings.length === 0) return refuse(parameterFault("demand", "A demand is written SRC>DST/CLASS, e.g. ams>par/elastic."));
  const nodes = new Set(topology.nodes.map(({ id }) => id));
  const meant = readings.find(({ src, dst }) => nodes.has(src) && nodes.has(dst));
  return meant === undefined
    ? refuse(fault("not-found", `The plan's topology has no such pair of nodes as in ${demand}.`, { pointer: "/query/demand" }))
    : ok({ kind: "demand", flowGroup: meant });
}

function readingsOf(text: string): readonly FlowGroup[] {
  const slash = text.lastIndexOf("/");
  const pair = text.slice(0, Math.max(slash, 0));
  return [...pair.matchAll(/>/g)].flatMap(({ index }) => {
    const parsed = flowGroupSchema.safeParse({
      src: pair.slice(0, index),
      dst: pair.slice(index + 1),
      trafficClass: text.slice(slash + 1),
    });
    return parsed.success ? [parsed.data] : [];
  });
}
