/** Which port of the bridge each link leaves by, and whether it works. */
import { createInterface } from "node:readline";
import { fault, ok, refuse, type LinkId, type Result } from "@sluice/model";
import { openFlowPorts, type OpenFlowPorts } from "@sluice/rules";
import { ovsMap, ovsTableSchema } from "./ovs-table.js";
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

/** The columns that decide whether a link works. */
const stateColumns = "link_state,bfd,bfd_status";

/** As failover groups see it: where BFD is spoken on a port, its session counts as much as the port. */
function isWorking(state: unknown, bfd: unknown, bfdStatus: unknown): boolean {
  return state === "up" && (ovsMap(bfd).get("enable") !== "true" || ovsMap(bfdStatus).get("forwarding") === "true");
}

/** Faults: `not-found` where the bridge has no such interface, or the interface no OpenFlow port (yet). */
export async function readOvsPorts(place: OvsPlace, names: OvsPortNames): Promise<Result<OvsPorts>> {
  const listed = await runOvsTool(place, "ovs-vsctl", ["--format=json", `--columns=name,ofport,${stateColumns}`, "list", "Interface"]);
  if (!listed.ok) return listed;
  const table = ovsTableSchema.safeParse(JSON.parse(listed.value));
  if (!table.success) return refuse(fault("unavailable", "ovs-vsctl's list of interfaces is not understood."));
  const rows = new Map(
    table.data.data.map(([name, ofport, ...state]) => [String(name), { ofport, up: isWorking(state[0], state[1], state[2]) }]),
  );
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
    `name,${stateColumns}`,
  ]);
  let stopped = false;
  monitor.on("error", () => undefined);
  monitor.on("close", () => {
    if (!stopped) on.ended();
  });
  if (monitor.stdout !== null) {
    createInterface({ input: monitor.stdout }).on("line", (line) => {
      const table = ovsTableSchema.safeParse(parsed(line));
      if (!table.success || stopped) return;
      const columns = ["action", "name", ...stateColumns.split(",")].map((heading) => table.data.headings.indexOf(heading));
      for (const row of table.data.data) {
        const [kind, name, ...state] = columns.map((column) => row[column]);
        const linkId = linkOf.get(String(name));
        if (linkId === undefined || kind === "old" || kind === "delete") continue;
        on.change(linkId, isWorking(state[0], state[1], state[2]));
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
