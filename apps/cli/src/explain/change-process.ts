/** The process that seeks the smallest change, seen from the command line. */
import type { SmallestChange } from "@sluice/engine";
import { fault } from "@sluice/model";
import { runInChild, type ChildEntry } from "../child-task.js";
import type { ChangeReply, ChangeResult, ChangeTask } from "./change-message.js";

/** For the process to load, ms; and for the last plan beyond its own deadline: quantizing and checking it. */
const graceMs = 30_000;

/** Never rejects: a process that is late is `deadline-exceeded`, one that ends without an answer `solver-failed`, an abort `cancelled`. */
export function changeInProcess(
  task: ChangeTask,
  { entry, signal }: { readonly entry: ChildEntry; readonly signal: AbortSignal },
): Promise<ChangeResult> {
  return runInChild<ChangeReply, SmallestChange | undefined>({
    entry,
    signal,
    cancelled: fault("cancelled", "The search for the smallest change was cancelled."),
    name: "process that seeks the smallest change",
    watch({ send, finish, allow }) {
      const limitMs = task.budgetMs + task.snapshot.settings.deadlineSeconds * 1000 + graceMs;
      allow(limitMs, fault("deadline-exceeded", `The smallest change was not found within ${Math.round(limitMs / 1000)} s.`));
      return (reply) => (reply.kind === "ready" ? send(task) : finish(reply.result));
    },
  });
}
