/** `npm run lab -- COMMAND`: sets up, then runs the lab on Mininet and Open vSwitch (docs/lab.md). */
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { root, setup } from "./setup.mjs";

setup();
const main = join(root, "apps", "lab", "dist", "mininet", "main.js");
process.argv[1] = main;
await import(pathToFileURL(main).href);
