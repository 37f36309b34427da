/** Where the collected data are: `SLUICE_DATA`, or beside the checkout. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const dataDir = process.env["SLUICE_DATA"] ?? fileURLToPath(new URL("../../../../../shared/data", import.meta.url));
export const hasData = existsSync(dataDir);
/** For titles: says why a suite is skipped. */
export const dataTitle = hasData ? "" : ` (SKIPPED: there is no data at ${dataDir}; set SLUICE_DATA)`;

export const examplesDir = fileURLToPath(new URL("../../../../examples", import.meta.url));
