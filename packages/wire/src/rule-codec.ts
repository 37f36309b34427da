/** Rules and operations on rules between protobuf and the domain. */
import {
  admit,
  labelMax,
  labelMin,
  linkIdSchema,
  ok,
  prefixSchema,
  rateBpsSchema,
  unreachable,
  type LabelAction,
  type Result,
  type Rule,
  type RuleOperation,
} from "@sluice/model";
import { z } from "zod";
import type * as wire from "../generated/sluice/v1/rule.js";
import { missingField } from "./field.js";

/** Most buckets of a group: the largest table budget that settings allow. */
export const bucketsMax = 1_024;
/** Most buckets of a failover group: a protected link and its ways around. */
export const failoverBucketsMax = 16;
/** Most operations in one message. */
export const operationsMax = 100_000;
/** Longest id of a scenario: two elements and what kind they are, in UTF-16 code units. */
export const scenarioIdLengthMax = 512;
/** Longest key of a rule: the kind and the numbers of its match. */
export const ruleKeyLengthMax = 64;

const numberSchema = z
  .int()
  .min(1)
  .max(2 ** 32 - 1);
const labelSchema = z.int().min(labelMin).max(labelMax);

const meterSchema = z.strictObject({ meterId: numberSchema, rateBps: rateBpsSchema, burstBits: rateBpsSchema });
const bucketSchema = z
  .strictObject({
    weight: z
      .int()
      .min(1)
      .max(2 ** 16 - 1),
    pushLabel: labelSchema,
    mplsTc: z.int().min(0).max(7),
    output: linkIdSchema,
    failoverId: labelSchema.optional(),
  })
  // What is absent on the wire is no key of the domain's value.
  .transform(({ failoverId, ...bucket }) => (failoverId === undefined ? bucket : { ...bucket, failoverId }));
const groupSchema = z.strictObject({ groupId: numberSchema, buckets: z.array(bucketSchema).min(1).max(bucketsMax) });
const failoverBucketSchema = z
  .strictObject({ output: linkIdSchema, pushLabel: labelSchema.optional() })
  .transform(({ output, pushLabel }) => (pushLabel === undefined ? { output } : { output, pushLabel }));
const failoverSchema = z.strictObject({
  failoverId: labelSchema,
  buckets: z.array(failoverBucketSchema).min(1).max(failoverBucketsMax),
});
const failoverOutputSchema = z.strictObject({ output: linkIdSchema, failoverId: labelSchema });
const ingressSchema = z.strictObject({
  dstPrefix: prefixSchema,
  dscp: z.int().min(0).max(63),
  meterId: numberSchema,
  groupId: numberSchema,
});
export const ruleKeySchema = z
  .string()
  .min(1)
  .max(ruleKeyLengthMax)
  .regex(
    /^(?:(?:meter|group|failover|label)\/\d{1,10}|ingress\/\d{1,2}\/\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2})$/,
    "must be the key of a rule, like meter/7 or ingress/46/10.0.3.0/24",
  );

/** What an acknowledgement may name as failed: a rule, or a scenario of which nothing is kept. */
export const failureKeySchema = z
  .string()
  .min(1)
  .refine(
    (key) => ruleKeySchema.safeParse(key).success || isScenarioKey(key),
    "must be the key of a rule, like meter/7, or of a scenario, like scenario/link:a-b",
  );

function isScenarioKey(key: string): boolean {
  const prefix = "scenario/";
  return key.startsWith(prefix) && key.length > prefix.length && key.length <= prefix.length + scenarioIdLengthMax;
}

export function ruleToWire(rule: Rule): wire.Rule {
  switch (rule.kind) {
    case "meter":
      return { rule: { $case: "meter", value: { meterId: rule.meterId, rateBps: rule.rateBps, burstBits: rule.burstBits } } };
    case "group":
      return { rule: { $case: "group", value: { groupId: rule.groupId, buckets: rule.buckets.map((bucket) => ({ ...bucket })) } } };
    case "ingress":
      return { rule: { $case: "ingress", value: { ...rule.match, meterId: rule.meterId, groupId: rule.groupId } } };
    case "failover":
      return {
        rule: { $case: "failover", value: { failoverId: rule.failoverId, buckets: rule.buckets.map((bucket) => ({ ...bucket })) } },
      };
    case "label":
      return { rule: { $case: "label", value: { label: rule.match.label, action: actionToWire(rule.action) } } };
    default:
      return unreachable(rule);
  }
}

function actionToWire(action: LabelAction): NonNullable<wire.LabelRule["action"]> {
  switch (action.kind) {
    case "output":
      return action.failoverId === undefined
        ? { $case: "output", value: action.link }
        : { $case: "failoverOutput", value: { output: action.link, failoverId: action.failoverId } };
    case "pop-deliver":
      return { $case: "popDeliver", value: {} };
    case "pop-output":
      return { $case: "popOutput", value: action.link };
    default:
      return unreachable(action);
  }
}

/** Refuses with pointers below `at`, e.g. `/stage/operations/3/put/group/buckets/0/pushLabel`. */
export function ruleFromWire({ rule }: wire.Rule, at: readonly PropertyKey[] = []): Result<Rule> {
  if (rule === undefined) return missingField(at, "exactly one kind of rule is required");
  const here = [...at, rule.$case];
  switch (rule.$case) {
    case "meter": {
      const meter = admit(meterSchema, rule.value, here);
      return meter.ok ? ok({ kind: "meter", ...meter.value }) : meter;
    }
    case "group": {
      const group = admit(groupSchema, rule.value, here);
      return group.ok ? ok({ kind: "group", ...group.value }) : group;
    }
    case "failover": {
      const failover = admit(failoverSchema, rule.value, here);
      return failover.ok ? ok({ kind: "failover", ...failover.value }) : failover;
    }
    case "ingress": {
      const ingress = admit(ingressSchema, rule.value, here);
      if (!ingress.ok) return ingress;
      const { dstPrefix, dscp, meterId, groupId } = ingress.value;
      return ok({ kind: "ingress", match: { dstPrefix, dscp }, meterId, groupId });
    }
    case "label":
      return labelRuleFromWire(rule.value, here);
    default:
      return unreachable(rule);
  }
}

function labelRuleFromWire({ label, action }: wire.LabelRule, at: readonly PropertyKey[]): Result<Rule> {
  const admitted = admit(labelSchema, label, [...at, "label"]);
  if (!admitted.ok) return admitted;
  if (action === undefined) return missingField(at, "exactly one action is required");
  const converted = actionFromWire(action, [...at, action.$case]);
  return converted.ok ? ok({ kind: "label", match: { label: admitted.value }, action: converted.value }) : converted;
}

function actionFromWire(action: NonNullable<wire.LabelRule["action"]>, at: readonly PropertyKey[]): Result<LabelAction> {
  switch (action.$case) {
    case "output": {
      const link = admit(linkIdSchema, action.value, at);
      return link.ok ? ok({ kind: "output", link: link.value }) : link;
    }
    case "popDeliver":
      return ok({ kind: "pop-deliver" });
    case "failoverOutput": {
      const through = admit(failoverOutputSchema, action.value, at);
      return through.ok ? ok({ kind: "output", link: through.value.output, failoverId: through.value.failoverId }) : through;
    }
    case "popOutput": {
      const link = admit(linkIdSchema, action.value, at);
      return link.ok ? ok({ kind: "pop-output", link: link.value }) : link;
    }
    default:
      return unreachable(action);
  }
}

export function ruleOperationToWire(operation: RuleOperation): wire.RuleOperation {
  return operation.op === "put"
    ? { operation: { $case: "put", value: ruleToWire(operation.rule) } }
    : { operation: { $case: "deleteKey", value: operation.key } };
}

export function ruleOperationFromWire({ operation }: wire.RuleOperation, at: readonly PropertyKey[] = []): Result<RuleOperation> {
  if (operation === undefined) return missingField(at, "exactly one operation is required");
  if (operation.$case === "put") {
    const rule = ruleFromWire(operation.value, [...at, "put"]);
    return rule.ok ? ok({ op: "put", rule: rule.value }) : rule;
  }
  const key = admit(ruleKeySchema, operation.value, [...at, "deleteKey"]);
  return key.ok ? ok({ op: "delete", key: key.value }) : key;
}
