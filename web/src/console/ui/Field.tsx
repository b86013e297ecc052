// A field of a form: label, hint, entry, and what is wrong with it.

import {
  useId,
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
} from 'react';
import { explainFault } from '../i18n/explain';
import { useTexts } from '../i18n/texts';
import { useFault } from './Form';

interface Frame {
  name: string;
  label: string;
  hint?: ReactNode | undefined;
}

/** Attributes that tie an entry to what stands around it, and that itself. */
export function useField({ name, label, hint }: Frame, isOptional = false) {
  const id = useId();
  const texts = useTexts();
  const fault = useFault(name);
  const described = [hint !== undefined && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(' ');
  return {
    attributes: {
      id,
      name,
      'aria-invalid': fault ? true : undefined,
      'aria-describedby': described || undefined,
    } as const,
    head: (
      <label htmlFor={id}>
        {label}
        {isOptional && <span className="optional"> ({texts.optional})</span>}
      </label>
    ),
    foot: (
      <>
        {hint !== undefined && (
          <p className="hint" id={`${id}-hint`}>
            {hint}
          </p>
        )}
        {fault && (
          <p className="fault" id={`${id}-fault`}>
            {explainFault(fault, texts)}
          </p>
        )}
      </>
    ),
  };
}

type InputProps = Frame & { /** Where nothing has to be filled in. */ isFilter?: boolean } & Omit<
    InputHTMLAttributes<HTMLInputElement>,
    'name'
  >;

export function Field({ name, label, hint, required = false, isFilter = false, ...more }: InputProps) {
  const { attributes, head, foot } = useField({ name, label, hint }, !required && !isFilter);
  return (
    <div className="field">
      {head}
      <input type="text" {...more} {...attributes} required={required} />
      {foot}
    </div>
  );
}

type SelectProps = Frame & Omit<SelectHTMLAttributes<HTMLSelectElement>, 'name'>;

export function Select({ name, label, hint, children, ...more }: SelectProps) {
  const { attributes, head, foot } = useField({ name, label, hint });
  return (
    <div className="field">
      {head}
      <select {...more} {...attributes}>
        {children}
      </select>
      {foot}
    </div>
  );
}

type AreaProps = Frame & Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, 'name'>;

export function TextArea({ name, label, hint, ...more }: AreaProps) {
  const { attributes, head, foot } = useField({ name, label, hint });
  return (
    <div className="field">
      {head}
      <textarea {...more} {...attributes} />
      {foot}
    </div>
  );
}

type CheckProps = Frame & Omit<InputHTMLAttributes<HTMLInputElement>, 'name' | 'type'>;

export function Check({ name, label, hint, ...more }: CheckProps) {
  const { attributes, head, foot } = useField({ name, label, hint });
  return (
    <div className="field check">
      <input type="checkbox" {...more} {...attributes} />
      <div>
        {head}
        {foot}
      </div>
    </div>
  );
}

/** The code of a mail, which people type or paste. */
export function CodeField() {
  const { fields } = useTexts();
  return (
    <Field
      name="code"
      label={fields.code}
      hint={fields.codeHint}
      required
      autoComplete="one-time-code"
      autoCapitalize="characters"
      spellCheck={false}
      maxLength={20}
      className="code"
    />
  );
}
