// What stands around the pages of those who are logged in: the way to every page, and out.

import { useEffect, useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { config } from '../api/config';
import { usePerson } from '../api/person';
import { logOut } from '../api/session';
import { useStore } from '../api/store';
import { SessionNews } from '../account/SessionNews';
import { useTexts } from '../i18n/texts';
import { explain } from '../i18n/explain';
import { useAction } from '../ui/action';
import { Alert } from '../ui/Alert';
import { tell } from '../ui/toasts';
import { refusalOf } from '../api/refusal';
import { Brand } from './Brand';
import { Broken } from './Broken';
import { Network } from './Network';
import { Preferences } from './Preferences';
import { Skip } from './Skip';

function NavLink({ to, children }: { to: string; children: ReactNode }) {
  const [path] = useLocation();
  const isHere = path === to || path.startsWith(`${to}/`);
  return (
    <li>
      <Link href={to} aria-current={isHere ? 'page' : undefined}>
        {children}
      </Link>
    </li>
  );
}

function Navigation() {
  const texts = useTexts();
  const person = usePerson();
  const has = useStore(config);
  const out = useAction(async () => {
    try {
      await logOut();
    } catch (error) {
      tell(explain(refusalOf(error), texts));
    }
  });
  // Whoever has a role besides that of everybody may be allowed something.
  const mayAdminister = person?.roles.some((role) => role !== 'user') ?? false;
  return (
    <nav aria-label={texts.navigation}>
      <ul>
        <NavLink to="/profile">{texts.profile.title}</NavLink>
        <NavLink to="/email">{texts.email.title}</NavLink>
        <NavLink to="/password">{texts.password.title}</NavLink>
        <NavLink to="/sessions">{texts.sessions.title}</NavLink>
        <NavLink to="/security">{texts.security.title}</NavLink>
        <NavLink to="/data">{texts.data.title}</NavLink>
      </ul>
      <ul>
        {mayAdminister && <NavLink to="/admin">{texts.administration}</NavLink>}
        {has?.playground && (
          <li>
            <a href="/graphql">{texts.playground}</a>
          </li>
        )}
        {has?.mailbox && (
          <li>
            <a href="/dev/mail">{texts.mailbox}</a>
          </li>
        )}
        <li>
          <button type="button" onClick={() => void out.run()}>
            {texts.logOut}
          </button>
        </li>
      </ul>
    </nav>
  );
}

function Unverified() {
  const { verify } = useTexts();
  const person = usePerson();
  if (!person || person.emailVerified) return null;
  return (
    <Alert tone="info">
      {verify.banner} <Link href="/verify-email">{verify.bannerLink}</Link>
    </Alert>
  );
}

export function Inside({ children }: { children: ReactNode }) {
  const { menu } = useTexts();
  const [path] = useLocation();
  const [isOpen, setOpen] = useState(false);
  const person = usePerson();
  useEffect(() => setOpen(false), [path]);
  return (
    <div className="inside">
      <Skip />
      <header>
        <div className="bar">
          <Brand />
          <button
            type="button"
            className="button button-plain menu"
            aria-expanded={isOpen}
            aria-controls="panel"
            onClick={() => setOpen(!isOpen)}
          >
            {menu}
          </button>
        </div>
        <div id="panel" className={isOpen ? 'panel open' : 'panel'}>
          <p className="who">{person?.name}</p>
          <Navigation />
          <Preferences />
        </div>
      </header>
      <div className="content">
        <Network />
        <main id="main" tabIndex={-1}>
          <Unverified />
          <Broken path={path}>{children}</Broken>
        </main>
      </div>
      <SessionNews />
    </div>
  );
}
