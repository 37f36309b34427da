import { z } from "zod";

export const faultSchema = z
  .strictObject({
    code: z.string().meta({ description: "Stable; docs/errors.md lists all." }),
    message: z.string(),
    pointer: z.string().optional().meta({ description: "JSON pointer (RFC 6901), e.g. `/query/limit`." }),
    data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  })
  .meta({ id: "Fault" });

export const problemSchema = z
  .strictObject({
    type: z.string().meta({ description: "Stable for each code, e.g. `/problems/not-found`." }),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    code: z.string(),
    faults: z.array(faultSchema),
    leader: z.string().optional().meta({ description: "With `not-leader`: where the controller serves REST that leads." }),
    requestId: z.string().optional().meta({ description: "Also in the header `x-request-id` and in the controller's log." }),
  })
  .meta({ id: "Problem", description: "A refusal (RFC 9457)." });
