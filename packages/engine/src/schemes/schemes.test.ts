import { highsBackend } from "@sluice/lp";
import { objectiveNames } from "@sluice/model";
import { describeScheme } from "../contract.js";
import { schemeOf } from "./index.js";

const lp = highsBackend();

for (const name of objectiveNames) describeScheme(name, schemeOf(name), { makeLp: () => lp });
