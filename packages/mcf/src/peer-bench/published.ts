/**
 * What the benchmark's index says of each instance: its size, its files, and the results that others published on it, in the unit of its
 * matrix. Fields are named as in the file; those not listed are left alone.
 */
import { z } from "zod";

/** An objective and the seconds it took, as published. */
const resultSchema = z.object({ obj: z.number(), s: z.number().min(0) });
/** POP: k parts, and the share of demands that are split among parts. */
const popSchema = resultSchema.extend({ k: z.number(), split: z.number(), method: z.string().optional() });

const flowSchema = z.object({
  /** The optimum over the path set. */
  gurobi_lp: resultSchema.nullish(),
  ncflow: resultSchema.nullish(),
  pop: z.array(popSchema).nullish(),
  cspf: resultSchema.nullish(),
  /** Fleischer's approximation with epsilon 0.5: over the path set, and over all paths. */
  "fleischer_eps0.5_paths": resultSchema.nullish(),
  "fleischer_eps0.5_edge": resultSchema.nullish(),
  /** By the number of paths a demand, on paths of its own: it may pass the optimum over the path set. */
  smore: z.record(z.string(), resultSchema).nullish(),
});

const concurrentSchema = z.object({ gurobi_lp: resultSchema.nullish(), pop: z.array(popSchema).nullish() });

const instanceSchema = z.object({
  id: z.string().min(1),
  /** The name of its topology and its path set. */
  topology: z.string().regex(/^[\w.+-]+$/),
  n: z.int().min(1),
  /** Links, and demands. */
  m: z.int().optional(),
  commodities: z.int().optional(),
  /** Its demand model and the factor on it. */
  model: z.string(),
  scale: z.number(),
  /** The file of its matrix, in the benchmark's folder. */
  tm: z.string().min(1),
  dtype: z.enum(["f32", "f64"]),
  maxFlow: flowSchema,
  maxConcurrent: concurrentSchema.nullish(),
});

export const peerInstancesSchema = z.array(instanceSchema);

export type PublishedResult = Readonly<z.infer<typeof resultSchema>>;
export type PopResult = Readonly<z.infer<typeof popSchema>>;
export type PublishedFlow = Readonly<z.infer<typeof flowSchema>>;
export type PublishedConcurrent = Readonly<z.infer<typeof concurrentSchema>>;
export type PeerInstance = Readonly<z.infer<typeof instanceSchema>>;
