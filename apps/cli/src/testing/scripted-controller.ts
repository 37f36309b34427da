/** An HTTP server that answers as it is told: for what a real controller does only when something breaks. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Heard {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export type Answerer = (heard: Heard, response: ServerResponse) => void;

export interface ScriptedController {
  readonly url: string;
  /** Every request, in the order of arrival. */
  readonly heard: readonly Heard[];
  close(): Promise<void>;
}

export async function openScriptedController(answer: Answerer): Promise<ScriptedController> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const one: Heard = { method, url, headers, body: Buffer.concat(chunks).toString("utf8") };
      heard.push(one);
      answer(one, response);
    });
    request.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function sendJson(response: ServerResponse, status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { "content-type": status < 400 ? "application/json" : "application/problem+json", ...headers });
  response.end(JSON.stringify(value));
}

export function sendProblem(response: ServerResponse, status: number, code: string, headers: Readonly<Record<string, string>> = {}): void {
  const faults = [{ code, message: `It is ${code}.`, pointer: "/body/x" }];
  sendJson(
    response,
    status,
    { type: `/problems/${code}`, title: code, status, detail: `It is ${code}.`, code, faults, requestId: "r-1" },
    headers,
  );
}
