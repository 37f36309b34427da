/** What REST needs of the rest of the controller. It reads from the view and the store, and changes by requests to the machine. */
import type { ControllerView, PublishedEvent, SwitchRules } from "@sluice/control";
import type { Epoch, NodeId, Result, ScenarioSplit, Term } from "@sluice/model";
import type { Store } from "@sluice/store";
import type { TlsSource } from "@sluice/wire";
import type { FastifyBaseLogger } from "fastify";
import type { ControllerRequest } from "../driver.js";
import type { Forecasts } from "../forecast/service.js";
import type { Leadership } from "../leadership/role.js";
import type { ExplainQuery, ReportResult, ReportTask, TaskProgress } from "../solver/solver-message.js";
import type { SolverPool } from "../solver/solver-pool.js";
import type { Authenticator } from "./auth/authenticator.js";
import type { AuditLog } from "./audit.js";
import type { RestLimits } from "./limits.js";

export type PreviewSolvers = Pick<SolverPool, "job" | "pathCheck" | "difference">;

export interface RestDeps {
  /** As of now; cheap, called for each request. */
  view(): ControllerView;
  /** Every event as it is published, until the function returned is called; without it, metrics know only what the view shows. */
  watch?(watcher: (event: PublishedEvent) => void): () => void;
  /** Told each time that events have become durable; without it, those who watch the journal hear of them with the next heartbeat. */
  watchJournal?(told: () => void): () => void;
  readonly store: Store;
  /** Where there may be several controllers; without it this one leads. */
  readonly leadership?: Leadership;
  /** The term that this controller leads under, 0 where it does not: what is written here is written under it. That of the view where left out. */
  term?(): Term;
  /** Resolves when what was asked for is durable, or refused with pointers into what was given. */
  submit(request: ControllerRequest): Promise<Result<unknown>>;
  /** What a switch is known to hold, and what it should; undefined for a node that the topology does not have. */
  rulesOf(nodeId: NodeId): SwitchRules | undefined;
  /** Computed off the event loop. */
  explain(epoch: Epoch, query: ExplainQuery): Promise<Result<unknown>>;
  /** What failures would cost, computed off the event loop; one at a time. Nobody waits for it any more when the signal is aborted. */
  report(
    task: ReportTask,
    splits: readonly ScenarioSplit[],
    signal: AbortSignal,
    progress?: (progress: TaskProgress) => void,
  ): Promise<ReportResult>;
  /** Previews, what-ifs, path checks and differences, computed off the event loop; without them there are no routes of these. */
  readonly solvers?: PreviewSolvers;
  /** Without them there are no routes of forecasts. */
  readonly forecasts?: Forecasts;
  /** Certificate and key; with authorities, clients need a certificate of theirs. Plain HTTP without. */
  readonly tls?: TlsSource;
  /** The log of changes, where others write to it as well: there is one of it. Otherwise REST opens it. */
  readonly audit?: AuditLog;
  /** Who asks; without it everybody is an admin, as in development mode. */
  readonly auth?: Authenticator;
  /** Without them nothing is limited but sizes and times. */
  readonly limits?: RestLimits;
  readonly log?: FastifyBaseLogger;
  /**
   * Whether each answer is checked against its schema before it is sent (the default). The check costs more than all the rest of
   * an answer, so the program goes without: its tests hold every route to its schema.
   */
  readonly checkAnswers?: boolean;
  /** Of the program, for the OpenAPI document and the metrics. */
  readonly version?: string;
}
