// Administration, loaded when it is opened: what stands where, and who is let in.

import { ApolloProvider, useQuery } from '@apollo/client/react';
import { useEffect, type ReactNode } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { config } from '../api/config';
import { usePerson } from '../api/person';
import { refusalOf } from '../api/refusal';
import { useStore } from '../api/store';
import { NotFound } from '../shell/NotFound';
import { useTexts } from '../i18n/texts';
import { Alert } from '../ui/Alert';
import { Form } from '../ui/Form';
import { Loading } from '../ui/Loading';
import { Card, Page } from '../ui/Page';
import { PasswordField, Whose } from '../ui/PasswordField';
import { Refused } from '../ui/Refused';
import { showing } from '../account/StepUp';
import { adminClient, enter, leave, useAdminState } from './api';
import { Audit } from './Audit';
import { ViewerDocument } from './gql/graphql';
import { May } from './may';
import { Roles } from './Roles';
import { Tokens } from './Tokens';
import { User } from './User';
import { Users } from './Users';
import { useAdminTexts } from './texts';
import '../styles/admin.css';

/** Asks for the password, once more. */
function Entry() {
  const { administration, fields } = useTexts();
  const texts = useAdminTexts();
  const person = usePerson();
  if (!person) return <Loading />;
  return (
    <Page title={administration} text={texts.enter.text}>
      <Card>
        <Form
          submit={texts.enter.submit}
          send={({ password = '' }) => showing('password', enter(person.email, password, texts.enter.device))}
        >
          <Whose email={person.email} />
          <PasswordField name="password" label={fields.password} />
        </Form>
      </Card>
    </Page>
  );
}

function Tab({ to, children }: { to: string; children: ReactNode }) {
  const [path] = useLocation();
  return (
    <li>
      <Link href={to} aria-current={path === to || path.startsWith(`${to}/`) ? 'page' : undefined}>
        {children}
      </Link>
    </li>
  );
}

function Sections() {
  const texts = useAdminTexts();
  const { administration } = useTexts();
  const { data, error } = useQuery(ViewerDocument);
  if (error) {
    const refusal = refusalOf(error);
    return (
      <Page title={administration}>
        {refusal.code === 'FORBIDDEN' ? (
          <Alert tone="bad">{texts.enter.forbidden}</Alert>
        ) : (
          <Refused refusal={refusal} />
        )}
      </Page>
    );
  }
  if (!data) return <Loading />;
  const may = new Set(data.viewer.permissions);
  const first = may.has('users:read') ? '/admin/users' : may.has('audit:read') ? '/admin/audit' : '/admin/tokens';
  return (
    <May value={{ may, all: data.permissions, viewerId: data.viewer.actorId }}>
      <nav className="tabs" aria-label={texts.navigation}>
        <ul>
          {may.has('users:read') && <Tab to="/admin/users">{texts.users.title}</Tab>}
          {may.has('users:read') && <Tab to="/admin/roles">{texts.roles.title}</Tab>}
          {may.has('audit:read') && <Tab to="/admin/audit">{texts.audit.title}</Tab>}
          {may.has('tokens:write') && <Tab to="/admin/tokens">{texts.tokens.title}</Tab>}
        </ul>
      </nav>
      <Switch>
        <Route path="/admin/users" component={Users} />
        <Route path="/admin/users/:id">{({ id }) => <User key={id} id={id} />}</Route>
        <Route path="/admin/roles" component={Roles} />
        <Route path="/admin/audit" component={Audit} />
        <Route path="/admin/tokens" component={Tokens} />
        <Route path="/admin">
          <Redirect to={first} replace />
        </Route>
        <Route component={NotFound} />
      </Switch>
    </May>
  );
}

export function Admin() {
  const { administration } = useTexts();
  const texts = useAdminTexts();
  const has = useStore(config);
  const { status } = useAdminState();
  useEffect(() => () => void leave(), []);
  if (has === null) return <Loading />;
  if (has.adminEndpoint === null) {
    return (
      <Page title={administration}>
        <Alert tone="info">{texts.unavailable}</Alert>
      </Page>
    );
  }
  if (status === 'unknown' || status === 'signedOut') return <Entry />;
  return (
    <ApolloProvider client={adminClient}>
      <Sections />
    </ApolloProvider>
  );
}
