/**
 * ETag and If-Match (RFC 9110, sections 8.8.3 and 13.1.1): a change names the version that it was made from, so that nobody overwrites
 * what he has not seen. The tag is the version of what is stored, `"v7"`; operational states that switches report do not count.
 */
import { fault, ok, refuse, type Result } from "@sluice/model";

/** What has a version that rises by one with each change. */
export const versionedResources = ["topology", "settings", "demands", "operation"] as const;
export type VersionedResource = (typeof versionedResources)[number];

/** Tags that one header may name. */
const tagsMax = 16;

/** What a client accepts: any version, or these. */
export type Precondition = "any" | readonly number[];

export function etagOf(version: number): string {
  return `"v${version}"`;
}

/**
 * `"v7"`, several with commas, or `*`. Weak tags and those of others never match (strong comparison), which is no fault of form.
 * Faults: `precondition-required` without the header, `malformed`.
 */
export function preconditionOf(header: string | undefined, resource: VersionedResource): Result<Precondition> {
  if (header === undefined) {
    const message = `Say with If-Match which version of the ${resource} this changes, as GET gives it in ETag; * means any.`;
    return refuse(fault("precondition-required", message, { pointer: "/headers/if-match" }));
  }
  if (header.trim() === "*") return ok("any");
  const tags = header.split(",").map((tag) => tag.trim());
  if (tags.length > tagsMax || !tags.every((tag) => /^(W\/)?"[\x21\x23-\x7e]*"$/.test(tag))) {
    return refuse(fault("malformed", 'If-Match is written "v7" with the quotation marks, or *.', { pointer: "/headers/if-match" }));
  }
  return ok(
    tags.flatMap((tag) => {
      const version = /^"v(0|[1-9][0-9]{0,14})"$/.exec(tag)?.[1];
      return version === undefined ? [] : [Number(version)];
    }),
  );
}

/**
 * The version that the change has to find when its turn comes; undefined for any. Fault: `stale-version` where another one is there already.
 */
export function heldVersion(precondition: Precondition, current: number, resource: VersionedResource): Result<number | undefined> {
  if (precondition === "any") return ok(undefined);
  if (precondition.includes(current)) return ok(current);
  const message = `The ${resource} is at version ${current}, not at the one that If-Match names: read it again.`;
  return refuse(fault("stale-version", message, { pointer: "/headers/if-match", data: { version: current } }));
}
