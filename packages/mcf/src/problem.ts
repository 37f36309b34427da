/**
 * One traffic class's multi-commodity flow problem in index form: what schemes solve. Compact arrays, so that it passes
 * between threads without copying and stays cheap at a million paths.
 */
import type { BandwidthFunction } from "@sluice/model";

export interface Problem {
  readonly nodeCount: number;
  readonly linkCount: number;
  /** Per link: node indices of its ends. */
  readonly linkFrom: Int32Array;
  readonly linkTo: Int32Array;
  /** Per link, bps: what higher classes have left. 0 for links that may not be used. */
  readonly capacityBps: Float64Array;
  /** Per link. */
  readonly latencyMs: Float64Array;
  readonly metric: Float64Array;

  readonly demandCount: number;
  /** Per demand. */
  readonly demandBps: Float64Array;
  readonly demandSrc: Int32Array;
  readonly demandDst: Int32Array;
  /** Per demand, or empty when no demand has one: linear up to the demand. */
  readonly bandwidthFunctions: readonly (BandwidthFunction | undefined)[];

  readonly pathCount: number;
  /** The paths of demand d are `pathStart[d] .. pathStart[d + 1]`. */
  readonly pathStart: Int32Array;
  /** Paths are loopless: none crosses a link twice. The links of path p are `pathLinks[linkStart[p] .. linkStart[p + 1]]`, in order of travel. */
  readonly linkStart: Int32Array;
  readonly pathLinks: Int32Array;
}
