/**
 * Deriving an update: the difference between what switches hold and should hold is ordered, and every state on the way walked. That is O(network), so it
 * is done in slices with other events in between, and for a plan that is still being written it is done ahead. What it was begun from is compared
 * each time, by identity: where anything of it has changed, it is begun anew.
 */
import type { Link, LinkId, Node, NodeId, NodeRules, RuleSet, Topology } from "@sluice/model";
import { orderUpdateSteps, someSteps, walkUpdateSteps, type Steps, type UpdatePlan, type WalkReport } from "@sluice/rules";
import { worstRules, type Belief } from "./belief.js";
import { effectiveTopology } from "./link-state.js";
import { retiredRules, updateTopology } from "./retired.js";
import type { ControllerState, VerifiedPlan } from "./state.js";

/** Times that a derivation is begun before it is done at once, whatever that holds up: a network that never rests still gets its update. */
const attemptsMax = 3;

export interface Derived {
  readonly update: UpdatePlan;
  readonly walk: WalkReport;
  /** Nodes whose rules were not known. */
  readonly provisional: ReadonlySet<NodeId>;
}

export interface Derivation {
  readonly basis: Basis;
  readonly steps: Steps<Derived>;
  /** How often it was begun since it was waited for, this time included; 0 where nothing waited for it then. */
  readonly attempt: number;
  derived: Derived | undefined;
}

/** All that an update depends on. */
interface Basis {
  readonly target: RuleSet;
  readonly effective: Topology;
  readonly retiredNodes: ReadonlyMap<NodeId, Node>;
  readonly retiredLinks: ReadonlyMap<LinkId, Link>;
  readonly retiredRules: ReadonlyMap<NodeId, NodeRules>;
  readonly beliefs: ReadonlyMap<NodeId, Belief>;
  readonly slack: number;
  readonly sweep: ControllerState["push"]["sweep"];
}

/**
 * Goes on with the derivation of this target's update, or begins it. `wanted`: the rules that it is to lead to, asked where it begins. Undefined where
 * the work of one event did not suffice: to be called again. `isAhead`: nothing waits for it yet, and it is never done at once. O(nodes) besides.
 */
export function advanceDerivation(
  state: ControllerState,
  target: VerifiedPlan,
  wanted: (installed: RuleSet) => RuleSet,
  { isAhead = false }: { readonly isAhead?: boolean } = {},
): Derived | undefined {
  const { push, config } = state;
  const derivation = isStillOf(state, target) ? push.derivation : begin(state, target, wanted, isAhead);
  push.derivation = derivation;
  if (derivation === undefined || derivation.derived !== undefined) return derivation?.derived;
  const costMax = derivation.attempt > attemptsMax ? Infinity : config.workPerEventMax;
  derivation.derived = someSteps(derivation.steps, costMax)?.value;
  return derivation.derived;
}

/** Whether the derivation at hand is of this target and of everything else as it is now. */
function isStillOf(state: ControllerState, target: VerifiedPlan): boolean {
  const { push, inventory, switches } = state;
  const basis = push.derivation?.basis;
  if (basis === undefined) return false;
  const { retired } = inventory;
  return (
    basis.target === target.rules &&
    basis.effective === effectiveTopology(state) &&
    basis.slack === inventory.settings.updateSlack &&
    basis.sweep === push.sweep &&
    isSame(basis.retiredNodes, retired.nodes) &&
    isSame(basis.retiredLinks, retired.links) &&
    isSame(basis.retiredRules, retired.rules) &&
    basis.beliefs.size === switches.size &&
    [...switches].every(([nodeId, { belief }]) => basis.beliefs.get(nodeId) === belief)
  );
}

function begin(
  state: ControllerState,
  target: VerifiedPlan,
  wanted: (installed: RuleSet) => RuleSet,
  isAhead: boolean,
): Derivation | undefined {
  const { push, inventory, switches } = state;
  const topology = updateTopology(state);
  const effective = effectiveTopology(state);
  if (topology === undefined || effective === undefined) return undefined;
  const former = push.derivation;
  const installed = new Map<NodeId, NodeRules>(retiredRules(state));
  const provisional = new Set<NodeId>();
  const beliefs = new Map<NodeId, Belief>();
  for (const { nodeId, belief } of switches.values()) {
    const rules = worstRules(belief);
    if (rules.size > 0) installed.set(nodeId, rules);
    if (belief.kind !== "known") provisional.add(nodeId);
    beliefs.set(nodeId, belief);
  }
  const slack = inventory.settings.updateSlack;
  const steps = derive({ topology, installed, target: wanted(installed), slack, provisional });
  const { nodes, links, rules } = inventory.retired;
  return {
    basis: {
      target: target.rules,
      effective,
      retiredNodes: new Map(nodes),
      retiredLinks: new Map(links),
      retiredRules: new Map(rules),
      beliefs,
      slack,
      // As it is once it is known what is wanted.
      sweep: push.sweep,
    },
    steps,
    attempt: isAhead
      ? 0
      : former !== undefined && former.derived === undefined && former.basis.target === target.rules
        ? former.attempt + 1
        : 1,
    derived: undefined,
  };
}

function* derive({
  topology,
  installed,
  target,
  slack,
  provisional,
}: {
  readonly topology: Topology;
  readonly installed: RuleSet;
  readonly target: RuleSet;
  readonly slack: number;
  readonly provisional: ReadonlySet<NodeId>;
}): Steps<Derived> {
  const update = yield* orderUpdateSteps({ topology, installed, target, slack });
  const walk = yield* walkUpdateSteps(topology, installed, update, { target });
  return { update, walk, provisional };
}

function isSame<K, V>(a: ReadonlyMap<K, V>, b: ReadonlyMap<K, V>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (b.get(key) !== value) return false;
  return true;
}
