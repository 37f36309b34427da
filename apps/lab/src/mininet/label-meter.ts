/**
 * Counts packets by label where they leave the switches toward each other. Apart from Open vSwitch, whose counters go with the entries that an
 * update replaces: by the kernel (nftables), on every port of a link.
 */
import { fault, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";
import type { LabelCounts } from "./label-ways.js";
import type { BuiltNetwork } from "./network-process.js";
import { runTool } from "./run-tool.js";

const table = "netdev sluice-labels";
/** Label, traffic class and bottom of stack (RFC 3032) of the top entry: the first 24 bits after the Ethernet header. */
const key = "@ll,112,24";
const bitsBelowLabel = 4;
const labelsMax = 65_535;

export interface LabelMeter {
  /** Since it was started. */
  read(): Promise<Result<LabelCounts>>;
  stop(): Promise<Result<undefined>>;
}

/** Faults: `unavailable` where nft fails. */
export async function startLabelMeter(network: BuiltNetwork): Promise<Result<LabelMeter>> {
  const nft = async (node: string, args: readonly string[]): Promise<Result<string>> => {
    const pid = network.switches.get(node)?.pid;
    if (pid === undefined) return refuse(fault("internal", `The network has no switch ${node}.`));
    const done = await runTool(["nft", ...args], { pid });
    return done.code === 0 ? ok(done.stdout) : refuse(fault("unavailable", `nft at ${node}: ${done.stderr.trim()}`));
  };
  const links = [...network.links].map(([linkId, { node, interface: name }]) => ({ linkId, node, name }));
  const everywhere = async (argsOf: (node: string) => readonly string[]): Promise<Result<ReadonlyMap<string, string>>> => {
    const nodes = [...network.switches.keys()];
    const said = await Promise.all(nodes.map((node) => nft(node, argsOf(node))));
    const texts = new Map<string, string>();
    for (const [i, each] of said.entries()) {
      if (!each.ok) return each;
      texts.set(nodes[i] ?? "", each.value);
    }
    return ok(texts);
  };
  const started = await everywhere((node) => {
    const names = [...new Set(links.flatMap((link) => (link.node === node ? [link.name] : [])))];
    const parts = names.map((name) => {
      const set = `set ${name} { typeof ${key}; flags dynamic; size ${labelsMax}; };`;
      const hook = `type filter hook egress device "${name}" priority 0;`;
      return `${set} chain ${name} { ${hook} ether type 0x8847 add @${name} { ${key} counter }; };`;
    });
    return [`table ${table}; delete table ${table}; table ${table} { ${parts.join(" ")} };`];
  });
  if (!started.ok) return started;
  return ok({
    async read() {
      const texts = await everywhere(() => ["-j", "list", "table", "netdev", "sluice-labels"]);
      if (!texts.ok) return texts;
      const counts = new Map<string, ReadonlyMap<number, number>>();
      for (const [node, text] of texts.value) {
        const sets = labelSets(text);
        if (sets === undefined) return refuse(fault("malformed", "What nft lists is not understood."));
        for (const link of links) if (link.node === node) counts.set(link.linkId, sets.get(link.name) ?? new Map());
      }
      return ok(counts);
    },
    async stop() {
      const stopped = await everywhere(() => ["delete", "table", "netdev", "sluice-labels"]);
      return stopped.ok ? ok(undefined) : stopped;
    },
  });
}

const listSchema = z.object({
  nftables: z.array(
    z.object({
      set: z
        .object({
          name: z.string(),
          elem: z.array(z.object({ elem: z.object({ val: z.int(), counter: z.object({ packets: z.int() }) }) })).optional(),
        })
        .optional(),
    }),
  ),
});

/** Packets by label, by the name of the set, in what `nft -j list table` prints; classes are added up. */
export function labelSets(text: string): ReadonlyMap<string, ReadonlyMap<number, number>> | undefined {
  const list = listSchema.safeParse(JSON.parse(text));
  if (!list.success) return undefined;
  const sets = new Map<string, ReadonlyMap<number, number>>();
  for (const { set } of list.data.nftables) {
    if (set === undefined) continue;
    const counts = new Map<number, number>();
    for (const { elem } of set.elem ?? []) {
      const label = elem.val >>> bitsBelowLabel;
      counts.set(label, (counts.get(label) ?? 0) + elem.counter.packets);
    }
    sets.set(set.name, counts);
  }
  return sets;
}
