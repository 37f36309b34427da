import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { faultCodes } from "./index.js";

describe("fault codes", () => {
  it("are each explained in docs/errors.md, and nothing else is", () => {
    const page = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
    const documented = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1]);
    expect(documented.toSorted()).toEqual([...faultCodes].toSorted());
  });
});
