/** What the search for a demand's smallest change has in common: the question, its answer, and planning again. */
import {
  flowGroupId,
  ok,
  type FlowGroupId,
  type LinkId,
  type NodeId,
  type Plan,
  type Result,
  type Snapshot,
  type Topology,
} from "@sluice/model";
import type { DemandExplanation } from "./explain-demand.js";
import { optimize, type OptimizeOptions } from "./optimize.js";
import { rateText } from "./rate-text.js";

export interface CapacityAddition {
  readonly linkId: LinkId;
  readonly extraBps: number;
}

export interface SmallestChange {
  /**
   * `capacity`: more of it on these links; `latency-bound`: a higher one; `restore`: elements brought up or undrained; `none`: no such
   * change helps, or none was found.
   */
  readonly kind: "capacity" | "latency-bound" | "restore" | "none";
  /** For `capacity`, sorted by link. */
  readonly additions: readonly CapacityAddition[];
  readonly additionBps: number;
  /**
   * Of capacity: no addition of less would do, on the demand's candidate tunnels, as long as the higher classes stay where they are and
   * its own class's other demands keep what they have. `additionBps` may be above it where others take a part of what is added.
   */
  readonly additionBpsMin?: number | undefined;
  /** What makes room for the demand with that; a plan may give the room to others first. */
  readonly additionsMin?: readonly CapacityAddition[] | undefined;
  /** For `latency-bound`: that of the fastest path. */
  readonly latencyMsMax?: number | undefined;
  /** For `restore`. */
  readonly linkIds?: readonly LinkId[] | undefined;
  readonly nodeIds?: readonly NodeId[] | undefined;
  /** What planning again with the change admits of the demand; for `none`, what is admitted now. */
  readonly admittedBps: number;
  /** Whether planning again allots all of the demand. */
  readonly isEnough: boolean;
  readonly sentence: string;
}

export interface ChangeOptions extends Pick<OptimizeOptions, "lp" | "nowMs" | "candidates"> {
  /** Plans are made again for so long at most, ms; the best that was found until then is the answer. */
  readonly budgetMs?: number | undefined;
}

/** Relative: an allotment this near to the demand is all of it. */
export const allottedShareMin = 1 - 1e-5;

export interface Scene {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly topology: Topology;
  readonly explained: DemandExplanation;
  readonly id: FlowGroupId;
  readonly options: ChangeOptions;
}

export function noChange({ explained, id }: Scene, why: string): SmallestChange {
  return { kind: "none", additions: [], additionBps: 0, admittedBps: explained.admittedBps, isEnough: false, sentence: `${id}: ${why}.` };
}

/** The demand's part of a plan made anew. */
export interface Verdict {
  readonly plan: Plan;
  readonly admittedBps: number;
  readonly isEnough: boolean;
}

export async function planAgain({ explained, id, options }: Scene, snapshot: Snapshot): Promise<Result<Verdict>> {
  const { lp, nowMs, candidates } = options;
  const made = await optimize(snapshot, { lp, nowMs, candidates });
  if (!made.ok) return made;
  const { plan } = made.value;
  const group = plan.groups.find((each) => flowGroupId(each) === id);
  const allottedBps = allottedOf(group);
  return ok({ plan, admittedBps: group?.admittedBps ?? 0, isEnough: allottedBps >= allottedShareMin * explained.demandBps });
}

export function allottedOf(group: Plan["groups"][number] | undefined): number {
  return group?.members.reduce((sum, member) => sum + member.allottedBps, 0) ?? 0;
}

export function outcomeText({ explained }: Scene, { admittedBps, isEnough }: Verdict): string {
  return isEnough ? `all ${rateText(explained.demandBps)} would be admitted` : `${rateText(admittedBps)} of it would be admitted`;
}
