// Texts and dates in the language of the person.

import { useStore } from '../api/store';
import { en, type Texts } from './en';
import { fr } from './fr';
import type { Language } from './languages';
import { settings } from './settings';

const TEXTS: Record<Language, Texts> = { en, fr };

export const useLanguage = (): Language => useStore(settings.language);

export const useTexts = (): Texts => TEXTS[useLanguage()];

const DAY = { year: 'numeric', month: 'long', day: 'numeric' } as const;
const MINUTE = { dateStyle: 'medium', timeStyle: 'short' } as const;

/** Dates as people write them. */
export function useDates(): { day: (at: string) => string; minute: (at: string) => string } {
  const language = useLanguage();
  return {
    day: (at) => new Intl.DateTimeFormat(language, DAY).format(new Date(at)),
    minute: (at) => new Intl.DateTimeFormat(language, MINUTE).format(new Date(at)),
  };
}
