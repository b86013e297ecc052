// For claims about generated types that the compiler checks.

/** `true` if the types are the same; `any` is the same as nothing else. */
export type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles if every one is `true`. */
export type Claims<_All extends readonly true[]> = never;
