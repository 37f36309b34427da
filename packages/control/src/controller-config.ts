/** What the controller's machine is told at its start, and every limit it keeps. */
import { confirmWithinSecondsMax, operationSettingsDefault, penaltyMax } from "@sluice/model";

export interface ControllerConfig {
  /** Names this controller to agents and in events. */
  readonly controllerId: string;

  /** At least this long between the starts of two solves that demands or settings ask for, ms: the length of a cycle. */
  readonly solveIntervalMinMs: number;
  /** How long a change of the topology waits for others before it is solved for, ms: both ends of a cut cable report it. */
  readonly topologySettleMs: number;
  /** At least this long between the starts of two solves that the topology asks for, ms. */
  readonly topologySolveIntervalMinMs: number;
  /** A solver that has not answered this long after the plan's own deadline is given up, ms. */
  readonly solveOverrunMaxMs: number;
  /** Wait after a failed solve, push or write; doubles up to the maximum, ms. */
  readonly failureBackoffMinMs: number;
  readonly failureBackoffMaxMs: number;
  /** Splits for scenarios that are not there this long after they were asked for are given up, ms. */
  readonly protectOverrunMaxMs: number;
  /** Work per tick on checking splits, in operations compiled and ways followed; at least one split is checked. */
  readonly protectWorkPerTickMax: number;
  /** Operations that are kept for all scenarios of a plan; scenarios beyond are not prepared. */
  readonly scenarioOperationsMax: number;
  /** Operations in one message that gives scenarios to an agent; a larger scenario has a message of its own. */
  readonly preparedOperationsPerMessageMax: number;
  /** News of links waits this long for more of it before a scenario is chosen, ms: both ends of a cut cable report it. */
  readonly activationSettleMs: number;

  /**
   * Work within one event on verifying a plan or deriving an update, in rules and ways looked at; the rest waits for the next tick. Smaller networks
   * never wait.
   */
  readonly workPerEventMax: number;

  /** New demands wait while a push makes progress; one that made none for this long is overtaken, ms. */
  readonly pushPatienceMs: number;
  /** A stage that is not acknowledged by then ends its stream, ms. */
  readonly ackTimeoutMs: number;
  /** The same for the rules of a switch that were asked for, ms. */
  readonly readTimeoutMs: number;
  /** A stream without a hello is closed after this, ms. */
  readonly helloTimeoutMs: number;
  /** Between two probes of a stream, ms. Shorter than what agents take for silence. */
  readonly pingIntervalMs: number;
  /** A stream that stayed silent for this long is closed, ms. */
  readonly silenceMaxMs: number;
  /**
   * How long transit rules outlive the last switch of traffic away from them, ms: longer than a packet lives in a
   * tunnel, queues included.
   */
  readonly drainGraceMs: number;
  /**
   * After its start a controller waits this long for the agents of all nodes, ms; then it works without the missing
   * ones and takes them to forward as the last plan says.
   */
  readonly adoptGraceMs: number;

  /** A link that came up is used again after this, if it stays up, ms. This and the next three hold until an operator sets them. */
  readonly linkUpHoldMs: number;
  /** A link's penalty for falling halves in this time, ms (RFC 2439). */
  readonly dampingHalfLifeMs: number;
  /** A fall adds 1,000; a link above this counts as down until its penalty is below `dampingReuseBelow`. */
  readonly dampingSuppressAbove: number;
  readonly dampingReuseBelow: number;
  /** No penalty is higher: bounds how long a link that has become quiet stays suppressed. */
  readonly dampingPenaltyMax: number;

  /** Longest time within which a plan may have to be confirmed, seconds. */
  readonly confirmWithinSecondsMax: number;

  /** This share of the connected agents, and three at least, lost within the window is a fault of the control network. */
  readonly massLossShare: number;
  readonly massLossWindowMs: number;
  /** After so long without them the controller goes on without the missing agents, ms. */
  readonly frozenMaxMs: number;

  /** Streams that may be open at once. Further ones are refused. */
  readonly streamsMax: number;
  /** Inventory changes that may wait to be written. Further ones are refused as `unavailable`. */
  readonly inventoryQueueMax: number;
  /** Events that may wait to be written; beyond, the oldest are dropped and counted. */
  readonly eventQueueMax: number;
  /** Events in one write. */
  readonly eventBatchMax: number;
  /** Rules that one switch may report; a report beyond that ends its stream. */
  readonly rulesReadMax: number;
}

export const controllerConfigDefault: Omit<ControllerConfig, "controllerId"> = {
  solveIntervalMinMs: 5_000,
  topologySettleMs: 50,
  topologySolveIntervalMinMs: 500,
  solveOverrunMaxMs: 5_000,
  // Longer than the solver's process takes at most, which gives what it has by then.
  protectOverrunMaxMs: 330_000,
  // Ten milliseconds or so: news of a failure may have to wait for them.
  protectWorkPerTickMax: 500,
  scenarioOperationsMax: 2_000_000,
  preparedOperationsPerMessageMax: 1_000,
  activationSettleMs: 10,
  failureBackoffMinMs: 1_000,
  failureBackoffMaxMs: 10_000,
  // Twenty milliseconds or so.
  workPerEventMax: 5_000,
  pushPatienceMs: 2_000,
  ackTimeoutMs: 5_000,
  readTimeoutMs: 5_000,
  helloTimeoutMs: 5_000,
  pingIntervalMs: 4_000,
  silenceMaxMs: 12_000,
  drainGraceMs: 500,
  adoptGraceMs: 10_000,
  linkUpHoldMs: operationSettingsDefault.linkUpHoldMs,
  dampingHalfLifeMs: operationSettingsDefault.dampingHalfLifeMs,
  dampingSuppressAbove: operationSettingsDefault.dampingSuppressAbove,
  dampingReuseBelow: operationSettingsDefault.dampingReuseBelow,
  // Four half-lives above the threshold of reuse: one minute.
  dampingPenaltyMax: penaltyMax,
  confirmWithinSecondsMax,
  massLossShare: 0.2,
  massLossWindowMs: 2_000,
  frozenMaxMs: 600_000,
  streamsMax: 5_000,
  inventoryQueueMax: 64,
  eventQueueMax: 10_000,
  eventBatchMax: 1_000,
  rulesReadMax: 1_000_000,
};
