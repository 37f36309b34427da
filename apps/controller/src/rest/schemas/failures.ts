/** The body of a failure report: what each failure would cost, layer by layer. */
import { layerNames } from "@sluice/failures";
import { failureKinds } from "@sluice/model";
import { z } from "zod";
import { count, id, nextCursor } from "./network.js";
import { rateByClass } from "./protection.js";

export const layerSchema = z
  .strictObject({
    lostBps: rateByClass.meta({ description: "Of what was delivered before, without traffic that starts or ends at a dead node." }),
    utilizationMax: z.number().min(0).meta({ description: "Sent to the fullest link by its capacity: above 1 its queue drops." }),
    fullestLinkId: id.optional(),
    overfullLinks: count.meta({ description: "Links that are sent more than they carry." }),
  })
  .meta({ id: "FailureLayer" });

const layerName = z.enum(layerNames);

export const failuresSchema = z
  .strictObject({
    kind: z.literal("failure-report"),
    formatVersion: z.literal(1),
    epoch: count.meta({ description: "Of the plan that it is about." }),
    inForce: z.boolean(),
    inputHash: z.string(),
    admittedBps: rateByClass.meta({ description: "What the plan's rules deliver while nothing fails." }),
    layers: z.array(layerName).meta({ description: "Those looked at, in the order in which they act." }),
    pairs: z
      .strictObject({
        possible: count,
        taken: count,
        sampled: z.boolean().meta({ description: "Not all of them: a worse one may be among the others." }),
        seed: count,
      })
      .optional(),
    total: count,
    items: z.array(
      z
        .strictObject({
          id,
          kind: z.enum([...failureKinds, "drain", "pair"]),
          linkIds: z.array(id).meta({ description: "Directed links that are gone." }),
          nodeIds: z.array(id).meta({ description: "Nodes that are gone." }),
          endsLostBps: rateByClass.meta({
            description: "Traffic of dead nodes themselves, which nothing can carry; in no layer's losses.",
          }),
          layers: z.strictObject({
            unrepaired: layerSchema.optional(),
            "local-repair": layerSchema.optional(),
            "scenario-split": layerSchema.optional(),
            "new-plan": layerSchema.optional(),
          }),
          split: z
            .enum(["given", "made", "none"])
            .optional()
            .meta({
              description:
                "given: the split that the controller has prepared; made: none is prepared, and this is what it would be; none: what was computed was " +
                "refused, and local repair goes on serving. Absent without the layer scenario-split.",
            }),
        })
        .meta({ id: "FailureOutcome" }),
    ),
    nextCursor,
  })
  .meta({ id: "FailureReportPage", description: "What each failure would cost, worst first." });
