/** The schemes by the objective they serve. */
import type { ObjectiveName } from "@sluice/model";
import type { Scheme } from "../scheme.js";
import { maxConcurrent } from "./max-concurrent.js";
import { maxMinFair } from "./max-min-fair.js";
import { maxThroughput } from "./max-throughput.js";
import { minCost } from "./min-cost.js";
import { minMaxUtilization } from "./min-max-utilization.js";
import { shortestPath } from "./shortest-path.js";

const schemes: Readonly<Record<ObjectiveName, Scheme>> = {
  "max-throughput": maxThroughput,
  "min-cost": minCost,
  "min-max-utilization": minMaxUtilization,
  "max-concurrent": maxConcurrent,
  "max-min-fair": maxMinFair,
  "shortest-path": shortestPath,
};

export function schemeOf(objective: ObjectiveName): Scheme {
  return schemes[objective];
}
