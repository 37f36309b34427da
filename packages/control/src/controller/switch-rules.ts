/** What a switch holds against what it should: for operators who look whether the two agree, rule by rule. */
import type { NodeId, NodeRules } from "@sluice/model";
import { noRules } from "./belief.js";
import type { ControllerState } from "./state.js";

export interface SwitchRules {
  /** What it last said, or acknowledged, that it holds; undefined while that is not known. */
  readonly installed: NodeRules | undefined;
  /** Those of the plan that is in force or being pushed, with the scenario that is active. */
  readonly intended: NodeRules;
}

/** Undefined for a node that the topology does not have. Shared with the machine: do not mutate. O(1). */
export function switchRules({ switches, push }: ControllerState, nodeId: NodeId): SwitchRules | undefined {
  const one = switches.get(nodeId);
  if (one === undefined) return undefined;
  const intended = (push.target ?? push.inForce)?.rules.get(nodeId) ?? noRules;
  return { installed: one.belief.kind === "known" ? one.belief.rules : undefined, intended };
}
