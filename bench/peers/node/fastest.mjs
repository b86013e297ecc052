// (d2) The fastest Node stack that we know of which is still honest: every request checks the signature
// of its token and asks Redis for the session; nothing is kept in the process.

import { run, settings, typeDefs, roleOf, randomToken, sha256, sessionEnd, SESSION_SECONDS } from './common.mjs';
import { randomUUID } from 'node:crypto';
import bcrypt from 'bcrypt';
import { createSigner, createVerifier } from 'fast-jwt';
import fastify from 'fastify';
import { Redis } from 'ioredis';
import mercurius from 'mercurius';
import { MongoClient, ObjectId } from 'mongodb';

// fast-jwt makes a KeyObject of the secret once, here. Its cache of verified tokens stays off, as it is by
// default: each signature is checked.
const key = settings.jwtSecret;
const sign = createSigner({ key, algorithm: 'HS256', expiresIn: settings.accessTokenSeconds * 1000 });
const verify = createVerifier({ key, algorithms: ['HS256'], cache: false });

const mongo = new MongoClient(settings.mongodbUrl);
const users = mongo.db().collection('users');
const refreshTokens = mongo.db().collection('refreshTokens');

// Commands of one turn of the event loop go out in one write; it is still one GET for each request.
const redis = new Redis(settings.redisUrl, { lazyConnect: true, enableAutoPipelining: true });

const fail = (message, code, status) => new mercurius.ErrorWithProps(message, { code }, status);

// What `me` shows is in the session, in the shape of the schema: one GET answers it.
const view = ({ _id, email, name, role, createdAt }) =>
  ({ id: _id.toHexString(), email, name, roles: [role], createdAt: createdAt.toISOString() });

async function logIn(doc) {
  const user = view(doc);
  const sid = randomUUID();
  const refreshToken = randomToken();
  await Promise.all([
    refreshTokens.insertOne({ _id: sid, userId: doc._id, hash: sha256(refreshToken), expiresAt: sessionEnd() }),
    redis.set(`session:${sid}`, JSON.stringify(user), 'EX', SESSION_SECONDS),
  ]);
  return { accessToken: sign({ sub: user.id, sid }), refreshToken, user };
}

// Called by the fields that need it; the others do not pay for it.
async function caller({ reply }) {
  const header = reply.request.headers.authorization;
  if (!header?.startsWith('Bearer ')) return null;
  let sid;
  try {
    ({ sid } = verify(header.slice(7)));
  } catch {
    throw fail('The access token is not valid.', 'UNAUTHENTICATED', 401);
  }
  const session = await redis.get(`session:${sid}`);
  if (session === null) throw fail('The session has ended.', 'UNAUTHENTICATED', 401);
  return JSON.parse(session);
}

const resolvers = {
  Query: {
    me: (_, __, context) => caller(context),

    users: async (_, { first, after }, context) => {
      const user = await caller(context);
      if (!user) throw fail('You must be logged in.', 'UNAUTHENTICATED', 401);
      if (!user.roles.includes('admin')) throw fail('Not allowed.', 'FORBIDDEN', 403);
      if (first < 1 || first > 100) throw fail('first must be 1 to 100.', 'BAD_USER_INPUT', 400);
      if (after != null && !/^[0-9a-f]{24}$/.test(after)) throw fail('Not a cursor.', 'BAD_USER_INPUT', 400);
      // One more than asked for tells whether there is a next page.
      const found = await users
        .find(after ? { _id: { $lt: ObjectId.createFromHexString(after) } } : {}, {
          projection: { email: 1, name: 1, role: 1, createdAt: 1 },
          sort: { _id: -1 },
          limit: first + 1,
        })
        .toArray();
      const edges = found.slice(0, first).map((doc) => {
        const node = view(doc);
        return { cursor: node.id, node };
      });
      return {
        edges,
        pageInfo: { hasNextPage: found.length > first, endCursor: edges.at(-1)?.cursor ?? null },
      };
    },
  },

  Mutation: {
    register: async (_, { input }) => {
      const email = input.email.trim().toLowerCase();
      const name = input.name.trim();
      if (!/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email) || name === '' || input.password.length < 8) {
        throw fail('A valid email, a name and a password of 8 characters are needed.', 'BAD_USER_INPUT', 400);
      }
      const now = new Date();
      const password = await bcrypt.hash(input.password, settings.bcryptCost);
      const user = { name, email, password, role: roleOf(email), isVerified: false, createdAt: now, updatedAt: now };
      try {
        await users.insertOne(user); // sets _id; the unique index finds the address that is taken
      } catch (error) {
        if (error.code === 11000) throw fail('Email already exists.', 'EMAIL_TAKEN', 409);
        throw error;
      }
      return logIn(user);
    },

    login: async (_, { input }) => {
      const user = await users.findOne({ email: input.email.trim().toLowerCase() });
      if (!user || !(await bcrypt.compare(input.password, user.password))) {
        throw fail('Invalid email or password.', 'INVALID_CREDENTIALS', 401);
      }
      return logIn(user);
    },

    refresh: async (_, { input }) => {
      const refreshToken = randomToken();
      const now = new Date();
      const found = await refreshTokens.findOneAndUpdate(
        { hash: sha256(input.refreshToken), expiresAt: { $gt: now } },
        { $set: { hash: sha256(refreshToken), expiresAt: sessionEnd() } },
        { projection: { userId: 1 } },
      );
      // EXPIRE says whether the session is still there, and prolongs it, in one command.
      if (!found || !(await redis.expire(`session:${found._id}`, SESSION_SECONDS))) {
        throw fail('Please log in.', 'UNAUTHENTICATED', 401);
      }
      return { accessToken: sign({ sub: found.userId.toHexString(), sid: found._id }), refreshToken };
    },
  },
};

await run(async () => {
  await Promise.all([mongo.connect(), redis.connect()]);
  await Promise.all([
    users.createIndex({ email: 1 }, { unique: true }),
    refreshTokens.createIndex({ hash: 1 }, { unique: true }),
    refreshTokens.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 }),
  ]);

  const app = fastify(); // without its log
  app.register(mercurius, { schema: typeDefs, resolvers, jit: 1 });
  app.get('/health', async (_, reply) => {
    const up = redis.status === 'ready' && (await mongo.db().command({ ping: 1 }).then(() => true, () => false));
    return reply.code(up ? 200 : 503).send({ up });
  });
  await app.listen({ port: settings.port, host: settings.host });

  return async () => {
    await app.close();
    await Promise.all([mongo.close(), redis.quit()]);
  };
});
