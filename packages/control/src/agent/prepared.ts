/**
 * What the agent keeps for failures that have not happened: operations by scenario, of one plan, bounded. In memory only: an agent that
 * starts anew has none, says so when a stage names one, and is told the operations in full.
 */
import type { ControllerMessage, Epoch, RuleOperation, ScenarioId } from "@sluice/model";

export interface PreparedScenarios {
  /** Of the plan whose scenarios these are. */
  epoch: Epoch;
  readonly byScenario: Map<ScenarioId, readonly RuleOperation[]>;
  /** Operations of all scenarios; one that has none counts as one. */
  size: number;
}

export function noScenarios(): PreparedScenarios {
  return { epoch: 0, byScenario: new Map(), size: 0 };
}

/**
 * Keeps what the message brings, in its order, as far as there is room for `operationsMax`; gives back the scenarios that did not fit. What is
 * kept of another plan is dropped first, and with `replaces` all; a scenario that comes again replaces what is kept of it. O(scenarios).
 */
export function keepScenarios(
  kept: PreparedScenarios,
  { epoch, replaces, scenarios }: Extract<ControllerMessage, { kind: "prepare" }>,
  operationsMax: number,
): readonly ScenarioId[] {
  if (replaces || epoch !== kept.epoch) {
    kept.epoch = epoch;
    kept.byScenario.clear();
    kept.size = 0;
  }
  // Older operations for the same failure are wrong ones, whether the newer fit or not.
  for (const { scenarioId } of scenarios) drop(kept, scenarioId);
  const refused: ScenarioId[] = [];
  for (const { scenarioId, operations } of scenarios) {
    const size = sizeOf(operations);
    if (kept.size + size > operationsMax) {
      refused.push(scenarioId);
      continue;
    }
    kept.byScenario.set(scenarioId, operations);
    kept.size += size;
  }
  return refused;
}

/** Undefined where nothing is kept for that scenario of that plan. */
export function keptOperations(
  kept: PreparedScenarios,
  { epoch, scenarioId }: { readonly epoch: Epoch; readonly scenarioId: ScenarioId },
): readonly RuleOperation[] | undefined {
  return epoch === kept.epoch ? kept.byScenario.get(scenarioId) : undefined;
}

function drop(kept: PreparedScenarios, scenarioId: ScenarioId): void {
  const operations = kept.byScenario.get(scenarioId);
  if (operations === undefined) return;
  kept.byScenario.delete(scenarioId);
  kept.size -= sizeOf(operations);
}

function sizeOf(operations: readonly RuleOperation[]): number {
  return Math.max(1, operations.length);
}
