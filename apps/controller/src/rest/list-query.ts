/** Query parameters that several lists take. */
import { nodeIdSchema, type FlowGroup } from "@sluice/model";
import { cursorSchema, limitSchema } from "./page.js";

export const pageQuery = { limit: limitSchema(10_000, 1_000), cursor: cursorSchema.optional() };
export const endsQuery = { src: nodeIdSchema.optional(), dst: nodeIdSchema.optional() };

export function isBetween(
  { src, dst }: Pick<FlowGroup, "src" | "dst">,
  wanted: { readonly src?: string | undefined; readonly dst?: string | undefined },
): boolean {
  return (wanted.src ?? src) === src && (wanted.dst ?? dst) === dst;
}
