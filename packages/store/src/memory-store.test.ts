import { describeStore } from "./contract.js";
import { memoryStore } from "./memory-store.js";

describeStore("memory", async () => Promise.resolve(memoryStore()));
