/**
 * Two accounts of the same packets, which share no code: Sluice's walk over its rules, and Open vSwitch's own trace of the packet through the
 * entries that the agent's datapath made of them. For every flow group, with everything up and under every cut of one cable.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ovsMissing } from "@sluice/agent/testing";
import {
  assert,
  cablesOf,
  parseTopology,
  type Cable,
  type GroupRule,
  type IngressRule,
  type LinkId,
  type NodeId,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import { assign, compileRules, emptyAssignments, openFlowPorts, toOpenFlow, walkRules } from "@sluice/rules";
import { readPlanFile } from "sluice";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endOfTrace, type LabelStack } from "./datapath-actions.js";
import { startDummyNetwork, type DummyNetwork } from "./dummy-network.js";

const missing = ovsMissing();
if (missing !== undefined) console.warn(`The cross-check of the walk with Open vSwitch is skipped: ${missing}.`);

const root = fileURLToPath(new URL("../../../../../", import.meta.url));
/** Switches on a way: more is a loop. */
const hopsMax = 64;
const initialTtl = 64;
/** Ethernet with MPLS, and an IPv4 header and 8 bytes of UDP below. */
const ethernet = "0200000000020200000000018847";
const inner = "4500001c00000000401100000a6300010a00000a000100090008000000000000";

interface Flow {
  readonly node: NodeId;
  readonly ingress: IngressRule;
  readonly group: GroupRule;
  readonly rateBps: number;
}

describe.skipIf(missing !== undefined)("the packet walk and ofproto/trace", { timeout: 600_000 }, () => {
  let topology: Topology;
  let rules: RuleSet;
  let flows: readonly Flow[];
  let network: DummyNetwork;
  let started = false;
  beforeAll(async () => {
    topology = exampleTopology();
    rules = examplePlanRules(topology);
    flows = [...rules].flatMap(([node, nodeRules]) =>
      [...nodeRules.values()].flatMap((rule) => {
        if (rule.kind !== "ingress") return [];
        const group = nodeRules.get(`group/${rule.groupId}`);
        const meter = nodeRules.get(`meter/${rule.meterId}`);
        assert(group?.kind === "group" && meter?.kind === "meter", "an ingress rule has its group and meter");
        return [{ node, ingress: rule, group, rateBps: meter.rateBps }];
      }),
    );
    network = await startDummyNetwork(topology, rules);
    started = true;
  }, 300_000);
  afterAll(() => {
    // Where it did not start there is nothing to stop.
    if (started) network.stop();
  });

  it("find each flow group by its prefix and class", async () => {
    expect(flows.length).toBeGreaterThan(300);
    for (const { node, ingress, group } of flows) {
      const address = ingress.match.dstPrefix.split("/")[0] ?? "";
      const text = await network.trace(
        node,
        `in_port=${network.sitePort},ip,nw_dst=${address},nw_tos=${ingress.match.dscp << 2},nw_ttl=${initialTtl}`,
      );
      expect(text).toMatch(new RegExp(`\\bgroup:${group.groupId}\\b`));
    }
  });

  it("agree on the way of every flow group, and on what is lost, under every cut of one cable and none", async () => {
    const tracer = new Tracer(network, topology);
    let ways = 0;
    let repaired = 0;
    let lost = 0;
    const nothing: Cable = { id: topology.links[0]?.id ?? ("" as LinkId), linkIds: [] };
    const intact = new Map<Flow, string>();
    for (const { id, linkIds } of [nothing, ...cablesOf(topology)]) {
      const linksDown = new Set(linkIds);
      for (const linkId of linkIds) await network.setLink(linkId, false);
      for (const flow of flows) {
        const traced = await tracer.loads(flow, linksDown);
        const walked = walkedLoads(topology, rules, flow, linksDown);
        expect(
          traced,
          `${flow.node} to ${flow.ingress.match.dstPrefix}, DSCP ${flow.ingress.match.dscp}, ${linkIds.length === 0 ? "nothing" : id} cut`,
        ).toEqual(walked);
        ways += 1;
        if (linksDown.size === 0) intact.set(flow, JSON.stringify(traced));
        else if (traced["lost"] !== undefined) lost += 1;
        else if (JSON.stringify(traced) !== intact.get(flow)) repaired += 1;
      }
      for (const linkId of linkIds) await network.setLink(linkId, true);
    }
    console.info(
      `${flows.length} flow groups, ${ways} ways of groups compared, ${repaired} repaired, ${lost} with loss, ${tracer.count} traces`,
    );
    // The comparison would be idle if no cut changed any way.
    expect(repaired).toBeGreaterThan(flows.length / 4);
  });
});

/** kb/s by link, and what is lost. */
type Loads = Readonly<Record<string, number>>;

function loadsOf(entries: Iterable<readonly [string, number]>): Loads {
  const loads = new Map<string, number>();
  for (const [key, bps] of entries) loads.set(key, (loads.get(key) ?? 0) + bps);
  const rounded = [...loads].map(([key, bps]) => [key, Math.round(bps / 1000)] as const).filter(([, kbps]) => kbps > 0);
  return Object.fromEntries(rounded.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function walkedLoads(topology: Topology, rules: RuleSet, { node, ingress }: Flow, linksDown: ReadonlySet<LinkId>): Loads {
  const alone: RuleSet = new Map(
    [...rules].map(([id, nodeRules]) => [
      id,
      new Map([...nodeRules].filter(([, rule]) => rule.kind !== "ingress" || (id === node && rule === ingress))),
    ]),
  );
  const report = walkRules(topology, alone, { linksDown });
  expect(report.violations).toEqual([]);
  return loadsOf([...report.linkLoads.map(({ linkId, loadBps }) => [linkId, loadBps] as const), ["lost", report.lostBps]]);
}

class Tracer {
  count = 0;
  readonly #network: DummyNetwork;
  readonly #topology: Topology;
  readonly #back: ReadonlyMap<LinkId, LinkId>;
  readonly #steps = new Map<string, { readonly out: LinkId | "site" | undefined; readonly labels: LabelStack }>();

  constructor(network: DummyNetwork, topology: Topology) {
    this.#network = network;
    this.#topology = topology;
    this.#back = new Map(
      cablesOf(topology).flatMap(({ linkIds: [a, b] }) => (a === undefined || b === undefined ? [] : [[a, b] as const, [b, a] as const])),
    );
  }

  async loads({ node, group, rateBps }: Flow, linksDown: ReadonlySet<LinkId>): Promise<Loads> {
    const weightSum = group.buckets.reduce((sum, { weight }) => sum + weight, 0);
    const entries: (readonly [string, number])[] = [];
    for (const [i, { weight }] of group.buckets.entries()) {
      const bps = (rateBps * weight) / weightSum;
      const links: LinkId[] = [];
      let at = node;
      let step = await this.#bucket(node, group, i, linksDown);
      while (step.out !== undefined && step.out !== "site" && links.length < hopsMax) {
        links.push(step.out);
        at = this.#topology.linkById.get(step.out)?.to ?? at;
        step = await this.#labelled(at, this.#inPort(step.out), step.labels, linksDown);
      }
      if (step.out === undefined) entries.push(["lost", bps]);
      else assert(step.labels.length === 0, "a packet is delivered without labels");
      // What is dropped on its way has loaded the links before: the walk counts the link that it was lost behind in the same way, or not at all.
      for (const link of links) entries.push([link, bps]);
    }
    return loadsOf(entries);
  }

  #bucket(node: NodeId, group: GroupRule, index: number, linksDown: ReadonlySet<LinkId>) {
    return this.#step(node, `bucket ${group.groupId} ${index}`, linksDown, [], () => {
      const own = this.#topology.links.filter(({ from }) => from === node);
      const ports = openFlowPorts(
        own.map(({ id }) => [id, this.#network.portOf(id)] as const),
        this.#network.sitePort,
      );
      const bucket = group.buckets[index];
      const text = bucket === undefined ? undefined : toOpenFlow({ ...group, buckets: [bucket] }, ports);
      assert(text?.ok === true, "a bucket has its OpenFlow text");
      const actions = text.value.slice(text.value.indexOf("actions=") + "actions=".length);
      return this.#network.traceActions(node, `in_port=${this.#network.sitePort},ip,nw_dst=10.0.0.1,nw_ttl=${initialTtl}`, actions);
    });
  }

  /** A packet that was sent over a link comes in by the port of the cable's other link. A switch never sends out by the port that a packet came by. */
  #inPort(linkId: LinkId): number {
    const back = this.#back.get(linkId);
    assert(back !== undefined, `link ${linkId} has a way back`);
    return this.#network.portOf(back);
  }

  #labelled(node: NodeId, inPort: number, labels: LabelStack, linksDown: ReadonlySet<LinkId>) {
    return this.#step(node, `${inPort} ${labels.join(" ")}`, linksDown, labels, () =>
      this.#network.trace(node, `in_port=${inPort}`, frameOf(labels)),
    );
  }

  /** Only this switch's own dead ports make a difference to it. */
  async #step(node: NodeId, what: string, linksDown: ReadonlySet<LinkId>, labels: LabelStack, trace: () => Promise<string>) {
    const dead = [...linksDown].filter((linkId) => this.#topology.linkById.get(linkId)?.from === node);
    const key = `${node}\0${what}\0${dead.join(" ")}`;
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    this.count += 1;
    const text = await trace();
    const end = endOfTrace(text, labels);
    assert(end !== undefined, `the trace is understood:\n${text}`);
    const step = { out: end.port === undefined ? undefined : this.#network.outOf(node, end.port), labels: end.labels };
    this.#steps.set(key, step);
    return step;
  }
}

function frameOf(labels: LabelStack): string {
  const entries = labels.map((label, i) => ((label << 12) | (5 << 9) | (i === labels.length - 1 ? 1 << 8 : 0) | initialTtl) >>> 0);
  return `${ethernet}${entries.map((entry) => entry.toString(16).padStart(8, "0")).join("")}${inner}`;
}

function exampleTopology(): Topology {
  const topology = parseTopology(JSON.parse(readFileSync(join(root, "examples/b4.json"), "utf8")));
  assert(topology.ok, "B4 is a topology");
  return topology.value;
}

/** A protected plan of B4 at noon, as `sluice solve` makes it. */
function examplePlanRules(topology: Topology): RuleSet {
  const folder = mkdtempSync(join(tmpdir(), "sluice-trace-plan-"));
  try {
    const file = join(folder, "plan.json");
    const network = ["--topology", "examples/b4.json", "--demands", "examples/b4-day.json", "--interval", "60"];
    const node = ["--conditions=@sluice/source", "--import", "tsx", "apps/cli/src/main.ts", "solve"];
    execFileSync(process.execPath, [...node, ...network, "--guarantee", "protected", "--plan-out", file], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const read = readPlanFile(readFileSync(file));
    assert(read.ok, "the plan can be read");
    const assignments = assign(emptyAssignments, read.value.plan, topology);
    assert(assignments.ok, "labels are assigned");
    const compiled = compileRules(topology, read.value.plan, assignments.value);
    assert(compiled.ok, "the plan compiles");
    return compiled.value;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
