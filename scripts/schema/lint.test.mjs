import assert from 'node:assert/strict';
import { test } from 'node:test';

// What the plugin remembers of the first schema of a process it does not remember in a test.
process.env.NODE_ENV = 'test';
const { ESLint } = await import('eslint');
const { configure } = await import('./eslint.config.mjs');

const GOOD = `
"""Who may have it."""
directive @access(
  """The rule."""
  rule: Rule!
) on FIELD_DEFINITION

"""Who."""
enum Rule {
  """Anybody."""
  PUBLIC
}

"""Anything with an id."""
interface Node {
  """The id."""
  id: ID!
}

"""A person."""
type Person implements Node {
  """The id."""
  id: ID!
  """The name."""
  name: String!
}

"""A person in a list."""
type PersonEdge {
  """The position."""
  cursor: String!
  """The person."""
  node: Person!
}

"""A page."""
type PersonConnection {
  """The persons."""
  edges: [PersonEdge!]!
  """Where it stands."""
  pageInfo: PageInfo!
}

"""Where a page stands."""
type PageInfo {
  """The last."""
  endCursor: String
  """Whether there are more."""
  hasNextPage: Boolean!
  """Whether there are more before."""
  hasPreviousPage: Boolean!
  """The first."""
  startCursor: String
}

"""Which persons."""
input FilterInput {
  """With this name."""
  name: String
}

"""What can be asked."""
type Query {
  """All persons."""
  persons(
    """Those after it."""
    after: String
    """Those before it."""
    before: String
    """Which."""
    filter: FilterInput
    """How many."""
    first: Int
    """How many from the end."""
    last: Int
  ): PersonConnection! @access(rule: PUBLIC)
}
`;
const EXCEPTIONS = { 'strict-id-in-types': { PageInfo: 'the specification' } };

/** The messages about a schema, which is right but for what is replaced. */
async function problems(from = '', to = '', { exceptions = EXCEPTIONS, options } = {}) {
  const sdl = GOOD.replace(from, to);
  if (from) assert.notEqual(sdl, GOOD);
  const config = configure('schema.graphql', { schema: { schemaSdl: sdl }, exceptions, options });
  const eslint = new ESLint({ overrideConfigFile: true, overrideConfig: [config] });
  const [{ messages }] = await eslint.lintText(sdl, { filePath: 'schema.graphql' });
  return messages.map(({ ruleId, message }) => `${ruleId}: ${message}`);
}

test('a schema that is written well', async () => {
  assert.deepEqual(await problems(), []);
});

for (const [what, [from, to, expected]] of Object.entries({
  'a type without a description': ['"""A person."""', '', /require-description: .*type "Person"/],
  'a field without a description': ['"""The name."""', '', /require-description: .*"name"/],
  'a root field without a description': ['"""All persons."""', '', /require-description: .*"persons"/],
  'a field of an interface without a description': [
    '"""Anything with an id."""\ninterface Node {\n  """The id."""',
    '"""Anything with an id."""\ninterface Node {',
    /require-description: .*"id" in interface "Node"/,
  ],
  'an argument without a description': ['"""How many."""', '', /require-description: .*"first"/],
  'a field of an input without a description': [
    '"""With this name."""',
    '',
    /require-description: .*"name" in input "FilterInput"/,
  ],
  'an enum value without a description': ['"""Anybody."""', '', /require-description: .*"PUBLIC"/],
  'a directive without a description': ['"""Who may have it."""', '', /require-description: .*directive "access"/],
  'an argument of a directive without a description': [
    '"""The rule."""',
    '',
    /require-description: .*"rule" in directive "access"/,
  ],
  'a scalar without a description': [
    /name: String!([^]*)$/,
    'name: Word!$1\nscalar Word',
    /require-description: .*"Word"/,
  ],
  'a description in quotes of another kind': ['"""The name."""', '"The name."', /description-style: /],
  'a field with the name of its type': ['name: String!', 'personName: String!', /no-typename-prefix: .*"personName"/],
  'a type without an id': [
    /type Person implements Node {\n.*\n.*\n/,
    'type Person {\n',
    /strict-id-in-types: type "Person"/,
  ],
  'an id that may be null': [
    'id: ID!\n  """The name."""',
    'id: ID\n  """The name."""',
    /strict-id-in-types: type "Person"/,
  ],
  'a root field with a verb for reading': ['persons(', 'getPersons(', /naming-convention: .*"getPersons"/],
  'an enum value in small letters': [/PUBLIC/g, 'public', /naming-convention: .*"public"/],
  'a deprecation without a reason': ['name: String!', 'name: String! @deprecated', /require-deprecation-reason: /],
  'a type that nothing leads to': [
    '"""A person."""',
    '"""No way."""\nenum Lost {\n"""A."""\nA\n}\n"""A person."""',
    /no-unreachable-types: .*`Lost`/,
  ],
  'an edge of what is no Node': [
    'type Person implements Node',
    'type Person',
    /relay-edge-types: .*must implement `Node`/,
  ],
  'an edge without a cursor': ['"""The position."""\n  cursor: String!', '', /relay-edge-types: .*`cursor`/],
  'a list that is no connection': [
    'name: String!',
    'names: [String!]!',
    /relay-edge-types: A list type should only wrap an edge type/,
  ],
  'a connection without pageInfo': [
    '"""Where it stands."""\n  pageInfo: PageInfo!',
    '',
    /relay-connection-types: .*`pageInfo`/,
  ],
  'a connection that cannot be paged backwards': [
    '"""How many from the end."""\n    last: Int',
    '',
    /relay-arguments: .*`last`/,
  ],
  'a PageInfo that lacks something': [
    '"""The first."""\n  startCursor: String',
    '',
    /relay-page-info: .*`startCursor`/,
  ],
})) {
  test(`${what} is found`, async () => {
    const found = await problems(from, to);
    assert.ok(
      found.some((problem) => expected.test(problem)),
      found.join('\n'),
    );
  });
}

test('an exception is for one element, and no other', async () => {
  const exceptions = { ...EXCEPTIONS, 'no-typename-prefix': { 'Person.personName': 'a reason' } };
  assert.deepEqual(await problems('name: String!', 'personName: String!', { exceptions }), []);
  const found = await problems('name: String!', 'personName2: String!', { exceptions });
  assert.ok(
    found.some((problem) => problem.includes('"personName2"')),
    found.join('\n'),
  );
});

test('an exception that nothing needs is found', async () => {
  const exceptions = { ...EXCEPTIONS, 'relay-edge-types': { 'Person.names': 'a reason' } };
  assert.deepEqual(await problems('', '', { exceptions }), [
    '@graphql-eslint/relay-edge-types: Nothing needs the exception for `Person.names`.',
  ]);
});

test('options and exceptions of a rule go together', async () => {
  const exceptions = { ...EXCEPTIONS, 'relay-edge-types': { 'Person.names': 'a reason' } };
  const options = { 'relay-edge-types': { shouldImplementNode: false } };
  const from = /type Person implements Node([^]*?)name: String!/;
  assert.deepEqual(await problems(from, 'type Person$1names: [String!]!', { exceptions, options }), [
    '@graphql-eslint/no-unreachable-types: Interface type `Node` is unreachable.',
  ]);
});
