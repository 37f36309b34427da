/**
 * An update under way: which stage messages may go, which wait for which. Counters per message and indices per node, so
 * that an acknowledgement costs as much as the messages that it sets free.
 */
import type { Epoch, NodeId } from "@sluice/model";
import type { Stage, StageMessage, StagePurpose, UpdatePlan } from "@sluice/rules";

/** Stages after which flows go another way: when the last of them is done, the target carries the traffic. */
export const flowPurposes: ReadonlySet<StagePurpose> = new Set(["throttle", "flip", "remove-ingress"]);

/** Stages in which ingresses change over. */
export function flipsOf({ stages }: UpdatePlan): number {
  return stages.filter(({ purpose }) => purpose === "flip").length;
}

export interface PendingMessage {
  readonly stage: Stage;
  readonly message: StageMessage;
  /** Nodes of `waitsFor` that have not got far enough. */
  waiting: number;
}

export interface NodeProgress {
  readonly queue: readonly PendingMessage[];
  /** How many of the queue are programmed: the index of the next. */
  programmed: number;
  /** Messages of other nodes that wait until this node has that many programmed. */
  readonly waiters: Map<number, PendingMessage[]>;
}

export interface Update {
  readonly plan: UpdatePlan;
  /** What the messages carry: the highest epoch that was ever sent, so that no agent refuses a way back. */
  readonly epoch: Epoch;
  readonly startedAtMs: number;
  readonly progress: ReadonlyMap<NodeId, NodeProgress>;
  /** Nodes whose rules were not known when the update was derived: they are planned around and sent nothing. */
  readonly provisional: ReadonlySet<NodeId>;
  /** A way that was prepared: its messages go whatever came before, and each ends at the target whatever the node holds of it. */
  readonly atOnce: boolean;
  readonly messageCount: number;
  sentCount: number;
  programmedCount: number;
  /** Messages of `flowPurposes` that are not programmed. */
  flowsLeft: number;
  /** Nodes whose next message waits for no other node any more and was not sent. */
  readonly ready: Set<NodeId>;
}

/** O(messages + their `waitsFor`). */
export function startUpdate(
  plan: UpdatePlan,
  more: { readonly epoch: Epoch; readonly nowMs: number; readonly provisional: ReadonlySet<NodeId>; readonly atOnce?: boolean },
): Update {
  const queues = new Map<NodeId, PendingMessage[]>();
  for (const stage of plan.stages) {
    for (const message of stage.messages) {
      const pending = { stage, message, waiting: 0 };
      const queue = queues.get(message.nodeId);
      if (queue === undefined) queues.set(message.nodeId, [pending]);
      else queue.push(pending);
    }
  }
  const progress = new Map<NodeId, NodeProgress>(
    [...queues].map(([nodeId, queue]) => [nodeId, { queue, programmed: 0, waiters: new Map() }]),
  );
  for (const { queue } of progress.values()) {
    for (const pending of queue) {
      for (const other of pending.message.waitsFor) waitFor(progress.get(other), pending);
    }
  }
  const ready = new Set([...progress].filter(([, { queue }]) => queue[0]?.waiting === 0).map(([nodeId]) => nodeId));
  const messageCount = [...progress.values()].reduce((sum, { queue }) => sum + queue.length, 0);
  const { epoch, nowMs, provisional, atOnce = false } = more;
  const flowsLeft = plan.stages.reduce((sum, { purpose, messages }) => sum + (flowPurposes.has(purpose) ? messages.length : 0), 0);
  const counts = { messageCount, sentCount: 0, programmedCount: 0, flowsLeft };
  return { plan, epoch, startedAtMs: nowMs, progress, provisional, atOnce, ...counts, ready };
}

/** The message waits until all of the other node's messages of earlier stages are programmed. */
function waitFor(other: NodeProgress | undefined, pending: PendingMessage): void {
  if (other === undefined) return;
  const earlier = other.queue.filter(({ stage }) => stage.index < pending.stage.index).length;
  if (earlier === 0) return;
  pending.waiting += 1;
  const waiters = other.waiters.get(earlier);
  if (waiters === undefined) other.waiters.set(earlier, [pending]);
  else waiters.push(pending);
}

/** The next message of a node, sent or not. */
export function nextMessage(update: Update, nodeId: NodeId): PendingMessage | undefined {
  const progress = update.progress.get(nodeId);
  return progress?.queue[progress.programmed];
}

/** What is still to do at a node. */
export function remainingPurposes(update: Update, nodeId: NodeId): readonly StagePurpose[] {
  const progress = update.progress.get(nodeId);
  return progress === undefined ? [] : progress.queue.slice(progress.programmed).map(({ stage }) => stage.purpose);
}

/** A node's next message is programmed; returns the nodes whose next message may now go. */
export function advanceNode(update: Update, nodeId: NodeId): readonly NodeId[] {
  const progress = update.progress.get(nodeId);
  const done = progress?.queue[progress.programmed];
  if (progress === undefined || done === undefined) return [];
  progress.programmed += 1;
  if (flowPurposes.has(done.stage.purpose)) update.flowsLeft -= 1;
  update.programmedCount += 1;
  const freed: NodeId[] = [];
  for (const pending of progress.waiters.get(progress.programmed) ?? []) {
    pending.waiting -= 1;
    const { nodeId: waiter } = pending.message;
    if (pending.waiting === 0 && nextMessage(update, waiter) === pending) freed.push(waiter);
  }
  if (nextMessage(update, nodeId)?.waiting === 0) freed.push(nodeId);
  for (const freedNode of freed) update.ready.add(freedNode);
  return freed;
}

export function isDone(update: Update): boolean {
  return update.programmedCount === update.messageCount;
}
