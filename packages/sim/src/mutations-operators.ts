/** Deliberate bugs around what operators do. */
import type { ControllerEvent } from "@sluice/control";
import { applyTopologyChanges, basisHash, canonicalHash, planSnapshot } from "@sluice/model";
import { controllerView } from "@sluice/control";
import type { Mutation } from "./mutation.js";

/** A controller that starts does not know that a plan waits for its confirmation. */
export const forgottenConfirmation: Mutation = {
  // Controllers have to die while something waits.
  scenario: (scenario) => ({ ...scenario, intensity: 1 }),
  inventory: (inventory) => {
    if (inventory.operation === undefined) return inventory;
    const { version, document } = inventory.operation;
    return { ...inventory, operation: { version, document: { settings: document.settings } } };
  },
};

/** A change is made whatever version it was meant for. */
export const versionsIgnored: Mutation = {
  controllerEvents: (_host, event) => {
    if (!("ifVersion" in event)) return [event];
    const { ifVersion: _, ...rest } = event;
    return [rest as ControllerEvent];
  },
};

/** A proposal is taken for one that was made just now, whatever it was made from. */
export const staleProposalApplied: Mutation = {
  controllerEvents: (host, event) => {
    if (event.kind !== "apply-proposal") return [event];
    const { topology, demands, settings, operation, topologyVersion = 0, demandsVersion = 0, settingsVersion } = controllerView(host.state);
    const { proposal } = event;
    const after = topology === undefined ? undefined : applyTopologyChanges(topology, proposal.topologyChanges);
    if (topology === undefined || demands === undefined || after?.ok !== true) return [event];
    const snapshot = planSnapshot({ topology: after.value, demands, settings: { ...settings, ...proposal.settings } }, operation.mode);
    const basis = { topologyVersion, demandsVersion, settingsVersion, inputHash: basisHash({ topology, demands, settings }) };
    const plan = { ...proposal.plan, inputHash: canonicalHash(snapshot) };
    return [{ ...event, tolerateDemands: false, proposal: { ...proposal, basis, snapshot, plan } }];
  },
};

/** Nobody looks at what a plan would change. */
export const blastRadiusUnseen: Mutation = {
  controllerEvents: (_host, event) =>
    event.kind === "apply-proposal" || event.kind === "roll-back" ? [{ ...event, force: true }] : [event],
};

/** A cycle that is held goes on. */
export const heldIgnored: Mutation = {
  controllerEvents: (host, event) => {
    const { settings } = host.state.operation;
    if (settings.mode === "held") host.state.operation.settings = { ...settings, mode: "automatic" };
    return [event];
  },
};

/** Deadlines come too early: who is slow to confirm finds the plan taken back. */
export const deadlineTooEarly: Mutation = {
  controllerEvents: (host, event) => {
    const { confirmation } = host.state.operation;
    if (confirmation !== undefined) host.state.operation.confirmation = { ...confirmation, deadlineMs: 0 };
    return [event];
  },
};
