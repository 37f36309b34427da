/** What of the controller's journal is told to people, in words. Pure. */
import type { JournalEntry } from "./journal.js";

/** Ids that are named; of more only the number. */
const namedMax = 4;

/** Undefined for what is told otherwise, or of no interest while all goes well. */
export function journalText({ kind, data }: Pick<JournalEntry, "kind" | "data">): string | undefined {
  switch (kind) {
    case "link-up":
      return `Link ${textOf(data["linkId"])} has stayed up and is used again.`;
    case "link-suppressed":
      return `${linksText(data["linkIds"])} flap: down for the controller until they have been quiet for a while.`;
    case "link-reused":
      return `${linksText(data["linkIds"])} have been quiet and are used again.`;
    case "scenario-ended":
      return data["reason"] === "recovered"
        ? `What failed in ${textOf(data["scenarioId"])} is back: the ingresses return to the plan's own split.`
        : undefined;
    case "scenario-refused":
      return `Nothing is prepared for ${textOf(data["scenarioId"])}: ${textOf(data["message"])}`;
    case "control-network-fault":
      return `${textOf(data["missing"])} agents were lost at once: the controller takes that for a fault of its own network, and changes nothing.`;
    case "control-network-healed":
      return "The controller's network is whole enough again: it goes on.";
    case "plan-refused":
      return "A plan was refused by the controller's own checks; the last one stays.";
    case "tables-full":
      return `A plan does not fit the rule tables of ${textOf(data["nodes"])} switches: the controller plans again within what they have room for.`;
    case "plan-failed":
      return `Plan ${textOf(data["epoch"])} was refused by a switch; the controller goes back or plans anew.`;
    case "rolled-back":
      return `The switches are back on plan ${textOf(data["epoch"])}.`;
    default:
      return undefined;
  }
}

function linksText(ids: unknown): string {
  if (!Array.isArray(ids)) return "Links";
  return ids.length > namedMax ? `${ids.length} links` : `Links ${ids.map(textOf).join(", ")}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "?";
}
