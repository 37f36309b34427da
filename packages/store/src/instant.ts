/** Fields that several kinds of records have. */
import { z } from "zod";

/** RFC 3339, from 1970 to 9999; comes out in UTC with milliseconds. */
export const instantSchema = z.iso
  .datetime({ offset: true, abort: true })
  .refine((text) => new Date(text).getTime() >= 0, "must not be before 1970")
  .transform((text) => new Date(text).toISOString());

/** ASCII, so that every database sorts it alike. */
export const batchIdSchema = z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/, "must be 1 to 128 letters, digits or . _ : -");
