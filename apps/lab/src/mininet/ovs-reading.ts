/** What `ovs-ofctl` prints of groups and flow entries, as far as measurements need it. Pure. */

/** Of the groups that are no failover groups: bucket weights by group number. A weight of 1 is not printed. */
export function weightsOf(dump: string): ReadonlyMap<number, readonly number[]> {
  const groups = new Map<number, readonly number[]>();
  for (const [, id, buckets = ""] of dump.matchAll(/^ group_id=(\d+),type=select,(.*)$/gm))
    groups.set(
      Number(id),
      buckets
        .split("bucket=")
        .slice(1)
        .map((bucket) => Number(/\bweight:(\d+)/.exec(bucket)?.[1] ?? 1)),
    );
  return groups;
}

/** `group_id=1,duration=...,bucket0:packet_count=5,byte_count=300,bucket1:...`: packets of each bucket by group number. */
export function bucketCounts(dump: string): ReadonlyMap<number, readonly number[]> {
  const groups = new Map<number, readonly number[]>();
  for (const [, id, rest = ""] of dump.matchAll(/group_id=(\d+),(.*)$/gm))
    groups.set(
      Number(id),
      [...rest.matchAll(/bucket\d+:packet_count=(\d+)/g)].map(([, count]) => Number(count)),
    );
  return groups;
}

export interface Ingress {
  readonly prefix: string;
  readonly dscp: number;
  readonly groupId: number;
}

/** The flow entries of table 0 that are ingress rules; DSCP is printed as the whole TOS, a /32 without its length. */
export function ingressesOf(dump: string): readonly Ingress[] {
  return [...dump.matchAll(/\bnw_dst=([\d./]+),nw_tos=(\d+) actions=meter:\d+,group:(\d+)/g)].map(([, prefix = "", tos, group]) => ({
    prefix: prefix.includes("/") ? prefix : `${prefix}/32`,
    dscp: Number(tos) / 4,
    groupId: Number(group),
  }));
}

/** Packets by label, and those that no entry wanted (`drop` of either table). */
export function labelCounts(dump: string): { readonly byLabel: ReadonlyMap<number, number>; readonly unwanted: number } {
  const byLabel = new Map<number, number>();
  for (const [, count, label] of dump.matchAll(/n_packets=(\d+),[^\n]*mpls_label=(\d+) actions/g))
    byLabel.set(Number(label), Number(count));
  let unwanted = 0;
  for (const [, count] of dump.matchAll(/n_packets=(\d+),[^\n]*priority=0 actions=drop/g)) unwanted += Number(count);
  return { byLabel, unwanted };
}
