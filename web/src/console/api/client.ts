// Apollo Client of the account pages.

import { ApolloClient, InMemoryCache } from '@apollo/client';
import { ApolloLink } from '@apollo/client/link';
import { relayStylePagination } from '@apollo/client/utilities';
import { auth } from './auth';
import { waitForService } from './reach';
import { withStepUp } from './step-up';

export const client = new ApolloClient({
  link: ApolloLink.from([withStepUp(), waitForService, auth.link]),
  cache: new InMemoryCache({
    typePolicies: {
      User: {
        fields: {
          sessions: relayStylePagination(),
          securityEvents: relayStylePagination(),
        },
      },
    },
  }),
  devtools: { enabled: false },
});
