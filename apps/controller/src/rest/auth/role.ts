/** Who may do what. Every route says the least role that may; docs/rest.md lists them. */

/**
 * `viewer` looks, `operator` changes what operating changes from day to day, `admin` does everything. `job` is for programs that feed the
 * controller: it is no step of that ladder, and opens only the routes that name it.
 */
export const roles = ["viewer", "operator", "admin", "job"] as const;
export type Role = (typeof roles)[number];

/** The least role that may use a route, several where one of them is enough, or `open` for everybody, with a token or without. */
export type RouteRole = "open" | Role | readonly Role[];

const includedIn: Readonly<Record<Role, readonly Role[]>> = {
  viewer: ["viewer"],
  operator: ["viewer", "operator"],
  admin: roles,
  job: ["job"],
};

/** Who asks. */
export interface Actor {
  /** The token's subject; `anonymous` in development mode. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** When the token ends, ms since the epoch: what lasts longer than a request ends then. */
  readonly expiresAtMs?: number;
}

/** Every role that may, those that include the least one with it; in the order of `roles`. */
export function rolesThatMay(role: RouteRole): readonly Role[] {
  if (role === "open") return roles;
  const named = new Set(typeof role === "string" ? [role] : role);
  return roles.filter((each) => includedIn[each].some((included) => named.has(included)));
}

export function may(actor: Actor, role: RouteRole): boolean {
  const allowed = rolesThatMay(role);
  return actor.roles.some((each) => allowed.includes(each));
}

export function isRole(text: unknown): text is Role {
  return (roles as readonly unknown[]).includes(text);
}
