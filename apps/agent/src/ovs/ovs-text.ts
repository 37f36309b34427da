/** Between the lines that `toOpenFlow` writes, what `ovs-ofctl` takes in a bundle, and what its dumps print. */
import { ok, type Result, type Rule } from "@sluice/model";
import { fromOpenFlow, openFlowPipeline, toOpenFlow, type OpenFlowPorts } from "@sluice/rules";

/** Marks the flow entries that are Sluice's: no other is ever touched. */
export const ovsCookie = 0x51_1c_e0_01;
const cookieText = `0x${ovsCookie.toString(16)}`;

/** Matches our flow entries alone, in dumps and deletions. */
export const ovsCookieMatch = `cookie=${cookieText}/-1`;

/** A flow entry under our cookie, as a bundle or `add-flow` takes it. */
export function ownFlow(text: string): string {
  return `cookie=${cookieText},${text}`;
}

/**
 * The pipeline's entries, and in that for labelled packets the port that they came by is forgotten: a switch drops what an entry would send out
 * by the port that it came by (OpenFlow 1.3.5 section 7.2.5), and a repaired packet may have to turn back there, at the merge point or at the
 * start of the bypass.
 */
export const ovsPipeline: readonly string[] = openFlowPipeline.map((line) =>
  line.includes(",mpls,") ? line.replace("actions=", "actions=set_field:0->in_port,") : line,
);

/** The rule's line. Select groups hash all of a packet's 5-tuple in the datapath: the default ignores UDP's ports in OpenFlow 1.3. */
export function ovsTextOf(rule: Rule, ports: OpenFlowPorts): Result<string> {
  const text = toOpenFlow(rule, ports);
  return text.ok && rule.kind === "group" ? ok(text.value.replace(",type=select", ",type=select,selection_method=dp_hash")) : text;
}

/** What `delete_strict` needs of a flow entry's line: its table, priority and match. */
export function matchOf(flowText: string): string {
  return flowText.slice(0, flowText.indexOf(",actions="));
}

/** The number that `group_id=` or `meter=` names. */
export function numberOf(text: string): string {
  return /(?:group_id|meter)=(\d+)/.exec(text)?.[1] ?? "";
}

export interface OvsDumps {
  readonly meters: string;
  readonly groups: string;
  readonly flows: string;
}

export interface ReadBack {
  readonly rules: readonly Rule[];
  /** Lines under our cookie or in the tables of groups and meters that are no rules of ours. */
  readonly foreign: readonly string[];
  /** Whether every entry of the pipeline, which is the same on all switches, is there. */
  readonly hasPipeline: boolean;
}

/** The rules in `dump-meters`, `dump-groups` and `dump-flows --no-stats`; `pipeline` holds flow entries that are ours and no rules. */
export function rulesOfDumps(dumps: OvsDumps, ports: OpenFlowPorts, pipeline: readonly string[]): ReadBack {
  const rules: Rule[] = [];
  const foreign: string[] = [];
  const failovers = new Map<number, Extract<Rule, { kind: "failover" }>>();
  const expected = new Set(pipeline);
  const take = (line: string): void => {
    const rule = fromOpenFlow(line, ports, (failoverId) => failovers.get(failoverId)?.buckets[0]?.output);
    if (!rule.ok) {
      foreign.push(line);
      return;
    }
    if (rule.value.kind === "failover") failovers.set(rule.value.failoverId, rule.value);
    rules.push(rule.value);
  };
  for (const line of meterLines(dumps.meters)) take(line);
  const groups = groupLines(dumps.groups);
  // What refers to failover groups is read once they are known.
  for (const line of groups.filter((each) => each.includes(",type=ff,"))) take(line);
  for (const line of groups.filter((each) => !each.includes(",type=ff,"))) take(line);
  for (const line of flowLines(dumps.flows)) if (!expected.delete(line)) take(line);
  return { rules, foreign, hasPipeline: expected.size === 0 };
}

/** `meter=7 kbps burst bands=` and, below, `type=drop rate=6000000 burst_size=600000`. */
function meterLines(dump: string): readonly string[] {
  return [...dump.matchAll(/^meter=(\d+) ([a-z ]+) bands=\n(.*)$/gm)].map(([, number, flags = "", band = ""]) => {
    return `meter=${number},${flags.trim().replaceAll(" ", ",")},band=${band.trim().replaceAll(" ", ",")}`;
  });
}

/** ` group_id=7,type=select,selection_method=dp_hash,bucket=bucket_id:0,weight:2,actions=...`; a weight of 1 is not printed. */
function groupLines(dump: string): readonly string[] {
  return [...dump.matchAll(/^ (group_id=.*)$/gm)].map(([, line = ""]) => {
    const plain = line.replace(",selection_method=dp_hash", "").replaceAll(/bucket=bucket_id:\d+,/g, "bucket=");
    return plain.includes(",type=select") ? plain.replaceAll(",bucket=actions=", ",bucket=weight:1,actions=") : plain;
  });
}

/** ` cookie=0x511ce001, table=1, priority=1000,mpls,mpls_label=17 actions=...`; table 0 is not printed, and DSCP comes as the whole TOS. */
function flowLines(dump: string): readonly string[] {
  return [...dump.matchAll(/^ cookie=0x[0-9a-f]+, (?:table=(\d+), )?(?:priority=(\d+),?)?(\S*) actions=(\S+)$/gm)].map(
    ([, table = "0", priority = "32768", match = "", actions = ""]) => {
      const fields = match
        .split(",")
        .filter((field) => field !== "")
        .map((field) => field.replace(/^nw_tos=(\d+)$/, (_, tos: string) => `ip_dscp=${Number(tos) / 4}`))
        .map((field) => (/^nw_dst=[\d.]+$/.test(field) ? `${field}/32` : field));
      if (table === "0" && fields[0] === "ip" && !fields.some((field) => field.startsWith("nw_dst=")))
        fields.splice(1, 0, "nw_dst=0.0.0.0/0");
      return [`table=${table}`, `priority=${priority}`, ...fields, `actions=${actions}`].join(",");
    },
  );
}
