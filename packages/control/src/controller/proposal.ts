/**
 * Applying a proposal. It is bound to the inputs that it was made from: where any of them is another one now it is refused, and says which. Then
 * its changes are validated as if they came alone, the plan verified as if a cycle had made it, and what it would do held against the limits.
 */
import {
  admitProposal,
  applyTopologyChanges,
  basisHash,
  canonicalJson,
  changeSettings,
  checkDemandEnds,
  fault,
  nothingToUndo,
  ok,
  parseDemandMatrix,
  planSnapshot,
  undoOf,
  type DemandMatrix,
  type Fault,
  type PlanSettings,
  type Proposal,
  type Result,
  type Snapshot,
  type Topology,
  type TopologyDocument,
} from "@sluice/model";
import { blastRadiusFaults, blastRadiusOf, type BlastRadius, type PlanInPlace } from "@sluice/rules";
import { confirmationOf } from "./confirmation.js";
import { asReported, effectiveTopology } from "./link-state.js";
import { operationDocument } from "./operation.js";
import { inputsToPlanOn, recordOf } from "./plan-write.js";
import { basePlan } from "./protection.js";
import type { ControllerState, InventoryRequest, PlanWrite } from "./state.js";
import { heldRules } from "./switches.js";
import { assignmentsToPlanOn, type PlanToVerify, type VerifiedCycle } from "./verify.js";

/** Links that one refusal names. */
const linksNamedMax = 10;

type Apply = Extract<InventoryRequest, { kind: "apply-proposal" }>;

/** A proposal that holds for the network and the inputs of now, as far as can be told without its plan. */
export interface ProposalInPlace {
  readonly proposal: Proposal;
  readonly toVerify: PlanToVerify;
  readonly stored: { readonly topology: Topology; readonly settings: PlanSettings };
  readonly after: InputsAfter;
}

/** Everything but the verification of its plan. O(V + E + demands). */
export function proposalInPlace(state: ControllerState, asked: Apply): Result<ProposalInPlace> {
  const inputs = inputsToPlanOn(state);
  if (!inputs.ok) return inputs;
  const admitted = admitProposal(asked.proposal);
  if (!admitted.ok) return admitted;
  const proposal = admitted.value;
  const [stale, ...alsoStale] = staleVersions(state, proposal, asked.tolerateDemands === true);
  if (stale !== undefined) return { ok: false, faults: [stale, ...alsoStale] };
  const after = inputsAfter(state, proposal, inputs.value.demands);
  if (!after.ok) return after;
  const { topology, settings, demands, demandsWaiting } = after.value;
  const { mode } = state.operation.settings;
  const snapshot = planSnapshot({ topology: asReported(state.inventory, topology), demands, settings }, mode);
  const [changed, ...alsoChanged] = changedSince(state, proposal, { snapshot, inputs: inputs.value, demandsWaiting });
  if (changed !== undefined) return { ok: false, faults: [changed, ...alsoChanged] };
  const toVerify: PlanToVerify = {
    snapshot,
    plan: proposal.plan,
    assignmentsBefore: assignmentsToPlanOn(state.cycle.assignments, heldRules(state), state.push.target),
    rulesBefore: state.push.target?.rules,
  };
  return ok({ proposal, toVerify, stored: inputs.value.stored, after: after.value });
}

/** The write of a proposal whose plan was verified for what it is in place for. */
export function proposalWrite(
  state: ControllerState,
  asked: Apply,
  { proposal, toVerify, stored, after }: ProposalInPlace,
  verified: Result<VerifiedCycle>,
): Result<PlanWrite> {
  if (!verified.ok) return verified;
  const { topology, settings, demandsWaiting } = after;
  const { input, inputHash, rules, digests, walk, assignmentsAfter, assignmentsRecord, rulesDigest, ruleCount } = verified.value;
  const allowed = withinLimits(state, { plan: proposal.plan, rules, demands: toVerify.snapshot.demands }, asked.force);
  if (!allowed.ok) return allowed;
  const undo = asked.confirmWithinSeconds === undefined ? nothingToUndo : undoOf(stored, { topology, settings });
  const confirmation = confirmationOf(state, asked, { undo });
  if (!confirmation.ok) return confirmation;
  const { plan, timings } = proposal;
  const record = recordOf(state, { plan, timings, inputHash, rulesDigest, ruleCount });
  return ok({
    kind: "plan",
    plan: { record, input, topology: verified.value.topology, rules, digests, walk, assignmentsAfter, by: asked.by },
    assignmentsAfter: assignmentsRecord,
    change: {
      ...(proposal.topologyChanges.length === 0 ? {} : { topology }),
      ...(Object.keys(proposal.settings).length === 0 ? {} : { settings }),
      ...(confirmation.value === undefined
        ? {}
        : { operation: operationDocument({ set: state.operation.set, confirmation: confirmation.value }) }),
    },
    // Proposals are for what was measured; what is blended with it changes with time and is planned for by a cycle.
    story: {
      kind: "proposal",
      force: asked.force,
      radius: allowed.value,
      demandsWaiting: demandsWaiting || state.operation.settings.demandSource.kind !== "measured",
    },
  });
}

/** What would change against what the switches should hold now; refused where it is more than the limits allow, unless forced. */
export function withinLimits({ push, operation }: ControllerState, after: PlanInPlace, force: boolean): Result<BlastRadius> {
  const base = push.target === undefined ? undefined : basePlan(push.target);
  const before: PlanInPlace =
    base === undefined
      ? { plan: { groups: [] }, rules: new Map(), demands: { demands: [] } }
      : { plan: base.record.plan, rules: base.rules, demands: base.input.demands };
  const radius = blastRadiusOf(before, after);
  const [first, ...rest] = force ? [] : blastRadiusFaults(radius, operation.settings.blastRadius);
  return first === undefined ? ok(radius) : { ok: false, faults: [first, ...rest] };
}

function staleVersions({ inventory }: ControllerState, { basis }: Proposal, tolerateDemands: boolean): readonly Fault[] {
  const parts = [
    ["topologyVersion", "topology", inventory.topologyVersion ?? 0],
    ...(tolerateDemands ? [] : [["demandsVersion", "demand matrix", inventory.demandsVersion ?? 0] as const]),
    ["settingsVersion", "settings", inventory.settingsVersion],
  ] as const;
  return parts
    .filter(([field, , now]) => basis[field] !== now)
    .map(([field, name, now]) =>
      fault("stale-version", `The proposal was made from version ${basis[field]} of the ${name}, and version ${now} is stored.`, {
        pointer: `/proposal/basis/${field}`,
        data: { version: now, versionAsked: basis[field] },
      }),
    );
}

interface InputsAfter {
  readonly topology: Topology;
  readonly settings: PlanSettings;
  readonly demands: DemandMatrix;
  /** Newer ones than the proposal's are stored. */
  readonly demandsWaiting: boolean;
}

function inputsAfter({ inventory }: ControllerState, proposal: Proposal, demandsNow: DemandMatrix): Result<InputsAfter> {
  const stored = inventory.topology;
  if (stored === undefined) return noTopology;
  const topology = proposal.topologyChanges.length === 0 ? ok(stored) : applyTopologyChanges(stored, proposal.topologyChanges);
  if (!topology.ok) return topology;
  const settings = changeSettings(inventory.settings, proposal.settings);
  if (!settings.ok) return settings;
  const demandsWaiting = proposal.basis.demandsVersion !== inventory.demandsVersion;
  if (!demandsWaiting) return ok({ topology: topology.value, settings: settings.value, demands: demandsNow, demandsWaiting });
  const matrix = parseDemandMatrix(proposal.snapshot.demands);
  const demands = matrix.ok ? checkDemandEnds(topology.value, matrix.value) : matrix;
  return demands.ok ? ok({ topology: topology.value, settings: settings.value, demands: demands.value, demandsWaiting }) : demands;
}

const noTopology: Result<never> = { ok: false, faults: [fault("not-ready", "There is no topology to change: send a whole one first.")] };

/** What no version tells: links that went down or came back, and the mode. */
function changedSince(
  state: ControllerState,
  { basis, snapshot: proposed }: Proposal,
  now: {
    readonly snapshot: Snapshot;
    readonly inputs: { readonly demands: DemandMatrix };
    readonly demandsWaiting: boolean;
  },
): readonly Fault[] {
  const { snapshot } = now;
  const faults: Fault[] = [];
  const pointer = "/proposal/basis/inputHash";
  const effective = effectiveTopology(state);
  const isBasis =
    now.demandsWaiting ||
    (effective !== undefined &&
      basisHash({ topology: effective, demands: now.inputs.demands, settings: state.inventory.settings }) === basis.inputHash);
  const isSameTopology = isSame(proposed.topology, snapshot.topology);
  if (!isBasis || !isSameTopology) {
    const links = operationalChanges(proposed.topology, snapshot.topology);
    const what = links.length === 0 ? "the network is not what it was" : links.slice(0, linksNamedMax).join(", ");
    faults.push(fault("stale-version", `Since the proposal was made ${what}.`, { pointer, data: { links: links.length } }));
  }
  if (!isSame(proposed.settings, snapshot.settings)) {
    const { mode } = state.operation.settings;
    faults.push(
      fault("stale-version", `The proposal was planned by other settings than hold now, in mode ${mode}.`, {
        pointer: "/proposal/snapshot/settings",
      }),
    );
  }
  return faults;
}

function operationalChanges(then: TopologyDocument | undefined, now: TopologyDocument): readonly string[] {
  if (!Array.isArray(then?.links)) return [];
  const before = new Map(then.links.map((link) => [link.id, link.operational]));
  return now.links.flatMap(({ id, operational }) => {
    const was = before.get(id);
    return was === undefined || was === operational ? [] : [`link ${id} ${operational === "down" ? "went down" : "came up"}`];
  });
}

/** The first may be anything. */
function isSame(proposed: unknown, own: unknown): boolean {
  try {
    return canonicalJson(proposed ?? null) === canonicalJson(own);
  } catch (cause) {
    if (cause instanceof RangeError) return false;
    throw cause;
  }
}
