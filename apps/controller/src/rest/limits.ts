/** What one actor, and all of them together, may ask for at a time. Probes are answered under any load. */
import rateLimit from "@fastify/rate-limit";
import underPressure from "@fastify/under-pressure";
import { fault } from "@sluice/model";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Refused } from "./problem.js";

export interface RestLimits {
  /** Of one actor: looking, and changing. Of one address where nobody could be recognized. */
  readonly readsPerSecondMax: number;
  readonly writesPerSecondMax: number;
  /** Of all, without streams that last. */
  readonly requestsAtOnceMax: number;
  /** Watchers of the journal at a time. */
  readonly watchersMax: number;
  /** Mean delay of the event loop over some seconds, ms, above which requests are turned away; 0 for none. */
  readonly loopDelayMsMax: number;
}

export const restLimitsDefault: RestLimits = {
  readsPerSecondMax: 2_000,
  writesPerSecondMax: 50,
  requestsAtOnceMax: 256,
  watchersMax: 1_000,
  loopDelayMsMax: 1_000,
};

/** Actors whose requests are counted at a time; the one heard of least lately is forgotten. */
const actorsMax = 10_000;
const windowMs = 1_000;
/** Over this time, ms, the delay of the event loop is a mean; a loop that has not turned once in it counts as late without end. */
const loopSampleMs = 5_000;

/** Bounds what all may ask for: declared before it is found out who asks. */
export async function limitLoad(app: FastifyInstance, { requestsAtOnceMax, loopDelayMsMax }: RestLimits): Promise<void> {
  await app.register(underPressure, {
    maxEventLoopDelay: loopDelayMsMax,
    sampleInterval: loopSampleMs,
    exposeStatusRoute: false,
    pressureHandler: async (request) => {
      await Promise.resolve();
      if (request.routeOptions.config.isProbe !== true) throw overloaded("The controller is busy with other work");
    },
  });
  let atOnce = 0;
  app.addHook("onRequest", async (request, reply) => {
    await Promise.resolve();
    const { isProbe, isLong } = request.routeOptions.config;
    if (isProbe === true || isLong === true) return;
    if (atOnce >= requestsAtOnceMax) throw overloaded(`${requestsAtOnceMax} requests are being answered already`);
    atOnce += 1;
    let counted = true;
    const leave = () => {
      if (counted) atOnce -= 1;
      counted = false;
    };
    // The one comes where it was answered, the other alone where the client went away.
    reply.raw.once("finish", leave);
    reply.raw.once("close", leave);
  });
}

/** Bounds what one may ask for: declared after it is found out who asks, for the routes that follow. */
export async function limitActors(app: FastifyInstance, { readsPerSecondMax, writesPerSecondMax }: RestLimits): Promise<void> {
  await app.register(rateLimit, {
    global: true,
    hook: "onRequest",
    timeWindow: windowMs,
    cache: actorsMax,
    keyGenerator: keyOf,
    max: (request) => (isRead(request) ? readsPerSecondMax : writesPerSecondMax),
    allowList: (request) => request.routeOptions.config.isProbe === true,
    errorResponseBuilder: (request, { max }) =>
      new Refused([fault("rate-limited", `At most ${max} ${isRead(request) ? "reads" : "changes"} a second of one actor are answered.`)]),
  });
}

/** No actor's name begins with a blank, so an address is nobody's name. */
function keyOf(request: FastifyRequest): string {
  const who = request.actor === undefined || request.actor.roles.length === 0 ? ` ${request.ip}` : request.actor.name;
  return `${isRead(request) ? "read" : "change"} ${who}`;
}

function isRead({ method }: Pick<FastifyRequest, "method">): boolean {
  return method === "GET" || method === "HEAD";
}

function overloaded(why: string): Refused {
  return new Refused([fault("unavailable", `${why}: try again later.`)]);
}
