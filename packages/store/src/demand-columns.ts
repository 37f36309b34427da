/**
 * Demands as typed columns: what a forecast window and a measured matrix are kept as. Thirteen bytes a demand before compression,
 * a tenth of its JSON, and read back without parsing text.
 *
 *     u32 length of the header | header (JSON, padded to 8) | f64 rates | u16 sources | u16 destinations | u8 classes
 */
import { endianness } from "node:os";
import {
  assert,
  compareText,
  fault,
  ok,
  refuse,
  toId,
  trafficClasses,
  type BandwidthFunction,
  type Demand,
  type DemandMatrix,
  type FlowGroup,
  type NodeId,
  type Result,
} from "@sluice/model";

/** Indices of nodes have sixteen bits. */
export const columnNodesMax = 65_536;

export interface DemandColumns {
  /** Sorted by code units, each used. */
  readonly nodeIds: readonly NodeId[];
  /** By demand, sorted by (source, destination, class), so by flow group: indices into `nodeIds`. */
  readonly src: Uint16Array;
  readonly dst: Uint16Array;
  /** Index into `trafficClasses`. */
  readonly trafficClass: Uint8Array;
  readonly rateBps: Float64Array;
  /** By index of the demand; few have one. */
  readonly bandwidthFunctions?: ReadonlyMap<number, BandwidthFunction>;
}

interface Header {
  readonly nodeIds: readonly NodeId[];
  readonly count: number;
  readonly bandwidthFunctions?: readonly (readonly [number, BandwidthFunction])[];
}

/** The columns hold the bytes of this machine: every platform that Node runs on today is of this order. */
const isLittleEndian = endianness() === "LE";

/** A matrix is sorted by flow group already. Refuses with `too-many` above 65,536 nodes. O(demands + nodes log nodes). */
export function columnsOf({ demands }: Pick<DemandMatrix, "demands">): Result<DemandColumns> {
  const nodeIds = [...new Set(demands.flatMap(({ src, dst }) => [src, dst]))].sort(compareText);
  if (nodeIds.length > columnNodesMax)
    return refuse(fault("too-many", `Demands between more than ${columnNodesMax} nodes cannot be kept.`));
  const indexOf = new Map(nodeIds.map((id, i) => [id, i]));
  const functions = new Map<number, BandwidthFunction>();
  const columns = {
    nodeIds,
    src: new Uint16Array(demands.length),
    dst: new Uint16Array(demands.length),
    trafficClass: new Uint8Array(demands.length),
    rateBps: new Float64Array(demands.length),
  };
  demands.forEach(({ src, dst, trafficClass, rateBps, bandwidthFunction }, i) => {
    columns.src[i] = indexOf.get(src) ?? 0;
    columns.dst[i] = indexOf.get(dst) ?? 0;
    columns.trafficClass[i] = trafficClasses.indexOf(trafficClass);
    columns.rateBps[i] = rateBps;
    if (bandwidthFunction !== undefined) functions.set(i, bandwidthFunction);
  });
  return ok({ ...columns, ...(functions.size === 0 ? {} : { bandwidthFunctions: functions }) });
}

export function flowGroupsOf({ nodeIds, src, dst, trafficClass }: DemandColumns): readonly FlowGroup[] {
  return Array.from(src, (from, i): FlowGroup => {
    const [srcId, dstId, name] = [nodeIds[from], nodeIds[dst[i] ?? -1], trafficClasses[trafficClass[i] ?? -1]];
    assert(srcId !== undefined && dstId !== undefined && name !== undefined, "columns name nodes and classes that there are");
    return { src: srcId, dst: dstId, trafficClass: name };
  });
}

export function matrixOfColumns(columns: DemandColumns, name: string): DemandMatrix {
  const demands = flowGroupsOf(columns).map((group, i): Demand => {
    const bandwidthFunction = columns.bandwidthFunctions?.get(i);
    return { ...group, rateBps: columns.rateBps[i] ?? 0, ...(bandwidthFunction === undefined ? {} : { bandwidthFunction }) };
  });
  return { kind: "demand-matrix", name, demands };
}

/** The same columns give the same bytes. */
export function encodeColumns({ nodeIds, src, dst, trafficClass, rateBps, bandwidthFunctions }: DemandColumns): Uint8Array {
  assert(isLittleEndian, "this machine is little-endian");
  const header: Header = {
    nodeIds,
    count: rateBps.length,
    ...(bandwidthFunctions === undefined ? {} : { bandwidthFunctions: [...bandwidthFunctions].sort(([a], [b]) => a - b) }),
  };
  const text = Buffer.from(JSON.stringify(header));
  const start = startOf(text.length);
  const bytes = Buffer.alloc(start + rateBps.length * 13);
  bytes.writeUInt32LE(text.length, 0);
  text.copy(bytes, 4);
  let at = start;
  for (const column of [rateBps, src, dst, trafficClass]) {
    bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at);
    at += column.byteLength;
  }
  return bytes;
}

/** Throws where the bytes are not what `encodeColumns` wrote; their hash was checked before. */
export function decodeColumns(bytes: Uint8Array): DemandColumns {
  assert(isLittleEndian, "this machine is little-endian");
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = whole.readUInt32LE(0);
  const { nodeIds, count, bandwidthFunctions } = JSON.parse(whole.toString("utf8", 4, 4 + length)) as Header;
  const start = startOf(length);
  assert(whole.length === start + count * 13, "the columns are as long as their header says");
  // A copy of its own starts at a multiple of eight, whatever the buffer that it came in.
  const body = new Uint8Array(whole.subarray(start)).buffer;
  return {
    nodeIds: nodeIds.map((id) => toId<NodeId>(id)),
    rateBps: new Float64Array(body, 0, count),
    src: new Uint16Array(body, count * 8, count),
    dst: new Uint16Array(body, count * 10, count),
    trafficClass: new Uint8Array(body, count * 12, count),
    ...(bandwidthFunctions === undefined ? {} : { bandwidthFunctions: new Map(bandwidthFunctions) }),
  };
}

function startOf(headerLength: number): number {
  return Math.ceil((4 + headerLength) / 8) * 8;
}

/** Rates by themselves, for matrices of the same flow groups. */
export function encodeRates(ratesBps: Float64Array): Uint8Array {
  assert(isLittleEndian, "this machine is little-endian");
  return new Uint8Array(ratesBps.buffer, ratesBps.byteOffset, ratesBps.byteLength);
}

export function decodeRates(bytes: Uint8Array): Float64Array {
  assert(isLittleEndian && bytes.byteLength % 8 === 0, "rates are doubles of this machine");
  return new Float64Array(new Uint8Array(bytes).buffer);
}
