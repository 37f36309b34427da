/** An agent's machine whose driver answers when the test tells it to. */
import { toId, type ControllerMessage, type LinkId, type NodeId, type Rule, type RuleOperation } from "@sluice/model";
import type { AgentConfig } from "../agent-config.js";
import type { AgentEffect } from "../agent-effect.js";
import type { AgentEvent } from "../agent-event.js";
import { createAgent, stepAgent, type AgentState } from "../agent/machine.js";

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

export const label = (number: number, output = "a-b"): Rule => ({
  kind: "label",
  match: { label: number },
  action: { kind: "output", link: toId<LinkId>(output) },
});
export const put = (rule: Rule): RuleOperation => ({ op: "put", rule });

export class AgentBench {
  readonly agent: AgentState;
  readonly effects: AgentEffect[] = [];
  nowMs = 0;

  constructor({ termSeen = 0, ...config }: Partial<AgentConfig> & { readonly termSeen?: number } = {}) {
    this.agent = createAgent(
      { nodeId: toId<NodeId>("a"), bootId: "boot", ruleCountMax: 100, ...config },
      { termSeen, epochSeen: 0, links: [{ linkId: toId<LinkId>("a-b"), up: true }] },
    );
  }

  on(event: Untimed<AgentEvent>): readonly AgentEffect[] {
    const { effects } = stepAgent(this.agent, { ...event, nowMs: this.nowMs } as AgentEvent);
    this.effects.push(...effects);
    return effects;
  }

  hear(message: ControllerMessage): readonly AgentEffect[] {
    return this.on({ kind: "message", streamId: this.agent.stream?.id ?? 0, message });
  }

  /** Answers what the driver was asked last. */
  answerPersist(ok = true) {
    const asked = this.effects.findLast((effect) => effect.kind === "persist-term");
    return this.on({ kind: "persisted", persistId: asked?.persistId ?? 0, ok });
  }

  answerApply(failures: Extract<AgentEvent, { kind: "applied" }>["failures"] = []) {
    const asked = this.effects.findLast((effect) => effect.kind === "apply");
    return this.on({ kind: "applied", applyId: asked?.applyId ?? 0, failures });
  }

  connected(term = 1): this {
    this.on({ kind: "tick" });
    this.on({ kind: "opened", streamId: this.agent.stream?.id ?? 0 });
    this.hear({ kind: "welcome", term, controllerId: "test" });
    this.answerPersist();
    return this;
  }
}

export const stage = (
  sequence: number,
  operations: readonly RuleOperation[],
  more: { readonly term?: number; readonly epoch?: number } = {},
) => ({ kind: "stage", term: more.term ?? 1, epoch: more.epoch ?? 1, stage: 0, sequence, operations }) as const;

export function messages(effects: readonly AgentEffect[]) {
  return effects.flatMap((effect) => (effect.kind === "send" ? [effect.message] : []));
}

export function statuses(effects: readonly AgentEffect[]) {
  return messages(effects).map((message) => (message.kind === "ack" ? message.status : message.kind));
}
