// The picture of the person: chosen, looked at, uploaded, removed.

import { useEffect, useId, useRef, useState } from 'react';
import type { Person } from '../api/person';
import { Refusal } from '../api/refusal';
import { send } from '../api/send';
import { RemoveAvatarDocument } from '../gql/graphql';
import { useTexts } from '../i18n/texts';
import { useAction } from '../ui/action';
import { Alert } from '../ui/Alert';
import { Button } from '../ui/Button';
import { Refused } from '../ui/Refused';
import { tell } from '../ui/toasts';
import { MAX_BYTES, NOT_TAKEN, TYPES, uploadAvatar } from './upload';

interface Chosen {
  file: File;
  url: string;
}

/** The letters that stand where there is no picture. */
function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return ends
    .map((word) => [...(word ?? '')][0] ?? '')
    .join('')
    .toUpperCase();
}

/** A picture that was chosen and not sent; its address is given back to the browser afterwards. */
function useChosen() {
  const [chosen, setChosen] = useState<Chosen | null>(null);
  useEffect(() => () => void (chosen && URL.revokeObjectURL(chosen.url)), [chosen]);
  return [chosen, (file: File | null) => setChosen(file && { file, url: URL.createObjectURL(file) })] as const;
}

export function Avatar({ person }: { person: Person }) {
  const texts = useTexts();
  const { avatar } = texts;
  const [chosen, choose] = useChosen();
  const [fault, setFault] = useState<string | null>(null);
  const [part, setPart] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const pick = useRef<HTMLButtonElement>(null);
  const id = useId();

  const upload = useAction(async (file: File) => {
    setPart(0);
    await uploadAvatar(file, setPart);
    choose(null);
    tell(avatar.saved);
    pick.current?.focus();
  });
  const remove = useAction(async () => {
    await send(RemoveAvatarDocument, {});
    tell(avatar.removed);
    pick.current?.focus();
  });
  const refusal: Refusal | null = upload.refusal ?? remove.refusal;

  function look(file: File | undefined) {
    if (!file) return;
    const wrong = !TYPES.includes(file.type) ? avatar.notPicture : file.size > MAX_BYTES ? avatar.tooLarge : null;
    setFault(wrong);
    upload.forget();
    choose(wrong === null ? file : null);
  }

  return (
    <div className="avatar">
      <div className="portrait">
        {chosen ? (
          <img src={chosen.url} alt={avatar.preview} width="96" height="96" />
        ) : person.avatar ? (
          <img src={person.avatar.url} alt={avatar.alt} width="96" height="96" />
        ) : (
          <span aria-hidden="true">{initials(person.name)}</span>
        )}
      </div>
      <div className="avatar-side">
        <p className="hint" id={id}>
          {avatar.text}
        </p>
        {fault !== null && <Alert tone="bad">{fault}</Alert>}
        {refusal &&
          (refusal.code === NOT_TAKEN ? <Alert tone="bad">{avatar.failed}</Alert> : <Refused refusal={refusal} />)}
        <input
          ref={input}
          type="file"
          accept={TYPES.join(',')}
          hidden
          onChange={({ currentTarget }) => {
            look(currentTarget.files?.[0]);
            // The same file can be chosen again.
            currentTarget.value = '';
          }}
        />
        {upload.isBusy && <progress max={1} value={part} aria-label={avatar.progress} />}
        <div className="row">
          {chosen && (
            <Button tone="main" isBusy={upload.isBusy} onClick={() => void upload.run(chosen.file)}>
              {avatar.upload}
            </Button>
          )}
          {!upload.isBusy && (
            <Button ref={pick} aria-describedby={id} onClick={() => input.current?.click()}>
              {person.avatar || chosen ? avatar.change : avatar.choose}
            </Button>
          )}
          {chosen && !upload.isBusy && <Button onClick={() => choose(null)}>{texts.cancel}</Button>}
          {person.avatar && !chosen && (
            <Button isBusy={remove.isBusy} onClick={() => void remove.run()}>
              {avatar.remove}
            </Button>
          )}
        </div>
      </div>
    </div>
  );
}
