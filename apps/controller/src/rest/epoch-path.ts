/** `:epoch` in a path: the number of a plan. */
import { z } from "zod";

export const epochPath = z.strictObject({
  epoch: z
    .string()
    .regex(/^[1-9][0-9]{0,8}$/, "must be the number of a plan")
    .transform(Number)
    .meta({ type: "integer", minimum: 1 }),
});
