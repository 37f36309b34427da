/** What the controller says to agents, between protobuf and the domain. */
import { admit, fault, ok, refuse, unreachable, type ControllerMessage, type Result } from "@sluice/model";
import { z } from "zod";
import type * as wire from "../generated/sluice/v1/switch_service.js";
import { eachFromWire, missingField, present, uint64, uint64Schema } from "./field.js";
import { operationsMax, ruleOperationFromWire, ruleOperationToWire } from "./rule-codec.js";
import { scenarioIdSchema, scenariosFromWire, scenarioToWire } from "./scenario-codec.js";

const welcomeSchema = z.strictObject({ term: uint64Schema, controllerId: z.string().min(1).max(128) });
const readRulesSchema = z.strictObject({ term: uint64Schema, requestId: uint64Schema });
const stageSchema = z.strictObject({
  term: uint64Schema,
  epoch: uint64Schema,
  stage: z
    .int()
    .min(0)
    .max(2 ** 32 - 1),
  sequence: uint64Schema,
});
const preparedScenarioSchema = z.strictObject({ epoch: uint64Schema, scenarioId: scenarioIdSchema });
const prepareSchema = z.strictObject({ term: uint64Schema, epoch: uint64Schema, sequence: uint64Schema, replaces: z.boolean() });
const pingSchema = z.strictObject({ nonce: uint64Schema });

export function controllerMessageToWire(message: ControllerMessage): wire.ConnectResponse {
  switch (message.kind) {
    case "welcome":
      return { message: { $case: "welcome", value: { term: uint64(message.term), controllerId: message.controllerId } } };
    case "read-rules":
      return { message: { $case: "readRules", value: { term: uint64(message.term), requestId: uint64(message.requestId) } } };
    case "stage": {
      const value = {
        term: uint64(message.term),
        epoch: uint64(message.epoch),
        stage: message.stage,
        sequence: uint64(message.sequence),
        operations: message.operations.map(ruleOperationToWire),
        prepared:
          message.prepared === undefined ? undefined : { epoch: uint64(message.prepared.epoch), scenarioId: message.prepared.scenarioId },
      };
      return { message: { $case: "stage", value } };
    }
    case "prepare": {
      const value = {
        term: uint64(message.term),
        epoch: uint64(message.epoch),
        sequence: uint64(message.sequence),
        replaces: message.replaces,
        scenarios: message.scenarios.map(scenarioToWire),
      };
      return { message: { $case: "prepare", value } };
    }
    case "ping":
      return { message: { $case: "ping", value: { nonce: uint64(message.nonce) } } };
    default:
      return unreachable(message);
  }
}

/** Refuses with pointers such as `/stage/operations/3/put/meter/rateBps`. */
export function controllerMessageFromWire({ message }: wire.ConnectResponse): Result<ControllerMessage> {
  if (message === undefined) return missingField(["message"], "exactly one kind of message is required");
  switch (message.$case) {
    case "welcome": {
      const welcome = admit(welcomeSchema, message.value, ["welcome"]);
      return welcome.ok ? ok({ kind: "welcome", ...welcome.value }) : welcome;
    }
    case "readRules": {
      const read = admit(readRulesSchema, message.value, ["readRules"]);
      return read.ok ? ok({ kind: "read-rules", ...read.value }) : read;
    }
    case "stage":
      return stageFromWire(message.value);
    case "prepare": {
      const { scenarios, ...rest } = message.value;
      const prepare = admit(prepareSchema, rest, ["prepare"]);
      if (!prepare.ok) return prepare;
      const converted = scenariosFromWire(scenarios, ["prepare", "scenarios"]);
      return converted.ok ? ok({ kind: "prepare", ...prepare.value, scenarios: converted.value }) : converted;
    }
    case "ping": {
      const ping = admit(pingSchema, message.value, ["ping"]);
      return ping.ok ? ok({ kind: "ping", ...ping.value }) : ping;
    }
    default:
      return unreachable(message);
  }
}

function stageFromWire({ operations, prepared, ...rest }: wire.Stage): Result<ControllerMessage> {
  const stage = admit(stageSchema, rest, ["stage"]);
  if (!stage.ok) return stage;
  const converted = eachFromWire(operations, ["stage", "operations"], { countMax: operationsMax, convert: ruleOperationFromWire });
  if (!converted.ok) return converted;
  if (prepared === undefined) return ok({ kind: "stage", ...stage.value, operations: converted.value });
  const named = admit(preparedScenarioSchema, { ...prepared, scenarioId: present(prepared.scenarioId) }, ["stage", "prepared"]);
  if (!named.ok) return named;
  if (operations.length > 0) {
    const pointer = "/stage/prepared";
    return refuse(fault("not-allowed", `${pointer}: a stage has operations or names a scenario, not both.`, { pointer }));
  }
  return ok({ kind: "stage", ...stage.value, operations: [], prepared: named.value });
}
