/**
 * What a controller answers that does not lead: questions from what the store holds, with how old that may be; everything else with who leads.
 */
import { assert } from "@sluice/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Leadership } from "../leadership/role.js";
import { Refused } from "./problem.js";

/** How old what a follower shows may be, ms. */
export const stalenessHeader = "sluice-staleness-ms";
/** On every answer: `leader`, or what else this controller is. */
export const roleHeader = "sluice-role";

const questions: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

declare module "fastify" {
  interface FastifyRequest {
    /** Refused because another controller leads, or none: nothing was attempted, and nothing of it can be written. */
    isUnled: boolean;
  }
}

/** To be called once it is known how it is found out who asks: strangers are refused before they hear who leads. */
export function answerFollowing(app: FastifyInstance, leadership: Leadership): void {
  app.decorateRequest("isUnled", false);
  app.addHook("preParsing", async (request, reply) => {
    await Promise.resolve();
    const { role } = leadership.view();
    void reply.header(roleHeader, role);
    const why = leadership.refusal();
    if (why === undefined) return;
    if (request.routeOptions.config.isProbe !== true) showStaleness(reply, leadership.stalenessMs());
    if (request.is404 || (questions.has(request.method) && !isLeadersOnly(request))) return;
    request.isUnled = true;
    throw new Refused([why]);
  });
}

/** Sessions of agents are the leader's: nothing of them is in the store. */
function isLeadersOnly({ routeOptions }: FastifyRequest): boolean {
  return /^\/v1\/agents(\/|$)/.test(routeOptions.url ?? "");
}

function showStaleness(reply: FastifyReply, stalenessMs: number): void {
  assert(stalenessMs >= 0, "nothing is read in the future");
  void reply.header(stalenessHeader, stalenessMs === Infinity ? "unknown" : String(Math.round(stalenessMs)));
}
