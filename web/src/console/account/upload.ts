// Sends a picture to where the service keeps pictures, and tells how far it is.

import { send } from '../api/send';
import { Refusal, UNREACHABLE } from '../api/refusal';
import { ConfirmAvatarDocument, CreateAvatarUploadDocument } from '../gql/graphql';

/** The most that the service takes. */
export const MAX_BYTES = 10 * 1024 * 1024;
export const TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/gif'];

/** The picture itself was not taken. */
export const NOT_TAKEN = 'NOT_TAKEN';

interface Receipt {
  public_id: string;
  version: number;
  width: number;
  height: number;
  signature: string;
}

/** By XMLHttpRequest: fetch does not tell how much it has sent. */
function post(url: string, form: FormData, progress: (part: number) => void): Promise<Receipt> {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open('POST', url);
    request.responseType = 'json';
    request.upload.addEventListener('progress', ({ loaded, total }) => progress(total ? loaded / total : 0));
    request.addEventListener('load', () => {
      if (request.status === 200 && request.response) done(request.response);
      else fail(new Refusal(`HTTP ${request.status}`, { code: NOT_TAKEN }));
    });
    request.addEventListener('error', () => fail(new Refusal('', { code: UNREACHABLE })));
    request.send(form);
  });
}

export async function uploadAvatar(file: File, progress: (part: number) => void): Promise<void> {
  const { createAvatarUpload: upload } = await send(CreateAvatarUploadDocument, {});
  const form = new FormData();
  for (const { name, value } of upload.fields) form.append(name, value);
  form.append('file', file);
  const { public_id: publicId, version, width, height, signature } = await post(upload.url, form, progress);
  await send(ConfirmAvatarDocument, { input: { publicId, version, width, height, signature } });
}
