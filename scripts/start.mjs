/** `npm start`: sets up, then runs the lab: controller, switch agents and a day of demand. Arguments go to the lab. */
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { root, setup } from "./setup.mjs";

setup();
const main = join(root, "apps", "lab", "dist", "main.js");
process.argv[1] = main;
await import(pathToFileURL(main).href);
