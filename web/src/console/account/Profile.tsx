// What the person is called and how, and the picture.

import { usePerson, type Person } from '../api/person';
import { send } from '../api/send';
import { UpdateProfileDocument } from '../gql/graphql';
import { useDates, useLanguage, useTexts } from '../i18n/texts';
import { Field, Select } from '../ui/Field';
import { Form, type Values } from '../ui/Form';
import { Loading } from '../ui/Loading';
import { Card, Page } from '../ui/Page';
import { tell } from '../ui/toasts';
import { Avatar } from './Avatar';

/** Languages that the service writes mails in. */
const MAIL_LANGUAGES = ['en', 'fr'];

function Languages({ chosen }: { chosen: string | null }) {
  const { fields } = useTexts();
  const names = new Intl.DisplayNames(useLanguage(), { type: 'language' });
  const others = chosen !== null && !MAIL_LANGUAGES.includes(chosen) ? [chosen] : [];
  return (
    <Select name="locale" label={fields.locale} defaultValue={chosen ?? ''}>
      <option value="">{fields.unset}</option>
      {[...MAIL_LANGUAGES, ...others].map((tag) => (
        <option key={tag} value={tag}>
          {names.of(tag) ?? tag}
        </option>
      ))}
    </Select>
  );
}

function TimeZones({ chosen }: { chosen: string | null }) {
  const { fields } = useTexts();
  const known = Intl.supportedValuesOf('timeZone');
  const zones = chosen === null || known.includes(chosen) ? known : [chosen, ...known];
  return (
    <Select name="timeZone" label={fields.timeZone} defaultValue={chosen ?? ''}>
      <option value="">{fields.unset}</option>
      {zones.map((zone) => (
        <option key={zone} value={zone}>
          {zone.replaceAll('_', ' ')}
        </option>
      ))}
    </Select>
  );
}

function Details({ person }: { person: Person }) {
  const { profile, fields } = useTexts();

  async function save({ name = '', username = '', locale = '', timeZone = '' }: Values): Promise<void> {
    // What is left empty is cleared; only the name cannot be.
    const input = {
      name,
      username: username.trim() || null,
      locale: locale || null,
      timeZone: timeZone || null,
      expectedVersion: person.version,
    };
    await send(UpdateProfileDocument, { input });
    tell(profile.saved);
  }

  return (
    <Form send={save} submit={profile.submit}>
      <Field name="name" label={fields.name} defaultValue={person.name} autoComplete="name" required />
      <Field
        name="username"
        label={fields.username}
        hint={fields.usernameHint}
        defaultValue={person.username ?? ''}
        autoComplete="nickname"
        autoCapitalize="none"
        spellCheck={false}
      />
      <Languages chosen={person.locale} />
      <TimeZones chosen={person.timeZone} />
    </Form>
  );
}

/** Whether there is something in it. */
const isFilled = (data: unknown) => typeof data === 'object' && data !== null && Object.keys(data).length > 0;

export function Profile() {
  const texts = useTexts();
  const dates = useDates();
  const person = usePerson();
  if (!person) return <Loading />;
  return (
    <Page title={texts.profile.title} text={texts.profile.text}>
      <Card title={texts.avatar.title}>
        <Avatar person={person} />
      </Card>
      <Card title={texts.profile.details}>
        <Details person={person} />
        <p className="hint">{texts.profile.since(dates.day(person.createdAt))}</p>
      </Card>
      {isFilled(person.appMetadata) && (
        <Card title={texts.profile.applications}>
          <p>{texts.profile.applicationsText}</p>
          <pre tabIndex={0}>{JSON.stringify(person.appMetadata, null, 2)}</pre>
        </Card>
      )}
    </Page>
  );
}
