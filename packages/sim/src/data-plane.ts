/**
 * The network as it really is: the tables of all switches and the state of all cables. This is what invariants are
 * checked on; neither machine sees it.
 */
import { ruleKey, type LinkId, type NodeId, type Rule, type RuleKey, type RuleOperation, type Topology } from "@sluice/model";
import { offeredBy, type Offered } from "./walker.js";

/** What a packet's way depends on: tables, and which cables are taken for down. */
export interface NetworkView {
  readonly universe: Topology;
  readonly linksDown: ReadonlySet<LinkId>;
  /** Undefined for a switch that holds no rules and never did. */
  rulesOf(nodeId: NodeId): ReadonlyMap<RuleKey, Rule> | undefined;
}

export interface SwitchTables {
  readonly rules: Map<RuleKey, Rule>;
  /** Rules that a crash took and no stage has touched since: what is missing here is the crash's doing. */
  readonly lost: Set<RuleKey>;
}

export class DataPlane implements NetworkView {
  /** Every cable that ever was, whatever the controller's documents say. */
  readonly universe: Topology;
  readonly tables: ReadonlyMap<NodeId, SwitchTables>;
  readonly linksDown = new Set<LinkId>();
  /** Nodes that an operator took out of the topology, and when: their own traffic is nobody's until a plan knows them again. */
  readonly strangersAtMs = new Map<NodeId, number>();
  readonly #offered = new Map<NodeId, readonly Offered[]>();
  /** Rises with every change: checks that depend on nothing else need not be repeated before. */
  version = 0;

  constructor(universe: Topology) {
    this.universe = universe;
    this.tables = new Map(universe.nodes.map(({ id }) => [id, { rules: new Map(), lost: new Set() }]));
  }

  rulesOf(nodeId: NodeId): ReadonlyMap<RuleKey, Rule> {
    return this.tablesOf(nodeId).rules;
  }

  /** The network as if other links were down, or as if some switches held other rules. */
  under(linksDown: ReadonlySet<LinkId>, rules?: ReadonlyMap<NodeId, ReadonlyMap<RuleKey, Rule>>): NetworkView {
    return { universe: this.universe, linksDown, rulesOf: (nodeId) => rules?.get(nodeId) ?? this.tablesOf(nodeId).rules };
  }

  tablesOf(nodeId: NodeId): SwitchTables {
    const tables = this.tables.get(nodeId);
    if (tables === undefined) throw new RangeError(`there is no switch ${nodeId}`);
    return tables;
  }

  /** All that ingress switches of the topology send; those that were taken out of it are strangers. */
  offered(): readonly Offered[] {
    const all: Offered[] = [];
    for (const [nodeId, { rules }] of this.tables) {
      if (this.strangersAtMs.has(nodeId)) continue;
      let ofNode = this.#offered.get(nodeId);
      if (ofNode === undefined) this.#offered.set(nodeId, (ofNode = offeredBy(nodeId, rules)));
      all.push(...ofNode);
    }
    return all;
  }

  apply(nodeId: NodeId, operations: readonly RuleOperation[]): void {
    const { rules, lost } = this.tablesOf(nodeId);
    for (const operation of operations) {
      const key = operation.op === "put" ? ruleKey(operation.rule) : operation.key;
      lost.delete(key);
      if (operation.op === "put") rules.set(key, operation.rule);
      else rules.delete(key);
    }
    this.#offered.delete(nodeId);
    this.version += 1;
  }

  /** The switch forgets everything. */
  wipe(nodeId: NodeId): void {
    const { rules, lost } = this.tablesOf(nodeId);
    for (const key of rules.keys()) lost.add(key);
    rules.clear();
    this.#offered.delete(nodeId);
    this.version += 1;
  }

  setLink(linkId: LinkId, up: boolean): void {
    if (up) this.linksDown.delete(linkId);
    else this.linksDown.add(linkId);
    this.version += 1;
  }
}
