/** Who leads, and how that is handed over. */
import { ok } from "@sluice/model";
import type { FastifyInstance } from "fastify";
import type { z } from "zod";
import type { Leadership } from "../../leadership/role.js";
import { declareGet, declarePost } from "../route.js";
import { leadershipSchema } from "../schemas/leadership.js";

export function declareLeadershipRoutes(app: FastifyInstance, leadership: Leadership): void {
  declareGet(
    app,
    {
      url: "/v1/leadership",
      tag: "operation",
      role: ["viewer", "job"],
      summary: "Which of several controllers leads",
      response: leadershipSchema,
    },
    () => ok(leadershipBody(leadership)),
  );

  declarePost(
    app,
    {
      url: "/v1/leadership/hand-over",
      tag: "operation",
      role: "admin",
      summary: "Makes this controller, which leads, give the lead to another",
      description:
        "Once this is answered, what is being written ends, the lease is given back, and another controller takes it within a second. For some " +
        "seconds this one leaves it to others; if nobody wants it, it leads again. Refused (`not-allowed`) with the embedded database.",
      status: 202,
      location: () => "/v1/leadership",
      idempotent: true,
      response: leadershipSchema,
      refusals: [422],
    },
    ({ reply }) => {
      const may = leadership.mayHandOver();
      if (!may.ok) return may;
      // The audit log and the answer are written under the lead that is given up.
      reply.raw.once("close", () => leadership.handOver());
      return ok(leadershipBody(leadership));
    },
  );
}

export function leadershipBody(leadership: Leadership): z.input<typeof leadershipSchema> {
  const { role, term, leader, remainingMs, leaderships } = leadership.view();
  const stalenessMs = leadership.stalenessMs();
  return {
    role,
    ...(term === undefined ? {} : { term }),
    ...(leader && {
      leader: {
        holder: leader.holder,
        ...(leader.restAddress === undefined ? {} : { rest: leader.restAddress }),
        ...(leader.grpcAddress === undefined ? {} : { grpc: leader.grpcAddress }),
      },
    }),
    ...(remainingMs === undefined ? {} : { remainingMs }),
    leaderships,
    ...(leadership.refusal() === undefined || stalenessMs === Infinity ? {} : { stalenessMs }),
  };
}
