/** Counters of ports and meters, from the dumps of `ovs-ofctl`. */
import type { GroupCounters, LinkCounters, LinkId, NodeRules } from "@sluice/model";
import type { OpenFlowPorts } from "@sluice/rules";

/** `  port  1: rx pkts=..., bytes=...` and, below, `tx pkts=3, bytes=300, drop=0, ...`; a figure that the switch does not keep is `?`. */
export function linkCountersOf(dump: string, ports: OpenFlowPorts): readonly LinkCounters[] {
  const counters: LinkCounters[] = [];
  for (const [, port, bytes, drop] of dump.matchAll(/^ *port +"?(\d+)"?:[^\n]*\n +tx pkts=[\d?]+, bytes=([\d?]+), drop=([\d?]+)/gm)) {
    const linkId: LinkId | undefined = ports.linkOf(Number(port));
    if (linkId !== undefined) counters.push({ linkId, transmittedBytes: figure(bytes), droppedBytes: figure(drop) });
  }
  return counters;
}

/** `meter:7 flow_count:1 packet_in_count:5 byte_in_count:500 ... bands:` and, below, `0: packet_count:1 byte_count:100`: what its band dropped. */
export function groupCountersOf(dump: string, rules: NodeRules): readonly GroupCounters[] {
  const groupOfMeter = new Map<number, number>();
  for (const rule of rules.values()) if (rule.kind === "ingress") groupOfMeter.set(rule.meterId, rule.groupId);
  const counters: GroupCounters[] = [];
  for (const [, meter, into, over] of dump.matchAll(
    /^meter:(\d+) [^\n]*byte_in_count:(\d+)[^\n]*\n0: packet_count:\d+ byte_count:(\d+)/gm,
  )) {
    const groupId = groupOfMeter.get(Number(meter));
    if (groupId === undefined) continue;
    counters.push({ groupId, offeredBytes: figure(into), admittedBytes: Math.max(0, figure(into) - figure(over)) });
  }
  return counters;
}

function figure(text: string | undefined): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
