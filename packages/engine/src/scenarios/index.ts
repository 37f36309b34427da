export { checkSplit } from "./check-split.js";
export { splitScenarios, type ScenarioSplits, type SplitOptions } from "./split-scenarios.js";
