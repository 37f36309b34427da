/** Reads demands: tells the format by the content, never by the file's name. */
import { ok, type Result, type Topology } from "@sluice/model";
import { decodeText, unpack } from "./bytes.js";
import { isDemandDocument, parseYaml, readDemandDocument } from "./document.js";
import { isObject, parseJson } from "./json-text.js";
import { dtypeOfLength, readMatrixBinary } from "./matrix-binary.js";
import { isMatrixText, readMatrixText } from "./matrix-text.js";
import { Reading, type ReadDemands, type ReadOptions } from "./reading.js";

type Found = Omit<ReadDemands, "notes">;

export function readDemands(bytes: Uint8Array, topology: Topology, options: ReadOptions): Result<ReadDemands> {
  const unpacked = unpack(bytes);
  if (!unpacked.ok) return unpacked;
  const reading = new Reading(options);
  const found = reading.result(readBytes(unpacked.value, topology, reading));
  return found.ok ? ok({ ...found.value, notes: reading.notes() }) : found;
}

function readBytes(bytes: Uint8Array, topology: Topology, reading: Reading): Found | undefined {
  const text = decodeText(bytes);
  if (text === undefined) {
    const matrices = readMatrixBinary(bytes, topology, reading);
    return matrices && { format: `matrix-${dtypeOfLength(bytes.length, topology.nodes.length) ?? ""}`, matrices };
  }
  const start = text.trimStart();
  if (start === "") return reading.refuse("missing-field", "The file is empty.");
  if (isMatrixText(text)) {
    const matrices = readMatrixText(text, topology, reading);
    return matrices && { format: "matrix-text", matrices };
  }
  const json = start.startsWith("{") || start.startsWith("[");
  const document = json ? parseJson(text, reading) : parseYaml(text, reading);
  if (reading.refused) return undefined;
  if (isObject(document) && isDemandDocument(document)) {
    const matrices = readDemandDocument(document, topology, reading);
    return matrices && { format: json ? "sluice-json" : "sluice-yaml", matrices };
  }
  return reading.refuse("unknown-format", "The file holds no demands of a known format: docs/formats.md lists them.");
}
