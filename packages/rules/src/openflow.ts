/**
 * Rules as OpenFlow 1.3, in the text that `ovs-ofctl -O OpenFlow13` takes (`add-meter`, `add-group`, `add-flow`): one rule, one line, both
 * ways. Two tables:
 *
 *   table 0   priority 65535  MPLS packets             -> table 1           (`openFlowPipeline`, the same at every switch)
 *             priority 1000 + prefix length  IPv4 destination, DSCP -> meter, group
 *   table 1   MPLS label                               -> next link, or pop and deliver, or pop and next link
 *
 * Packets that are repaired leave through a fast-failover group: `group:` stands in label entries and buckets where `output:` would, and
 * its first bucket is the link itself.
 */
import {
  fault,
  ok,
  prefixRange,
  refuse,
  unreachable,
  type Bucket,
  type FailoverBucket,
  type IngressRule,
  type LabelRule,
  type LinkId,
  type Result,
  type Rule,
} from "@sluice/model";
import { misshapen } from "./rule-shape.js";

/** The agent's knowledge of its switch: which link leaves by which port. */
export interface OpenFlowPorts {
  readonly portOf: (linkId: LinkId) => number | undefined;
  readonly linkOf: (port: number) => LinkId | undefined;
  /** The port toward the site. */
  readonly deliverPort: number;
}

/** Flow entries that every switch has before any rule: packets in tunnels skip table 0, everything unknown is dropped. */
export const openFlowPipeline: readonly string[] = [
  "table=0,priority=65535,mpls,actions=goto_table:1",
  "table=0,priority=0,actions=drop",
  "table=1,priority=0,actions=drop",
];

/** Failover groups are groups of these numbers up: above every number of a flow group (`groupNumberMax`), and with any label below OFPG_MAX. */
const failoverGroupFirst = 0xffe00000;

/** OpenFlow has no longest match on its own: the longer the prefix, the higher the priority. */
const ingressPriority = 1000;
const labelPriority = 1000;
const ethertypeMpls = "0x8847";
const ethertypeIpv4 = "0x0800";

/** Ports from links to numbers, for a switch whose links are known. */
export function openFlowPorts(links: Iterable<readonly [LinkId, number]>, deliverPort: number): OpenFlowPorts {
  const ports = new Map(links);
  const back = new Map([...ports].map(([link, port]) => [port, link]));
  return { portOf: (link) => ports.get(link), linkOf: (port) => back.get(port), deliverPort };
}

/**
 * One rule in OpenFlow text. Faults: `rule-refused` where a field does not fit OpenFlow's, `dangling-reference` where a link has no
 * port.
 */
export function toOpenFlow(rule: Rule, ports: OpenFlowPorts): Result<string> {
  const reason = misshapen(rule);
  if (reason !== undefined) return refuse(fault("rule-refused", `OpenFlow cannot hold the rule: ${reason}.`));
  switch (rule.kind) {
    case "meter":
      return ok(`meter=${rule.meterId},kbps,burst,band=type=drop,rate=${rule.rateBps / 1000},burst_size=${rule.burstBits / 1000}`);
    case "group": {
      const buckets: string[] = [];
      for (const { weight, pushLabel, mplsTc, output, failoverId } of rule.buckets) {
        const out = outOf({ link: output, failoverId }, ports);
        if (!out.ok) return out;
        buckets.push(
          `bucket=weight:${weight},actions=push_mpls:${ethertypeMpls},set_field:${pushLabel}->mpls_label,set_field:${mplsTc}->mpls_tc,${out.value}`,
        );
      }
      return ok([`group_id=${rule.groupId},type=select`, ...buckets].join(","));
    }
    case "failover": {
      const buckets: string[] = [];
      for (const { output, pushLabel } of rule.buckets) {
        const port = ports.portOf(output);
        if (port === undefined) return noPort(output);
        // The new label entry takes traffic class and TTL over from the one below it (OpenFlow 1.3.5 section 5.12.1).
        const push = pushLabel === undefined ? "" : `push_mpls:${ethertypeMpls},set_field:${pushLabel}->mpls_label,`;
        buckets.push(`bucket=watch_port:${port},actions=${push}output:${port}`);
      }
      return ok([`group_id=${failoverGroupFirst + rule.failoverId},type=ff`, ...buckets].join(","));
    }
    case "ingress": {
      const { dstPrefix, dscp } = rule.match;
      const priority = ingressPriority + (prefixRange(dstPrefix)?.length ?? 0);
      return ok(`table=0,priority=${priority},ip,nw_dst=${dstPrefix},ip_dscp=${dscp},actions=meter:${rule.meterId},group:${rule.groupId}`);
    }
    case "label": {
      const match = `table=1,priority=${labelPriority},mpls,mpls_label=${rule.match.label}`;
      if (rule.action.kind === "pop-deliver") return ok(`${match},actions=pop_mpls:${ethertypeIpv4},output:${ports.deliverPort}`);
      const out = outOf(rule.action, ports);
      if (!out.ok) return out;
      return ok(`${match},actions=${rule.action.kind === "output" ? "dec_mpls_ttl" : `pop_mpls:${ethertypeMpls}`},${out.value}`);
    }
    default:
      return unreachable(rule);
  }
}

/** Out by the link, or through its failover group. */
function outOf(
  { link, failoverId }: { readonly link: LinkId; readonly failoverId?: number | undefined },
  ports: OpenFlowPorts,
): Result<string> {
  const port = ports.portOf(link);
  if (port === undefined) return noPort(link);
  return ok(failoverId === undefined ? `output:${port}` : `group:${failoverGroupFirst + failoverId}`);
}

const meterText = /^meter=(\d+),kbps,burst,band=type=drop,rate=(\d+),burst_size=(\d+)$/;
const groupText = /^group_id=(\d+),type=select((?:,bucket=weight:\d+,actions=push_mpls:0x8847,[^,]+,[^,]+,(?:output|group):\d+)+)$/;
const bucketText =
  /,bucket=weight:(\d+),actions=push_mpls:0x8847,set_field:(\d+)->mpls_label,set_field:(\d+)->mpls_tc,(output|group):(\d+)/gy;
const failoverText = /^group_id=(\d+),type=ff((?:,bucket=watch_port:\d+,actions=(?:push_mpls:0x8847,[^,]+,)?output:\d+)+)$/;
const failoverBucketText = /,bucket=watch_port:(\d+),actions=(?:push_mpls:0x8847,set_field:(\d+)->mpls_label,)?output:(\d+)/gy;
const ingressText = /^table=0,priority=(\d+),ip,nw_dst=([\d./]+),ip_dscp=(\d+),actions=meter:(\d+),group:(\d+)$/;
const labelText =
  /^table=1,priority=1000,mpls,mpls_label=(\d+),actions=(dec_mpls_ttl|pop_mpls:0x0800|pop_mpls:0x8847),(output|group):(\d+)$/;

/**
 * The rule that a line of `toOpenFlow` stands for. A line that sends packets through a failover group does not name the link; `primaryOf`
 * says which link the group of a number protects: the output of its first bucket. Groups are read before what uses them, as a switch takes
 * them.
 *
 * Faults: `unknown-format` for any other text, `rule-refused` for numbers out of range, `dangling-reference` for a port without a link and
 * a failover group that nobody knows.
 */
export function fromOpenFlow(
  text: string,
  ports: OpenFlowPorts,
  primaryOf: (failoverId: number) => LinkId | undefined = () => undefined,
): Result<Rule> {
  const scene = { ports, primaryOf };
  const parsed = parseMeter(text) ?? parseGroup(text, scene) ?? parseFailover(text, ports) ?? parseIngress(text) ?? parseLabel(text, scene);
  if (parsed === undefined)
    return refuse(fault("unknown-format", `Not a rule in the OpenFlow text of this program: ${text.slice(0, 200)}`));
  if (!parsed.ok) return parsed;
  const reason = misshapen(parsed.value);
  return reason === undefined ? parsed : refuse(fault("rule-refused", `Not a rule: ${reason}.`));
}

interface Scene {
  readonly ports: OpenFlowPorts;
  readonly primaryOf: (failoverId: number) => LinkId | undefined;
}

/** What `output:` or `group:` with a number stands for. */
function outFrom(
  action: string | undefined,
  number: number,
  { ports, primaryOf }: Scene,
): Result<{ readonly link: LinkId; readonly failoverId?: number }> {
  if (action === "output") {
    const link = ports.linkOf(number);
    return link === undefined ? noLink(number) : ok({ link });
  }
  const failoverId = number - failoverGroupFirst;
  const link = primaryOf(failoverId);
  return link === undefined
    ? refuse(fault("dangling-reference", `Group ${number} is no failover group of this switch.`))
    : ok({ link, failoverId });
}

function parseMeter(text: string): Result<Rule> | undefined {
  const match = meterText.exec(text);
  if (match === null) return undefined;
  return ok({ kind: "meter", meterId: Number(match[1]), rateBps: Number(match[2]) * 1000, burstBits: Number(match[3]) * 1000 });
}

function parseGroup(text: string, scene: Scene): Result<Rule> | undefined {
  const match = groupText.exec(text);
  if (match === null) return undefined;
  const list = match[2] ?? "";
  const buckets: Bucket[] = [];
  let end = 0;
  for (const [bucket, weight, pushLabel, mplsTc, action, number] of list.matchAll(bucketText)) {
    const out = outFrom(action, Number(number), scene);
    if (!out.ok) return out;
    const { link: output, ...repair } = out.value;
    buckets.push({ weight: Number(weight), pushLabel: Number(pushLabel), mplsTc: Number(mplsTc), output, ...repair });
    end += bucket.length;
  }
  return end === list.length ? ok({ kind: "group", groupId: Number(match[1]), buckets }) : undefined;
}

function parseFailover(text: string, ports: OpenFlowPorts): Result<Rule> | undefined {
  const match = failoverText.exec(text);
  if (match === null) return undefined;
  const list = match[2] ?? "";
  const buckets: FailoverBucket[] = [];
  let end = 0;
  for (const [bucket, watched, pushLabel, port] of list.matchAll(failoverBucketText)) {
    if (watched !== port) return undefined;
    const output = ports.linkOf(Number(port));
    if (output === undefined) return noLink(Number(port));
    buckets.push({ output, ...(pushLabel === undefined ? {} : { pushLabel: Number(pushLabel) }) });
    end += bucket.length;
  }
  return end === list.length ? ok({ kind: "failover", failoverId: Number(match[1]) - failoverGroupFirst, buckets }) : undefined;
}

function parseIngress(text: string): Result<Rule> | undefined {
  const match = ingressText.exec(text);
  if (match === null) return undefined;
  const dstPrefix = match[2] ?? "";
  if (Number(match[1]) !== ingressPriority + (prefixRange(dstPrefix)?.length ?? -1)) return undefined;
  const rule: IngressRule = {
    kind: "ingress",
    match: { dstPrefix, dscp: Number(match[3]) },
    meterId: Number(match[4]),
    groupId: Number(match[5]),
  };
  return ok(rule);
}

function parseLabel(text: string, scene: Scene): Result<Rule> | undefined {
  const match = labelText.exec(text);
  if (match === null) return undefined;
  const [, label, first, last, digits] = match;
  const number = Number(digits);
  const rule = (action: LabelRule["action"]): Result<Rule> => ok({ kind: "label", match: { label: Number(label) }, action });
  if (first === "dec_mpls_ttl") {
    const out = outFrom(last, number, scene);
    return out.ok ? rule({ kind: "output", ...out.value }) : out;
  }
  if (last !== "output") return undefined;
  if (first === "pop_mpls:0x0800") return number === scene.ports.deliverPort ? rule({ kind: "pop-deliver" }) : noLink(number);
  const out = outFrom(last, number, scene);
  return out.ok ? rule({ kind: "pop-output", link: out.value.link }) : out;
}

function noPort(linkId: LinkId): Result<never> {
  return refuse(fault("dangling-reference", `Link ${linkId} has no port at this switch.`));
}

function noLink(port: number): Result<never> {
  return refuse(fault("dangling-reference", `No link of this switch has port ${port}.`));
}
