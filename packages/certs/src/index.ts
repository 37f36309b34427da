export * from "./authority.js";
export * from "./description.js";
export * from "./directory.js";
