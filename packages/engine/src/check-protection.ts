/**
 * The checker's look at what a plan holds ready for failures: bypasses and backups are what they say, none is missing that could be there, and none
 * shares more than it must. By searches of its own (check-reach.ts); it imports nothing of protection/.
 */
import { guaranteeOf, protectionOf, trafficClasses, type Plan, type Snapshot, type Topology } from "@sluice/model";
import { checkBackups, checkBackupTunnels } from "./check-backups.js";
import { checkBypasses } from "./check-bypasses.js";
import { groundOf } from "./check-ground.js";
import type { Report } from "./check-report.js";

type ProtectedPlan = Pick<Plan, "tunnels" | "groups" | "protection">;

/**
 * Adds to the report what is wrong with `plan.protection`. O((links + tunnels) x (V + E)), where latencies are bounded O(V E) each.
 */
export function checkProtection(topology: Topology, { settings }: Pick<Snapshot, "settings">, plan: ProtectedPlan, report: Report): void {
  const asked = protectionOf(settings);
  const classes = new Set(trafficClasses.filter((trafficClass) => guaranteeOf(asked, trafficClass).kind !== "none"));
  const isAsked = classes.size > 0 || asked.localRepair !== "none";
  const { protection } = plan;
  if (protection === undefined) {
    if (isAsked) report.add("protection-wrong", "/protection", "The settings ask for protection; the plan has none.");
    return;
  }
  if (!isAsked) {
    report.add("protection-wrong", "/protection", "The plan has protection; the settings ask for none.");
    return;
  }
  const ground = groundOf(topology);
  const tunnels = new Map(plan.tunnels.map((tunnel) => [tunnel.id, tunnel]));
  const spare = checkBackupTunnels(ground, protection, tunnels, report);
  const inNeed = new Set(
    plan.groups.filter((group) => classes.has(group.trafficClass)).flatMap((group) => group.members.map((member) => member.tunnelId)),
  );
  checkBackups({ ground, protection, tunnels, spare, inNeed, latencyMsMax: settings.tunnels.latencyMsMax ?? Infinity }, report);
  const paths = [...plan.tunnels, ...protection.backupTunnels].map(({ path }) => path);
  checkBypasses({ ground, protection, localRepair: asked.localRepair, paths }, report);
}
