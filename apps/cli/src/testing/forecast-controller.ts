/** What a controller does with measured history and uploads of forecasts (docs/forecasts.md), and what can go wrong with it on the way. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

export interface ForecastController {
  readonly url: string;
  /** Every request: `POST /v1/forecasts?...`. */
  readonly requests: readonly string[];
  /** Rows of each batch, as they came. */
  readonly batches: ReadonlyMap<string, readonly string[]>;
  readonly authorizations: readonly (string | undefined)[];
  readonly firstRequest: Promise<void>;
  close(): Promise<void>;
}

export interface ForecastControllerOptions {
  /** NDJSON rows of the history, as they are answered. */
  readonly history?: string;
  /** The state in which a whole batch ends. */
  readonly endsAs?: "ready" | "quarantined";
  /** So many uploads keep this many of their rows, and break off. */
  readonly breaks?: { readonly times: number; readonly rows: number };
  /** So many requests are told to come again later. */
  readonly busy?: number;
  /** A problem in place of every answer. */
  readonly problem?: { readonly status: number; readonly code: string };
}

export async function openForecastController(options: ForecastControllerOptions = {}): Promise<ForecastController> {
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const batches = new Map<string, string[]>();
  const settled = new Set<string>();
  let onRequest = (): void => undefined;
  const firstRequest = new Promise<void>((resolve) => {
    onRequest = resolve;
  });
  let busy = options.busy ?? 0;
  let breaks = options.breaks?.times ?? 0;

  const stateOf = (batchId: string) => {
    const isSettled = settled.has(batchId);
    const windowsQuarantined = isSettled && options.endsAs === "quarantined" ? 1 : 0;
    return {
      batchId,
      state: isSettled ? (options.endsAs ?? "ready") : "receiving",
      rows: batches.get(batchId)?.length ?? 0,
      errorCount: 0,
      windows: isSettled ? 4 : 0,
      windowsQuarantined,
    };
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://x");
    requests.push(`${request.method} ${request.url}`);
    authorizations.push(request.headers.authorization);
    onRequest();
    const body = await bodyOf(request);
    if (options.problem !== undefined) return problem(response, options.problem.status, options.problem.code);
    if (busy > 0) {
      busy -= 1;
      response.setHeader("retry-after", "0");
      return problem(response, 503, "unavailable");
    }
    if (url.pathname === "/v1/history/demands") return send(response, 200, options.history ?? "", "application/x-ndjson");
    const batchId = url.searchParams.get("batchId") ?? url.pathname.split("/").at(-1) ?? "";
    if (request.method === "GET") {
      return batches.has(batchId) ? json(response, 200, stateOf(batchId)) : problem(response, 404, "not-found");
    }
    const rows = gunzipSync(body).toString("utf8").trimEnd().split("\n");
    if (request.method === "PATCH" && Number(url.searchParams.get("row")) !== batches.get(batchId)?.length)
      return problem(response, 422, "out-of-range");
    const known = request.method === "PATCH" ? (batches.get(batchId) ?? []) : [];
    if (breaks > 0) {
      breaks -= 1;
      batches.set(batchId, [...known, ...rows.slice(0, options.breaks?.rows)]);
      response.destroy();
      return;
    }
    batches.set(batchId, [...known, ...rows]);
    if (batches.get(batchId)?.length !== Number(url.searchParams.get("rows"))) return problem(response, 422, "out-of-range");
    settled.add(batchId);
    return json(response, 200, stateOf(batchId));
  };

  const server: Server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    authorizations,
    firstRequest,
    batches,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, status: number, text: string, type: string): void {
  response.writeHead(status, { "content-type": type });
  response.end(text);
}

function json(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, JSON.stringify(value), "application/json");
}

function problem(response: ServerResponse, status: number, code: string): void {
  const faults = [{ code, message: `It is ${code}.` }];
  send(
    response,
    status,
    JSON.stringify({ type: `/problems/${code}`, status, detail: `It is ${code}.`, code, faults }),
    "application/problem+json",
  );
}
