import { describeEngine } from "./contract.js";
import { solveFlow } from "./solve-flow.js";

describeEngine("first-order, then interior point", solveFlow, { gap: 1e-6, hostile: "sound" });
