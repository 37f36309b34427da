/** Where the controller stands, as the question of a preview. */
import type { ControllerView } from "@sluice/control";
import { fault, ok, refuse, topologyDocument, type LinkId, type Result } from "@sluice/model";
import type { Standing } from "@sluice/preview";

/** Compared with is the newest plan: what switches hold, or are being programmed to. Fault: `not-ready` without topology or demands. */
export function standingOf(view: ControllerView): Result<Standing> {
  const { topology, demands, settings, topologyVersion = 0, demandsVersion = 0, settingsVersion } = view;
  if (topology === undefined) return refuse(fault("not-ready", "There is no topology yet: send one first."));
  if (demands === undefined) return refuse(fault("not-ready", "There are no demands yet: send some first."));
  const plan = view.planPending ?? view.planInForce;
  return ok({
    ground: { topology: topologyDocument(topology), demands, settings, mode: view.operation.mode, linksDown: linksDown(view) },
    versions: { topologyVersion, demandsVersion, settingsVersion },
    ...(plan === undefined ? {} : { plan: storedPlan(plan) }),
  });
}

function storedPlan({ record, input }: NonNullable<ControllerView["planInForce"]>): NonNullable<Standing["plan"]> {
  const { topology, demands, settings, assignmentsBefore } = input;
  return { epoch: record.epoch, snapshot: { topology, demands, settings }, plan: record.plan, assignmentsBefore };
}

function linksDown({ linksReportedDown, linksDamped }: ControllerView): readonly LinkId[] {
  const damped = linksDamped.filter(({ suppressed, heldDown }) => suppressed || heldDown).map(({ linkId }) => linkId);
  return [...new Set([...linksReportedDown, ...damped])];
}
