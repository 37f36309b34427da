/** For the tests of REST: the servers that examples are asked of, with tokens asked for, and what the OpenAPI document says of them. */
import { assert, canonicalHash, fault, parseDemandMatrix, refuse, type Term } from "@sluice/model";
import type { Store } from "@sluice/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { buildRest } from "../server.js";
import type { RestDeps } from "../deps.js";
import { startForecasts, type RunningForecasts } from "../../forecast/service.js";
import type { Driver } from "../../driver.js";
import type { Ask, Example } from "./examples.js";
import { liveController, solversHere, type LiveController } from "./live-controller.js";
import { liveMachine, ringDemands, ringDocument } from "./live-machine.js";
import { planInForce, value } from "./plan-in-force.js";
import { testIssuer, type Issuer } from "./tokens.js";

export interface Operation {
  readonly operationId: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `/v1/plans/{epoch}`. */
  readonly path: string;
  readonly roles: readonly string[];
  readonly headers: readonly string[];
  readonly isSafe: boolean;
  /** Of the JSON body, with the document's schemas in `$defs`; absent where there is none. */
  readonly body?: object;
  readonly consumes: readonly string[];
  /** By status and media type. */
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: object }>> }>>;
}

interface Described extends Omit<Operation, "method" | "path" | "roles" | "headers" | "isSafe" | "body" | "consumes"> {
  readonly "x-roles": readonly string[];
  readonly "x-safe"?: boolean;
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: object }>> };
}

export interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

interface Parts {
  readonly driver: Driver;
  readonly store: Store;
  readonly term: Term;
}

/** Alternatives to what the worlds are usually made of. */
export type Variation = (deps: RestDeps) => Partial<RestDeps>;

export interface Worlds {
  readonly issuer: Issuer;
  app(world: Example["world"]): Promise<FastifyInstance>;
  /** Of an example that has to be prepared: prepared once. */
  urlOf(example: Example): Promise<string>;
  /** All that a refused request must leave as it was. */
  state(): string;
  close(): Promise<void>;
}

export async function worlds(vary?: Variation): Promise<Worlds> {
  const isVaried = vary !== undefined;
  const issuer = await testIssuer();
  const fixture = await planInForce();
  const forecasts: RunningForecasts[] = [];
  const withForecasts = ({ driver, store, term }: Parts): Partial<RestDeps> => {
    const running = startForecasts({
      store,
      term,
      view: driver.view,
      tell: driver.tell,
      watch: driver.watch,
      solve: () => Promise.resolve(refuse(fault("solver-failed", "There is no solver."))),
      nowMs: () => driver.view().nowMs,
      onFaults: () => undefined,
      limits: { rowsMax: 5, chunkRows: 2 },
    });
    forecasts.push(running);
    return { forecasts: running, solvers: solversHere };
  };
  const live = await liveMachine(fixture.deps, withForecasts);
  const bare = await liveMachine(fixture.deps, withForecasts);
  value(await live.driver.submit({ kind: "replace-topology", topology: ringDocument }));
  // Two hours of measurements, for forecasts to be held against.
  const { nowMs, term } = live.driver.view();
  const measured = value(parseDemandMatrix(ringDemands));
  for (let ms = nowMs - 7_200_000; ms < nowMs; ms += 300_000) {
    value(await live.store.putDemands(term, measured, new Date(ms).toISOString()));
  }
  const build = (deps: RestDeps) => buildRest({ ...deps, auth: issuer.authenticator, ...vary?.(deps) });
  const late = () => Promise.resolve(refuse(fault("deadline-exceeded", "That took too long.")));
  const solvers = { job: late, pathCheck: late, difference: late };
  const shown = { ...fixture.deps, forecasts: live.deps.forecasts, solvers } as RestDeps;
  const apps = {
    full: await build({ ...shown, view: () => fixture.full }),
    empty: await build({ ...shown, view: () => fixture.empty }),
    live: await build(live.deps),
    bare: await build(bare.deps),
  };
  let planned: Promise<LiveController> | undefined;
  const plannedOnce = () =>
    (planned ??= liveController({ topology: ringDocument, demands: value(parseDemandMatrix(ringDemands)) }, (parts) => ({
      auth: issuer.authenticator,
      ...withForecasts(parts),
    })));
  const ask: (world: Example["world"]) => Ask = (world) => async (method, url, payload) => {
    const app = world === "planned" ? (await plannedOnce()).app : apps[world];
    const type = typeof payload === "string" ? { "content-type": "text/csv" } : {};
    const headers = { authorization: `Bearer ${issuer.byRole.admin}`, "if-match": "*", ...type };
    const response = await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
    if (response.statusCode >= 300) throw new Error(`${method} ${url}: ${response.statusCode} ${response.body}`);
    return response.json<Record<string, unknown>>();
  };
  const urls = new Map<Example, Promise<string>>();
  return {
    issuer,
    app: async (world) => (world !== "planned" ? apps[world] : isVaried ? apps.live : (await plannedOnce()).app),
    urlOf: (example) => {
      const { url, world } = example;
      if (typeof url === "string") return Promise.resolve(url);
      // What refuses does so before it looks at what the address names.
      if (isVaried) return Promise.resolve(`/v1/${example.like ?? ""}`);
      const known = urls.get(example) ?? url(ask(world));
      urls.set(example, known);
      return known;
    },
    state: () =>
      canonicalHash(
        [live, bare].map(({ driver }) => {
          const {
            topologyVersion,
            topologyStored,
            demandsVersion,
            demands,
            settingsVersion,
            settings,
            operationVersion,
            operation,
            epoch,
          } = driver.view();
          return {
            topologyVersion,
            topologyStored,
            demandsVersion,
            demands,
            settingsVersion,
            settings,
            operationVersion,
            operation,
            epoch,
          };
        }),
      ),
    close: async () => {
      for (const running of forecasts) running.close();
      if (planned !== undefined) await (await planned).close();
      for (const app of Object.values(apps)) await app.close();
      await live.stop();
      await bare.stop();
    },
  };
}

export function operationCalled(operations: readonly Operation[], operationId: string): Operation {
  const operation = operations.find((each) => each.operationId === operationId);
  assert(operation !== undefined, `${operationId} is in the document`);
  return operation;
}

export async function openApiOf(app: FastifyInstance): Promise<OpenApi> {
  return (await app.inject("/openapi.json")).json<OpenApi>();
}

export function operationsOf({ paths, components }: OpenApi): readonly Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]): Operation => {
      const { operationId, parameters = [], requestBody, responses } = described;
      const json = requestBody?.content["application/json"]?.schema;
      return {
        operationId,
        method: method.toUpperCase() as Operation["method"],
        path,
        roles: described["x-roles"],
        headers: parameters.flatMap((each) => (each.in === "header" ? [each.name] : [])),
        isSafe: described["x-safe"] === true,
        consumes: Object.keys(requestBody?.content ?? {}),
        ...(json === undefined ? {} : { body: bundled(json, components.schemas) }),
        responses,
      };
    }),
  );
}

/** A schema that stands by itself. */
export function bundled(schema: object, schemas: OpenApi["components"]["schemas"]): object {
  return JSON.parse(JSON.stringify({ ...schema, $defs: schemas }).replaceAll("#/components/schemas/", "#/$defs/")) as object;
}

const read = new WeakMap<OpenApi["components"], Map<string, z.ZodType>>();

/** The schema as zod reads it back from the document: what a client that has nothing else would check against. */
export function schemaFromDocument({ components }: OpenApi, schema: object): z.ZodType {
  const known = read.get(components) ?? new Map<string, z.ZodType>();
  read.set(components, known);
  const key = JSON.stringify(schema);
  const there = known.get(key);
  if (there !== undefined) return there;
  const made = z.fromJSONSchema(bundled(schema, components.schemas) as Parameters<typeof z.fromJSONSchema>[0]);
  known.set(key, made);
  return made;
}
