/** What every engine of this package must keep: call `describeEngine` from a test file. */
import type { FlowEngine } from "./flow-program.js";

export function describeEngine(name: string, engine: FlowEngine): void {
  throw new Error(`The suite for ${name} (${engine.name}) is not written.`);
}
