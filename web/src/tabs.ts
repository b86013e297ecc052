import type { GraphiQLProps } from 'graphiql';

type Tab = NonNullable<GraphiQLProps['defaultTabs']>[number];

const json = (value: unknown) => JSON.stringify(value, null, 2);

const bearer = json({ Authorization: 'Bearer PASTE-THE-ACCESS-TOKEN-HERE' });

export const tabs: [Tab, ...Tab[]] = [
  {
    query: `# Make an account: press the run button (or
# Ctrl-Enter). Then copy the accessToken from the
# answer into the Headers pane of the Me tab.
mutation Register($input: RegisterInput!) {
  register(input: $input) {
    user {
      id
      email
      name
      emailVerified
    }
    accessToken
    refreshToken
    accessTokenExpiresAt
    emailVerificationRequired
  }
}
`,
    variables: json({
      input: {
        email: 'ada@example.com',
        password: 'correct horse battery',
        name: 'Ada Lovelace',
      },
    }),
  },
  {
    query: `# Log in to an account that exists. Each log-in
# starts a session of its own.
mutation Login($input: LoginInput!) {
  login(input: $input) {
    user {
      id
      name
    }
    session {
      id
      expiresAt
    }
    accessToken
    refreshToken
    accessTokenExpiresAt
  }
}
`,
    variables: json({
      input: {
        email: 'ada@example.com',
        password: 'correct horse battery',
      },
    }),
  },
  {
    query: `# Who am I? Needs the access token, in the Headers
# pane: {"Authorization": "Bearer <accessToken>"}
query Me {
  me {
    id
    email
    emailVerified
    name
    roles
    createdAt
    version
  }
}
`,
    headers: bearer,
  },
  {
    query: `# Exchange a refresh token for a new pair of tokens.
# Paste it into the Variables pane; it works once.
mutation Refresh($input: RefreshInput!) {
  refresh(input: $input) {
    accessToken
    refreshToken
    accessTokenExpiresAt
  }
}
`,
    variables: json({ input: { refreshToken: 'vrt_…' } }),
  },
  {
    query: `# End the session of the access token that is in
# the Headers pane.
mutation Logout {
  logout {
    success
  }
}
`,
    headers: bearer,
  },
];
