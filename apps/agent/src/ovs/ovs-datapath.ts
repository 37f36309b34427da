/**
 * Open vSwitch under an agent: stages become bundles, what is installed is read back and compared, ports are watched. It owns flow entries by
 * their cookie, and the groups and meters that are rules of Sluice; it never touches others.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  assert,
  fault,
  ok,
  refuse,
  ruleKey,
  type LinkId,
  type NodeRules,
  type Result,
  type Rule,
  type RuleKey,
  type RuleOperation,
} from "@sluice/model";
import { applyOperations, diffRules, type RuleFailure } from "@sluice/rules";
import type { CounterSample, Datapath, LinkStatus } from "../datapath.js";
import { setUpBfd } from "./ovs-bfd.js";
import { failuresOf, ovsStageOf, type MeterChange } from "./ovs-bundle.js";
import { groupCountersOf, linkCountersOf } from "./ovs-counters.js";
import { readOvsPorts, watchOvsPorts, type OvsPortNames, type OvsPorts } from "./ovs-ports.js";
import { ovsCookieMatch, ovsPipeline, ownFlow, rulesOfDumps, type ReadBack } from "./ovs-text.js";
import { runOvsTool, type OvsPlace } from "./ovs-tools.js";

/** Meters are sent one a process, so many at a time. */
const metersAtOnce = 8;
/** A monitor that ended is started again after this, ms. */
const monitorRestartMs = 500;
/** A BFD session takes a second or two to come up: those that begin are waited for so long, in such steps, ms. */
const bfdFirstMs = 5_000;
const bfdStepMs = 100;

export interface OvsDatapathOptions {
  readonly place: OvsPlace;
  readonly ports: OvsPortNames;
  readonly ruleCountMax: number;
  /** How often what is installed is read back and compared, ms. */
  readonly readBackMs: number;
  /** Between BFD messages on links, ms: finds links that fail though their ports stay up. Absent: no BFD but what others have set up. */
  readonly bfdIntervalMs?: number;
  readonly log: { warn(data: object, message: string): void };
}

export interface OvsDatapath extends Datapath {
  /** What the switch holds now, whatever it was told. */
  readBack(): Promise<Result<ReadBack>>;
  stop(): Promise<void>;
}

/**
 * Takes over a bridge as it is: what it holds of ours stays in force. Sets fail mode `secure` before any flow entry, for changing it later
 * wipes the tables. Faults: `unavailable` where Open vSwitch cannot be reached, `not-found` for ports that the bridge has not.
 */
export async function openOvsDatapath(options: OvsDatapathOptions): Promise<Result<OvsDatapath>> {
  const { place, ports: names, ruleCountMax, readBackMs, log } = options;
  const secured = await secure(place);
  if (!secured.ok) return secured;
  const ports = await portsWithBfd(options);
  if (!ports.ok) return ports;
  const found = await dumpRules(place, ports.value);
  if (!found.ok) return found;
  const pipeline = await installPipeline(place);
  if (!pipeline.ok) return pipeline;
  return ok(new BridgeDatapath({ place, names, ports: ports.value, found: found.value, ruleCountMax, readBackMs, log }));
}

class BridgeDatapath implements OvsDatapath {
  readonly ruleCountMax: number;
  readonly #place: OvsPlace;
  readonly #names: OvsPortNames;
  readonly #ports: OvsPorts;
  readonly #log: OvsDatapathOptions["log"];
  readonly #up: Map<LinkId, boolean>;
  readonly #linkListeners = new Set<(change: LinkStatus) => void>();
  readonly #rulesListeners = new Set<(rules: NodeRules) => void>();
  readonly #timer: NodeJS.Timeout;
  #installed: NodeRules;
  /** One thing at a time: a dump in the middle of a stage would show half of it. */
  #last: Promise<unknown> = Promise.resolve();
  #unwatch: () => void;
  #restart: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(given: {
    readonly place: OvsPlace;
    readonly names: OvsPortNames;
    readonly ports: OvsPorts;
    readonly found: ReadBack;
    readonly ruleCountMax: number;
    readonly readBackMs: number;
    readonly log: OvsDatapathOptions["log"];
  }) {
    this.ruleCountMax = given.ruleCountMax;
    this.#place = given.place;
    this.#names = given.names;
    this.#ports = given.ports;
    this.#log = given.log;
    this.#up = new Map(given.ports.isUp);
    this.#installed = byKey(given.found.rules);
    if (given.found.foreign.length > 0) this.#warnForeign(given.found);
    this.#unwatch = this.#watch();
    this.#timer = setInterval(() => void this.#compare(), given.readBackMs);
  }

  rules(): NodeRules {
    return this.#installed;
  }

  apply(operations: readonly RuleOperation[]): Promise<readonly RuleFailure[]> {
    return this.#inTurn(() => this.#apply(operations));
  }

  links(): readonly LinkStatus[] {
    return [...this.#up].map(([linkId, up]) => ({ linkId, up }));
  }

  onLinkChange(listener: (change: LinkStatus) => void): () => void {
    this.#linkListeners.add(listener);
    return () => this.#linkListeners.delete(listener);
  }

  async counters(): Promise<CounterSample> {
    const { bridge } = this.#place;
    const [ports, meters] = await Promise.all([
      runOvsTool(this.#place, "ovs-ofctl", ["dump-ports", bridge]),
      runOvsTool(this.#place, "ovs-ofctl", ["meter-stats", bridge]),
    ]);
    if (!ports.ok) throw new Error(ports.faults[0].message);
    if (!meters.ok) throw new Error(meters.faults[0].message);
    return { links: linkCountersOf(ports.value, this.#ports.openFlow), groups: groupCountersOf(meters.value, this.#installed) };
  }

  readBack(): Promise<Result<ReadBack>> {
    return this.#inTurn(() => dumpRules(this.#place, this.#ports));
  }

  onRulesFound(listener: (rules: NodeRules) => void): () => void {
    this.#rulesListeners.add(listener);
    return () => this.#rulesListeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#restart);
    this.#unwatch();
    await this.#last;
  }

  async #apply(operations: readonly RuleOperation[]): Promise<readonly RuleFailure[]> {
    const stage = ovsStageOf(operations, this.#installed, this.#ports.openFlow);
    if (!stage.ok) return failuresOf(operations, stage.faults[0].message, this.#ports.openFlow);
    const { metersBefore, bundle, metersAfter } = stage.value;
    const done: MeterChange[] = [];
    const metered = await this.#changeMeters(metersBefore, done);
    const bundled = metered.ok && bundle.length > 0 ? await this.#tool(["bundle", this.#place.bridge, "-"], bundle) : metered;
    const unmetered = bundled.ok ? await this.#changeMeters(metersAfter, []) : bundled;
    if (unmetered.ok) {
      this.#installed = applyOperations(this.#installed, operations);
      return [];
    }
    if (!bundled.ok) for (const { undo } of done.reverse()) await this.#tool([undo.command, this.#place.bridge, undo.text]);
    // Whether the switch holds old or new is the next look's to say where the connection broke in the middle.
    const found = await dumpRules(this.#place, this.#ports);
    if (found.ok) await this.#adopt(found.value);
    return failuresOf(operations, unmetered.faults[0].message, this.#ports.openFlow);
  }

  async #changeMeters(changes: readonly MeterChange[], done: MeterChange[]): Promise<Result<string>> {
    for (let from = 0; from < changes.length; from += metersAtOnce) {
      const some = changes.slice(from, from + metersAtOnce);
      const results = await Promise.all(some.map(({ command, text }) => this.#tool([command, this.#place.bridge, text])));
      some.forEach((change, i) => {
        if (results[i]?.ok === true) done.push(change);
      });
      const failed = results.find((result) => !result.ok);
      if (failed !== undefined) return failed;
    }
    return ok("");
  }

  #tool(args: readonly string[], lines: readonly string[] = []): Promise<Result<string>> {
    return runOvsTool(this.#place, "ovs-ofctl", args, lines.map((line) => `${line}\n`).join(""));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** A switch that lost its rules, or was changed by another hand, is found here. */
  async #compare(): Promise<void> {
    await this.#inTurn(async () => {
      const found = await dumpRules(this.#place, this.#ports);
      if (this.#stopped) return;
      if (!found.ok) {
        this.#log.warn({ faults: found.faults }, "Open vSwitch cannot be read");
        return;
      }
      await this.#adopt(found.value);
    });
  }

  /** What the switch holds is what is installed from now on; whoever listens is told where it is something else. */
  async #adopt(found: ReadBack): Promise<void> {
    // A switch that restarted has lost it, and drops everything until it is back.
    if (!found.hasPipeline) await this.#restorePipeline();
    const rules = byKey(found.rules);
    if (diffRules(this.#installed, rules).length === 0) return;
    this.#log.warn({ found: rules.size, expected: this.#installed.size }, "Open vSwitch holds other rules than it was told");
    this.#warnForeign(found);
    this.#installed = rules;
    for (const listener of this.#rulesListeners) listener(rules);
  }

  async #restorePipeline(): Promise<void> {
    const put = await installPipeline(this.#place);
    this.#log.warn(put.ok ? {} : { faults: put.faults }, `Open vSwitch had lost its pipeline${put.ok ? "" : ", and does not take it"}`);
  }

  #warnForeign({ foreign }: ReadBack): void {
    if (foreign.length > 0)
      this.#log.warn({ count: foreign.length, first: foreign[0] }, "the bridge holds entries that are no rules of ours");
  }

  #watch(): () => void {
    return watchOvsPorts(this.#place, this.#names, {
      change: (linkId, up) => {
        if (this.#up.get(linkId) === up) return;
        this.#up.set(linkId, up);
        for (const listener of this.#linkListeners) listener({ linkId, up });
      },
      ended: () => {
        if (this.#stopped) return;
        this.#log.warn({}, "the watch over Open vSwitch's ports has ended; it starts again");
        this.#restart = setTimeout(() => (this.#unwatch = this.#watch()), monitorRestartMs);
      },
    });
  }
}

/** Links whose sessions have begun just now have not failed: they are waited for, a while. */
async function portsWithBfd({ place, ports: names, bfdIntervalMs }: OvsDatapathOptions): Promise<Result<OvsPorts>> {
  const bfd = await setUpBfd(place, [...new Set(names.links.values())], bfdIntervalMs);
  if (!bfd.ok) return bfd;
  for (let waitedMs = 0; ; waitedMs += bfdStepMs) {
    const ports = await readOvsPorts(place, names);
    if (!ports.ok || bfd.value.begun === 0 || waitedMs >= bfdFirstMs || [...ports.value.isUp.values()].every((up) => up)) return ports;
    await sleep(bfdStepMs);
  }
}

async function secure(place: OvsPlace): Promise<Result<string>> {
  const { bridge } = place;
  const mode = await runOvsTool(place, "ovs-vsctl", ["get", "Bridge", bridge, "fail_mode"]);
  if (!mode.ok) return mode;
  const change = mode.value.trim() === "secure" ? [] : ["fail_mode=secure"];
  return runOvsTool(place, "ovs-vsctl", ["set", "Bridge", bridge, ...change, "protocols=OpenFlow13,OpenFlow14,OpenFlow15"]);
}

async function installPipeline(place: OvsPlace): Promise<Result<string>> {
  const lines = ovsPipeline.map((line) => `flow add ${ownFlow(line)}\n`).join("");
  return runOvsTool(place, "ovs-ofctl", ["bundle", place.bridge, "-"], lines);
}

async function dumpRules(place: OvsPlace, ports: OvsPorts): Promise<Result<ReadBack>> {
  const { bridge } = place;
  const [meters, groups, flows] = await Promise.all([
    runOvsTool(place, "ovs-ofctl", ["dump-meters", bridge]),
    runOvsTool(place, "ovs-ofctl", ["dump-groups", bridge]),
    runOvsTool(place, "ovs-ofctl", ["dump-flows", "--no-stats", bridge, ovsCookieMatch]),
  ]);
  if (!meters.ok) return meters;
  if (!groups.ok) return groups;
  if (!flows.ok) return flows;
  const dumps = { meters: meters.value, groups: groups.value, flows: flows.value };
  if (!/METER_CONFIG/.test(dumps.meters) || !/GROUP_DESC/.test(dumps.groups)) {
    return refuse(fault("unavailable", "Open vSwitch's dumps are not understood."));
  }
  return ok(rulesOfDumps(dumps, ports.openFlow, ovsPipeline));
}

function byKey(rules: readonly Rule[]): ReadonlyMap<RuleKey, Rule> {
  const map = new Map(rules.map((rule) => [ruleKey(rule), rule]));
  assert(map.size === rules.length, "a switch holds one rule of each key");
  return map;
}
