/** Who asked for something, and under which id it can be followed through events and logs. */
export interface RequestedBy {
  /** The subject of the request's token; `anonymous` where nobody has to say who they are. */
  readonly actor: string;
  /** The request's own id: everything that follows from it carries it. */
  readonly correlationId: string;
}
