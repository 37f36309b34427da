/** Everything that `sluice get` knows by name. */
import { fault, ok, refuse, type Result } from "@sluice/model";
import { demands, drains, links, nodes, srlgs, topology, tunnels } from "./network-resources.js";
import {
  agents,
  backups,
  bypasses,
  forecasts,
  jobs,
  operation,
  outlook,
  plans,
  protection,
  scenarios,
  settings,
} from "./plan-resources.js";
import type { Resource } from "./resource.js";

export const resources: readonly Resource[] = [
  nodes,
  links,
  srlgs,
  demands,
  tunnels,
  plans,
  agents,
  jobs,
  forecasts,
  outlook,
  drains,
  topology,
  settings,
  operation,
  protection,
  scenarios,
  bypasses,
  backups,
];

/** In the plural or in the singular. Fault: `not-found`, with all names. */
export function resourceNamed(name: string): Result<Resource> {
  const found = resources.find((each) => each.name === name || each.singular === name);
  if (found !== undefined) return ok(found);
  const names = resources.map((each) => each.name).join(", ");
  return refuse(
    fault("not-found", `There is nothing called ${JSON.stringify(name)} to get, but: ${names}.`, {
      pointer: "RESOURCE",
      data: { advice: "sluice get --help says what each is; events are in sluice events and sluice history" },
    }),
  );
}
