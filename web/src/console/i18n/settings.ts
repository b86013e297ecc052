// What a person has chosen for these pages: language and colours. Both are kept in cookies of these pages alone,
// since a logout makes the browser clear everything else that pages of this origin keep (Clear-Site-Data).

import { createStore } from '../api/store';
import { LANGUAGES, chooseLanguage, isOneOf, type Language } from './languages';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const LANGUAGE = 'vestibule_console_language';
const THEME = 'vestibule_console_theme';
/** A year, in seconds. */
const KEPT_FOR = 31_536_000;

function read(name: string): string | null {
  const pair = document.cookie.split('; ').find((one) => one.startsWith(`${name}=`));
  return pair?.slice(name.length + 1) ?? null;
}

function write(name: string, value: string): void {
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  document.cookie = `${name}=${value}; Path=/console; Max-Age=${KEPT_FOR}; SameSite=Strict${secure}`;
}

const keptTheme = read(THEME);

/** `offered` is the language of a mail's link, which goes before that of the browser. */
const offered = new URLSearchParams(location.hash.slice(1)).get('lang');
const language = createStore<Language>(chooseLanguage([offered, read(LANGUAGE), ...navigator.languages]));
const theme = createStore<Theme>(isOneOf(THEMES, keptTheme) ? keptTheme : 'system');

export const settings = { language, theme };

function show(): void {
  document.documentElement.lang = language.get();
  document.documentElement.dataset.theme = theme.get();
}

export function setLanguage(value: string): void {
  if (!isOneOf(LANGUAGES, value)) return;
  language.set(value);
  write(LANGUAGE, value);
  show();
}

export function setTheme(value: string): void {
  if (!isOneOf(THEMES, value)) return;
  theme.set(value);
  write(THEME, value);
  show();
}

show();
