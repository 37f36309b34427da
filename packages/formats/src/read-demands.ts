/** Reads demands: tells the format by the content, never by the file's name. */
import { ok, type Result, type Topology } from "@sluice/model";
import { decodeText, unpack } from "./bytes.js";
import { isDemandCsv, readDemandCsv } from "./demand-csv.js";
import { isDemandNdjson, readDemandNdjson } from "./demand-ndjson.js";
import { isDemandDocument, parseYaml, readDemandDocument } from "./document.js";
import { isObject, parseJson } from "./json-text.js";
import { dtypeOfLength, readMatrixBinary } from "./matrix-binary.js";
import { isMatrixText, readMatrixText } from "./matrix-text.js";
import { isNodeLink, readNodeLinkDemands } from "./node-link.js";
import { Reading, type ReadDemands, type ReadOptions } from "./reading.js";
import { isRepetitaDemands, readRepetitaDemands } from "./repetita.js";
import { isSndlib, readSndlibDemands } from "./sndlib.js";

type Found = Omit<ReadDemands, "notes" | "rateUnitBps">;

export function readDemands(bytes: Uint8Array, topology: Topology, options: ReadOptions): Result<ReadDemands> {
  const unpacked = unpack(bytes);
  if (!unpacked.ok) return unpacked;
  const reading = new Reading(options);
  const found = reading.result(readBytes(unpacked.value, topology, reading));
  return found.ok ? ok({ ...found.value, rateUnitBps: reading.rateUnitBps, notes: reading.notes() }) : found;
}

function readBytes(bytes: Uint8Array, topology: Topology, reading: Reading): Found | undefined {
  const text = decodeText(bytes);
  if (text === undefined) {
    return named(`matrix-${dtypeOfLength(bytes.length, topology.nodes.length) ?? "binary"}`, readMatrixBinary(bytes, topology, reading));
  }
  const start = text.slice(0, 65_536).trimStart();
  if (text.trim() === "") return reading.refuse("unknown-format", "The file is empty.");
  if (isSndlib(start)) return named("sndlib", readSndlibDemands(text, topology, reading));
  if (isRepetitaDemands(start)) return named("repetita", readRepetitaDemands(text, topology, reading));
  if (isMatrixText(text)) return named("matrix-text", readMatrixText(text, topology, reading));
  if (isDemandNdjson(text)) return named("ndjson", readDemandNdjson(text, topology, reading));
  const json = start.startsWith("{") || start.startsWith("[");
  if (!json && isDemandCsv(text)) return named("csv", readDemandCsv(text, topology, reading));
  return readDocument(json ? parseJson(text, reading) : parseYaml(text, reading), json ? "json" : "yaml", topology, reading);
}

function readDocument(document: unknown, syntax: string, topology: Topology, reading: Reading): Found | undefined {
  if (reading.refused) return undefined;
  if (isObject(document) && isNodeLink(document)) {
    return named(`node-link-${syntax}`, readNodeLinkDemands(document, topology, reading));
  }
  if (isObject(document) && isDemandDocument(document)) return named(`sluice-${syntax}`, readDemandDocument(document, topology, reading));
  return reading.refuse("unknown-format", "The file holds no demands of a known format: docs/formats.md lists them.");
}

function named(format: string, matrices: Found["matrices"] | undefined): Found | undefined {
  return matrices && { format, matrices };
}
