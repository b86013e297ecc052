// Language and colours of these pages.

import { useId } from 'react';
import { useStore } from '../api/store';
import { LANGUAGES } from '../i18n/languages';
import { THEMES, setLanguage, setTheme, settings } from '../i18n/settings';
import { useTexts } from '../i18n/texts';

export function Preferences() {
  const texts = useTexts();
  const id = useId();
  return (
    <div className="preferences">
      <label htmlFor={`${id}-language`}>{texts.language}</label>
      <select
        id={`${id}-language`}
        value={useStore(settings.language)}
        onChange={({ currentTarget }) => setLanguage(currentTarget.value)}
      >
        {LANGUAGES.map((one) => (
          <option key={one} value={one} lang={one}>
            {texts.languages[one]}
          </option>
        ))}
      </select>
      <label htmlFor={`${id}-theme`}>{texts.theme}</label>
      <select
        id={`${id}-theme`}
        value={useStore(settings.theme)}
        onChange={({ currentTarget }) => setTheme(currentTarget.value)}
      >
        {THEMES.map((one) => (
          <option key={one} value={one}>
            {texts.themes[one]}
          </option>
        ))}
      </select>
    </div>
  );
}
