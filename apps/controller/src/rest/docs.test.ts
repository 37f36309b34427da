/** Every curl command of docs/rest.md, asked of a server: what the page says can be done. */
import { readFileSync } from "node:fs";
import { assert } from "@sluice/model";
import type { InjectOptions } from "fastify";
import { afterAll, beforeAll, expect, it } from "vitest";
import { worlds, type Worlds } from "./testing/worlds.js";

const page = readFileSync(new URL("../../../../docs/rest.md", import.meta.url), "utf8");

/** Commands of tables and of blocks, with the lines that they are broken into joined. */
const commands = [
  ...[...page.matchAll(/`(curl [^`\n]+)`/g)].map(([, command = ""]) => command),
  ...[...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = ""]) => commandsOf(block)),
]
  // Those of streams, and with ids that only the reader has, are left out.
  .filter((command) => !/TOKEN|\bID\b|curl -sN|\/stream/.test(command));

function commandsOf(block: string): readonly string[] {
  const found: string[] = [];
  for (const line of block.replaceAll("\\\n", " ").split("\n")) {
    if (line.startsWith("curl ")) found.push(line);
    else if (found.length > 0) found[found.length - 1] += line;
  }
  return found;
}

/** What curl would send. */
function requestOf(command: string): InjectOptions & { readonly url: string } {
  const [sent = ""] = command.split(/ \| | {2,}#/);
  const words = [...sent.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, bare]) => single ?? double ?? bare ?? "");
  const headers: Record<string, string> = {};
  let method: string | undefined;
  let payload: string | undefined;
  let url = "";
  let query = "";
  for (let i = 1; i < words.length; i += 1) {
    const word = words[i] ?? "";
    const next = words[i + 1] ?? "";
    if (word === "-X") method = next;
    else if (word === "-d") payload = next;
    else if (word === "--data-urlencode") query = `?${next.split("=")[0]}=${encodeURIComponent(next.split("=").slice(1).join("="))}`;
    else if (word === "-H") headers[next.split(":")[0]?.toLowerCase() ?? ""] = next.split(":").slice(1).join(":").trim();
    else if (/^-s[iG]*$/.test(word)) continue;
    else {
      assert(word.startsWith("localhost:8080/"), `${command} asks the controller, not ${word}`);
      url = word.slice("localhost:8080".length);
      continue;
    }
    i += 1;
  }
  return { url: url + query, headers, ...(method && { method: method as "POST" }), ...(payload !== undefined && { payload }) };
}

let world: Worlds;
beforeAll(async () => {
  world = await worlds();
}, 60_000);
afterAll(async () => world.close());

it("has commands to try", () => expect(commands.length).toBeGreaterThan(30));

it.each(commands)("%s", { timeout: 60_000 }, async (command) => {
  const named = command
    .replaceAll("LINK", "a-b")
    .replaceAll("NODE", "b")
    .replaceAll("$(uuidgen)", "a-key")
    .replace("/v1/plans/1/exp", "/v1/plans/3/exp");
  const request = requestOf(named);
  const { method = "GET", headers } = request;
  const app = await world.app(method === "GET" ? "full" : "live");
  const { etag } = (await app.inject({ url: "/v1/topology", headers: { authorization: `Bearer ${world.issuer.byRole.admin}` } })).headers;
  const all: Record<string, string> = { ...(headers as Record<string, string>), authorization: `Bearer ${world.issuer.byRole.admin}` };
  // The page names the version of its own network.
  if (all["if-match"]?.startsWith('"')) all["if-match"] = String(etag);
  const response = await app.inject({ ...request, headers: all });
  // The page shows a refusal, too.
  const expected = command.includes("limit=0") ? [422] : [200, 202];
  expect([command, response.statusCode, response.body]).toEqual([command, expect.toBeOneOf(expected), expect.any(String)]);
});
