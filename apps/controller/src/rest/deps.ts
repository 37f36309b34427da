/** What REST needs of the rest of the controller. It reads only; changes come by gRPC. */
import type { ControllerView } from "@sluice/control";
import type { Epoch, Result } from "@sluice/model";
import type { Store } from "@sluice/store";
import type { FastifyBaseLogger } from "fastify";
import type { ExplainQuery } from "../solver/solver-message.js";

export interface RestDeps {
  /** As of now; cheap, called for each request. */
  view(): ControllerView;
  readonly store: Store;
  /** Computed off the event loop. */
  explain(epoch: Epoch, query: ExplainQuery): Promise<Result<unknown>>;
  readonly log?: FastifyBaseLogger;
  /**
   * Whether each answer is checked against its schema before it is sent (the default). The check costs more than all the rest of
   * an answer, so the program goes without: its tests hold every route to its schema.
   */
  readonly checkAnswers?: boolean;
  /** Of the program, for the OpenAPI document and the metrics. */
  readonly version?: string;
}
