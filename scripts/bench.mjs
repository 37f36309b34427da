/** `npm run bench -- NAME`: sets up, then runs a benchmark. Without a name it lists them. */
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { root, setup } from "./setup.mjs";

setup();
const main = join(root, "bench", "dist", "main.js");
process.argv[1] = main;
await import(pathToFileURL(main).href);
