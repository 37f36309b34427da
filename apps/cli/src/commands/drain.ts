/** `sluice drain` and `sluice undrain`: what would change is shown and asked about, then applied as one. */
import { ok, refuse, type Result } from "@sluice/model";
import { parseOneOf } from "../argument.js";
import type { CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { listOf, textOf, type Arguments } from "../grammar/act.js";
import { parseChangeFlags, type ChangeFlags } from "../operator/change-asked.js";
import {
  drainChanges,
  elementKinds,
  networkSchema,
  parseElements,
  type ElementKind,
  type Elements,
  type Network,
} from "../operator/network-elements.js";
import { askQuestion } from "../operator/preview-run.js";
import { withController, type ControllerFlags } from "../operator/with-controller.js";
import { argumentFault } from "../refusal.js";
import { applyAsked } from "./apply.js";

export interface DrainFlags extends ControllerFlags, ChangeFlags {
  readonly soft?: boolean;
  readonly top?: string;
}

export function drainCommand(flags: DrainFlags, context: CommandContext, args: Arguments): Promise<ExitCode> {
  return changeDrains(flags, flags.soft === true ? "soft-drained" : "drained", { context, args });
}

export function undrainCommand(flags: DrainFlags, context: CommandContext, args: Arguments): Promise<ExitCode> {
  return changeDrains(flags, "active", { context, args });
}

function changeDrains(
  flags: DrainFlags,
  state: "drained" | "soft-drained" | "active",
  { context, args: [kindAsked, ids] }: { readonly context: CommandContext; readonly args: Arguments },
): Promise<ExitCode> {
  return withController(
    flags,
    context,
    async (session) => {
      const kind = parseOneOf(textOf(kindAsked), elementKinds, "KIND");
      if (!kind.ok) return kind;
      const setting = parseChangeFlags(flags);
      if (!setting.ok) return setting;
      const network = await session.client.get("/v1/topology", networkSchema);
      if (!network.ok) return network;
      const elements = elementsOf(kind.value, listOf(ids), network.value.value);
      if (!elements.ok) return elements;
      const topologyChanges = drainChanges(elements.value, state, network.value.value);
      if (topologyChanges.every((change) => isSo(change, network.value.value))) {
        await session.show({
          value: { changed: false, ...elements.value },
          table: () => `${kind.value} ${listOf(ids).join(", ")}: ${state} already; nothing was changed.\n`,
        });
        return ok(exitCode.ok);
      }
      const asked = await askQuestion("preview", { topologyChanges }, session);
      if (!asked.ok) return asked;
      // A maintenance window does not wait for a quiet moment between two measurements.
      return applyAsked(asked.value, { ...flags, tolerateDemands: true, isKnown: false }, { session, setting: setting.value });
    },
    ["table", "wide", "json", "yaml"],
  );
}

function elementsOf(kind: ElementKind, ids: readonly string[], network: Network): Result<Elements> {
  const some = ids.find((id) => id === "");
  if (some !== undefined) return refuse(argumentFault("malformed", "ID", "An id is not empty."));
  return parseElements(
    ids.map((id) => `${kind}/${id}`),
    "ID",
    network,
  );
}

function isSo(change: ReturnType<typeof drainChanges>[number], { nodes, links }: Network): boolean {
  if (change.kind === "set-node-state") return nodes.some(({ id, drain }) => id === change.nodeId && drain === change.drain);
  return change.kind === "set-link-state" && links.some(({ id, drain }) => id === change.linkId && drain === change.drain);
}
