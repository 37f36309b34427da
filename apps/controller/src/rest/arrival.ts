/**
 * How long a body may take to arrive. Node has one limit for all requests of a server; an upload that is streamed may take minutes, as long
 * as it goes on, while what is read whole has to come at once.
 */
import type { IncomingMessage } from "node:http";
import type { FastifyInstance } from "fastify";
import { rawProblemResponse } from "./problem.js";

export interface ArrivalLimits {
  /** For a whole request, ms. */
  readonly requestMsMax: number;
  /** For a pause within one that is streamed, ms; it may be found twice as late. */
  readonly pauseMsMax: number;
}

export const arrivalLimitsDefault: ArrivalLimits = { requestMsMax: 30_000, pauseMsMax: 60_000 };

/** For a request that is streamed, ms: the limit that the server itself has to have. */
export const streamedRequestMsMax = 3_600_000;

export function limitArrival(app: FastifyInstance, { requestMsMax, pauseMsMax }: ArrivalLimits): void {
  app.addHook("onRequest", async ({ raw, routeOptions }, reply) => {
    await Promise.resolve();
    const { "content-length": length = "0", "transfer-encoding": encoding } = raw.headers;
    if (raw.complete || (length === "0" && encoding === undefined)) return;
    const late = (): void => {
      if (raw.complete) return;
      if (!reply.raw.headersSent && raw.socket.writable) raw.socket.end(rawProblemResponse("ERR_HTTP_REQUEST_TIMEOUT"));
      raw.destroy();
    };
    const timer = routeOptions.config.isLong === true ? whenPaused(raw, pauseMsMax, late) : setTimeout(late, requestMsMax);
    for (const ending of [raw, reply.raw]) ending.once("close", () => clearTimeout(timer));
  });
}

/** What is done with it once all has come takes its own time. */
function whenPaused(raw: IncomingMessage, pauseMsMax: number, late: () => void): NodeJS.Timeout {
  let before = raw.socket.bytesRead;
  return setInterval(() => {
    if (raw.socket.bytesRead === before) late();
    before = raw.socket.bytesRead;
  }, pauseMsMax);
}
