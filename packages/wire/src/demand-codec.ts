/** Demands between protobuf and the domain. */
import {
  admit,
  buildDemandMatrix,
  demandSchema,
  demandsMax,
  fault,
  pointerOf,
  refuse,
  trafficClasses,
  type Demand,
  type DemandMatrix,
  type Result,
  type TrafficClass,
} from "@sluice/model";
import { z } from "zod";
import * as wire from "../generated/sluice/v1/demand.js";
import { eachFromWire, enumCodec, missingField, present, under } from "./field.js";

export const trafficClassCodec = enumCodec<TrafficClass>(trafficClasses, {
  interactive: wire.TrafficClass.TRAFFIC_CLASS_INTERACTIVE,
  elastic: wire.TrafficClass.TRAFFIC_CLASS_ELASTIC,
  bulk: wire.TrafficClass.TRAFFIC_CLASS_BULK,
});

const nameSchema = z.string().min(1).max(256);

export function demandToWire({ src, dst, trafficClass, rateBps, bandwidthFunction }: Demand): wire.Demand {
  return {
    src,
    dst,
    trafficClass: trafficClassCodec.toWire(trafficClass),
    rateBps,
    bandwidthFunction: bandwidthFunction === undefined ? undefined : { points: bandwidthFunction.points.map((point) => ({ ...point })) },
  };
}

export function demandMatrixToWire(matrix: DemandMatrix): wire.DemandMatrix {
  return { name: matrix.name, demands: matrix.demands.map(demandToWire) };
}

/** One demand by itself; what concerns several is `demandMatrixOf`'s to judge. */
export function demandFromWire(message: wire.Demand, at: readonly PropertyKey[] = []): Result<Demand> {
  const { bandwidthFunction } = message;
  return admit(
    demandSchema,
    {
      src: present(message.src),
      dst: present(message.dst),
      trafficClass: trafficClassCodec.fromWire(message.trafficClass),
      rateBps: message.rateBps,
      ...(bandwidthFunction === undefined ? {} : { bandwidthFunction }),
    },
    at,
  );
}

/** `firstIndex` is the index of the first demand in pointers, for a matrix that comes in parts. */
export function demandsFromWire(
  messages: readonly wire.Demand[],
  at: readonly PropertyKey[],
  { countMax = demandsMax, firstIndex = 0 }: { readonly countMax?: number; readonly firstIndex?: number } = {},
): Result<readonly Demand[]> {
  return eachFromWire(messages, at, { countMax, firstIndex, convert: demandFromWire });
}

/** Name and demands that passed one by one, as a matrix: sorted, one demand per flow group. */
export function demandMatrixOf(name: string, demands: readonly Demand[], at: readonly PropertyKey[] = []): Result<DemandMatrix> {
  const admitted = admit(nameSchema, present(name), [...at, "name"]);
  if (!admitted.ok) return admitted;
  if (demands.length > demandsMax) {
    return refuse(fault("too-many", `A matrix has at most ${demandsMax} demands.`, { pointer: pointerOf([...at, "demands"]) }));
  }
  return under(at, buildDemandMatrix(admitted.value, demands));
}

/** Refuses with pointers below `at`, e.g. `/matrix/demands/7/rateBps`. */
export function demandMatrixFromWire(message: wire.DemandMatrix | undefined, at: readonly PropertyKey[] = []): Result<DemandMatrix> {
  if (message === undefined) return missingField(at, "a demand matrix is required");
  const demands = demandsFromWire(message.demands, [...at, "demands"]);
  return demands.ok ? demandMatrixOf(message.name, demands.value, at) : demands;
}
