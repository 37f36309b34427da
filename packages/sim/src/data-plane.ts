/**
 * The network as it really is: the tables of all switches and the state of all cables. This is what invariants are
 * checked on; neither machine sees it.
 */
import { ruleKey, type LinkId, type NodeId, type Rule, type RuleKey, type RuleOperation, type Topology } from "@sluice/model";

export interface SwitchTables {
  readonly rules: Map<RuleKey, Rule>;
  /** Rules that a crash took and no stage has touched since: what is missing here is the crash's doing. */
  readonly lost: Set<RuleKey>;
}

export class DataPlane {
  /** Every cable that ever was, whatever the controller's documents say. */
  readonly universe: Topology;
  readonly tables: ReadonlyMap<NodeId, SwitchTables>;
  readonly linksDown = new Set<LinkId>();
  /** Links that came back, and when: kept by the checks for as long as it matters. */
  readonly mendedAtMs = new Map<LinkId, number>();
  /** Links that repaired traffic has passed, and when last: how full they are while an update moves traffic was nobody's plan. */
  readonly repairedOverAtMs = new Map<LinkId, number>();
  /** Nodes that an operator took out of the topology, and when: their own traffic is nobody's until a plan knows them again. */
  readonly strangersAtMs = new Map<NodeId, number>();
  /** Switches that the leader went ahead without, and when: it takes them to hold the last plan, which nobody can know. */
  readonly unheardAtMs = new Map<NodeId, number>();
  /** Rises with every change: checks that depend on nothing else need not be repeated before. */
  version = 0;

  constructor(universe: Topology) {
    this.universe = universe;
    this.tables = new Map(universe.nodes.map(({ id }) => [id, { rules: new Map(), lost: new Set() }]));
  }

  tablesOf(nodeId: NodeId): SwitchTables {
    const tables = this.tables.get(nodeId);
    if (tables === undefined) throw new RangeError(`there is no switch ${nodeId}`);
    return tables;
  }

  apply(nodeId: NodeId, operations: readonly RuleOperation[]): void {
    const { rules, lost } = this.tablesOf(nodeId);
    for (const operation of operations) {
      const key = operation.op === "put" ? ruleKey(operation.rule) : operation.key;
      lost.delete(key);
      if (operation.op === "put") rules.set(key, operation.rule);
      else rules.delete(key);
    }
    this.version += 1;
  }

  /** The switch forgets everything. */
  wipe(nodeId: NodeId): void {
    const { rules, lost } = this.tablesOf(nodeId);
    for (const key of rules.keys()) lost.add(key);
    rules.clear();
    this.version += 1;
  }

  setLink(linkId: LinkId, { up, nowMs }: { up: boolean; nowMs: number }): void {
    if (up) this.linksDown.delete(linkId);
    else this.linksDown.add(linkId);
    if (up) this.mendedAtMs.set(linkId, nowMs);
    else this.mendedAtMs.delete(linkId);
    this.version += 1;
  }
}
