import pino from "pino";
import { expect, it } from "vitest";
import { logRedaction } from "./redaction.js";

it("strikes tokens out of logs, wherever a request's headers are logged", () => {
  const lines: string[] = [];
  const log = pino({ redact: logRedaction }, { write: (line: string) => void lines.push(line) });
  const headers = { authorization: "Bearer TOKEN", "proxy-authorization": "Basic TOKEN", cookie: "TOKEN", host: "h" };
  log.info(headers, "headers themselves");
  log.info({ headers }, "headers");
  log.info({ req: { headers } }, "a request");
  log.info({ failed: { request: { headers } } }, "a failure");
  log.info({ Authorization: "Bearer TOKEN" }, "as clients write it");
  expect(lines).toHaveLength(5);
  expect(lines.join("")).not.toContain("TOKEN");
  expect(lines.join("")).toContain("[hidden]");
  expect(lines[1]).toContain('"host":"h"');
});
