/**
 * Every request is somebody's before it is answered: who asks is found out when its headers are there, so that limits know whose they
 * are; whether he may is decided before a byte of the body is read.
 */
import { assert, fault, type Faults } from "@sluice/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Refused } from "../problem.js";
import type { Authenticator } from "./authenticator.js";
import { may, rolesThatMay, type Actor, type RouteRole } from "./role.js";

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks; `nobody` where a route is open to all. Not there where that could not be found out: then the request is refused. */
    actor: Actor | undefined;
    /** Why it could not. */
    actorRefused: Faults | undefined;
  }
}

const nobody: Actor = { name: "anonymous", roles: [] };
const realm = 'Bearer realm="sluice"';

export function authorize(app: FastifyInstance, authenticator: Authenticator): void {
  app.decorateRequest("actor", undefined);
  app.decorateRequest("actorRefused", undefined);

  app.addHook("onRequest", async (request) => {
    if (roleOf(request) === "open") {
      request.actor = nobody;
      return;
    }
    const { authorization, host } = request.headers;
    const known = await authenticator.authenticate({ authorization, host });
    if (known.ok) request.actor = known.value;
    else request.actorRefused = known.faults;
  });

  app.addHook("preParsing", async (request, reply) => {
    const role = roleOf(request);
    if (role === "open") return;
    if (request.actorRefused !== undefined) refuseStranger(request, reply, request.actorRefused);
    assert(request.actor !== undefined, "who asks is known by now");
    if (may(request.actor, role)) return;
    void reply.header("www-authenticate", `${realm}, error="insufficient_scope"`);
    const wanted = rolesThatMay(role).join(" or ");
    const has = request.actor.roles.length === 0 ? "has no role" : `is ${request.actor.roles.join(", ")}`;
    throw new Refused([fault("forbidden", `This is for ${wanted}; ${request.actor.name} ${has}.`)]);
  });
}

/** A route that does not say is for admins; what does not exist is nobody's secret. */
function roleOf(request: FastifyRequest): RouteRole {
  return request.is404 ? "open" : (request.routeOptions.config.role ?? "admin");
}

function refuseStranger(request: FastifyRequest, reply: FastifyReply, faults: Faults): never {
  const [{ code, message }] = faults;
  if (code === "unauthenticated") {
    const error = request.headers.authorization === undefined ? "" : `, error="invalid_token", error_description="${message}"`;
    void reply.header("www-authenticate", `${realm}${error}`);
  }
  throw new Refused(faults);
}
