/**
 * What forwards packets under an agent: the in-memory table here, a hardware or software switch elsewhere (Open vSwitch by
 * OpenFlow bundles is the next one). Answers may take time; the agent waits for one before it asks for the next.
 */
import type { GroupCounters, LinkCounters, LinkId, NodeRules, RuleOperation } from "@sluice/model";
import type { RuleFailure } from "@sluice/rules";

export interface LinkStatus {
  readonly linkId: LinkId;
  readonly up: boolean;
}

/** Totals since the datapath started. */
export interface CounterSample {
  readonly links: readonly LinkCounters[];
  readonly groups: readonly GroupCounters[];
}

export interface Datapath {
  /** How many rules the tables hold. */
  readonly ruleCountMax: number;
  /** What is installed now: a datapath may outlive its agent. Called once, before anything else. */
  rules(): NodeRules;
  /** All of it and no failures, or nothing of it and the operations that could not be applied. Applying it again changes nothing. */
  apply(operations: readonly RuleOperation[]): readonly RuleFailure[] | Promise<readonly RuleFailure[]>;
  /** State of the outgoing links as its ports show it: failover groups go by the same, without asking anyone. */
  links(): readonly LinkStatus[];
  /** Tells every change of a link from now on; the function returned ends that. */
  onLinkChange(listener: (change: LinkStatus) => void): () => void;
  /**
   * Tells the rules that the switch turned out to hold instead of those it was told: it restarted, or another hand changed it. Never in the
   * middle of `apply`, but for one that failed. The function returned ends that.
   */
  onRulesFound(listener: (rules: NodeRules) => void): () => void;
  counters(): CounterSample | Promise<CounterSample>;
}
