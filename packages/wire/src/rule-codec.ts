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
  type Result,
  type Rule,
  type RuleOperation,
} from "@sluice/model";
import { z } from "zod";
import type * as wire from "../generated/sluice/v1/rule.js";
import { missingField } from "./field.js";

/** Most buckets of a group: the largest table budget that settings allow. */
export const bucketsMax = 1_024;
/** Longest key of a rule: the kind and the numbers of its match. */
export const ruleKeyLengthMax = 64;

const numberSchema = z
  .int()
  .min(1)
  .max(2 ** 32 - 1);
const labelSchema = z.int().min(labelMin).max(labelMax);

const meterSchema = z.strictObject({ meterId: numberSchema, rateBps: rateBpsSchema, burstBits: rateBpsSchema });
const groupSchema = z.strictObject({
  groupId: numberSchema,
  buckets: z
    .array(
      z.strictObject({
        weight: z
          .int()
          .min(1)
          .max(2 ** 16 - 1),
        pushLabel: labelSchema,
        mplsTc: z.int().min(0).max(7),
        output: linkIdSchema,
      }),
    )
    .min(1)
    .max(bucketsMax),
});
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
    /^(?:(?:meter|group|label)\/\d{1,10}|ingress\/\d{1,2}\/\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2})$/,
    "must be the key of a rule, like meter/7 or ingress/46/10.0.3.0/24",
  );

export function ruleToWire(rule: Rule): wire.Rule {
  switch (rule.kind) {
    case "meter":
      return { rule: { $case: "meter", value: { meterId: rule.meterId, rateBps: rule.rateBps, burstBits: rule.burstBits } } };
    case "group":
      return { rule: { $case: "group", value: { groupId: rule.groupId, buckets: rule.buckets.map((bucket) => ({ ...bucket })) } } };
    case "ingress":
      return { rule: { $case: "ingress", value: { ...rule.match, meterId: rule.meterId, groupId: rule.groupId } } };
    case "label": {
      const action: wire.LabelRule["action"] =
        rule.action.kind === "output" ? { $case: "output", value: rule.action.link } : { $case: "popDeliver", value: {} };
      return { rule: { $case: "label", value: { label: rule.match.label, action } } };
    }
    default:
      return unreachable(rule);
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
  const match = { label: admitted.value };
  if (action === undefined) return missingField(at, "exactly one action is required");
  if (action.$case === "popDeliver") return ok({ kind: "label", match, action: { kind: "pop-deliver" } });
  const link = admit(linkIdSchema, action.value, [...at, "output"]);
  return link.ok ? ok({ kind: "label", match, action: { kind: "output", link: link.value } }) : link;
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
