/** `:epoch` in a path: the number of a plan. */
import { z } from "zod";

/** An epoch, written as routes and cursors write it. */
export const epochText = /^[1-9][0-9]{0,8}$/;

export const epochPath = z.strictObject({
  epoch: z.string().regex(epochText, "must be the number of a plan").transform(Number).meta({ type: "integer", minimum: 1 }),
});
