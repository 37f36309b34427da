/** What is asked of the network now. */
import type { InventoryReply } from "@sluice/control";
import { fault, flowGroupId, ok, parseDemandMatrix, refuse, trafficClasses, trafficClassSchema, type Demand } from "@sluice/model";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { RestDeps } from "../deps.js";
import { identityOf, keptBodies } from "../kept-bodies.js";
import { endsQuery, isBetween, pageQuery } from "../list-query.js";
import { pageOf } from "../page.js";
import { derivedInForce } from "../plan-derived.js";
import { declareGet, declarePut } from "../route.js";
import { demandMatrixAsked, demandsReplacedSchema, demandsSchema } from "../schemas/network.js";

/** A hundred thousand demands; more come by gRPC, in parts. */
const demandsBytesMax = 16 << 20;

export function declareDemandRoutes(app: FastifyInstance, { view, submit }: RestDeps): void {
  const pages = keptBodies();

  declareGet(
    app,
    {
      url: "/v1/demands",
      tag: "demands",
      role: ["viewer", "job"],
      summary: "The newest measured demand, and what the plan in force admits of it",
      query: z.strictObject({ ...pageQuery, ...endsQuery, class: trafficClassSchema.optional() }),
      response: demandsSchema,
      version: "demands",
      refusals: [404, 422],
    },
    ({ query }) => {
      const now = view();
      const { demands, demandsVersion = 0 } = now;
      if (demands === undefined) return refuse(fault("not-found", "There are no demands yet: PUT some here, or stream them by gRPC."));
      const derived = derivedInForce(now);
      return pages.get(JSON.stringify(query), [identityOf(demands), demandsVersion, derived && identityOf(derived)], () => {
        const wanted = demands.demands.filter(
          (demand) => isBetween(demand, query) && (query.class ?? demand.trafficClass) === demand.trafficClass,
        );
        const paged = pageOf(wanted, keyOfDemand, query);
        if (!paged.ok) return paged;
        const items = paged.value.items.map((demand) => ({
          ...demand,
          bandwidthFunction: demand.bandwidthFunction && { points: [...demand.bandwidthFunction.points] },
          ...(derived && { admittedBps: derived.admittedBps.get(flowGroupId(demand)) ?? 0 }),
        }));
        return ok({ body: { version: demandsVersion, name: demands.name, total: wanted.length, ...paged.value, items } });
      });
    },
  );

  declarePut(
    app,
    {
      url: "/v1/demands",
      tag: "demands",
      role: ["operator", "job"],
      summary: "Puts a matrix in the place of the newest one, as a measurement would; answers when that is durable",
      description:
        "The newest matrix wins: where another one came while this was being written, `superseded` says so, and the version is the other's.",
      asked: demandMatrixAsked,
      judged: "inside",
      bodyBytesMax: demandsBytesMax,
      response: demandsReplacedSchema,
      version: "demands",
      refusals: [422, 503],
    },
    async ({ body, by, ifVersion }) => {
      const matrix = parseDemandMatrix(body);
      if (!matrix.ok) return matrix;
      const replaced = await submit({ kind: "measure-demands", matrix: matrix.value, by, ifVersion });
      if (!replaced.ok) return replaced;
      const { version, superseded = false } = replaced.value as InventoryReply;
      return ok({ version, demands: matrix.value.demands.length, superseded });
    },
  );
}

/** Sorts as `compareFlowGroups` does: no id holds a control character, so NUL ends each before it can be a beginning of another. */
function keyOfDemand({ src, dst, trafficClass }: Demand): string {
  return `${src}\0${dst}\0${trafficClasses.indexOf(trafficClass)}`;
}
