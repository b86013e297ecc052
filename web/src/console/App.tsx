// Which page stands at which address, and who may see it.

import { ApolloProvider } from '@apollo/client/react';
import { lazy, Suspense, type ComponentType } from 'react';
import { Redirect, Route, Router, Switch, useLocation, useSearch } from 'wouter';
import { client } from './api/client';
import { config } from './api/config';
import { usePerson } from './api/person';
import { session } from './api/session';
import { useStore } from './api/store';
import { ConfirmEmailChange, UndoEmailChange } from './account/EmailLinks';
import { Data } from './account/Data';
import { Deleted } from './account/Deleted';
import { Email } from './account/Email';
import { ForgottenPassword } from './account/ForgottenPassword';
import { Login } from './account/Login';
import { Password } from './account/Password';
import { Profile } from './account/Profile';
import { Register } from './account/Register';
import { ResetPassword } from './account/ResetPassword';
import { Security } from './account/Security';
import { Sessions } from './account/Sessions';
import { StepUp } from './account/StepUp';
import { VerifyEmail } from './account/VerifyEmail';
import { Inside } from './shell/Inside';
import { Outside } from './shell/Outside';
import { Loading } from './ui/Loading';
import { NotFound } from './shell/NotFound';
import { wayBack } from './shell/way-back';
import { Toasts } from './ui/toasts';

const Admin = lazy(() => import('./admin/Admin').then(({ Admin: page }) => ({ default: page })));

/** For those who are logged in. */
const OWN: Record<string, ComponentType> = {
  '/profile': Profile,
  '/email': Email,
  '/password': Password,
  '/sessions': Sessions,
  '/security': Security,
  '/data': Data,
};

/** For those who are not. */
const GUESTS: Record<string, ComponentType> = {
  '/login': Login,
  '/register': Register,
  '/forgotten-password': ForgottenPassword,
};

/** For both: the links of mails work on every device. */
const ANYBODY: Record<string, ComponentType> = {
  '/reset-password': ResetPassword,
  '/verify-email': VerifyEmail,
  '/confirm-email-change': ConfirmEmailChange,
  '/undo-email-change': UndoEmailChange,
  '/deleted': Deleted,
};

function routes(pages: Record<string, ComponentType>) {
  return Object.entries(pages).map(([path, page]) => <Route key={path} path={path} component={page} />);
}

function ForGuests() {
  const [path] = useLocation();
  const search = useSearch();
  const { status } = useStore(session);
  if (status === 'unknown' && path in GUESTS) return <Outside>{<Loading />}</Outside>;
  if (status === 'in' && path in GUESTS) return <Redirect to={wayBack(search)} replace />;
  return (
    <Outside>
      <Switch>
        {routes(GUESTS)}
        {routes(ANYBODY)}
      </Switch>
    </Outside>
  );
}

function ForOwner() {
  const [path] = useLocation();
  const search = useSearch();
  const state = useStore(session);
  const person = usePerson();
  const has = useStore(config);
  if (state.status === 'out') {
    const here = search ? `${path}?${search}` : path;
    const isKept = path !== '/' && state.farewell !== 'logged-out';
    return <Redirect to={isKept ? `/login?next=${encodeURIComponent(here)}` : '/login'} replace />;
  }
  // What stands around the page depends on all of this: it comes at once, so that nothing jumps.
  if (state.status === 'unknown' || !person || !has) return <Outside>{<Loading />}</Outside>;
  return (
    <Inside>
      <Switch>
        {routes(OWN)}
        <Route path="/">
          <Redirect to="/profile" replace />
        </Route>
        <Route path="/admin/*?">
          <Suspense fallback={<Loading />}>
            <Admin />
          </Suspense>
        </Route>
        <Route component={NotFound} />
      </Switch>
    </Inside>
  );
}

function Pages() {
  const [path] = useLocation();
  return path in GUESTS || path in ANYBODY ? <ForGuests /> : <ForOwner />;
}

export function App() {
  return (
    <ApolloProvider client={client}>
      <Router base="/console">
        <Pages />
      </Router>
      <StepUp />
      <Toasts />
    </ApolloProvider>
  );
}
