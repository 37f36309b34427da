/** A JSON document as fields with dotted names, as `settings set` takes them. */

/** `{"a":{"b":1},"c":[1,2]}` is `a.b 1` and `c [1,2]`; a list of objects is JSON. Empty objects are left out. */
export function flatFields(document: Readonly<Record<string, unknown>>, prefix = ""): readonly (readonly [string, string])[] {
  return Object.entries(document).flatMap(([name, value]): readonly (readonly [string, string])[] => {
    const path = `${prefix}${name}`;
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return flatFields(value as Record<string, unknown>, `${path}.`);
    return [[path, typeof value === "string" ? value : JSON.stringify(value)]];
  });
}
