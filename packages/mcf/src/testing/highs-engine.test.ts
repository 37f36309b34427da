import { describeEngine } from "../contract.js";
import { highsEngine } from "./highs-engine.js";

const engine = await highsEngine();

describeEngine("HiGHS, for comparison", engine, { gap: 1e-6 });
