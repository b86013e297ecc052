// What the service thinks of a password, while it is typed. It is a help: its failures are not shown.

import { useEffect, useState } from 'react';
import { ask } from '../api/ask';
import { session } from '../api/session';
import { PasswordStrengthDocument, type PasswordStrengthQuery } from '../gql/graphql';
import { useLanguage, useTexts } from '../i18n/texts';

const TYPING_PAUSE = 400;

type Found = PasswordStrengthQuery['passwordStrength'];

interface Props {
  password: string;
  /** Whether the form says already what is wrong with it. */
  isFaulty: boolean;
  context(): { email: string | null; name: string | null };
}

export function Strength({ password, isFaulty, context }: Props) {
  const { strength, faults } = useTexts();
  const language = useLanguage();
  const [found, setFound] = useState<Found | null>(null);

  useEffect(() => {
    if (password === '') return setFound(null);
    const given = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const input = { password, ...context() };
        // A cookie of a session that has ended would be refused.
        const isAnonymous = session.get().status !== 'in';
        const way = { signal: given.signal, isAnonymous };
        const { passwordStrength } = await ask(PasswordStrengthDocument, { input }, way);
        if (!given.signal.aborted) setFound(passwordStrength);
      } catch {
        if (!given.signal.aborted) setFound(null);
      }
    }, TYPING_PAUSE);
    return () => {
      clearTimeout(timer);
      given.abort();
    };
    // Not `context`: another name alone is no reason to ask again.
  }, [password]);

  const known = found?.fault as keyof typeof faults | null | undefined;
  const fault = known ? faults[known] : undefined;
  const words = found && [
    strength.is(strength.scores[found.score] ?? ''),
    ...(found.acceptable || isFaulty ? [] : [typeof fault === 'string' ? fault : strength.refused]),
    // The service's own words are English.
    ...(language === 'en' && !found.acceptable ? [found.warning, ...found.suggestions] : []),
  ];
  return (
    <div className="strength">
      {/* Five bars; the words say the same. */}
      <div className="bars" aria-hidden="true" data-score={found ? found.score : undefined}>
        <i />
        <i />
        <i />
        <i />
      </div>
      <p aria-live="polite">{words?.filter(Boolean).join(' ')}</p>
    </div>
  );
}
