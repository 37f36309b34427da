/** Rates from the counters that agents report: the difference of two reports over the time between them. */
import type { AgentMessage } from "@sluice/model";
import type { GroupMeasurement } from "../controller-view.js";
import type { ControllerState, Switch } from "./state.js";

/** Two reports closer than this give no rate: a duplicate, or one that waited in a queue. ms */
const intervalMinMs = 10;

/** Totals that fell are those of an earlier report: they are passed over. O(links + groups of the switch). */
export function measure(state: ControllerState, one: Switch, report: Extract<AgentMessage, { kind: "counters" }>): void {
  const { nowMs, inventory } = state;
  const before = one.counters;
  const elapsedMs = before === undefined ? 0 : nowMs - before.atMs;
  if (before !== undefined && elapsedMs < intervalMinMs) return;
  const after = {
    atMs: nowMs,
    links: new Map(report.links.map((link) => [link.linkId, link])),
    groups: new Map(report.groups.map((group) => [group.groupId, group])),
  };
  if (before !== undefined) {
    for (const [linkId, old] of before.links) {
      const fresh = after.links.get(linkId);
      if (fresh !== undefined && fresh.transmittedBytes < old.transmittedBytes) return;
    }
  }
  one.counters = after;
  if (before === undefined) return;
  const bps = (bytes: number) => (bytes * 8 * 1000) / elapsedMs;
  for (const [linkId, link] of after.links) {
    const old = before.links.get(linkId);
    if (old === undefined || !inventory.topology?.linkById.has(linkId)) continue;
    state.linkMeasurements.set(linkId, {
      linkId,
      transmittedBps: bps(link.transmittedBytes - old.transmittedBytes),
      droppedBps: bps(Math.max(0, link.droppedBytes - old.droppedBytes)),
      measuredAtMs: nowMs,
    });
  }
  const groups: GroupMeasurement[] = [];
  for (const [groupId, group] of after.groups) {
    const old = before.groups.get(groupId);
    if (old === undefined || group.offeredBytes < old.offeredBytes) continue;
    groups.push({
      nodeId: one.nodeId,
      groupId,
      offeredBps: bps(group.offeredBytes - old.offeredBytes),
      admittedBps: bps(Math.max(0, group.admittedBytes - old.admittedBytes)),
      measuredAtMs: nowMs,
    });
  }
  state.groupMeasurements.set(one.nodeId, groups);
}
