// (d1) The stack of the tutorials, put together the way they do it: Apollo Server on Express, mongoose,
// sessions in Redis under the id of the user, jsonwebtoken with a secret out of `.env`, bcrypt.

import { run, settings, typeDefs, roleOf, randomToken, sha256, sessionEnd, SESSION_SECONDS } from './common.mjs';
import http from 'node:http';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginDrainHttpServer } from '@apollo/server/plugin/drainHttpServer';
import { expressMiddleware } from '@as-integrations/express5';
import bcrypt from 'bcrypt';
import express from 'express';
import { GraphQLError } from 'graphql';
import { Redis } from 'ioredis';
import jwt from 'jsonwebtoken';
import mongoose from 'mongoose';

const userSchema = new mongoose.Schema(
  {
    name: { type: String, required: [true, 'Please enter your name'] },
    email: {
      type: String,
      required: [true, 'Please enter your email'],
      match: [/^[^@\s]+@[^@\s]+\.[^@\s]+$/, 'Please enter a valid email'],
      lowercase: true,
      trim: true,
      unique: true,
    },
    password: { type: String, required: true, minlength: [8, 'Password must have 8 characters'], select: false },
    avatar: { public_id: String, url: String },
    role: { type: String, default: 'user' },
    isVerified: { type: Boolean, default: false },
  },
  {
    timestamps: true,
    // The session in Redis is JSON.stringify(user); the hash of the password does not belong there.
    toJSON: { virtuals: true, transform: (_, json) => { delete json.password; return json; } },
  },
);
userSchema.pre('save', async function () {
  if (this.isModified('password')) this.password = await bcrypt.hash(this.password, settings.bcryptCost);
});
userSchema.methods.comparePassword = function (password) {
  return bcrypt.compare(password, this.password);
};
userSchema.methods.signAccessToken = function () {
  return signAccessToken(this.id);
};
const User = mongoose.model('User', userSchema);

const RefreshToken = mongoose.model('RefreshToken', new mongoose.Schema({
  hash: { type: String, required: true, unique: true },
  user: { type: mongoose.Schema.Types.ObjectId, ref: 'User', required: true },
  expiresAt: { type: Date, required: true, expires: 0 },
}));

const redis = new Redis(settings.redisUrl, { lazyConnect: true });

const fail = (message, code, status) => new GraphQLError(message, { extensions: { code, http: { status } } });

// A plain string as the secret, as every tutorial has it. jsonwebtoken then makes a key of it at each call.
const signAccessToken = (id) => jwt.sign({ id }, settings.jwtSecret, { expiresIn: settings.accessTokenSeconds });

const saveSession = (user) => redis.set(user.id, JSON.stringify(user), 'EX', SESSION_SECONDS);

async function sendToken(user) {
  const refreshToken = randomToken();
  await RefreshToken.create({ hash: sha256(refreshToken), user: user._id, expiresAt: sessionEnd() });
  await saveSession(user);
  return { accessToken: user.signAccessToken(), refreshToken, user };
}

// The session of each request that carries a token is read from Redis.
async function context({ req }) {
  const header = req.headers.authorization;
  if (!header?.startsWith('Bearer ')) return { user: null };
  let id;
  try {
    ({ id } = jwt.verify(header.slice(7), settings.jwtSecret));
  } catch {
    throw fail('The access token is not valid.', 'UNAUTHENTICATED', 401);
  }
  const session = await redis.get(id);
  if (!session) throw fail('The session has ended.', 'UNAUTHENTICATED', 401);
  return { user: JSON.parse(session) };
}

const resolvers = {
  Query: {
    me: (_, __, { user }) => user,

    users: async (_, { first, after }, { user }) => {
      if (!user) throw fail('You must be logged in.', 'UNAUTHENTICATED', 401);
      if (user.role !== 'admin') throw fail('Not allowed.', 'FORBIDDEN', 403);
      if (first < 1 || first > 100) throw fail('first must be 1 to 100.', 'BAD_USER_INPUT', 400);
      if (after != null && !mongoose.isObjectIdOrHexString(after)) throw fail('Not a cursor.', 'BAD_USER_INPUT', 400);
      // One more than asked for tells whether there is a next page.
      const found = await User.find(after ? { _id: { $lt: after } } : {}).sort({ _id: -1 }).limit(first + 1);
      const edges = found.slice(0, first).map((node) => ({ cursor: node.id, node }));
      return {
        edges,
        pageInfo: { hasNextPage: found.length > first, endCursor: edges.at(-1)?.cursor ?? null },
      };
    },
  },

  Mutation: {
    register: async (_, { input: { email, password, name } }) => {
      if (await User.findOne({ email })) throw fail('Email already exists.', 'EMAIL_TAKEN', 409);
      let user;
      try {
        user = await User.create({ email, password, name, role: roleOf(email.trim().toLowerCase()) });
      } catch (error) {
        if (error.code === 11000) throw fail('Email already exists.', 'EMAIL_TAKEN', 409);
        if (error instanceof mongoose.Error.ValidationError) throw fail(error.message, 'BAD_USER_INPUT', 400);
        throw error;
      }
      return sendToken(user);
    },

    login: async (_, { input: { email, password } }) => {
      const user = await User.findOne({ email }).select('+password');
      if (!user || !(await user.comparePassword(password))) {
        throw fail('Invalid email or password.', 'INVALID_CREDENTIALS', 401);
      }
      return sendToken(user);
    },

    refresh: async (_, { input }) => {
      const refreshToken = randomToken();
      const found = await RefreshToken.findOneAndUpdate(
        { hash: sha256(input.refreshToken), expiresAt: { $gt: new Date() } },
        { hash: sha256(refreshToken), expiresAt: sessionEnd() },
      );
      const session = found && (await redis.get(String(found.user)));
      if (!session) throw fail('Please log in.', 'UNAUTHENTICATED', 401);
      const user = JSON.parse(session);
      await saveSession(user);
      return { accessToken: signAccessToken(user.id), refreshToken };
    },
  },

  User: {
    roles: (user) => [user.role],
    // A Date out of MongoDB, a string out of the session.
    createdAt: (user) => new Date(user.createdAt).toISOString(),
  },
};

await run(async () => {
  await Promise.all([mongoose.connect(settings.mongodbUrl), redis.connect()]);
  await Promise.all([User.init(), RefreshToken.init()]); // the unique indexes stand before the first request

  const app = express();
  const httpServer = http.createServer(app);
  const server = new ApolloServer({
    typeDefs,
    resolvers,
    plugins: [ApolloServerPluginDrainHttpServer({ httpServer })],
    stopOnTerminationSignals: false, // common.mjs does, and closes the stores after
  });
  await server.start();

  app.get('/health', (_, res) => {
    const up = mongoose.connection.readyState === 1 && redis.status === 'ready';
    res.status(up ? 200 : 503).json({ up });
  });
  app.use('/graphql', express.json(), expressMiddleware(server, { context }));
  await new Promise((resolve, reject) => {
    httpServer.once('error', reject);
    httpServer.listen(settings.port, settings.host, resolve);
  });

  return async () => {
    await server.stop();
    await Promise.all([mongoose.disconnect(), redis.quit()]);
  };
});
