// A stand-in for the two calls of Cloudinary's Upload API that pictures of people need, on 127.0.0.1:
//
//   POST /v1_1/CLOUD/image/upload   (multipart/form-data)
//   POST /v1_1/CLOUD/image/destroy  (application/x-www-form-urlencoded)
//
// What is signed how is decided by Cloudinary's own SDK, not here: `api_sign_request` signs the parameters of
// each request and of each answer once more.
//
// The SDK knows two versions of signatures (its fourth argument). Version 2, its default since 2.7.0, writes
// an `&` in a value as `%26`, lest the value pass for another parameter; version 1 does not. Requests are
// checked with version 2, as the SDK sends them. Answers are signed with version 1, since
// `verify_api_response_signature` of the same SDK expects that one.

import { createServer } from 'node:http';

import { v2 as sdk } from 'cloudinary';

import { measure } from './pictures.mjs';

const REQUEST_SIGNATURE = 2;
const ANSWER_SIGNATURE = 1;
/** How long a signature is taken after its timestamp, in seconds. */
const SIGNATURE_TTL = 3600;
/** Fields that no signature covers. */
const UNSIGNED = ['file', 'cloud_name', 'resource_type', 'api_key', 'signature'];

const error = (status, message) => ({ status, body: { error: { message } } });

export class FakeCloudinary {
  /** The pictures that are there, by their public id. */
  pictures = new Map();
  /** What was asked to be removed, in this order. */
  destroyed = [];
  /** What was refused: a status and a message. */
  refusals = [];
  /** How many calls from now on fail as if the service were ill. */
  ill = 0;
  /** What time it is, in milliseconds. */
  now = Date.now;

  /** Starts it for the account that the SDK is configured with. */
  static async start() {
    const fake = new FakeCloudinary();
    fake.account = sdk.config();
    fake.server = createServer((request, response) => {
      fake.#answer(request).catch((fault) => error(400, fault.message)).then(({ status, body }) => {
        if (status !== 200) fake.refusals.push(`${status} ${body.error.message}`);
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    await new Promise((done, fail) => {
      fake.server.once('error', fail).listen(0, '127.0.0.1', done);
    });
    fake.url = `http://127.0.0.1:${fake.server.address().port}`;
    return fake;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  async #answer(request) {
    const chunks = [];
    for await (const each of request) chunks.push(each);
    const [, action] = /^\/v1_1\/([^/]+)\/image\/(upload|destroy)$/.exec(request.url)?.slice(1) ?? [];
    if (request.method !== 'POST' || !request.url.startsWith(`/v1_1/${this.account.cloud_name}/`) || !action) {
      return error(404, `no ${request.method} ${request.url}`);
    }
    const type = request.headers['content-type'] ?? '';
    const expected = action === 'upload' ? 'multipart/form-data' : 'application/x-www-form-urlencoded';
    if (!type.startsWith(expected)) return error(400, `the form is ${type}, not ${expected}`);
    const form = await new Response(Buffer.concat(chunks), { headers: { 'content-type': type } }).formData();
    const fields = Object.fromEntries(form);
    if ([...form].length !== Object.keys(fields).length) return error(400, 'a field is there twice');
    const refusal = this.#refusal(fields);
    if (refusal) return refusal;
    if (this.ill > 0) {
      this.ill -= 1;
      return error(500, 'General Error');
    }
    return action === 'upload' ? this.#upload(fields) : this.#destroy(fields);
  }

  /** Why a form is refused, as Cloudinary words it; nothing for one that is good. */
  #refusal(fields) {
    const { api_key: key, signature, timestamp } = fields;
    if (key !== this.account.api_key) return error(401, `Unknown API key ${key}`);
    const signed = Object.fromEntries(Object.entries(fields).filter(([name]) => !UNSIGNED.includes(name)));
    const secret = this.account.api_secret;
    if (signature !== sdk.utils.api_sign_request(signed, secret, 'sha1', REQUEST_SIGNATURE)) {
      return error(401, `Invalid Signature of ${Object.keys(signed).sort().join()}`);
    }
    if (!(this.now() / 1000 - Number(timestamp) <= SIGNATURE_TTL)) {
      return error(400, `Stale request - reported time is ${timestamp}, which is more than 1 hour ago`);
    }
    return null;
  }

  async #upload({ file, folder, public_id: name, allowed_formats: formats, overwrite }) {
    const { type, width, height } = measure(Buffer.from(await file.arrayBuffer()));
    const format = type === 'image/png' ? 'png' : 'jpg';
    if (!formats.split(',').includes(format)) return error(400, `Image file format ${format} not allowed`);
    const publicId = folder ? `${folder}/${name}` : name;
    if (overwrite === 'false' && this.pictures.has(publicId)) {
      return { status: 200, body: { ...this.pictures.get(publicId), existing: true } };
    }
    const version = Math.floor(this.now() / 1000);
    const signed = { public_id: publicId, version };
    const signature = sdk.utils.api_sign_request(signed, this.account.api_secret, 'sha1', ANSWER_SIGNATURE);
    const body = { ...signed, signature, width, height, format, resource_type: 'image', type: 'upload' };
    this.pictures.set(publicId, body);
    return { status: 200, body };
  }

  #destroy({ public_id: publicId, invalidate }) {
    this.destroyed.push({ publicId, invalidate });
    return { status: 200, body: { result: this.pictures.delete(publicId) ? 'ok' : 'not found' } };
  }
}
