/** What a description is made from, and what it is. */
import type { ControllerClient } from "./controller-client.js";
import type { Shown } from "./output.js";

export interface Describing {
  readonly client: ControllerClient;
}

/** `value` has `kind`, such as `node-description`, and the controller's answers under the names of what they are about. */
export type Described = Shown;

/** Rows that a part of a description shows; the JSON has all. */
export const rowsShown = 12;

/** Says how many rows were left out. */
export function restText(count: number, shown = rowsShown): string {
  return count > shown ? `and ${count - shown} more: -o json\n` : "";
}
