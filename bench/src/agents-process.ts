/** A process of agents for `agents.ts`: each with its own connection and a switch in memory. Told what to do by messages of its parent. */
import { memoryDatapath, runAgent, type RunningAgent } from "@sluice/agent";
import type { LinkId, NodeId } from "@sluice/model";

export interface AgentsStart {
  /** `host:port`. */
  readonly controller: string;
  readonly nodes: readonly { readonly nodeId: NodeId; readonly linkIds: readonly LinkId[] }[];
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const agents: RunningAgent[] = [];

process.once("message", ({ controller, nodes }: AgentsStart) => {
  for (const { nodeId, linkIds } of nodes) {
    const datapath = memoryDatapath({ links: linkIds.map((linkId) => ({ linkId, up: true })) });
    agents.push(runAgent({ nodeId, controller, datapath, log: silent }));
  }
});

async function end(): Promise<void> {
  await Promise.all(agents.map((agent) => agent.stop()));
  process.exit(0);
}
process.once("SIGTERM", () => void end());
// The parent is gone.
process.once("disconnect", () => void end());
