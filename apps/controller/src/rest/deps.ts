/** What REST needs of the rest of the controller. But for settings it reads only; changes come by gRPC. */
import type { ControllerView, PublishedEvent } from "@sluice/control";
import type { Epoch, Result, ScenarioSplit } from "@sluice/model";
import type { Store } from "@sluice/store";
import type { FastifyBaseLogger } from "fastify";
import type { ExplainQuery, ReportResult, ReportTask } from "../solver/solver-message.js";

export interface RestDeps {
  /** As of now; cheap, called for each request. */
  view(): ControllerView;
  /** Every event as it is published, until the function returned is called; without it, metrics know only what the view shows. */
  watch?(watcher: (event: PublishedEvent) => void): () => void;
  readonly store: Store;
  /** Computed off the event loop. */
  explain(epoch: Epoch, query: ExplainQuery): Promise<Result<unknown>>;
  /** What failures would cost, computed off the event loop; one at a time. Nobody waits for it any more when the signal is aborted. */
  report(task: ReportTask, splits: readonly ScenarioSplit[], signal: AbortSignal): Promise<ReportResult>;
  /** The fields of the settings to change; what is left out stays. Resolves when that is durable, or refused with pointers into the settings. */
  changeSettings(settings: unknown): Promise<Result<unknown>>;
  readonly log?: FastifyBaseLogger;
  /**
   * Whether each answer is checked against its schema before it is sent (the default). The check costs more than all the rest of
   * an answer, so the program goes without: its tests hold every route to its schema.
   */
  readonly checkAnswers?: boolean;
  /** Of the program, for the OpenAPI document and the metrics. */
  readonly version?: string;
}
