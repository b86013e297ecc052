// How the two schemas are written, by graphql-eslint: `schema-recommended` and `schema-relay` in full, and a
// description for every element. What is excepted stands here with its reason, and an exception that nothing needs is
// an error.
//
// One schema a run: the plugin remembers the first schema of its process, and judges every later file by that.

import { fileURLToPath } from 'node:url';
import plugin from '@graphql-eslint/eslint-plugin';

const VALUE = 'a value inside another object, which nobody asks for or keeps by itself';

/** Exceptions of a schema: by rule and coordinate, with the reason. */
export const EXCEPTIONS = {
  'schema.graphql': {
    'no-typename-prefix': {
      'User.username': 'one word, by which forms and browsers know it; `name` is another field',
    },
    'strict-id-in-types': {
      Avatar: 'its `url` depends on the argument `size`: with an id, caches of clients would mix up the sizes',
      PageInfo: 'its fields are those of the specification of connections',
      PasswordStrength: 'computed for one answer',
      SessionEvent: 'a message; what it is about has an id, `sessionId`',
      UploadField: VALUE,
    },
    // The rule wants every list to be a page of a connection, which the specification does not. It stays on, since a
    // list without an end is a mistake that cannot be put right later: each one says here what bounds it.
    'relay-edge-types': {
      'CreateAvatarUploadPayload.fields': 'the fields of one form',
      'PasswordStrength.suggestions': 'a handful of sentences',
      'User.roles': 'at most the 100 roles that can be made, and the built-in ones',
    },
  },
  'schema.admin.graphql': {
    'no-typename-prefix': {
      'User.username': 'one word, by which forms and browsers know it; `name` is another field',
    },
    'strict-id-in-types': {
      BulkError: VALUE,
      BulkResult: 'what became of one item of one input; what it is about has an id, `userId`',
      PageInfo: 'its fields are those of the specification of connections',
      Permission: 'known by its `name`, which is what roles, service tokens and `@requiresPermission` say',
      Picture: VALUE,
      Role: 'known by its `name`, which is what users have and inputs take',
      Suspension: VALUE,
      UserCount: VALUE,
      Viewer: 'the caller as one request sees them; who they are has an id, `actorId`',
    },
    'relay-edge-types': {
      'BulkPayload.results': 'one for each id of the input, at most 500',
      'Query.permissions': 'as many as the program has',
      'Query.roles': 'at most 100 that were made, and the built-in ones',
      'Query.serviceTokens': 'at most 1,000, with those that ended in the last 90 days',
      'Role.permissions': 'as many as the program has',
      'ServiceToken.permissions': 'as many as the program has',
      'User.roles': 'at most the 100 roles that can be made, and the built-in ones',
      'Viewer.permissions': 'as many as the program has',
    },
  },
};

/** Options of rules that differ between the schemas. */
export const OPTIONS = {
  'schema.admin.graphql': {
    // An option that the specification of connections leaves open. Administration has no `node`: every root field
    // names the one permission that it needs, and one that finds things of every kind could not.
    'relay-edge-types': { shouldImplementNode: false },
  },
};

const SHARED_OPTIONS = {
  // The rule's own shorthand for root fields does nothing in a schema with more than one root: every field is named.
  'require-description': {
    types: true,
    DirectiveDefinition: true,
    EnumValueDefinition: true,
    FieldDefinition: true,
    // Arguments of fields and of directives, and fields of inputs.
    InputValueDefinition: true,
  },
  // None of the three is a thing: payloads belong to one mutation, connections and edges to one list.
  'strict-id-in-types': { exceptions: { suffixes: ['Payload', 'Connection', 'Edge'] } },
};

/**
 * The configuration for one schema.
 *
 * @param {string} files the file, as ESLint sees it from where it runs
 * @param {{ schema: object, exceptions?: object, options?: object }} of what the
 *   plugin is told of the schema (`parserOptions`), and what differs from the other schema
 */
export function configure(files, { schema, exceptions = {}, options = {} }) {
  const rules = { ...plugin.rules };
  for (const [name, spared] of Object.entries(exceptions)) rules[name] = sparing(name, spared);
  const { 'flat/schema-recommended': recommended, 'flat/schema-relay': relay } = plugin.configs;
  const levels = { ...recommended.rules, ...relay.rules };
  for (const [name, chosen] of Object.entries({ ...SHARED_OPTIONS, ...options })) {
    levels[`@graphql-eslint/${name}`] = ['error', chosen];
  }
  return {
    files: [files],
    languageOptions: { parser: plugin.parser, parserOptions: schema },
    plugins: { '@graphql-eslint': { rules } },
    rules: levels,
  };
}

/** A rule that passes over the elements named, and reports those of them that it has nothing against. */
function sparing(name, exceptions) {
  const rule = plugin.rules[name];
  return {
    ...rule,
    create(context) {
      const unused = new Set(Object.keys(exceptions));
      const report = (problem) => {
        const where = coordinate(problem.node);
        if (Object.hasOwn(exceptions, where)) unused.delete(where);
        else context.report(problem);
      };
      const listeners = rule.create(Object.create(context, { report: { value: report } }));
      const end = (node) => {
        for (const where of unused) context.report({ node, message: `Nothing needs the exception for \`${where}\`.` });
      };
      return { ...listeners, 'Document:exit': end };
    },
  };
}

/** `Type` or `Type.field`, whose name or type the node is. */
function coordinate(node) {
  const names = [];
  for (let at = node; at; at = at.parent) {
    if (at.kind?.endsWith('Definition')) names.unshift(at.name.value);
  }
  return names.join('.');
}

export default Object.keys(EXCEPTIONS).map((file) => {
  const schema = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  return configure(file, {
    schema: { graphQLConfig: { schema } },
    exceptions: EXCEPTIONS[file],
    options: OPTIONS[file],
  });
});
