/** Reads a topology: tells the format by the content, never by the file's name. */
import { ok, refuse, fault, type Result } from "@sluice/model";
import { isArrowFibers, isArrowLinks, readArrowFibers, readArrowLinks } from "./arrow.js";
import { decodeText, unpack } from "./bytes.js";
import { isCapacityTable, readCapacityTable } from "./capacity-table.js";
import { isTopologyDocument, parseYaml, readTopologyDocument } from "./document.js";
import { isXml, readGraphml } from "./graphml.js";
import { isObject, parseJson, type JsonObject } from "./json-text.js";
import { isNodeLink, readNodeLink } from "./node-link.js";
import { isPeerBench, readPeerBench } from "./peer-bench.js";
import { Reading, type ReadOptions, type ReadTopology } from "./reading.js";
import { isRepetitaGraph, readRepetitaGraph } from "./repetita.js";
import { isSndlib, readSndlib } from "./sndlib.js";

type Found = Omit<ReadTopology, "notes" | "rateUnitBps">;

/**
 * Reads one file, gzipped or not. Every value that the file does not give is in `notes`. Faults carry a pointer: a JSON pointer for
 * JSON and YAML, `/line/N/field` for text. Formats and what each infers: docs/formats.md.
 */
export function readTopology(bytes: Uint8Array, options: ReadOptions): Result<ReadTopology> {
  const unpacked = unpack(bytes);
  if (!unpacked.ok) return unpacked;
  const text = decodeText(unpacked.value);
  if (text === undefined)
    return refuse(fault("unknown-format", "The file is neither UTF-8 text nor gzipped UTF-8 text: no topology format is binary."));
  const reading = new Reading(options);
  const found = reading.result(readText(text, reading));
  return found.ok ? ok({ ...found.value, rateUnitBps: reading.rateUnitBps, notes: reading.notes() }) : found;
}

function readText(text: string, reading: Reading): Found | undefined {
  const start = text.trimStart();
  if (start === "") return reading.refuse("unknown-format", "The file is empty.");
  if (isXml(start)) return named("graphml", readGraphml(text, reading));
  if (isSndlib(start)) return named("sndlib", readSndlib(text, reading));
  if (isCapacityTable(start)) return named("capacity-table", readCapacityTable(text, reading));
  if (isRepetitaGraph(start)) return named("repetita", readRepetitaGraph(text, reading));
  if (isArrowLinks(start)) return named("arrow-links", readArrowLinks(text, reading));
  if (isArrowFibers(start)) return named("arrow-fibers", readArrowFibers(text, reading));
  if (start.startsWith("{") || start.startsWith("[")) return readDocument(parseJson(text, reading), "json", reading);
  return readDocument(parseYaml(text, reading), "yaml", reading);
}

function readDocument(document: unknown, syntax: "json" | "yaml", reading: Reading): Found | undefined {
  if (reading.refused) return undefined;
  if (!isObject(document)) return reading.refuse("unknown-format", "The file is no topology: an object is expected.");
  return (
    named(`node-link-${syntax}`, isNodeLink(document) && readNodeLink(document, reading)) ??
    named(`peer-bench-${syntax}`, isPeerBench(document) && readPeerBench(document, reading)) ??
    (reading.refused ? undefined : readOwn(document, syntax, reading))
  );
}

function named(format: string, found: false | Omit<Found, "format"> | undefined): Found | undefined {
  return found === false || found === undefined ? undefined : { format, ...found };
}

function readOwn(document: JsonObject, syntax: string, reading: Reading): Found | undefined {
  if (isTopologyDocument(document)) return named(`sluice-${syntax}`, readTopologyDocument(document, reading));
  return reading.refuse("unknown-format", "The file is no topology of a known format: docs/formats.md lists them.");
}
