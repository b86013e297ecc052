// What both servers share: settings, schema, random tokens, and the run over several processes.

import { createHash, randomBytes } from 'node:crypto';
import cluster from 'node:cluster';

// Imported first, so that express, Apollo and graphql-js see it when they are loaded.
process.env.NODE_ENV ??= 'production';

function required(name) {
  const value = process.env[name];
  if (!value) {
    console.error(`${name} is not set`);
    process.exit(2);
  }
  return value;
}

// `node --env-file=.env` fills the environment from a file, as dotenv does.
export const settings = {
  host: process.env.HOST ?? '127.0.0.1',
  port: Number(process.env.PORT ?? 4000),
  mongodbUrl: required('MONGODB_URL'),
  redisUrl: required('REDIS_URL'),
  jwtSecret: required('JWT_SECRET'),
  bcryptCost: Number(process.env.BCRYPT_COST ?? 10),
  accessTokenSeconds: Number(process.env.ACCESS_TOKEN_SECONDS ?? 300),
  adminEmail: process.env.BENCH_ADMIN_EMAIL?.trim().toLowerCase(),
};

export const SESSION_SECONDS = 7 * 24 * 60 * 60;

export const sessionEnd = () => new Date(Date.now() + SESSION_SECONDS * 1000);

export const roleOf = (email) => (email === settings.adminEmail ? 'admin' : 'user');

// The names are Vestibule's, so that one document drives all servers.
export const typeDefs = `#graphql
  type Query {
    me: User
    users(first: Int!, after: String): UserConnection!
  }
  type Mutation {
    register(input: RegisterInput!): AuthPayload!
    login(input: LoginInput!): AuthPayload!
    refresh(input: RefreshInput!): RefreshPayload!
  }
  input RegisterInput { email: String!, password: String!, name: String! }
  input LoginInput { email: String!, password: String! }
  input RefreshInput { refreshToken: String! }
  type AuthPayload { accessToken: String!, refreshToken: String!, user: User! }
  type RefreshPayload { accessToken: String!, refreshToken: String! }
  type User { id: ID!, email: String!, name: String!, roles: [String!]!, createdAt: String! }
  type UserConnection { edges: [UserEdge!]!, pageInfo: PageInfo! }
  type UserEdge { cursor: String!, node: User! }
  type PageInfo { hasNextPage: Boolean!, endCursor: String }
`;

export const randomToken = () => randomBytes(32).toString('base64url');

// 256 random bits need no slow hash.
export const sha256 = (token) => createHash('sha256').update(token).digest('hex');

// `start` brings a server up and answers with the function that ends it. With `--cluster N` it runs in
// N processes that share the port; without, in this one.
export async function run(start) {
  const at = process.argv.indexOf('--cluster');
  const workers = at < 0 ? 0 : Number(process.argv[at + 1]);
  if (at >= 0 && !(Number.isInteger(workers) && workers > 0)) {
    console.error('--cluster needs the number of workers');
    process.exit(2);
  }
  if (workers > 0 && cluster.isPrimary) {
    supervise(workers);
    return;
  }

  let ending = false;
  let stop = () => process.exit(0);
  const end = async () => {
    if (ending) return;
    ending = true;
    await stop();
    process.exit(0);
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  stop = await start();
  if (cluster.isPrimary) announce();
}

// A worker that dies by itself ends the run: a benchmark must not go on with fewer than it says.
function supervise(count) {
  let listening = 0;
  let failed = false;
  let ending = false;
  const end = () => {
    ending = true;
    for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGTERM');
  };
  cluster.on('listening', () => {
    listening += 1;
    if (listening === count) announce();
  });
  cluster.on('exit', () => {
    if (!ending) {
      failed = true;
      end();
    }
    if (Object.keys(cluster.workers).length === 0) process.exit(failed ? 1 : 0);
  });
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  for (let i = 0; i < count; i += 1) cluster.fork();
}

function announce() {
  console.log(`listening on http://${settings.host}:${settings.port}/graphql`);
}
