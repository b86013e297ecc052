// Uploads pictures of people to both places where they can be kept: to Cloudinary, of which there is a stand-in
// (cloudinary.mjs) that checks and signs with Cloudinary's own SDK, and to the service itself:
//
//   VESTIBULE_BIN=../target/debug/vestibule node e2e/avatars.mjs
//
// Starts services of its own (service.mjs). Prints an "ok" line per check. Exit code 0: all passed, 1:
// something did not.

import { join } from 'node:path';

import { v2 as sdk } from 'cloudinary';

import { assert, note, ok, until } from './checks.mjs';
import { FakeCloudinary } from './cloudinary.mjs';
import { measure, png } from './pictures.mjs';
import { main, newFolder } from './service.mjs';

const CLOUDINARY_URL = 'cloudinary://key:secret@demo';
const FOLDER = 'avatars';
const REQUEST = 20_000;
/** How long a form is good. */
const UPLOAD_TTL = 600_000;
const MIB = 1024 * 1024;
/** The most bytes that the service takes as a picture. */
const MAX_FILE = 10 * MIB;

const CREATE = 'mutation { createAvatarUpload { url publicId expiresAt fields { name value } } }';
const CONFIRM = `mutation ($input: ConfirmAvatarInput!) {
  confirmAvatar(input: $input) { user { id avatar { publicId url width height } } }
}`;
const ME = `query ($size: Int) {
  me { full: avatar { publicId url width height } sized: avatar(size: $size) { publicId url width height } }
}`;
const REMOVE = 'mutation { removeAvatar { user { avatar { publicId } } } }';
const DELETE = 'mutation { deleteAccount { deletionDueAt } }';

const show = (value) => JSON.stringify(value);

function assertEqual(actual, expected, what) {
  assert(show(actual) === show(expected), `${what}: ${show(actual)}, not ${show(expected)}`);
}

/** A form that may be posted: `fields` as an object. */
async function createUpload(service, { token }) {
  const { createAvatarUpload: upload } = await service.ask(CREATE, { token });
  const fields = Object.fromEntries(upload.fields.map(({ name, value }) => [name, value]));
  assert(Object.keys(fields).length === upload.fields.length, `a field is there twice: ${show(upload.fields)}`);
  return { ...upload, fields };
}

/** Posts a form with a file as its last part; a change to undefined leaves the field out. */
async function post({ url, fields }, file, { type = 'image/png', ...changes } = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries({ ...fields, ...changes })) {
    if (value !== undefined) form.append(name, value);
  }
  form.append('file', new Blob([file], { type }), 'picture');
  const answer = await fetch(url, { method: 'POST', body: form, signal: AbortSignal.timeout(REQUEST) });
  const text = await answer.text();
  const media = answer.headers.get('content-type');
  assert(/^application\/json\b/.test(media), `POST ${url} answers ${answer.status} with ${media}: ${text}`);
  return { status: answer.status, body: JSON.parse(text) };
}

/** The answer to an upload that must succeed. */
async function uploaded(upload, file) {
  const { status, body } = await post(upload, file);
  assert(status === 200, `the upload is answered with ${status}: ${show(body)}`);
  return body;
}

/** What `confirmAvatar` takes, of the answer to an upload. */
const confirmation = ({ public_id: publicId, version, width, height, signature }) => ({
  publicId,
  version,
  width,
  height,
  signature,
});

async function confirm(service, { token, id }, answer) {
  const variables = { input: confirmation(answer) };
  const { confirmAvatar } = await service.ask(CONFIRM, { token, variables });
  assert(confirmAvatar.user.id === id, `confirmAvatar answers with ${show(confirmAvatar.user)}`);
  return confirmAvatar.user.avatar;
}

/** Tries to confirm what must be refused, which leaves the person as it was. */
async function assertUnconfirmed(service, person, answer, what) {
  const before = await avatars(service, person);
  const variables = { input: confirmation(answer) };
  const { errors } = await service.answer(CONFIRM, { token: person.token, variables });
  const code = errors?.[0].extensions.code;
  assert(code === 'TOKEN_INVALID', `confirmAvatar with ${what}: ${code ?? 'no error'}, not TOKEN_INVALID`);
  assertEqual(await avatars(service, person), before, `the picture after confirmAvatar with ${what}`);
}

async function avatars(service, { token }, size = 128) {
  return (await service.ask(ME, { token, variables: { size } })).me;
}

/** The last digit of a hexadecimal text, changed. */
const altered = (text) => text.slice(0, -1) + (text.endsWith('0') ? '1' : '0');

async function cloudinaryForm(service, fake, person) {
  const before = Date.now();
  const upload = await createUpload(service, person);
  const { fields, publicId, url, expiresAt } = upload;
  assertEqual(url, `${fake.url}/v1_1/demo/image/upload`, 'where to post');
  assertEqual(url, sdk.utils.api_url('upload', { upload_prefix: fake.url }), 'where the SDK would post');
  const { api_key: key, signature, ...signed } = fields;
  assertEqual(key, 'key', 'the API key');
  assertEqual(signed.public_id.startsWith(`${FOLDER}/`), true, 'the folder');
  assertEqual(publicId, signed.public_id, 'the public id');
  assertEqual(signature, sdk.utils.api_sign_request(signed, 'secret'), 'the signature of the form');
  assert(!show(upload).includes('secret'), 'the secret is in the form');
  ok(`the SDK signs the form in the same way; signed are ${Object.keys(signed).join(', ')}`);

  const ends = Date.parse(expiresAt);
  assert(ends > before + UPLOAD_TTL - 1000 && ends <= Date.now() + UPLOAD_TTL, `expiresAt is ${expiresAt}`);
  const file = png(320, 200);
  fake.now = () => ends + 1000;
  const late = await post(upload, file);
  assert(late.status === 400 && /^Stale/.test(late.body.error.message), `after expiresAt: ${show(late)}`);
  fake.now = () => ends - 5000;
  await uploaded(upload, file);
  fake.now = Date.now;
  ok('the form is taken for the 10 minutes until expiresAt, and is too old then');
}

async function changedForms(service, fake, person) {
  const upload = await createUpload(service, person);
  const file = png(8, 8);
  const changes = {
    public_id: altered(upload.fields.public_id),
    folder: `${FOLDER}/others`,
    overwrite: 'true',
    allowed_formats: `${upload.fields.allowed_formats},svg`,
    timestamp: String(Number(upload.fields.timestamp) + 1),
    transformation: 'c_limit,h_9999,w_9999',
    signature: altered(upload.fields.signature),
    eager: 'w_9999',
    type: 'private',
  };
  for (const [name, value] of Object.entries(changes)) {
    // `type` is a parameter of the API as well as an option of `post`.
    const changed = { ...upload, fields: { ...upload.fields, [name]: value } };
    const { status, body } = await post(changed, file);
    assert(status === 401 && /^Invalid Signature/.test(body.error?.message), `${name}: ${status} ${show(body)}`);
    if (name in upload.fields && name !== 'signature') {
      const { status: without } = await post(upload, file, { [name]: undefined });
      assert(without === 401, `without ${name}: ${without}`);
    }
  }
  assert(!fake.pictures.has(upload.publicId), 'a changed form has left a picture');
  await uploaded(upload, file);
  ok(`a form with another ${Object.keys(changes).join(', ')}, or without, is refused by the check of the SDK`);
}

async function cloudinaryAvatar(service, fake, person, stranger) {
  const upload = await createUpload(service, person);
  const answer = await uploaded(upload, png(640, 480));
  const { public_id: publicId, version, signature } = answer;
  assertEqual(publicId, upload.publicId, 'the public id of the answer');
  assert(sdk.utils.verify_api_response_signature(publicId, version, signature), 'the SDK refuses the answer');
  ok('the form uploads a picture, and the SDK verifies the signature of the answer');

  await assertUnconfirmed(service, person, { ...answer, signature: altered(signature) }, 'a wrong signature');
  await assertUnconfirmed(service, person, { ...answer, signature: '' }, 'no signature');
  await assertUnconfirmed(service, person, { ...answer, version: version + 1 }, 'another version');
  await assertUnconfirmed(service, person, { ...answer, public_id: `${FOLDER}/sample` }, 'another public id');
  await assertUnconfirmed(service, stranger, answer, 'the upload of somebody else');
  // Of the same cloud, signed by it, and no upload of anybody.
  const foreign = { public_id: `${FOLDER}/sample`, version };
  const signed = { ...answer, ...foreign, signature: sdk.utils.api_sign_request(foreign, 'secret') };
  await assertUnconfirmed(service, person, signed, 'another picture of the cloud');
  ok('confirmAvatar answers TOKEN_INVALID to a wrong signature, another version and the upload of somebody else');

  const options = { version, secure: true, urlAnalytics: false };
  const transformation = { width: 128, height: 128, crop: 'fill', gravity: 'face' };
  const full = { publicId, url: sdk.url(publicId, { ...options }), width: 640, height: 480 };
  assertEqual(await confirm(service, person, answer), full, 'the picture that confirmAvatar answers with');
  const me = await avatars(service, person);
  assertEqual(me.full, full, 'the picture');
  assertEqual(me.sized, { ...full, url: sdk.url(publicId, { ...options, transformation }) }, 'the picture in 128 px');
  assert((await avatars(service, stranger)).full === null, 'somebody else has a picture');
  ok('confirmAvatar makes it the picture of the person; both addresses are, to the letter, those that the SDK builds');
  note(me.sized.url);

  const { removeAvatar } = await service.ask(REMOVE, { token: person.token });
  assert(removeAvatar.user.avatar === null, `after removeAvatar: ${show(removeAvatar)}`);
  assertEqual(await confirm(service, person, answer), full, 'the picture that was confirmed again');
  ok('removeAvatar leaves the person without a picture');
  return publicId;
}

/** An account that is erased takes its picture with it, also when Cloudinary is ill for a moment. */
async function cloudinaryErasure(service, fake, person, publicId) {
  assert(fake.destroyed.length === 0, `removed before the erasure: ${show(fake.destroyed)}`);
  fake.ill = 1;
  await service.ask(DELETE, { token: person.token });
  await until('the picture is removed', () => !fake.pictures.has(publicId));
  assert(fake.ill === 0, 'the first call did not fail');
  const call = fake.destroyed.find((each) => each.publicId === publicId);
  assertEqual(call, { publicId, invalidate: 'true' }, 'the call');
  ok('the picture of an erased account is destroyed with a signature of the SDK, after a failure once more');
}

async function atCloudinary(start) {
  // The SDK reads the same setting as the service.
  process.env.CLOUDINARY_URL = CLOUDINARY_URL;
  sdk.config(true);
  const fake = await FakeCloudinary.start();
  const settings = { CLOUDINARY_URL, CLOUDINARY_API_URL: fake.url, DELETION_GRACE: '0s' };
  const service = await start(settings);
  const [person, stranger] = [await service.register(), await service.register()];
  assert((await avatars(service, person)).full === null, 'a new person has a picture');
  await cloudinaryForm(service, fake, person);
  await changedForms(service, fake, person);
  const publicId = await cloudinaryAvatar(service, fake, person, stranger);
  const refused = fake.refusals.length;
  await cloudinaryErasure(service, fake, person, publicId);
  assertEqual(fake.refusals.slice(refused), ['500 General Error'], 'what the service was refused');
  const other = await post({ url: `${service.url}/avatars`, fields: {} }, png(8, 8));
  assert(other.status === 404 && other.body.errors[0].extensions.code === 'NOT_FOUND', show(other));
  ok('the service itself takes no pictures then');
  await service.stop();
  fake.stop();
}

/** A picture that the service serves. */
async function picture(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(REQUEST) });
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert(answer.ok, `GET ${url} answers ${answer.status}: ${bytes.toString('utf8').slice(0, 200)}`);
  const found = measure(bytes);
  const header = (name) => answer.headers.get(name);
  assertEqual(header('content-type'), found.type, `content-type of ${url}`);
  assertEqual(header('x-content-type-options'), 'nosniff', `x-content-type-options of ${url}`);
  assertEqual(header('cache-control'), 'public, max-age=31536000, immutable', `cache-control of ${url}`);
  assertEqual(header('cross-origin-resource-policy'), 'cross-origin', `cross-origin-resource-policy of ${url}`);
  assert(/default-src 'none'/.test(header('content-security-policy')), `${url} has no policy`);
  return { ...found, bytes };
}

/** An upload that must be refused, with an error like any other. */
async function assertRefused(upload, file, { status, code }, what, changes) {
  const answer = await post(upload, file, changes);
  const [error] = answer.body.errors ?? [];
  const { code: given, status: told, requestId } = error?.extensions ?? {};
  assert(answer.status === status, `${what}: ${answer.status}, not ${status}: ${show(answer.body)}`);
  assert(given === code && told === status, `${what}: ${given} with ${told}, not ${code} with ${status}`);
  assert(error.message && requestId, `${what}: ${show(answer.body)}`);
}

async function localAvatar(service, person, stranger, { alpha, type }) {
  const secret = 'taken at the front door of Ada Lovelace';
  const upload = await createUpload(service, person);
  assertEqual(upload.url, `${service.url}/avatars`, 'where to post');
  const answer = await uploaded(upload, png(300, 200, { alpha, comment: secret }));
  assertEqual([answer.public_id, answer.width, answer.height], [upload.publicId, 300, 200], 'the answer');
  await assertUnconfirmed(service, stranger, answer, 'the upload of somebody else');
  for (const [field, value] of [
    ['signature', altered(answer.signature)],
    ['signature', upload.fields.signature],
    ['version', answer.version + 1],
    ['width', 301],
    ['height', 201],
    ['public_id', altered(answer.public_id)],
  ]) {
    await assertUnconfirmed(service, person, { ...answer, [field]: value }, `another ${field}`);
  }
  const confirmed = await confirm(service, person, answer);
  const { full, sized } = await avatars(service, person, 100);
  assertEqual(confirmed, full, 'the picture that confirmAvatar answers with');
  const url = `${service.url}/avatars/${upload.publicId}`;
  assertEqual(full, { publicId: upload.publicId, url, width: 300, height: 200 }, 'the picture');
  const large = await picture(full.url);
  assertEqual([large.type, large.width, large.height], [type, 300, 200], 'the picture at full size');
  const small = await picture(sized.url);
  assertEqual([small.type, small.width, small.height], [type, 128, 128], 'the picture for 100 px');
  assert(![large, small].some(({ bytes }) => bytes.includes(secret)), 'what was beside the pixels is still there');
  ok(`a PNG ${alpha ? 'with' : 'without'} transparency is served as ${type}, and for 100 px as a square of 128 px`);
  return { upload, full };
}

async function refusedFiles(service, person) {
  const upload = await createUpload(service, person);
  const bad = { status: 400, code: 'BAD_USER_INPUT' };
  const unsigned = { status: 401, code: 'TOKEN_INVALID' };
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>';
  await assertRefused(upload, svg, bad, 'an SVG', { type: 'image/svg+xml' });
  await assertRefused(upload, svg, bad, 'an SVG that is called PNG');
  await assertRefused(upload, '<!doctype html><script>alert(1)</script>', bad, 'HTML', { type: 'text/html' });
  const whole = png(64, 64);
  await assertRefused(upload, whole.subarray(0, whole.length / 2), bad, 'half of a PNG');
  await assertRefused(upload, '', bad, 'no bytes');
  for (const [name, value] of [
    ['signature', altered(upload.fields.signature)],
    ['signature', undefined],
    ['expires', String(Number(upload.fields.expires) + 1)],
    ['public_id', altered(upload.fields.public_id)],
    ['public_id', '../../etc'],
  ]) {
    await assertRefused(upload, whole, unsigned, `another ${name}`, { [name]: value });
  }
  ok('SVG, HTML, half a picture and changed forms are refused, with errors in JSON');
  await uploaded(upload, whole);
  await assertRefused(upload, whole, bad, 'a second picture with the same form');
  ok('the form is still good after that, and only once');
}

/** Just below the bound, and just above. */
async function largeFiles(service, person) {
  const file = png(1200, 1050, { alpha: true, deep: true });
  assert(file.length > 0.95 * MAX_FILE && file.length < MAX_FILE, `the file has ${file.length} bytes`);
  const answer = await uploaded(await createUpload(service, person), file);
  assertEqual([answer.width, answer.height], [1024, 896], 'the size of a picture of 1200 to 1050');
  const full = await picture((await confirm(service, person, answer)).url);
  assertEqual([full.width, full.height], [1024, 896], 'the size of its bytes');
  const upload = await createUpload(service, person);
  const tooLarge = { status: 413, code: 'BAD_USER_INPUT' };
  await assertRefused(upload, Buffer.concat([file], MAX_FILE + 1), tooLarge, 'a file of 10 MiB and a byte');
  ok('a picture of almost 10 MiB is taken and made smaller, a larger file is refused');
}

async function localErasure(service, person, url) {
  await service.ask(DELETE, { token: person.token });
  await until('the picture is removed', async () => {
    const answer = await fetch(url, { signal: AbortSignal.timeout(REQUEST) });
    const text = await answer.text();
    return answer.status === 404 && JSON.parse(text).errors[0].extensions.code === 'NOT_FOUND';
  });
  ok('the picture of an erased account is gone');
}

async function inFolder(start) {
  const service = await start({ AVATAR_DIR: join(newFolder(), 'pictures'), DELETION_GRACE: '0s' });
  const [person, stranger] = [await service.register(), await service.register()];
  await localAvatar(service, person, stranger, { alpha: true, type: 'image/png' });
  const { full } = await localAvatar(service, person, stranger, { alpha: false, type: 'image/jpeg' });
  await refusedFiles(service, stranger);
  await localErasure(service, person, full.url);
  await largeFiles(service, stranger);
  await service.stop();
}

await main(async (start) => {
  await atCloudinary(start);
  await inFolder(start);
}, 80_000);
