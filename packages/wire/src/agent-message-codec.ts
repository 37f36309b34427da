/** What agents say, between protobuf and the domain. */
import { admit, faultCodes, linkIdSchema, nodeIdSchema, ok, unreachable, type AgentMessage, type Result } from "@sluice/model";
import { z } from "zod";
import * as wire from "../generated/sluice/v1/switch_service.js";
import { eachFromWire, enumCodec, missingField, present, uint64, uint64Schema } from "./field.js";
import { failureKeySchema, ruleFromWire, ruleToWire } from "./rule-codec.js";
import { scenarioIdSchema, scenariosMax } from "./scenario-codec.js";

/** Most outgoing links of one switch. */
export const portsMax = 4_096;
/** Most rules in one message of a report. */
export const rulesPerMessageMax = 10_000;
/** Most failures in one acknowledgement. */
export const failuresMax = 10_000;
/** Most ingress groups in one counter sample. */
export const groupsMax = 100_000;
/** Longest reason that an agent may give, in UTF-16 code units. */
const reasonLengthMax = 1_024;

const statusCodec = enumCodec<"received" | "programmed" | "failed">(["received", "programmed", "failed"], {
  received: wire.AckStatus.ACK_STATUS_RECEIVED,
  programmed: wire.AckStatus.ACK_STATUS_PROGRAMMED,
  failed: wire.AckStatus.ACK_STATUS_FAILED,
});
const refusalCodec = enumCodec<"stale-term" | "stale-epoch">(["stale-term", "stale-epoch"], {
  "stale-term": wire.RefusalCode.REFUSAL_CODE_STALE_TERM,
  "stale-epoch": wire.RefusalCode.REFUSAL_CODE_STALE_EPOCH,
});

const countSchema = z
  .int()
  .min(0)
  .max(2 ** 32 - 1);
const digestSchema = z.string().max(128);

const helloSchema = z.strictObject({
  nodeId: nodeIdSchema,
  bootId: z.string().min(1).max(128),
  termSeen: uint64Schema,
  epochSeen: uint64Schema,
  digest: digestSchema,
  ruleCount: countSchema,
  ruleCountMax: countSchema,
  links: z.array(z.strictObject({ linkId: linkIdSchema, up: z.boolean() })).max(portsMax),
});
const ackSchema = z.strictObject({
  term: uint64Schema,
  epoch: uint64Schema,
  stage: countSchema,
  sequence: uint64Schema,
  status: z.enum(["received", "programmed", "failed"]),
  failures: z
    .array(z.strictObject({ key: failureKeySchema, code: z.enum(faultCodes), reason: z.string().max(reasonLengthMax) }))
    .max(failuresMax),
  digest: digestSchema,
});
const refusedSchema = z.strictObject({
  sequence: uint64Schema,
  code: z.enum(["stale-term", "stale-epoch"]),
  termSeen: uint64Schema,
  epochSeen: uint64Schema,
});
const preparedSchema = z.strictObject({
  term: uint64Schema,
  epoch: uint64Schema,
  sequence: uint64Schema,
  held: countSchema,
  refused: z.array(scenarioIdSchema).max(scenariosMax),
});
const linkEventSchema = z.strictObject({ linkId: linkIdSchema, up: z.boolean() });
const countersSchema = z.strictObject({
  links: z.array(z.strictObject({ linkId: linkIdSchema, transmittedBytes: uint64Schema, droppedBytes: uint64Schema })).max(portsMax),
  groups: z.array(z.strictObject({ groupId: countSchema, offeredBytes: uint64Schema, admittedBytes: uint64Schema })).max(groupsMax),
});
const pongSchema = z.strictObject({ nonce: uint64Schema });
const rulesSchema = z.strictObject({ requestId: uint64Schema, last: z.boolean() });

export function agentMessageToWire(message: AgentMessage): wire.ConnectRequest {
  return { message: bodyToWire(message) };
}

function bodyToWire(message: AgentMessage): NonNullable<wire.ConnectRequest["message"]> {
  switch (message.kind) {
    case "hello": {
      const { nodeId, bootId, digest, ruleCount, ruleCountMax } = message;
      const seen = { termSeen: uint64(message.termSeen), epochSeen: uint64(message.epochSeen) };
      const links = message.links.map((link) => ({ ...link }));
      return { $case: "hello", value: { nodeId, bootId, ...seen, digest, ruleCount, ruleCountMax, links } };
    }
    case "rules":
      return {
        $case: "rules",
        value: { requestId: uint64(message.requestId), rules: message.rules.map(ruleToWire), last: message.last },
      };
    case "ack":
      return {
        $case: "ack",
        value: {
          term: uint64(message.term),
          epoch: uint64(message.epoch),
          stage: message.stage,
          sequence: uint64(message.sequence),
          status: statusCodec.toWire(message.status),
          failures: message.failures.map((failure) => ({ ...failure, reason: failure.reason.slice(0, reasonLengthMax) })),
          digest: message.digest,
        },
      };
    case "refused":
      return {
        $case: "refused",
        value: {
          sequence: uint64(message.sequence),
          code: refusalCodec.toWire(message.code),
          termSeen: uint64(message.termSeen),
          epochSeen: uint64(message.epochSeen),
        },
      };
    case "prepared":
      return {
        $case: "prepared",
        value: {
          term: uint64(message.term),
          epoch: uint64(message.epoch),
          sequence: uint64(message.sequence),
          held: message.held,
          refused: [...message.refused],
        },
      };
    case "link-event":
      return { $case: "linkEvent", value: { linkId: message.linkId, up: message.up } };
    case "counters": {
      const links = message.links.map(({ linkId, transmittedBytes, droppedBytes }) => ({
        linkId,
        transmittedBytes: uint64(transmittedBytes),
        droppedBytes: uint64(droppedBytes),
      }));
      const groups = message.groups.map(({ groupId, offeredBytes, admittedBytes }) => ({
        groupId,
        offeredBytes: uint64(offeredBytes),
        admittedBytes: uint64(admittedBytes),
      }));
      return { $case: "counters", value: { links, groups } };
    }
    case "pong":
      return { $case: "pong", value: { nonce: uint64(message.nonce) } };
    default:
      return unreachable(message);
  }
}

/** Refuses with pointers such as `/hello/nodeId`. */
export function agentMessageFromWire({ message }: wire.ConnectRequest): Result<AgentMessage> {
  if (message === undefined) return missingField(["message"], "exactly one kind of message is required");
  switch (message.$case) {
    case "hello": {
      const { nodeId, bootId, ...rest } = message.value;
      return kinded("hello", admit(helloSchema, { nodeId: present(nodeId), bootId: present(bootId), ...rest }, ["hello"]));
    }
    case "rules": {
      const { rules, ...rest } = message.value;
      const header = admit(rulesSchema, rest, ["rules"]);
      if (!header.ok) return header;
      const converted = eachFromWire(rules, ["rules", "rules"], { countMax: rulesPerMessageMax, convert: ruleFromWire });
      return converted.ok ? ok({ kind: "rules", ...header.value, rules: converted.value }) : converted;
    }
    case "ack":
      return kinded("ack", admit(ackSchema, { ...message.value, status: statusCodec.fromWire(message.value.status) }, ["ack"]));
    case "refused":
      return kinded("refused", admit(refusedSchema, { ...message.value, code: refusalCodec.fromWire(message.value.code) }, ["refused"]));
    case "prepared":
      return kinded("prepared", admit(preparedSchema, message.value, ["prepared"]));
    case "linkEvent":
      return kinded("link-event", admit(linkEventSchema, message.value, ["linkEvent"]));
    case "counters":
      return kinded("counters", admit(countersSchema, message.value, ["counters"]));
    case "pong":
      return kinded("pong", admit(pongSchema, message.value, ["pong"]));
    default:
      return unreachable(message);
  }
}

function kinded<Kind extends string, T extends object>(kind: Kind, result: Result<T>): Result<T & { readonly kind: Kind }> {
  return result.ok ? ok({ kind, ...result.value }) : result;
}
