/** The stages of an update in the making: messages by kind of stage and node. */
import { compareText, type NodeId, type RuleOperation } from "@sluice/model";
import { stagePurposes, type Stage, type StageMessage, type StagePurpose } from "./update-plan.js";

/** The order in which the stages come; `detach` and `pause` are removals that come first. */
const stageOrder = ["detach", "pause", ...stagePurposes] as const;
/** Flips come in steps: `flip` is the first, `flip 2` the second. */
export type StageKind = (typeof stageOrder)[number] | `flip ${number}`;
/** More than a stage has steps: they are numbered within it. */
const stepsOfStageMax = 1000;
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
      const kinds = [...messages.keys()].filter((kind) => (messages.get(kind)?.size ?? 0) > 0).sort((a, b) => placeOf(a) - placeOf(b));
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

/** The stage in which flows make a step, from 1. */
export function flipKind(step: number): StageKind {
  return step <= 1 ? "flip" : `flip ${step}`;
}

/** Steps of one stage are in the order of their numbers. */
function placeOf(kind: StageKind): number {
  const [name = "", step = "1"] = kind.split(" ");
  return stageOrder.findIndex((each) => each === name) * stepsOfStageMax + Number(step);
}

function purposeOf(kind: StageKind): StagePurpose {
  if (kind === "detach") return "remove-failover";
  if (kind === "pause") return "remove-ingress";
  return isPurpose(kind) ? kind : "flip";
}

function isPurpose(kind: StageKind): kind is StagePurpose {
  return stagePurposes.some((each) => each === kind);
}
