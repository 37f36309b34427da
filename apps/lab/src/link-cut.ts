/** Cuts and repairs of links at set times, for demonstrations: `LINK@SECONDS` after the first plan is in force. */
import { isId, ok, refuse, toId, type LinkId, type Result, type Topology } from "@sluice/model";
import { argumentFault, parseNumber } from "sluice";

export interface LinkEvent {
  readonly linkId: LinkId;
  readonly up: boolean;
  readonly atSeconds: number;
}

/** Longest that a demonstration waits, seconds: a day. */
const atSecondsMax = 86_400;

/** In order of time. Faults name the option; the link must exist. */
export function parseLinkEvents(
  topology: Topology,
  texts: { readonly down: readonly string[]; readonly up: readonly string[] },
): Result<readonly LinkEvent[]> {
  const events: LinkEvent[] = [];
  for (const [option, up, list] of [
    ["--link-down", false, texts.down],
    ["--link-up", true, texts.up],
  ] as const) {
    for (const text of list) {
      const at = text.lastIndexOf("@");
      const id = text.slice(0, Math.max(0, at));
      if (at < 0) return refuse(argumentFault("malformed", option, `${option} takes LINK@SECONDS, not ${JSON.stringify(text)}.`));
      if (!isId(id) || !topology.linkById.has(toId<LinkId>(id))) {
        const example = topology.links[0]?.id;
        return refuse(
          argumentFault(
            "not-found",
            option,
            `The topology has no link ${JSON.stringify(id)}.${example === undefined ? "" : ` One that exists: ${example}.`}`,
          ),
        );
      }
      const seconds = text.slice(at + 1) === "0" ? ok(0) : parseNumber(text.slice(at + 1), option, { above: 0, most: atSecondsMax });
      if (!seconds.ok) return seconds;
      events.push({ linkId: toId<LinkId>(id), up, atSeconds: seconds.value });
    }
  }
  return ok(events.toSorted((a, b) => a.atSeconds - b.atSeconds));
}
