/** Waiting until a plan that was applied is what every switch holds. */
import { setTimeout as wait } from "node:timers/promises";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";
import type { ControllerClient } from "./controller-client.js";
import type { TellProgress } from "./progress.js";

const pauseMs = 200;

const statusSchema = z.looseObject({
  plan: z.looseObject({ epoch: z.number() }).optional(),
  push: z.looseObject({ messages: z.number(), programmed: z.number(), absent: z.array(z.string()) }).optional(),
});

/** `in-force`, or `pending` when the time is over; a newer plan that is in force took the awaited one's place. */
export async function waitInForce(
  client: ControllerClient,
  epoch: number,
  { limitMs, progress }: { readonly limitMs: number; readonly progress: TellProgress },
): Promise<Result<"in-force" | "pending">> {
  const end = performance.now() + limitMs;
  for (;;) {
    const status = await client.get("/v1/status", statusSchema);
    if (!status.ok) return status;
    const { plan, push } = status.value.value;
    if ((plan?.epoch ?? 0) >= epoch) return ok("in-force");
    if (performance.now() >= end) return ok("pending");
    progress({ stage: `install plan ${epoch}`, fraction: push === undefined || push.messages === 0 ? 0 : push.programmed / push.messages });
    await wait(pauseMs, undefined, { signal: client.signal }).catch(() => undefined);
    if (client.signal.aborted)
      return refuse(fault("cancelled", "The plan is durable and goes on being installed; nobody waits for it any more."));
  }
}
