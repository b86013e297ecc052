// Verifies access tokens the way other services do, with jose and the published keys:
//
//   VESTIBULE_BIN=../target/debug/vestibule node e2e/tokens.mjs
//
// Starts services of its own (service.mjs). Prints an "ok" line per check. Exit code 0: all passed, 1:
// something did not.

import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from 'jose';

import { assert, note, ok, sleep, until } from './checks.mjs';
import { main, newFolder, runProgram } from './service.mjs';

const ALGORITHMS = ['EdDSA', 'ES256', 'RS256'];
const ME = '{ me { id } }';

/** How long a new key is published before it signs, and how long verifiers may keep the keys. */
const AHEAD = 6;
const MAX_AGE = 3;
const LOOPS = 8;

/** What a resource server knows: where the issuer is, and nothing else. */
async function resourceServer(service, options) {
  const { body } = await service.json('/.well-known/openid-configuration');
  const keys = createRemoteJWKSet(new URL(body.jwks_uri), options);
  return async (token, algorithms = ALGORITHMS) => {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: body.issuer,
      audience: 'vestibule',
      typ: 'at+jwt',
      algorithms,
      requiredClaims: ['sub', 'sid', 'jti', 'iat', 'nbf', 'exp'],
    });
    return { ...payload, ...protectedHeader };
  };
}

const publishedKeys = async (service) => (await service.json('/.well-known/jwks.json')).body.keys;
const kidOf = (token) => decodeProtectedHeader(token).kid;

async function assertAccepted(service, token, person, what) {
  const { data, errors: refused } = await service.answer(ME, { token });
  assert(data?.me?.id === person.id, `the service refuses ${what}: ${JSON.stringify(refused)}`);
}

async function metadata(service) {
  const { body } = await service.json('/.well-known/openid-configuration');
  assert(body.issuer === service.url, `the issuer is ${body.issuer}`);
  assert(new URL(body.jwks_uri).origin === service.url, `the keys are at ${body.jwks_uri}`);
  const { headers } = await service.json(new URL(body.jwks_uri).pathname);
  assert(headers.get('cache-control') === `public, max-age=${MAX_AGE}`, `keys: ${headers.get('cache-control')}`);
  ok('the metadata name issuer and keys, which may be kept for half the time they are published ahead');
}

/** People log in and tokens are verified without a pause, while the signing key is replaced. */
async function rotateUnderLoad(service) {
  const published = new Map(); // kid: when it was first seen in the key set
  const issued = new Map(); // kid: { from, count, token, person }
  const verified = { jose: 0, service: 0 };
  let over = false;

  async function watch() {
    while (!over) {
      for (const { kid } of await publishedKeys(service)) {
        if (!published.has(kid)) published.set(kid, Date.now());
      }
      await sleep(50);
    }
  }

  async function load() {
    const person = await service.register();
    const verify = await resourceServer(service, { cacheMaxAge: MAX_AGE * 1000 });
    const earlier = [];
    while (!over) {
      const from = Date.now();
      const { token, session } = await service.login(person);
      const kid = kidOf(token);
      const seen = issued.get(kid);
      if (seen) seen.count += 1;
      else issued.set(kid, { from, count: 1, token, person });
      earlier.push(token);
      // The new one, and one of those before.
      for (const each of [token, earlier[Math.floor(Math.random() * earlier.length)]]) {
        const claims = await verify(each).catch((error) => {
          const known = JSON.stringify([...published.keys()]);
          throw new Error(`jose refuses a token of ${kidOf(each)}, published are ${known}: ${error.message}`);
        });
        assert(claims.sub === person.id, `the subject is ${claims.sub}`);
        assert(each !== token || claims.sid === session, `the session is ${claims.sid}`);
        verified.jose += 1;
        await assertAccepted(service, each, person, `a token of ${kidOf(each)}`);
        verified.service += 1;
      }
    }
  }

  const work = Promise.all([watch(), ...Array.from({ length: LOOPS }, load)]);
  const steer = (async () => {
    await sleep(4000);
    const before = [...issued.keys()];
    assert(before.length === 1, `before the rotation there were the keys ${before}`);
    const key = await service.command('keys', 'rotate');
    assert(/^key_\w+$/.test(key), `keys rotate prints ${key}`);
    await until('tokens of the new key', () => issued.get(key)?.count >= LOOPS, 30_000);
    await sleep((MAX_AGE + 1) * 1000);
    return [before[0], key];
  })();
  let keys;
  try {
    [keys] = await Promise.all([steer, Promise.race([work, steer])]);
  } finally {
    over = true;
  }
  await work;

  const [oldKey, newKey] = keys;
  const [before, after] = [issued.get(oldKey), issued.get(newKey)];
  assert(issued.size === 2, `tokens are of the keys ${[...issued.keys()]}`);
  ok('no valid token was refused, by jose or by the service, while the key was replaced under load');
  note(`${before.count} tokens of the old key and ${after.count} of the new one; verified ${verified.jose} times by jose, ${verified.service} times by the service`);
  const lead = after.from - published.get(newKey);
  assert(lead >= MAX_AGE * 1000, `the new key was published only ${lead} ms before its first token`);
  ok('the key set had both keys for longer than it may be kept before the first token of the new key');
  note(`published ${lead} ms before its first token`);
  const verify = await resourceServer(service);
  await verify(before.token);
  await assertAccepted(service, before.token, before.person, 'a token of the old key');
  ok('tokens of the old key verify after the rotation');
  return { oldKey, newKey, before, after };
}

/** What `keys list --json` prints: an object a line. */
function listed(text) {
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

async function listAndRevoke(service, { oldKey, newKey, before, after }) {
  let keys = listed(await service.command('keys', 'list', '--json'));
  const states = (list) => list.map(({ id, state }) => `${id} ${state}`).join();
  assert(states(keys) === `${oldKey} retired,${newKey} active`, `keys list prints ${states(keys)}`);
  ok('keys list shows one active and one retired key');

  // As if somebody had a copy of the key that signs.
  const verify = await resourceServer(service, { cacheMaxAge: MAX_AGE * 1000 });
  await verify(after.token);
  const third = await service.command('keys', 'rotate', '--at-once');
  await service.command('keys', 'revoke', newKey);
  const started = Date.now();
  const refused = await until(
    'tokens of the revoked key are refused',
    async () => (await service.answer(ME, { token: after.token })).errors,
    5000,
  );
  const { code, reason } = refused[0].extensions;
  assert(code === 'UNAUTHENTICATED' && reason === 'TOKEN_INVALID', `refused with ${code}, ${reason}`);
  ok('the service refuses tokens of a revoked key with UNAUTHENTICATED, TOKEN_INVALID within 5 s');
  note(`refused ${Date.now() - started} ms after keys revoke`);
  const latest = await service.login(after.person);
  assert(kidOf(latest.token) === third, `a token of now is of ${kidOf(latest.token)}, not of ${third}`);
  await assertAccepted(service, before.token, before.person, 'a token of the first key');
  await assertAccepted(service, latest.token, after.person, 'a token of the third key');
  ok('it takes tokens of the other keys, and signs with the one that was made at once');
  await until('a resource server refuses it too', async () => {
    const error = await verify(after.token).then(() => null, (reason) => reason);
    assert(!error || error instanceof errors.JWKSNoMatchingKey, `jose refuses with ${error?.message}`);
    return error;
  }, (MAX_AGE + 2) * 1000);
  await verify(before.token);
  await verify(latest.token);
  ok('so does jose, once its keys are as old as they may be');
  keys = listed(await service.command('keys', 'list', '--json'));
  assert(states(keys) === `${oldKey} retired,${third} active`, `keys list prints ${states(keys)}`);
  ok('keys list no longer has the revoked key');
}

/** One token, verified by jose with this algorithm alone. Gives back its published key. */
async function verifyOne(service, algorithm) {
  const person = await service.register();
  const verify = await resourceServer(service);
  const claims = await verify(person.token, [algorithm]);
  assert(claims.sub === person.id && claims.alg === algorithm, `${claims.sub}, ${claims.alg}`);
  const keys = await publishedKeys(service);
  assert(keys.length === 1 && keys[0].kid === claims.kid, `the key set is ${JSON.stringify(keys)}`);
  assert(keys[0].alg === algorithm && keys[0].use === 'sig', `the key is ${JSON.stringify(keys[0])}`);
  for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi']) {
    assert(!(secret in keys[0]), `the key set has the private member ${secret}`);
  }
  await assertAccepted(service, person.token, person, `a token of ${algorithm}`);
  return keys[0];
}

async function algorithms(start) {
  for (const algorithm of ['ES256', 'RS256']) {
    const service = await start({ SIGNING_ALGORITHM: algorithm });
    await verifyOne(service, algorithm);
    await service.stop();
    ok(`SIGNING_ALGORITHM=${algorithm}: jose verifies a token, whose kid is that of the key set`);
  }
}

const pem = (kind, options) =>
  generateKeyPairSync(kind, options).privateKey.export({ type: 'pkcs8', format: 'pem' });

async function ownKeys(start) {
  for (const [kind, options, algorithm] of [
    ['ed25519', {}, 'EdDSA'],
    ['ec', { namedCurve: 'P-256' }, 'ES256'],
    ['rsa', { modulusLength: 2048 }, 'RS256'],
  ]) {
    const folder = newFolder();
    const file = join(folder, 'own.pem');
    const text = pem(kind, options);
    writeFileSync(file, text, { mode: 0o600 });
    const service = await start({ SIGNING_KEY_FILE: file }, { folder });
    const key = await verifyOne(service, algorithm);
    const expected = createPublicKey(createPrivateKey(text)).export({ format: 'jwk' });
    for (const [member, value] of Object.entries(expected)) {
      assert(key[member] === value, `${member} of the published key is ${key[member]}, not ${value}`);
    }
    await service.stop();
    ok(`SIGNING_KEY_FILE with a key of ${kind}: jose verifies a token of ${algorithm} with its public half`);
  }
}

async function badKeys() {
  const folder = newFolder();
  const file = join(folder, 'bad.pem');
  for (const [what, text] of [
    ['no PEM', 'this is no key\n'],
    ['RSA with 1024 bits', pem('rsa', { modulusLength: 1024 })],
    ['secp384r1', pem('ec', { namedCurve: 'secp384r1' })],
  ]) {
    writeFileSync(file, text, { mode: 0o600 });
    const { status, stderr } = await runProgram(['serve'], folder, {
      SIGNING_KEY_FILE: file,
      BIND_ADDR: '127.0.0.1:0',
    });
    assert(status === 2, `SIGNING_KEY_FILE with ${what}: the status is ${status}`);
    assert(stderr.includes('SIGNING_KEY_FILE'), `SIGNING_KEY_FILE with ${what}: ${stderr}`);
    assert(!stderr.includes(text.split('\n')[1] || text.trim()), `SIGNING_KEY_FILE with ${what} is printed`);
    ok(`SIGNING_KEY_FILE with ${what}: the program names the setting and ends with status 2`);
  }
}

async function changeAlgorithm(start) {
  const settings = { KEY_PUBLISH_AHEAD: '3s' };
  const first = await start(settings);
  const person = await first.register();
  assert(decodeProtectedHeader(person.token).alg === 'EdDSA', 'the first token is of EdDSA');
  await first.stop();
  const { port, folder } = first;
  const service = await start({ ...settings, SIGNING_ALGORITHM: 'ES256' }, { port, folder });
  const verify = await resourceServer(service, { cacheMaxAge: 1000 });
  await verify(person.token);
  await assertAccepted(service, person.token, person, 'a token from before the restart');
  ok('another SIGNING_ALGORITHM after a restart: tokens from before verify');
  let count = 0;
  await until('a token of the new algorithm', async () => {
    const { token } = await service.login(person);
    const { alg } = await verify(token);
    await assertAccepted(service, token, person, `a token of ${alg}`);
    count += 1;
    return alg === 'ES256';
  });
  assert(count > 1, 'the new key signed before it was published for long enough');
  const kept = (await publishedKeys(service)).map(({ alg }) => alg).join();
  assert(kept === 'EdDSA,ES256', `published are keys of ${kept}`);
  await (await resourceServer(service))(person.token);
  await assertAccepted(service, person.token, person, 'a token from before the restart');
  await service.stop();
  ok('it is signed with once its key was published for long enough, and no token is refused meanwhile');
}

await main(async (start) => {
  const service = await start({ KEY_PUBLISH_AHEAD: `${AHEAD}s`, ACCESS_TOKEN_TTL: '10m' });
  await metadata(service);
  await listAndRevoke(service, await rotateUnderLoad(service));
  await service.stop();
  await algorithms(start);
  await ownKeys(start);
  await changeAlgorithm(start);
  await badKeys();
}, 180_000);
