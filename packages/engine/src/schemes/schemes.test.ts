import { highsBackend } from "@sluice/lp";
import { engineNames, objectiveNames } from "@sluice/model";
import { describeScheme } from "../contract.js";
import { schemeOf } from "./index.js";

const lp = highsBackend();
const makeLp = (): typeof lp => lp;
const byEngine = ["max-throughput", "min-cost", "min-max-utilization", "max-concurrent"] as const;

for (const name of objectiveNames) describeScheme(name, schemeOf(name), { makeLp });
for (const name of byEngine) for (const engine of engineNames) describeScheme(name, schemeOf(name), { makeLp, engine });
