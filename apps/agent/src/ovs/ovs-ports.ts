/** Which port of the bridge each link leaves by, and whether it works. */
import { createInterface } from "node:readline";
import { fault, ok, refuse, type LinkId, type Result } from "@sluice/model";
import { openFlowPorts, type OpenFlowPorts } from "@sluice/rules";
import { z } from "zod";
import { followOvsTool, runOvsTool, type OvsPlace } from "./ovs-tools.js";

export interface OvsPortNames {
  /** Interface names by link. */
  readonly links: ReadonlyMap<LinkId, string>;
  /** The interface toward the site. */
  readonly deliver: string;
}

export interface OvsPorts {
  readonly openFlow: OpenFlowPorts;
  readonly isUp: ReadonlyMap<LinkId, boolean>;
}

/** What did not change is null in a monitor's row of old values. */
const cellSchema = z.union([z.string(), z.number(), z.null(), z.array(z.unknown())]);
const tableSchema = z.object({ headings: z.array(z.string()), data: z.array(z.array(cellSchema)) });

/** Faults: `not-found` where the bridge has no such interface, or the interface no OpenFlow port (yet). */
export async function readOvsPorts(place: OvsPlace, names: OvsPortNames): Promise<Result<OvsPorts>> {
  const listed = await runOvsTool(place, "ovs-vsctl", ["--format=json", "--columns=name,ofport,link_state", "list", "Interface"]);
  if (!listed.ok) return listed;
  const table = tableSchema.safeParse(JSON.parse(listed.value));
  if (!table.success) return refuse(fault("unavailable", "ovs-vsctl's list of interfaces is not understood."));
  const rows = new Map(table.data.data.map(([name, ofport, state]) => [String(name), { ofport, up: state === "up" }]));
  const numberOf = (name: string): Result<number> => {
    const ofport = rows.get(name)?.ofport;
    if (typeof ofport === "number" && ofport > 0) return ok(ofport);
    return refuse(fault("not-found", `Open vSwitch has no working port ${name} on bridge ${place.bridge}.`));
  };
  const links: (readonly [LinkId, number])[] = [];
  for (const [linkId, name] of names.links) {
    const number = numberOf(name);
    if (!number.ok) return number;
    links.push([linkId, number.value]);
  }
  const deliver = numberOf(names.deliver);
  if (!deliver.ok) return deliver;
  const isUp = new Map([...names.links].map(([linkId, name]) => [linkId, rows.get(name)?.up ?? false]));
  return ok({ openFlow: openFlowPorts(links, deliver.value), isUp });
}

/**
 * Tells each change of a link's port, from the database's own notices: milliseconds after the kernel's. `ended` is called when the monitor
 * ends by itself. The function returned ends it.
 */
export function watchOvsPorts(
  place: OvsPlace,
  { links }: OvsPortNames,
  on: { readonly change: (linkId: LinkId, up: boolean) => void; readonly ended: () => void },
): () => void {
  const linkOf = new Map([...links].map(([linkId, name]) => [name, linkId]));
  const monitor = followOvsTool(place, "ovsdb-client", [
    "monitor",
    "--format=json",
    `unix:${place.runDir}/db.sock`,
    "Open_vSwitch",
    "Interface",
    "name,link_state",
  ]);
  let stopped = false;
  monitor.on("error", () => undefined);
  monitor.on("close", () => {
    if (!stopped) on.ended();
  });
  if (monitor.stdout !== null) {
    createInterface({ input: monitor.stdout }).on("line", (line) => {
      const table = tableSchema.safeParse(parsed(line));
      if (!table.success || stopped) return;
      const [action, name, state] = ["action", "name", "link_state"].map((heading) => table.data.headings.indexOf(heading));
      for (const row of table.data.data) {
        const linkId = linkOf.get(String(row[name ?? -1]));
        const kind = row[action ?? -1];
        if (linkId === undefined || kind === "old" || kind === "delete") continue;
        on.change(linkId, row[state ?? -1] === "up");
      }
    });
  }
  return () => {
    stopped = true;
    monitor.kill("SIGTERM");
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
