// The languages of these pages, and which of them is meant.

export const LANGUAGES = ['en', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

export const isOneOf = <T extends string>(values: readonly T[], value: unknown): value is T =>
  values.includes(value as T);

/** The first of the wanted languages that there is. */
export function chooseLanguage(wanted: readonly (string | null)[]): Language {
  const tags = wanted.map((tag) => tag?.slice(0, 2).toLowerCase());
  return tags.find((tag) => isOneOf(LANGUAGES, tag)) ?? 'en';
}
