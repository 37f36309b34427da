/** A datapath in memory: a rule table with real lookup semantics, links that can be cut, counters that a traffic model writes. */
import { assert, type LinkId } from "@sluice/model";
import { createRuleTable, type RuleTable } from "@sluice/rules";
import type { CounterSample, Datapath, LinkStatus } from "./datapath.js";

/** Rules that a table holds unless told otherwise. */
export const ruleCountMaxDefault = 200_000;

export interface MemoryDatapath extends Datapath {
  /** For lookups; changed only by the agent. */
  readonly table: RuleTable;
  setLink(linkId: LinkId, up: boolean): void;
  /** Replaces the totals. */
  setCounters(sample: CounterSample): void;
}

export function memoryDatapath(options: { readonly links?: readonly LinkStatus[]; readonly ruleCountMax?: number } = {}): MemoryDatapath {
  const { links = [], ruleCountMax = ruleCountMaxDefault } = options;
  const table = createRuleTable(ruleCountMax);
  const up = new Map(links.map((link) => [link.linkId, link.up]));
  const listeners = new Set<(change: LinkStatus) => void>();
  let sample: CounterSample = { links: [], groups: [] };
  return {
    table,
    ruleCountMax,
    // A copy: the agent keeps it beside the table, which changes.
    rules: () => new Map(table.rules),
    apply: (operations) => table.apply(operations),
    links: () => [...up].map(([linkId, isUp]) => ({ linkId, up: isUp })),
    onLinkChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    counters: () => sample,
    setLink(linkId, isUp) {
      assert(up.has(linkId), `link ${linkId} leaves this switch`);
      if (up.get(linkId) === isUp) return;
      up.set(linkId, isUp);
      for (const listener of listeners) listener({ linkId, up: isUp });
    },
    setCounters: (next) => void (sample = next),
  };
}
