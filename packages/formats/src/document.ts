/** Sluice's own documents: the model's topology and demand documents as JSON or YAML. Strict: what the model does not know is refused. */
import { checkDemandEnds, parseDemandMatrix, parseDemandSeries, parseTopology, type NodeId, type Topology } from "@sluice/model";
import { parseDocument, type ErrorCode } from "yaml";
import type { FinishedTopology } from "./topology-draft.js";
import { field, type JsonObject } from "./json-text.js";
import type { ReadDemands, Reading } from "./reading.js";

/** The version of the documents that this code writes and reads. A document without `version` is of this version. */
export const documentVersion = 1;

/** Most times that YAML anchors may be used: expansion stays linear in the file. */
const yamlAliasesMax = 100;

/** Most characters of a YAML document: its parser is a hundred times slower than JSON's and keeps the whole tree. */
const yamlLengthMax = 16 * 2 ** 20;

/** The parser's own messages quote the file; its codes are not words. */
const yamlFaults: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: "an alias has an anchor or a tag",
  BAD_ALIAS: "an alias names no anchor",
  BAD_COLLECTION_TYPE: "a tag does not fit its list or mapping",
  BAD_DIRECTIVE: "a directive (%) is not understood",
  BAD_DQ_ESCAPE: "a quoted text has an escape that does not exist",
  BAD_INDENT: "the indentation is wrong",
  BAD_PROP_ORDER: "an anchor or tag stands in the wrong place",
  BAD_SCALAR_START: "a plain text starts with a character that must be quoted",
  BLOCK_AS_IMPLICIT_KEY: "a list or mapping stands where a key should",
  BLOCK_IN_FLOW: "an indented list or mapping stands within brackets",
  DUPLICATE_KEY: "a key is there twice",
  IMPOSSIBLE: "the parser does not understand it",
  KEY_OVER_1024_CHARS: "a key is longer than 1024 characters",
  MISSING_CHAR: "a character is missing, such as a closing bracket, a quote, a comma or a colon",
  MULTILINE_IMPLICIT_KEY: "a key goes over several lines",
  MULTIPLE_ANCHORS: "a value has several anchors",
  MULTIPLE_DOCS: "there are several documents in it",
  MULTIPLE_TAGS: "a value has several tags",
  NON_STRING_KEY: "a key is no text",
  RESOURCE_EXHAUSTION: "it is nested too deeply",
  TAB_AS_INDENT: "it is indented with tabs",
  TAG_RESOLVE_FAILED: "a tag is not understood",
  UNEXPECTED_TOKEN: "something stands where nothing of its kind may",
};

/**
 * YAML text to a value. Only the core schema, unique keys, no custom tags; hexadecimal and octal numbers are not numbers. Faults:
 * `malformed` with the line.
 */
export function parseYaml(text: string, reading: Reading): unknown {
  if (text.length > yamlLengthMax) {
    return reading.refuse(
      "too-large",
      "The file is of no known format but perhaps YAML, and too long for that: write large documents as JSON.",
    );
  }
  const document = parseDocument(text, {
    schema: "core",
    strict: true,
    uniqueKeys: true,
    prettyErrors: true,
    customTags: (tags) =>
      tags.filter((tag) => typeof tag === "string" || !("format" in tag) || (tag.format !== "HEX" && tag.format !== "OCT")),
  });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = error.linePos?.[0].line;
    return reading.refuse(
      "malformed",
      `The file is not well-formed YAML: ${yamlFaults[error.code]}.`,
      line === undefined ? undefined : `/line/${line}`,
    );
  }
  try {
    return document.toJS({ maxAliasCount: yamlAliasesMax }) as unknown;
  } catch {
    return reading.refuse("too-many", `The YAML document expands its anchors more than ${yamlAliasesMax} times.`);
  }
}

/** Takes `version` and `$schema` off a document; refuses a version that this code does not know. */
function unwrap(document: JsonObject, reading: Reading): JsonObject | undefined {
  const version = field(document, "version");
  if (version !== undefined && version !== documentVersion) {
    return reading.refuse(
      "not-allowed",
      `/version: this is version ${JSON.stringify(version)}, and version ${documentVersion} is understood.`,
      "/version",
    );
  }
  return Object.fromEntries(Object.entries(document).filter(([key]) => key !== "version" && key !== "$schema"));
}

export function isTopologyDocument(document: JsonObject): boolean {
  const kind = field(document, "kind");
  return kind === "topology" || (kind === undefined && Array.isArray(field(document, "nodes")));
}

export function readTopologyDocument(document: JsonObject, reading: Reading): FinishedTopology | undefined {
  const body = unwrap(document, reading);
  const topology = body === undefined ? undefined : reading.admit(parseTopology(body));
  if (topology === undefined) return undefined;
  // The gate has seen every node's id; the topology keeps them sorted, the document may not.
  const listed = field(document, "nodes") as readonly { readonly id: NodeId }[];
  return { topology, nodeOrder: listed.map(({ id }) => id) };
}

export function isDemandDocument(document: JsonObject): boolean {
  const kind = field(document, "kind");
  return (
    kind === "demand-matrix" || kind === "demand-series" || ["demands", "flowGroups"].some((key) => Array.isArray(field(document, key)))
  );
}

/** A matrix (`demands`) or a series (`flowGroups` and `ratesBps`); both ends of every flow group must be in the topology. */
export function readDemandDocument(document: JsonObject, topology: Topology, reading: Reading): ReadDemands["matrices"] | undefined {
  const body = unwrap(document, reading);
  if (body === undefined) return undefined;
  if (field(document, "kind") === "demand-series" || Object.hasOwn(document, "flowGroups")) {
    const series = reading.admit(parseDemandSeries(body));
    series?.flowGroups.forEach((group, i) => {
      for (const end of ["src", "dst"] as const) {
        if (!topology.nodeById.has(group[end])) {
          const pointer = `/flowGroups/${i}/${end}`;
          reading.refuse("dangling-reference", `${pointer}: the topology has no node ${group[end]}.`, pointer);
        }
      }
    });
    return series;
  }
  const matrix = reading.admit(parseDemandMatrix(body));
  return matrix === undefined ? undefined : reading.admit(checkDemandEnds(topology, matrix));
}
