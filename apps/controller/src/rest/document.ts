/** The OpenAPI document, for machines at /openapi.json and for people at /docs, which needs nothing from elsewhere. */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";

/** Collects the routes that are declared from here on, and serves the page. */
export async function documentRoutes(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Sluice",
        description: "Traffic engineering for wide-area networks. Rates are bits per second, refusals are RFC 9457 problems.",
        version,
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      tags: [
        { name: "network", description: "What is there, and what it carries" },
        { name: "demands", description: "What is asked of the network, measured and forecast" },
        { name: "plans", description: "What was planned, why, and what would be" },
        { name: "protection", description: "What is promised and prepared for failures" },
        { name: "operation", description: "How the controller and its switches are doing" },
      ],
      components: {
        securitySchemes: {
          bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "`x-roles` of each operation says who may." },
        },
      },
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(async (page) => {
    // There is nothing in it that the source does not tell.
    page.addHook("onRoute", (route) => {
      route.config = { ...route.config, role: "open", offers: ["*/*"] };
    });
    await page.register(swaggerUi, { routePrefix: "/docs", staticCSP: true, uiConfig: { docExpansion: "list", deepLinking: true } });
  });
}

export function serveDocument(app: FastifyInstance): void {
  let document: string | undefined;
  app.get("/openapi.json", { schema: { hide: true }, config: { role: "open" } }, async (_, reply) => {
    document ??= JSON.stringify(app.swagger());
    return reply.type("application/json").send(document);
  });
}
