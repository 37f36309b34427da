/**
 * Bidirectional Forwarding Detection (RFC 5880) on the ports of links, spoken by Open vSwitch itself: it finds links that carry nothing though
 * their ports are up. Failover groups go by it as by a port that is down. Both ends of a link must speak it.
 */
import { fault, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";
import { runOvsTool, type OvsPlace } from "./ovs-tools.js";
import { ovsMap, ovsTableSchema } from "./ovs-table.js";

/** So many messages in a row that do not come are a failure (RFC 5880 section 4.1, Detect Mult). */
export const bfdMultiplier = 3;
/** Marks the interfaces on which an agent has set BFD up: that of others is never touched. */
const ownerKey = "sluice-bfd";

/**
 * Sets BFD up on these interfaces, with `intervalMs` between messages each way; without it, takes away what an agent set up before. Says on how
 * many it begins now. Faults: `not-found` for interfaces that are not there.
 */
export async function setUpBfd(
  place: OvsPlace,
  interfaces: readonly string[],
  intervalMs: number | undefined,
): Promise<Result<{ readonly begun: number }>> {
  const listed = await runOvsTool(place, "ovs-vsctl", ["--format=json", "--columns=name,bfd,external_ids", "list", "Interface"]);
  if (!listed.ok) return listed;
  const table = ovsTableSchema.safeParse(JSON.parse(listed.value));
  if (!table.success) return refuse(fault("unavailable", "ovs-vsctl's list of interfaces is not understood."));
  const rows = new Map(
    table.data.data.map(([name, bfd, ids]) => [z.string().catch("").parse(name), { bfd: ovsMap(bfd), isOurs: ovsMap(ids).has(ownerKey) }]),
  );
  const commands: string[][] = [];
  let begun = 0;
  for (const name of interfaces) {
    const row = rows.get(name);
    if (row === undefined) return refuse(fault("not-found", `Open vSwitch has no interface ${name}.`));
    if (intervalMs !== undefined) {
      if (row.bfd.get("enable") !== "true") begun += 1;
      const wanted = ["enable=true", `min_rx=${intervalMs}`, `min_tx=${intervalMs}`, `mult=${bfdMultiplier}`];
      commands.push(["set", "Interface", name, ...wanted.map((each) => `bfd:${each}`), `external_ids:${ownerKey}=true`]);
    } else if (row.isOurs) {
      commands.push(["clear", "Interface", name, "bfd"], ["remove", "Interface", name, "external_ids", ownerKey]);
    }
  }
  if (commands.length === 0) return ok({ begun });
  const done = await runOvsTool(
    place,
    "ovs-vsctl",
    commands.flatMap((command) => ["--", ...command]),
  );
  return done.ok ? ok({ begun }) : done;
}
