// A field for a password, which can be shown; one for a new password says how good it is.

import { useRef, useState } from 'react';
import { useTexts } from '../i18n/texts';
import { useField } from './Field';
import { Strength } from './Strength';

interface Props {
  name: string;
  label: string;
  /** A new password, rather than the one of now. */
  isNew?: boolean;
  autoFocus?: boolean;
}

export function PasswordField({ name, label, isNew = false, autoFocus }: Props) {
  const { fields, strength } = useTexts();
  const [isShown, setShown] = useState(false);
  const [value, setValue] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const { attributes, head, foot } = useField(
    { name, label, hint: isNew && value === '' ? strength.hint : undefined },
    false,
  );
  // What else is known of the person makes a password easier to guess.
  const entry = (other: string) => {
    const found = input.current?.form?.elements.namedItem(other);
    return found instanceof HTMLInputElement && found.value !== '' ? found.value : null;
  };
  return (
    <div className="field">
      {head}
      <div className="password">
        <input
          ref={input}
          {...attributes}
          type={isShown ? 'text' : 'password'}
          required
          autoFocus={autoFocus}
          autoComplete={isNew ? 'new-password' : 'current-password'}
          autoCapitalize="none"
          // Some browsers check spelling on a server once the password is shown.
          spellCheck={false}
          onChange={isNew ? (event) => setValue(event.currentTarget.value) : undefined}
        />
        <button
          type="button"
          className="reveal"
          aria-pressed={isShown}
          aria-label={fields.revealPassword}
          onClick={() => setShown(!isShown)}
        >
          {isShown ? fields.conceal : fields.reveal}
        </button>
      </div>
      {isNew && (
        <Strength
          password={value}
          isFaulty={attributes['aria-invalid'] ?? false}
          context={() => ({ email: entry('email'), name: entry('name') })}
        />
      )}
      {foot}
    </div>
  );
}

/** Tells password managers whose password it is. */
export function Whose({ email }: { email: string }) {
  return <input type="text" autoComplete="username" value={email} readOnly hidden />;
}
