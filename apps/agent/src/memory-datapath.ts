/** A datapath in memory: a rule table with real lookup semantics, ports whose links can be cut, counters that a traffic model writes. */
import type { FailoverBucket, LinkId } from "@sluice/model";
import { createRuleTable, type RuleTable } from "@sluice/rules";
import type { CounterSample, Datapath, LinkStatus } from "./datapath.js";
import { Ports } from "./ports.js";

/** Rules that a table holds unless told otherwise. */
export const ruleCountMaxDefault = 200_000;

export interface MemoryDatapath extends Datapath {
  /** For lookups; changed only by the agent. */
  readonly table: RuleTable;
  /** Cuts or mends an outgoing link; the switch notices after its detection time. */
  setLink(linkId: LinkId, up: boolean): void;
  /** What the switch believes of its port; the choice of a failover bucket goes by it (OpenFlow 1.3.5 section 5.6.1). */
  isPortLive(linkId: LinkId): boolean;
  /** The bucket by which packets leave through a failover group now; undefined where it has none that is live, or is not installed. */
  liveBucket(failoverId: number): FailoverBucket | undefined;
  /** Replaces the totals. */
  setCounters(sample: CounterSample): void;
}

export interface MemoryDatapathOptions {
  readonly links?: readonly LinkStatus[];
  readonly ruleCountMax?: number;
  /** How long the switch takes to notice that a link went down or came up, ms; default: none. */
  readonly detectionMs?: number;
}

export function memoryDatapath({
  links = [],
  ruleCountMax = ruleCountMaxDefault,
  detectionMs = 0,
}: MemoryDatapathOptions = {}): MemoryDatapath {
  const table = createRuleTable(ruleCountMax);
  const ports = new Ports(links, detectionMs);
  let sample: CounterSample = { links: [], groups: [] };
  return {
    table,
    ruleCountMax,
    // A copy: the agent keeps it beside the table, which changes.
    rules: () => new Map(table.rules),
    apply: (operations) => table.apply(operations),
    links: () => ports.statuses,
    onLinkChange: (listener) => ports.onChange(listener),
    // Nobody but its agent changes it.
    onRulesFound: () => () => undefined,
    counters: () => sample,
    setLink: (linkId, up) => ports.set(linkId, up),
    isPortLive: (linkId) => ports.isLive(linkId),
    liveBucket: (failoverId) => table.lookupFailover(failoverId)?.buckets.find(({ output }) => ports.isLive(output)),
    setCounters: (next) => void (sample = next),
  };
}
