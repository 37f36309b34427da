/** What agents are given for failures that have not happened, between protobuf and the domain. */
import { admit, fault, ok, pointerOf, refuse, type Result, type RuleOperation, type ScenarioId } from "@sluice/model";
import { z } from "zod";
import type * as wire from "../generated/sluice/v1/switch_service.js";
import { eachFromWire, present } from "./field.js";
import { operationsMax, ruleOperationFromWire, ruleOperationToWire, scenarioIdLengthMax } from "./rule-codec.js";

/** Most scenarios in one message. */
export const scenariosMax = 10_000;

export const scenarioIdSchema = z.string().min(1).max(scenarioIdLengthMax);

export interface PreparedOperations {
  readonly scenarioId: ScenarioId;
  readonly operations: readonly RuleOperation[];
}

export function scenarioToWire({ scenarioId, operations }: PreparedOperations): wire.Scenario {
  return { scenarioId, operations: operations.map(ruleOperationToWire) };
}

/** Refuses more than `scenariosMax`, more than `operationsMax` operations in all, and a scenario that comes twice. */
export function scenariosFromWire(scenarios: readonly wire.Scenario[], at: readonly PropertyKey[]): Result<readonly PreparedOperations[]> {
  const operationCount = scenarios.reduce((sum, { operations }) => sum + operations.length, 0);
  if (operationCount > operationsMax) {
    const pointer = pointerOf(at);
    return refuse(
      fault("too-many", `${pointer} have ${operationCount} operations in all; at most ${operationsMax} are allowed.`, { pointer }),
    );
  }
  const seen = new Set<ScenarioId>();
  return eachFromWire(scenarios, at, {
    countMax: scenariosMax,
    convert(scenario, here) {
      const id = admit(scenarioIdSchema, present(scenario.scenarioId), [...here, "scenarioId"]);
      if (!id.ok) return id;
      if (seen.has(id.value)) {
        const pointer = pointerOf([...here, "scenarioId"]);
        return refuse(fault("duplicate-id", `${pointer}: this scenario comes twice.`, { pointer }));
      }
      seen.add(id.value);
      const operations = eachFromWire(scenario.operations, [...here, "operations"], {
        countMax: operationsMax,
        convert: ruleOperationFromWire,
      });
      return operations.ok ? ok({ scenarioId: id.value, operations: operations.value }) : operations;
    },
  });
}
