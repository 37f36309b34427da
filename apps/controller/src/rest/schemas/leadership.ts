/** Bodies that tell who leads. */
import { z } from "zod";
import { count } from "./network.js";

export const leadershipSchema = z
  .strictObject({
    role: z.enum(["leader", "follower", "stepping-down"]).meta({
      description: "Of this controller. A follower answers questions from what is stored, and leads when nobody else does.",
    }),
    term: count.optional().meta({ description: "Of the leadership that lasts; absent where nobody is known to lead." }),
    leader: z
      .strictObject({ holder: z.string(), rest: z.string().optional(), grpc: z.string().optional() })
      .optional()
      .meta({ description: "Who leads, this controller included, and where it is reached; absent where nobody is known to." }),
    remainingMs: z
      .number()
      .min(0)
      .optional()
      .meta({ description: "For how long the lease may be relied on; it is renewed long before. Absent where it has no end." }),
    leaderships: count.meta({ description: "How many times this process has begun to lead." }),
    stalenessMs: z
      .number()
      .min(0)
      .optional()
      .meta({ description: "How old what this controller shows may be; absent where it leads, or has never read the store." }),
  })
  .meta({ id: "Leadership" });
