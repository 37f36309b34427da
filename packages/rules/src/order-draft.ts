/** The stages of an update in the making: messages by kind of stage and node. */
import { compareText, type NodeId, type RuleOperation } from "@sluice/model";
import { stagePurposes, type Stage, type StageMessage, type StagePurpose } from "./update-plan.js";

/** The order in which the stages come; `detach` and `pause` are removals that come first. */
const stageOrder = ["detach", "pause", ...stagePurposes] as const;
export type StageKind = (typeof stageOrder)[number];
export type Draft = ReturnType<typeof stageDraft>;

export function stageDraft() {
  const messages = new Map<StageKind, Map<NodeId, { operations: RuleOperation[]; readonly waitsFor: Set<NodeId> }>>();
  const message = (kind: StageKind, nodeId: NodeId) => {
    let ofStage = messages.get(kind);
    if (ofStage === undefined) messages.set(kind, (ofStage = new Map()));
    let ofNode = ofStage.get(nodeId);
    if (ofNode === undefined) ofStage.set(nodeId, (ofNode = { operations: [], waitsFor: new Set() }));
    return ofNode;
  };
  return {
    message,
    has: (kind: StageKind, nodeId: NodeId) => messages.get(kind)?.has(nodeId) ?? false,
    operationsOf: (kind: StageKind, nodeId: NodeId): readonly RuleOperation[] => messages.get(kind)?.get(nodeId)?.operations ?? [],
    nodesOf: (kind: StageKind): readonly NodeId[] => [...(messages.get(kind)?.keys() ?? [])],
    stages(graceMs: Readonly<Partial<Record<StageKind, number>>>): readonly Stage[] {
      const kinds = stageOrder.filter((kind) => (messages.get(kind)?.size ?? 0) > 0);
      return kinds.map((kind, index): Stage => {
        const ofStage = [...(messages.get(kind) ?? [])].sort(([a], [b]) => compareText(a, b));
        return {
          index,
          purpose: purposeOf(kind),
          graceMs: graceMs[kind] ?? 0,
          messages: ofStage.map(([nodeId, { operations, waitsFor }]): StageMessage => {
            const others = [...waitsFor].filter(
              (other) => other !== nodeId && kinds.slice(0, index).some((k) => messages.get(k)?.has(other)),
            );
            return { nodeId, operations, waitsFor: others.sort(compareText) };
          }),
        };
      });
    },
  };
}

function purposeOf(kind: StageKind): StagePurpose {
  if (kind === "detach") return "remove-failover";
  return kind === "pause" ? "remove-ingress" : kind;
}
