#!/usr/bin/env node
// The command line's door: the program itself is compiled to dist by `npm run setup`.
import { existsSync } from "node:fs";

const main = new URL("../dist/main.js", import.meta.url);
if (!existsSync(main)) {
  process.stderr.write("sluice: not built yet: run npm run setup in the repository's root, then try again.\n");
  process.exit(70);
}
await import(main.href);
