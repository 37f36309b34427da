/** What the controller says to agents, between protobuf and the domain. */
import { admit, ok, unreachable, type ControllerMessage, type Result } from "@sluice/model";
import { z } from "zod";
import type * as wire from "../generated/sluice/v1/switch_service.js";
import { eachFromWire, missingField, uint64, uint64Schema } from "./field.js";
import { ruleOperationFromWire, ruleOperationToWire } from "./rule-codec.js";

/** Most operations in one stage message. */
export const operationsMax = 100_000;

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
      };
      return { message: { $case: "stage", value } };
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
    case "stage": {
      const { operations, ...rest } = message.value;
      const stage = admit(stageSchema, rest, ["stage"]);
      if (!stage.ok) return stage;
      const converted = eachFromWire(operations, ["stage", "operations"], { countMax: operationsMax, convert: ruleOperationFromWire });
      return converted.ok ? ok({ kind: "stage", ...stage.value, operations: converted.value }) : converted;
    }
    case "ping": {
      const ping = admit(pingSchema, message.value, ["ping"]);
      return ping.ok ? ok({ kind: "ping", ...ping.value }) : ping;
    }
    default:
      return unreachable(message);
  }
}
