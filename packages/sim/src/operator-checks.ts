/**
 * What holds whatever operators do, judged on the store, the tables and the answers:
 *
 *   refused      a request that was refused has changed nothing
 *   versions     a change meant for a version has overwritten no newer one that anybody was told of
 *   bound        a proposal was applied on the inputs that it was made from
 *   limits       what was not forced stays within the blast radius
 *   rolled-back  when all switches hold a plan that was gone back to, their rules are those of then, byte for byte
 *   confirmed    what nobody confirmed in time is taken back, not before, also over restarts; what was confirmed stays
 *   held         while the cycle is held no solve begins
 */
import { flowGroupId, operationSettingsDefault, type Epoch, type Proposal, type Result, type TopologyDocument } from "@sluice/model";
import { digestOfRuleSet } from "@sluice/rules";
import type { ControllerState, PublishedEvent } from "@sluice/control";
import type { ControllerHost } from "./controller-host.js";
import type { OperatorEvent } from "./operators.js";
import type { World } from "./world.js";

type VersionKind = "topology" | "demands" | "settings";
type Plan = NonNullable<ControllerState["push"]["target"]>;

/** What was applied and waits, as its operator knows it. */
interface Pending {
  readonly proposal: Proposal | undefined;
  readonly topologyVersion: number;
  readonly settingsVersion: number;
  readonly deadlineMs: number;
  confirmed: "no" | "yes" | "nobody-knows";
}

export class OperatorChecks {
  readonly #world: World;
  readonly #sent = new Map<string, OperatorEvent>();
  /** Versions that somebody was told of. */
  readonly #told: Readonly<Record<VersionKind, Set<number>>> = { topology: new Set(), demands: new Set(), settings: new Set() };
  /** By the epoch of a plan that came back: the epoch that it had before. */
  readonly #backTo = new Map<Epoch, Epoch>();
  readonly #pending = new Map<Epoch, Pending>();
  /** The controllers that know that the cycle is held, with how many operation documents there were then. */
  readonly #held = new Map<ControllerHost, number>();
  readonly #answers = new Map<string, Result<unknown>>();
  #operationsSeen = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** After every event: what waits does so until it is confirmed, or taken back together with its inputs. */
  follow(): void {
    const { operations, operationsBy } = this.#world.store;
    for (; this.#operationsSeen < operations.length; this.#operationsSeen += 1) {
      const epoch = operations[this.#operationsSeen - 1]?.confirmation?.epoch;
      if (epoch === undefined || operations[this.#operationsSeen]?.confirmation?.epoch === epoch) continue;
      this.#count("confirmed: waits no more");
      if (operationsBy[this.#operationsSeen] === "operation" && this.#pending.get(epoch)?.confirmed === "no")
        this.#fail("confirmed", `plan ${epoch} waits no more, and nobody has confirmed it`);
    }
  }

  /** A refusal that comes at once leaves the machine as it was: what was due anyway is done before. */
  send(host: ControllerHost, event: OperatorEvent): void {
    this.#sent.set(event.requestId, event);
    if (event.kind === "confirm") this.#setConfirmed(event.epoch, "nobody-knows");
    for (let i = 0; i < 2; i += 1) host.event({ kind: "tick" });
    if (!host.alive) return;
    const before = fingerprint(host.state);
    host.event(event);
    const result = this.#answers.get(event.requestId);
    if (result === undefined || result.ok) return;
    this.#count("refused");
    const after = fingerprint(host.state);
    if (before !== after)
      this.#fail("refused", `${event.kind} was refused (${result.faults[0].code}) and changed\n${before}\nto\n${after}`);
  }

  onReply(host: ControllerHost, requestId: string, result: Result<unknown>): void {
    this.#answers.set(requestId, result);
    const event = this.#sent.get(requestId);
    if (!result.ok) {
      this.#world.checks.count(`operator refused: ${result.faults[0].code}`);
      if (event?.kind === "confirm" && result.faults[0].code === "not-found") this.#setConfirmed(event.epoch, "no");
      return;
    }
    const value = result.value as {
      version?: number;
      epoch?: number;
      topologyVersion?: number;
      settingsVersion?: number;
      confirmByMs?: number;
    };
    const { store } = this.#world;
    if ((value.epoch ?? 0) > store.plans.length)
      this.#fail("I5", `${requestId} was acknowledged with plan ${value.epoch}, which is not stored`);
    const plain = /^(topology|changes|demands|settings)-/.exec(requestId)?.[1];
    const kind = plain === "changes" ? "topology" : (plain as VersionKind | undefined);
    if (kind !== undefined) this.#told[kind].add(value.version ?? 0);
    this.#followMode(host);
    switch (event?.kind) {
      case "change-settings":
        this.#versionsHold("settings", event.ifVersion ?? 0, value.version ?? 0, requestId);
        this.#told.settings.add(value.version ?? 0);
        return;
      case "apply-proposal":
        return this.#applied(host, event, { epoch: 0, topologyVersion: 0, settingsVersion: 0, ...value });
      case "roll-back":
        this.#backTo.set(value.epoch ?? 0, event.record.epoch);
        if (!event.force) this.#withinLimits(host, host.state.inventory.demands?.demands ?? []);
        if (value.confirmByMs !== undefined) {
          const { topologies, settings } = store;
          this.#pending.set(value.epoch ?? 0, {
            proposal: undefined,
            topologyVersion: topologies.length,
            settingsVersion: settings.length,
            deadlineMs: value.confirmByMs,
            confirmed: "no",
          });
        }
        return;
      case "confirm":
        return this.#setConfirmed(event.epoch, "yes");
      default:
        return undefined;
    }
  }

  #applied(
    host: ControllerHost,
    { proposal, force, tolerateDemands }: Extract<OperatorEvent, { kind: "apply-proposal" }>,
    value: { readonly epoch: number; readonly topologyVersion: number; readonly settingsVersion: number; readonly confirmByMs?: number },
  ): void {
    const { basis, topologyChanges, settings } = proposal;
    const { topologyVersion, settingsVersion } = value;
    const what = `the proposal of plan ${value.epoch}`;
    this.#count("bound");
    // One version after the basis where the proposal changes it, the basis itself where not: nothing in between that anybody was told of.
    this.#boundTo("topology", basis.topologyVersion, topologyChanges.length > 0 ? topologyVersion : topologyVersion + 1, what);
    this.#boundTo("settings", basis.settingsVersion, Object.keys(settings).length > 0 ? settingsVersion : settingsVersion + 1, what);
    if (tolerateDemands !== true) this.#boundTo("demands", basis.demandsVersion, Infinity, what);
    this.#told.topology.add(topologyVersion);
    this.#told.settings.add(settingsVersion);
    if (!force) this.#withinLimits(host, proposal.snapshot.demands.demands);
    if (value.confirmByMs === undefined) return;
    this.#pending.set(value.epoch, { proposal, topologyVersion, settingsVersion, deadlineMs: value.confirmByMs, confirmed: "no" });
  }

  #boundTo(kind: VersionKind, basis: number, end: number, what: string): void {
    const newer = [...this.#told[kind]].find((version) => version > basis && version < end);
    if (newer !== undefined)
      this.#fail("bound", `${what} was made from version ${basis} of the ${kind} and applied after version ${newer}`);
  }

  #versionsHold(kind: VersionKind, ifVersion: number, version: number, what: string): void {
    this.#count("versions");
    const newer = [...this.#told[kind]].find((other) => other > ifVersion && other < version);
    if (newer !== undefined)
      this.#fail("versions", `${what} was meant for version ${ifVersion} and became version ${version} after version ${newer}`);
  }

  /** Of the step that has just been taken: what the switches should hold before it and after it. */
  #withinLimits(host: ControllerHost, wanted: Plan["input"]["demands"]["demands"]): void {
    const [before, after] = [baseOf(host.targetBefore), baseOf(host.state.push.target)];
    if (before === undefined || after === undefined) return;
    this.#count("limits");
    const { rulesChangedShareMax, admittedLossShareMax } = operationSettingsDefault.blastRadius;
    const [old, fresh] = [flatRules(before), flatRules(after)];
    const touched = [...new Set([...old.keys(), ...fresh.keys()])].filter((key) => old.get(key) !== fresh.get(key)).length;
    if (old.size > 0 && Math.min(1, touched / old.size) > rulesChangedShareMax)
      this.#fail("limits", `plan ${after.record.epoch} changes ${touched} rules of ${old.size} and was not forced`);
    const wants = new Map(wanted.map((demand) => [flowGroupId(demand), demand.rateBps]));
    const had = new Set(before.input.demands.demands.map(flowGroupId));
    const admitted = new Map(after.record.plan.groups.map((group) => [flowGroupId(group), group.admittedBps]));
    let [sumBps, lostBps] = [0, 0];
    for (const group of before.record.plan.groups) {
      const id = flowGroupId(group);
      const rateBps = wants.get(id);
      if (rateBps === undefined || !had.has(id)) continue;
      sumBps += group.admittedBps;
      const lossBps = Math.min(rateBps, group.admittedBps) - (admitted.get(id) ?? 0);
      if (lossBps > group.admittedBps * 1e-5 && group.trafficClass === "interactive")
        this.#fail("limits", `plan ${after.record.epoch} takes ${lossBps} bps from ${id} and was not forced`);
      lostBps += Math.max(0, lossBps);
    }
    if (lostBps > sumBps * (admittedLossShareMax + 1e-5))
      this.#fail("limits", `plan ${after.record.epoch} gives up ${lostBps} of ${sumBps} bps and was not forced`);
  }

  onPublish({ kind, data }: PublishedEvent): void {
    if (kind !== "confirmation-expired") return;
    this.#count("confirmed: expired");
    const { expired, previousEpoch, epoch } = data as { expired: Epoch; previousEpoch: Epoch; epoch?: Epoch };
    if (epoch !== undefined) this.#backTo.set(epoch, previousEpoch);
    const pending = this.#pending.get(expired);
    if (pending?.confirmed === "yes") this.#fail("confirmed", `plan ${expired} was confirmed, and is taken back`);
    if (pending !== undefined && this.#world.clock.nowMs < pending.deadlineMs)
      this.#fail("confirmed", `plan ${expired} is taken back ${pending.deadlineMs - this.#world.clock.nowMs} ms before its time`);
  }

  #setConfirmed(epoch: Epoch, confirmed: Pending["confirmed"]): void {
    const pending = this.#pending.get(epoch);
    if (pending === undefined || pending.confirmed === "yes") return;
    // A refusal says that it does not wait any more: an answer that was lost may have confirmed it.
    if (confirmed === "no" && this.#world.clock.nowMs < pending.deadlineMs) return;
    pending.confirmed = confirmed;
  }

  /** A controller that starts, or that has been answered to. */
  #followMode(host: ControllerHost): void {
    const { operations } = this.#world.store;
    if (host.state.operation.settings.mode === "held") this.#held.set(host, operations.length);
    else this.#held.delete(host);
  }

  onStart(host: ControllerHost): void {
    if (this.#world.store.operations.at(-1)?.settings.mode === "held") this.#held.set(host, this.#world.store.operations.length);
  }

  /** As long as no other mode was stored since. */
  onSolve(host: ControllerHost): void {
    const since = this.#held.get(host);
    if (since === undefined) return;
    const { operations, term } = this.#world.store;
    const isHeld = operations.slice(since - 1).every(({ settings }) => settings.mode === "held");
    if (isHeld && host.term === term) this.#fail("held", `term ${host.term} starts a solve although the cycle is held`);
  }

  /** Every switch holds what it should. */
  onSteady(inForce: Plan): void {
    const { store, plane } = this.#world;
    if (store.operations.at(-1)?.settings.mode === "held") this.#count("held");
    const epoch = this.#backTo.get(inForce.record.epoch);
    if (epoch === undefined || inForce.active !== undefined) return;
    const known = new Set(store.topologies.at(-1)?.nodes.map(({ id }) => id));
    if ([...inForce.digests.keys()].some((nodeId) => !known.has(nodeId))) return this.#count("rolled-back without a node that is gone");
    this.#count("rolled-back");
    const rules = new Map([...plane.tables].filter(([nodeId]) => known.has(nodeId)).map(([nodeId, table]) => [nodeId, table.rules]));
    const digest = digestOfRuleSet(rules);
    const then = store.plans[epoch - 1]?.record.rulesDigest;
    if (digest !== then)
      this.#fail("rolled-back", `plan ${inForce.record.epoch} is plan ${epoch} again; rules are ${digest} and were ${then}`);
  }

  /** At rest, long after every deadline. */
  judgeAtRest(): void {
    const { operations } = this.#world.store;
    const waits = operations.at(-1)?.confirmation;
    if (waits !== undefined) this.#fail("confirmed", `plan ${waits.epoch} still waits for its confirmation`);
    for (const [epoch, pending] of this.#pending) this.#takenBack(epoch, pending);
  }

  #takenBack(epoch: Epoch, { proposal, topologyVersion, settingsVersion, confirmed }: Pending): void {
    this.#count(`confirmed: ${confirmed}`);
    if (confirmed !== "no" || proposal === undefined) return;
    const { topologies, settings } = this.#world.store;
    for (const change of proposal.topologyChanges) {
      if (change.kind !== "set-link-state") continue;
      const drainIn = (topology: TopologyDocument | undefined) => topology?.links.find(({ id }) => id === change.linkId)?.drain;
      if (drainIn(topologies[proposal.basis.topologyVersion - 1]) === change.drain) continue;
      this.#count("confirmed: element back");
      if (topologies.slice(topologyVersion - 1).every((topology) => drainIn(topology) === change.drain))
        this.#fail("confirmed", `nobody confirmed plan ${epoch}, and link ${change.linkId} is still ${change.drain}`);
    }
    const { splitWeightSumMax } = proposal.settings;
    if (splitWeightSumMax === undefined || settings[proposal.basis.settingsVersion - 1]?.splitWeightSumMax === splitWeightSumMax) return;
    if (settings.slice(settingsVersion - 1).every((each) => each.splitWeightSumMax === splitWeightSumMax))
      this.#fail("confirmed", `nobody confirmed plan ${epoch}, and splitWeightSumMax is still ${splitWeightSumMax}`);
  }

  #count(what: string): void {
    this.#world.checks.count(`operator ${what}`);
  }

  #fail(invariant: string, message: string): never {
    return this.#world.checks.fail(invariant, message);
  }
}

function baseOf(target: Plan | undefined): Plan | undefined {
  return target?.active?.base ?? target;
}

function flatRules({ rules }: Plan): ReadonlyMap<string, string> {
  return new Map(
    [...rules].flatMap(([nodeId, ofNode]) => [...ofNode].map(([key, rule]) => [`${nodeId} ${key}`, JSON.stringify(rule)] as const)),
  );
}

/** What a request that was refused must leave alone. */
function fingerprint({ inventory, operation, cycle, push, epoch, switches }: ControllerState): string {
  const { phase, topologyDirtyMs, demandsDirtyMs, assignments, by } = cycle;
  return JSON.stringify([
    [inventory.topologyVersion, inventory.demandsVersion, inventory.settingsVersion, operation.version, epoch],
    [operation.set, operation.confirmation],
    [inventory.writing?.persistId, inventory.queue.length, [...inventory.restate], inventory.revision],
    [phase.kind, phase.kind === "solving" ? phase.solveId : 0, topologyDirtyMs, demandsDirtyMs, assignments.labelNext, by],
    [push.target?.record.epoch, push.target?.active?.scenarioId, push.stale, push.purpose],
    [...switches.values()].map(({ nodeId, belief, isResyncDue }) => [nodeId, belief.kind, isResyncDue]),
  ]);
}
